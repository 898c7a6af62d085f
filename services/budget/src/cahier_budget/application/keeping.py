"""The live books: each loaded once, then kept at its version for commands and queries.

An election has books from the moment its result is announced, in the same append. Results that
were announced by an older release get them with the first thing that is written into them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from cahier_budget.domain.books import Books, Winner, books_id
from cahier_budget.domain.election import PUBLISHED, Election
from cahier_ledger.aggregates import Aggregates

KEPT_MAX = 200
"""Books in memory; a city has some elections a year."""


class Shelf:
    """Thread-safe and blocking. `lock`: held by whoever changes any books."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates
        self._kept: dict[UUID, Books] = {}
        self.lock = threading.RLock()

    @contextmanager
    def held(self, election: Election, now: datetime) -> Iterator[Books]:
        """The election's books, to be read or changed; thrown away when the block raises.

        election: announced; without books yet, they are opened, and not stored.
        """
        with self.lock:
            books = self._loaded(election, now)
            try:
                yield books
            except BaseException:
                self._kept.pop(books.id, None)
                raise
            if not books.pending_events:
                self._keep(books)

    def _loaded(self, election: Election, now: datetime) -> Books:
        id = books_id(election.id)
        version = self._aggregates.version(id)
        kept = self._kept.get(id)
        if kept is not None and kept.version == version and not kept.pending_events:
            return kept
        if version:
            return self._aggregates.get(Books, id)
        return opened(election, now)

    def _keep(self, books: Books) -> None:
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        self._kept[books.id] = books


def opened(election: Election, now: datetime) -> Books:
    """Books of an announced result, with what its winners cost set aside."""
    result = election.event_of(PUBLISHED)
    books = Books.open(election.id, result, election.envelope_cents, now=now)
    books.follow_result(result, winners_of(election), now=now)
    return books


def winners_of(election: Election) -> list[Winner]:
    """The projects that the announced result names, in the order of their selection."""
    by_number = {project.number: project for project in election.projects.values()}
    found = election.announced()
    return [
        Winner(by_number[number].id, number, by_number[number].cost_cents or 0)
        for number in (found.result.selected if found is not None else ())
        if number in by_number
    ]


Besides = Callable[[Election], Sequence[Books]]
"""Which books change with an election; called once it has decided."""
