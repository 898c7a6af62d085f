"""What became of the money and of the projects: public books, pictures, versions of a result.

The books page adds up every entry again with the record's own fold, and says when it does not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from litestar import Response, get

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, Kind
from cahier_kernel.money import format_cents
from cahier_portal import pictures
from cahier_portal.catalogue import knows, t
from cahier_portal.formats import instant, money
from cahier_portal.opendata.tables import safe
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId, QueryCount
from cahier_portal.visit import Page, Visit, or_none
from cahier_record.budget.books import Accounts, BooksError
from cahier_record.budget.delivery import Posting

SHOWN_MAX = 200
READ_MAX = 500
CSV_ENTRIES_MAX = 50_000
ACCOUNTS = ("unallocated", "reserved", "committed", "paid", "returned")
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
        added_up=await added_up(visit, election.election_id, books),
    )


@get("/budgets/{election_id:uuid}/books.csv")
async def books_file(visit: Caller, election_id: PathId) -> Response[str]:
    """Every posting of every entry, a line each; amounts are decimals of the currency."""
    election = await read_election(visit, str(election_id))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    async for entry in _entries(visit, election.election_id):
        for posting in entry.postings:
            writer.writerow(_cells(entry, posting, election.currency))
    name = f"books-{election.election_id}.csv"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


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
            replace(line, said=line.said or titles.get(line.entry.item_id, "")) for line in lines
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
            entry.texts[name]
            for name in ("title", "contractor", "payee", "reference", "subject", "alt")
            if name in entry.texts
        ),
        moves,
    )


async def added_up(visit: Visit, election_id: str, books: delivery.GetBooksResponse) -> bool:
    """Whether the entries, added up here, lead to what the service says."""
    accounts = Accounts()
    try:
        async for entry in _entries(visit, election_id):
            accounts.post(
                Posting(
                    account=posting.account,  # type: ignore[arg-type]  # as the contract says
                    cents=posting.cents,
                    project=posting.project,
                    item=posting.item,
                )
                for posting in entry.postings
            )
    except BooksError:
        return False
    told = {each: getattr(books, f"{each}_cents") for each in ACCOUNTS}
    return (
        all(accounts.total(each) == cents for each, cents in told.items())
        and sum(told.values()) == books.envelope_cents == accounts.envelope_cents
    )


async def _entries(visit: Visit, election_id: str) -> AsyncIterator[delivery.BookEntry]:
    """All entries that move money, oldest first, at most CSV_ENTRIES_MAX."""
    after = read = 0
    while read < CSV_ENTRIES_MAX:
        page = await visit.budget(
            delivery.ListBookEntriesRequest(
                election_id=election_id, after=after, limit=READ_MAX, money_only=True
            )
        )
        for entry in page.entries:
            yield entry
        if not page.more:
            return
        after = page.entries[-1].number
        read += len(page.entries)


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
