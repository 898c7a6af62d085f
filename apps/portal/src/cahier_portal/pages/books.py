"""What became of the money and of the projects: public books, pictures, versions of a result.

The books page adds up every entry again with the record's own fold, and says when it does not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from litestar import Response, get
from litestar.response import Stream

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, Kind
from cahier_kernel.money import format_cents
from cahier_kernel.texts import ERASED
from cahier_portal import pictures
from cahier_portal.bookkeeping import ACCOUNTS, READ_MAX, pages_of
from cahier_portal.catalogue import knows, t
from cahier_portal.formats import instant, money
from cahier_portal.opendata.tables import safe
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId, QueryCount
from cahier_portal.rendering import in_words
from cahier_portal.visit import Page, Visit, or_none

SHOWN_MAX = 200
COLUMNS = (
    "entry",
    "at",
    "event",
    "kind",
    "project",
    "account",
    "amount",
    "currency",
    "item",
    "title",
    "contractor",
    "payee",
    "reference",
    "subject",
    "reason",
)
_PHOTO_HEADERS = {"cache-control": "private, max-age=300", "content-disposition": "inline"}


@dataclass(frozen=True)
class EntryLine:
    """An entry with its words. moves: accounts in words, each with its amount."""

    entry: delivery.BookEntry
    words: str
    project: str
    said: str
    moves: list[tuple[str, str]]

    @property
    def can_be_erased(self) -> bool:
        """Whether it has texts that go without a picture."""
        texts = self.entry.texts.values()
        return self.entry.kind != "photo_added" and any(text != ERASED for text in texts)


@get("/budgets/{election_id:uuid}/books")
async def books_page(visit: Caller, election_id: PathId, after: QueryCount = 0) -> Page:
    """Where every part of the envelope is, and what was written, a page at a time."""
    election = await read_election(visit, str(election_id))
    books = await visit.budget(delivery.GetBooksRequest(election_id=election.election_id))
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    listed = await visit.budget(
        delivery.ListBookEntriesRequest(
            election_id=election.election_id, after=after, limit=SHOWN_MAX, money_only=True
        )
    )
    return visit.page(
        "books.html",
        election=election,
        books=books,
        accounts=[(each, getattr(books, f"{each}_cents")) for each in ACCOUNTS],
        picture=_picture(books, election.currency),
        cards=cards,
        lines=[line_of(each, cards, election.currency) for each in listed.entries],
        after=listed.entries[-1].number if listed.more else 0,
        first=after == 0,
        added_up=await visit.portal.added_up.agrees(visit.budget, election.election_id, books),
    )


@get("/budgets/{election_id:uuid}/books.csv")
async def books_file(visit: Caller, election_id: PathId) -> Stream:
    """Every posting of every entry, a line each; amounts are decimals of the currency."""
    election = await read_election(visit, str(election_id))
    pages = pages_of(visit.budget, election.election_id)
    first = await anext(pages)  # What may be refused is refused before the answer begins.
    headers = {
        "content-disposition": f'attachment; filename="books-{election.election_id}.csv"',
        "cache-control": "no-store",
    }
    return Stream(
        _file(first, pages, election.currency),
        media_type="text/csv",
        headers=headers,
    )


@get("/budgets/{election_id:uuid}/photos/{photo_id:uuid}")
async def photo(visit: Caller, election_id: PathId, photo_id: PathId) -> Response[bytes]:
    """A picture of the works; kept for minutes, since it may be erased."""
    found = await visit.budget(
        delivery.GetPhotoRequest(election_id=str(election_id), photo_id=str(photo_id))
    )
    return Response(found.data, media_type=found.media_type, headers=_PHOTO_HEADERS)


@get("/budgets/{election_id:uuid}/results/versions")
async def versions_page(visit: Caller, election_id: PathId) -> Page:
    """Every result that was announced, and why the later ones correct the earlier."""
    election = await read_election(visit, str(election_id))
    answer = await visit.budget(
        delivery.ListResultVersionsRequest(election_id=election.election_id)
    )
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    return visit.page(
        "result_versions.html",
        election=election,
        versions=list(reversed(answer.versions)),
        total=len(answer.versions),
        cards=cards,
    )


async def delivery_context(
    visit: Visit, election: budget.Election, project_id: str
) -> dict[str, Any]:
    """What the page of a project shows of its building; nothing before a result."""
    if election.state != budget.ELECTION_STATE_PUBLISHED:
        return {"delivered": None, "delivery_lines": []}
    about = {"election_id": election.election_id, "project_id": project_id}
    found = await or_none(visit.budget(delivery.GetDeliveryRequest(**about)))
    if found is None or not found.delivered:
        return {"delivered": None, "delivery_lines": []}
    listed = await visit.budget(
        delivery.ListBookEntriesRequest(
            election_id=election.election_id, project_id=project_id, limit=READ_MAX
        )
    )
    titles = {each.milestone_id: each.title for each in found.milestones}
    lines = [line_of(each, {}, election.currency) for each in listed.entries]
    return {
        "delivered": found,
        "delivery_lines": [
            replace(line, said=line.said or in_words(titles.get(line.entry.item_id, "")))
            for line in lines
        ],
        "today": visit.portal.clock.now().astimezone(visit.portal.zone).date().isoformat(),
    }


async def versions_of(visit: Visit, election_id: str) -> int:
    """How many results were announced; 0 while nobody can say."""
    asked = delivery.ListResultVersionsRequest(election_id=election_id)
    answer = await or_none(visit.budget(asked))
    return len(answer.versions) if answer is not None else 0


def line_of(entry: delivery.BookEntry, cards: dict[int, ProjectCard], currency: str) -> EntryLine:
    """An entry as people read it."""
    numbers = {posting.project for posting in entry.postings if posting.project}
    named = [cards[number].title for number in sorted(numbers) if number in cards]
    key = f"entry.{entry.kind}"
    moves = [
        (t(f"ledger_account.{posting.account}"), money(posting.cents, currency))
        for posting in entry.postings
    ]
    shown = len(numbers) <= 1
    return EntryLine(
        entry,
        t(key) if knows(key) else entry.kind,
        named[0] if len(named) == 1 and shown else "",
        " · ".join(
            in_words(entry.texts[name])
            for name in ("title", "contractor", "payee", "reference", "subject", "alt")
            if name in entry.texts
        ),
        moves,
    )


async def _file(
    first: list[delivery.BookEntry],
    pages: AsyncIterator[list[delivery.BookEntry]],
    currency: str,
) -> AsyncIterator[str]:
    """The file, a page of entries at a time."""
    yield _lines([COLUMNS])
    yield _lines(_rows(first, currency))
    async for entries in pages:
        yield _lines(_rows(entries, currency))


def _rows(entries: Iterable[delivery.BookEntry], currency: str) -> Iterator[list[str]]:
    return (_cells(entry, posting, currency) for entry in entries for posting in entry.postings)


def _lines(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cells(entry: delivery.BookEntry, posting: delivery.BookPosting, currency: str) -> list[str]:
    texts = entry.texts
    return [
        str(entry.number),
        to_rfc3339(instant(entry.at)),
        entry.event_id,
        entry.kind,
        str(posting.project or ""),
        posting.account,
        format_cents(posting.cents),
        currency,
        posting.item,
        *(safe(texts.get(name, "")) for name in COLUMNS[9:]),
    ]


def _picture(books: delivery.GetBooksResponse, currency: str) -> Any:
    parts = [
        pictures.Part(
            f"{t(f'ledger_account.{each}')}: {money(getattr(books, f'{each}_cents'), currency)}",
            getattr(books, f"{each}_cents"),
        )
        for each in ("paid", "committed", "reserved", "returned")
    ]
    said = ", ".join(part.title for part in parts)
    return pictures.budget_bar(parts, books.envelope_cents, said)


async def books_or_none(visit: Visit, election_id: str) -> delivery.GetBooksResponse | None:
    """The books, or None before there are any."""
    try:
        found: delivery.GetBooksResponse = await visit.budget(
            delivery.GetBooksRequest(election_id=election_id)
        )
    except DomainError as error:
        if error.kind in (Kind.NOT_FOUND, Kind.UNAVAILABLE):
            return None
        raise
    return found
