"""Adds the books up again, entry by entry, with the record's own fold: a page trusts no sum.

Entries are never changed, so each election's sum is kept where it stands, and the next page adds
what came since.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_record.budget.books import Accounts, BooksError
from cahier_record.budget.delivery import Posting

READ_MAX = 500
PAGES_MAX = 2_000
"""A million entries: far more than an election's projects may have."""
KEPT_MAX = 200
ACCOUNTS = ("unallocated", "reserved", "committed", "paid", "returned")

Ask = Callable[[delivery.ListBookEntriesRequest], Awaitable[delivery.ListBookEntriesResponse]]


async def pages_of(
    ask: Ask, election_id: str, after: int = 0
) -> AsyncIterator[list[delivery.BookEntry]]:
    """Entries that move money behind number `after`, oldest first, READ_MAX at once."""
    asked = delivery.ListBookEntriesRequest(
        election_id=election_id, after=after, limit=READ_MAX, money_only=True
    )
    for _ in range(PAGES_MAX):
        answer = await ask(asked)
        entries = list(answer.entries)
        yield entries
        if not (answer.more and entries):
            return
        asked.after = entries[-1].number


class AddedUp:
    """The sums, for one event loop. Nothing personal is kept: numbers of accounts alone."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Accounts]] = {}

    async def agrees(self, ask: Ask, election_id: str, books: delivery.GetBooksResponse) -> bool:
        """Whether the entries lead to what the service says of its books."""
        after, accounts = self._kept.get(election_id, (0, Accounts()))
        if 0 < after <= books.entries and await self._reaches(
            ask, election_id, books, after, accounts
        ):
            return True
        # A service that was restored may have other entries under the same numbers.
        return await self._reaches(ask, election_id, books, 0, Accounts())

    async def _reaches(
        self,
        ask: Ask,
        election_id: str,
        books: delivery.GetBooksResponse,
        after: int,
        kept: Accounts,
    ) -> bool:
        accounts = Accounts(dict(kept.balances))
        try:
            async for entries in pages_of(ask, election_id, after):
                for entry in entries:
                    # What was written since the books were asked for is the next page's.
                    if entry.number <= books.entries:
                        accounts.post(map(_posting, entry.postings))
        except BooksError:
            return False
        if not _same(accounts, books):
            return False
        while len(self._kept) >= KEPT_MAX and election_id not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[election_id] = (books.entries, accounts)
        return True


def _same(accounts: Accounts, books: delivery.GetBooksResponse) -> bool:
    told = {each: getattr(books, f"{each}_cents") for each in ACCOUNTS}
    return (
        all(accounts.total(each) == cents for each, cents in told.items())
        and sum(told.values()) == books.envelope_cents == accounts.envelope_cents
    )


def _posting(posting: delivery.BookPosting) -> Posting:
    return Posting(
        account=posting.account,  # type: ignore[arg-type]  # as the contract says
        cents=posting.cents,
        project=posting.project,
        item=posting.item,
    )
