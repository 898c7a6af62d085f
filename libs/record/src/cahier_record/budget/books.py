"""The books of an election folded: where each cent of the envelope is, and what was built of it.

One fold for everybody: budget decides with it, the portal adds a page up with it, an auditor
replays with it. Whatever would break the books is refused here by name: postings that do not sum
to zero, an account below zero, an account that this kind of event has no business with.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cahier_record.budget import delivery
from cahier_record.budget.delivery import BooksEvent, Posting

GRANT = "grant"
FLOWS: dict[type[BooksEvent], tuple[frozenset[str], frozenset[str]]] = {
    delivery.BooksOpened: (frozenset({GRANT}), frozenset({"unallocated"})),
    delivery.FundsReserved: (frozenset({"unallocated"}), frozenset({"reserved"})),
    delivery.FundsReleased: (frozenset({"reserved"}), frozenset({"unallocated"})),
    delivery.ReservationRaised: (frozenset({"unallocated"}), frozenset({"reserved"})),
    delivery.TenderAwarded: (frozenset({"reserved", "unallocated"}), frozenset({"committed"})),
    delivery.TenderClosed: (frozenset({"committed"}), frozenset({"reserved"})),
    delivery.ExpenditureRecorded: (frozenset({"committed", "reserved"}), frozenset({"paid"})),
    delivery.ExpenditureReversed: (
        frozenset({"paid"}),
        frozenset({"committed", "reserved", "unallocated"}),
    ),
    delivery.ProjectFinished: (frozenset({"reserved", "committed"}), frozenset({"unallocated"})),
    delivery.ProjectAbandoned: (frozenset({"reserved", "committed"}), frozenset({"unallocated"})),
    delivery.BooksClosed: (frozenset({"unallocated"}), frozenset({"returned"})),
}
"""From which accounts to which each kind of event moves money."""

Key = tuple[str, int, str]
"""An account: its kind, the number of its project (0 for none), its tender or invoice ("")."""


class BooksError(ValueError):
    """What the books would not stand: `args[0]` is the rule, in one sentence."""


class Money(msgspec.Struct, frozen=True):
    """Where a project's money is, in cents."""

    reserved_cents: int = 0
    committed_cents: int = 0
    paid_cents: int = 0


class Accounts(msgspec.Struct):
    """Balances in cents by account; empty ones are left out.

    Always: none but the grant is below zero, and all of them together are zero, which is to say
    that the others together are the envelope.
    """

    balances: dict[Key, int] = msgspec.field(default_factory=dict)

    def balance(self, account: str, project: int = 0, item: str = "") -> int:
        """In cents; 0 for an account that nothing stands on."""
        return self.balances.get((account, project, item), 0)

    @property
    def envelope_cents(self) -> int:
        """What was granted, wherever it is now."""
        return -self.balance(GRANT)

    def total(self, account: str) -> int:
        """All accounts of a kind together."""
        return sum(cents for key, cents in self.balances.items() if key[0] == account)

    def money(self, project: int) -> Money:
        """Where one project's money is."""
        found = {"reserved": 0, "committed": 0, "paid": 0}
        for (account, number, _), cents in self.balances.items():
            if number == project and account in found:
                found[account] += cents
        return Money(found["reserved"], found["committed"], found["paid"])

    def of(self, account: str, project: int) -> dict[str, int]:
        """A project's accounts of a kind, by tender or invoice."""
        return {
            item: cents
            for (kind, number, item), cents in self.balances.items()
            if (kind, number) == (account, project)
        }

    def post(self, postings: Iterable[Posting]) -> None:
        """Moves money, or raises BooksError and moves none."""
        moved: dict[Key, int] = {}
        for posting in postings:
            key = key_of(posting)
            moved[key] = moved.get(key, 0) + posting.cents
        if sum(moved.values()):
            raise BooksError("its postings do not sum to zero")
        after = {key: self.balances.get(key, 0) + cents for key, cents in moved.items()}
        for (account, project, _), cents in after.items():
            if cents < 0 and account != GRANT:
                whose = f" of project {project}" if project else ""
                raise BooksError(f"it leaves {cents} cents on the account {account}{whose}")
        self.balances.update(after)
        for key in [key for key, cents in after.items() if not cents]:
            del self.balances[key]


def key_of(posting: Posting) -> Key:
    """The account that a posting is about; raises BooksError for one that there cannot be."""
    has_project = posting.account in ("reserved", "committed", "paid")
    if has_project != bool(posting.project) or (posting.item and not has_project):
        raise BooksError(f"the account {posting.account} is not one of a project, or must be")
    return posting.account, posting.project, posting.item


def check_flow(event: BooksEvent) -> None:
    """Raises BooksError where an event moves money between accounts that it has no part in."""
    sources, targets = FLOWS[type(event)]
    for posting in event.postings:
        allowed = sources if posting.cents < 0 else targets
        if posting.account not in allowed or not posting.cents:
            raise BooksError(f"it has no business with the account {posting.account}")


def move(
    cents: int,
    source: tuple[str, int, str],
    target: tuple[str, int, str],
) -> tuple[Posting, ...]:
    """The postings that move an amount from one account to another; none for nothing."""
    return (*post(source, -cents), *post(target, cents))


def post(key: Key, cents: int) -> tuple[Posting, ...]:
    """One posting; none for nothing."""
    account, project, item = key
    if not cents:
        return ()
    made = Posting(account=account, cents=cents, project=project, item=item)  # type: ignore[arg-type]
    return (made,)
