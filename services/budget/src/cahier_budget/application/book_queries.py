"""What may be asked after the vote: books, entries, deliveries, pictures, versions of a result.

Answers are copies: nobody holds books outside of their lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar
from uuid import UUID

from cahier_budget.application.elections import Elections
from cahier_budget.application.keeping import winners_of
from cahier_budget.application.ports import Photos
from cahier_budget.domain import checks
from cahier_budget.domain.books import Books
from cahier_budget.domain.corrections import CountVersion
from cahier_budget.domain.election import PUBLISHED, Election, event_id
from cahier_budget.domain.works import Entry, Works
from cahier_chassis.tokens import Claims
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Invalid, NotFound
from cahier_record.budget.books import Accounts, Money

ENTRIES_MAX = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ProjectMoney:
    """A project's state and money. cost_cents: of the announced result; 0 where it names it not."""

    project_id: str
    number: int
    state: str
    money: Money
    cost_cents: int


@dataclass(frozen=True, slots=True)
class BooksAnswer:
    """An election's books; projects by number."""

    accounts: Accounts
    is_closed: bool
    entries: int
    projects: tuple[ProjectMoney, ...]


@dataclass(frozen=True, slots=True)
class NumberedEntry:
    """An entry with the id of its public event."""

    entry: Entry
    event_id: str


@dataclass(frozen=True, slots=True)
class DeliveryAnswer:
    """How far a project is built. is_delivered: whether it won, or money was spent on it."""

    project: ProjectMoney
    works: Works
    accounts: Accounts
    is_delivered: bool


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """A count with the ids of the events that told and announced it ("" while none has)."""

    version: CountVersion
    event_id: str
    announced_event_id: str


class BookQueries:
    """Each method raises NotFound or Invalid for what it does not know."""

    def __init__(self, elections: Elections, photos: Photos, clock: Clock) -> None:
        self._elections = elections
        self._photos = photos
        self._clock = clock

    async def books(self, election_id: str) -> BooksAnswer:
        """The books; raises NotFound `books_not_found` before a result is announced."""
        return await self._read(election_id, _answer)

    async def entries(
        self,
        election_id: str,
        after: int,
        limit: int,
        project_id: str = "",
        *,
        money_only: bool = False,
    ) -> tuple[list[NumberedEntry], bool]:
        """At most `limit` entries behind number `after`, and whether there are more."""
        if not 0 <= limit <= ENTRIES_MAX or after < 0:
            raise Invalid("limit_out_of_range", f"0 to {ENTRIES_MAX}", field="limit")
        most = limit or ENTRIES_MAX

        def read(election: Election, books: Books) -> tuple[list[NumberedEntry], bool]:
            wanted = (
                entry
                for entry in islice(books.entries, after, None)
                if (not money_only or entry.postings)
                and (not project_id or entry.project_id == project_id)
            )
            found = [
                NumberedEntry(entry, event_id(books.id, entry.version))
                for entry in islice(wanted, most + 1)
            ]
            return found[:most], len(found) > most

        return await self._read(election_id, read)

    async def delivery(self, election_id: str, project_id: str) -> DeliveryAnswer:
        """How far a project is built; without a result nothing is."""
        project = str(checks.uuid(project_id, "project_id"))

        def read(election: Election, books: Books | None) -> DeliveryAnswer:
            known = election.projects.get(project)
            if known is None:
                raise NotFound("project_not_found", "no such project", field="project_id")
            if books is None:
                nothing = ProjectMoney(project, known.number, "waiting", Money(), 0)
                return DeliveryAnswer(nothing, Works(project), Accounts(), False)
            won = {each.number: each.cost_cents for each in winners_of(election)}
            works = books.works_of(project)
            money = books.accounts.money(known.number)
            told = ProjectMoney(project, known.number, works.state, money, won.get(known.number, 0))
            is_delivered = known.number in won or project in books.works
            return DeliveryAnswer(
                told, _copied(works), Accounts(dict(books.accounts.balances)), is_delivered
            )

        return await self._read_perhaps(election_id, read)

    async def photo(self, election_id: str, photo_id: str) -> tuple[str, bytes]:
        """Media type and bytes; raises NotFound `photo_not_found`."""
        checks.uuid(photo_id, "photo_id")

        def read(election: Election, books: Books) -> tuple[str, str]:
            for works in books.works.values():
                if photo_id in works.photos:
                    found = works.photos[photo_id]
                    return found.media_type, found.sha256
            raise NotFound("photo_not_found", "no such picture", field="photo_id")

        media_type, digest = await self._read(election_id, read)
        data = await asyncio.to_thread(self._photos.read, election_id, photo_id, digest)
        if data is None:
            raise NotFound("photo_not_found", "the picture is gone", field="photo_id")
        return media_type, data

    async def versions(self, claims: Claims | None, election_id: str) -> list[VersionAnswer]:
        """Every count, oldest first; those that are not announced for staff alone."""
        is_staff = claims is not None and "staff" in claims.roles

        def read(election: Election, _: Books | None) -> list[VersionAnswer]:
            return [
                VersionAnswer(
                    copy(each),
                    event_id(election.id, each.version),
                    event_id(election.id, each.published_version) if each.published_version else "",
                )
                for each in election.counts
                if is_staff or each.published_version
            ]

        return await self._read_perhaps(election_id, read)

    async def _read(self, election_id: str, read: Callable[[Election, Books], T]) -> T:
        def certain(election: Election, books: Books | None) -> T:
            if books is None:
                raise NotFound("books_not_found", "no result is announced", field="election_id")
            return read(election, books)

        return await self._read_perhaps(election_id, certain)

    async def _read_perhaps(
        self, election_id: str, read: Callable[[Election, Books | None], T]
    ) -> T:
        id = checks.uuid(election_id, "election_id")
        return await asyncio.to_thread(self._locked, id, read)

    def _locked(self, id: UUID, read: Callable[[Election, Books | None], T]) -> T:
        shelf = self._elections.shelf
        with shelf.lock, self._elections.reading(id) as election:
            if not election.has_reached(PUBLISHED):
                return read(election, None)
            with shelf.held(election, self._clock.now()) as books:
                return read(election, books)


def _answer(election: Election, books: Books) -> BooksAnswer:
    won = {each.number: each.cost_cents for each in winners_of(election)}
    numbers = {project.number: project.id for project in election.projects.values()}
    touched = {number for _, number, _ in books.accounts.balances if number}
    spent_on = {election.projects[id].number for id in books.works if id in election.projects}
    projects = [
        ProjectMoney(
            numbers[number],
            number,
            books.works_of(numbers[number]).state,
            books.accounts.money(number),
            won.get(number, 0),
        )
        for number in sorted(set(won) | touched | spent_on)
    ]
    accounts = Accounts(dict(books.accounts.balances))
    return BooksAnswer(accounts, books.is_closed, len(books.entries), tuple(projects))


def _copied(works: Works) -> Works:
    return Works(
        works.project_id,
        works.state,
        {id: copy(each) for id, each in works.milestones.items()},
        dict(works.photos),
        {id: copy(each) for id, each in works.tenders.items()},
        dict(works.invoices),
    )
