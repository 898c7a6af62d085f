"""The live elections: each loaded once, then kept at its version for commands and queries.

Other processes may change the store too, so a kept copy is asked for its version before it is
used, but for ballots: their appends require the version, and a conflict throws the copy away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cahier_budget.application.keeping import Besides, Shelf, winners_of
from cahier_budget.domain.ballots import Voting, voting_is_not_open, voting_of
from cahier_budget.domain.books import Books
from cahier_budget.domain.election import PREPARING, PUBLISHED, Election
from cahier_ledger.aggregates import Aggregates, retry_on_conflict
from cahier_ledger.model import Idempotency
from cahier_ledger.sealing import sealed_size

T = TypeVar("T")
Keep = Callable[[T], Idempotency | None]
"""Makes the row that answers a repeated call from what was decided; None without a key."""


class _Slot:
    """One election's place in the cache; its lock is held while it is read or changed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.election: Election | None = None


class Elections:
    """Thread-safe and blocking: asyncio callers come by `asyncio.to_thread`.

    Elections are few (a city has some a year), so none is ever put out of the cache.
    """

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates
        self._slots: dict[UUID, _Slot] = {}
        self._slots_lock = threading.Lock()
        self._voting: dict[str, Voting] = {}
        self.shelf = Shelf(aggregates)

    def add(self, election: Election, idempotency: Idempotency | None) -> None:
        """Stores a new election."""
        self._aggregates.save(election, idempotency=idempotency)

    @contextmanager
    def reading(self, id: UUID) -> Iterator[Election]:
        """The election, unchanged while the block lasts; raises NotFound `election_not_found`."""
        slot = self._slot(id)
        with slot.lock:
            yield self._loaded(slot, id)

    def change(
        self, id: UUID, decide: Callable[[Election], T], keep: Keep[T] = lambda _: None
    ) -> T:
        """Decides on the election as it is now and stores the outcome, durably.

        decide: calls the aggregate's methods; runs again when somebody else was faster.
        """
        return retry_on_conflict(lambda: self._change(id, decide, keep))

    def announce(
        self, id: UUID, decide: Callable[[Election], T], keep: Keep[T], now: datetime
    ) -> T:
        """As `change`, for what announces a result: the books follow it in the same append."""

        def attempt() -> T:
            with self.shelf.lock:
                return self._change(id, decide, keep, lambda election: self._follow(election, now))

        return retry_on_conflict(attempt)

    def _follow(self, election: Election, now: datetime) -> list[Books]:
        """The books with what the newest result changes in them; no events, no books."""
        if not election.pending_events:
            return []
        with self.shelf.held(election, now) as books:
            result = election.event_of(PUBLISHED)
            if books.result != result:
                books.follow_result(result, winners_of(election), now=now)
            return [books] if books.pending_events else []

    def voting(self, id: str) -> Voting | None:
        """What casting needs of an election known to be open; does not block."""
        return self._voting.get(id)

    def load_voting(self, id: UUID) -> Voting | None:
        """As `voting`, from the store; None once voting is closed.

        Raises NotFound, and FailedPrecondition `voting_not_open` before it is open.
        """
        slot = self._slot(id)
        with slot.lock:
            election = self._loaded(slot, id)
            if election.state == PREPARING:
                raise voting_is_not_open()
            return self._note_voting(election)

    def require(self, id: UUID) -> None:
        """Raises NotFound `election_not_found` unless there is such an election."""
        with self.reading(id):
            return

    def forget(self, id: UUID) -> None:
        """Loads the election anew when it is next needed."""
        slot = self._slot(id)
        with slot.lock:
            self._drop(slot, id)

    def _change(
        self,
        id: UUID,
        decide: Callable[[Election], T],
        keep: Keep[T],
        besides: Besides = lambda _: (),
    ) -> T:
        slot = self._slot(id)
        with slot.lock:
            election = self._loaded(slot, id)
            try:
                decided = decide(election)
                self._aggregates.save(election, *besides(election), idempotency=keep(decided))
            except BaseException:
                if election.pending_events:
                    # What was triggered is in the object and not in the store.
                    self._drop(slot, id)
                raise
            self._note_voting(election)
            return decided

    def _slot(self, id: UUID) -> _Slot:
        with self._slots_lock:
            return self._slots.setdefault(id, _Slot())

    def _loaded(self, slot: _Slot, id: UUID) -> Election:
        kept = slot.election
        if kept is not None and kept.version == self._aggregates.version(id):
            return kept
        self._drop(slot, id)
        try:
            loaded = self._aggregates.get(Election, id, code="election_not_found")
        except BaseException:
            with self._slots_lock:
                self._slots.pop(id, None)
            raise
        slot.election = loaded
        return loaded

    def _drop(self, slot: _Slot, id: UUID) -> None:
        slot.election = None
        self._voting.pop(str(id), None)

    def _note_voting(self, election: Election) -> Voting | None:
        voting = voting_of(election, sealed_size(election.ballot_size_bytes))
        if voting is None:
            self._voting.pop(str(election.id), None)
        else:
            self._voting[voting.election_id] = voting
        return voting
