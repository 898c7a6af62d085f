"""What staff do after the vote: contracts, invoices, milestones, pictures, and ballots annulled.

Commands answer with ids that were known before the append, as those of before the vote do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cahier_budget.application.commands import Done, Keep, keep_nothing
from cahier_budget.application.elections import Elections
from cahier_budget.application.keeping import winners_of
from cahier_budget.application.ports import Photos
from cahier_budget.domain import checks, progress
from cahier_budget.domain.ballots import ballot_stream
from cahier_budget.domain.books import Books, Winner
from cahier_budget.domain.corrections import check_annulling
from cahier_budget.domain.election import CLOSED, PUBLISHED, Election, event_id
from cahier_budget.domain.pictures import cleaned
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.clock import Clock
from cahier_kernel.errors import FailedPrecondition, NotFound
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates, retry_on_conflict
from cahier_ledger.model import Erasure
from cahier_ledger.store import LedgerReader

Decide = Callable[[Books, Winner, datetime, UUID], None]
"""Decides on the books for a project; the UUID is for what is new."""


@dataclass(frozen=True, slots=True)
class Project:
    """Which project of which election a command is about."""

    election_id: str
    project_id: str


class Delivering:
    """Each method raises a DomainError and stores nothing, or is durable when it returns."""

    def __init__(
        self,
        ledger: LedgerReader,
        aggregates: Aggregates,
        elections: Elections,
        photos: Photos,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._elections = elections
        self._photos = photos
        self._clock = clock

    async def change(
        self, claims: Claims, about: Project, decide: Decide, keep: Keep = keep_nothing
    ) -> Done:
        """Decides on the books for one project: the event's id and, in project_id, the new id."""
        require_role(claims, "staff")

        def attempt() -> Done:
            return self._change(about, decide, keep)

        return await asyncio.to_thread(retry_on_conflict, attempt)

    async def add_photo(
        self,
        claims: Claims,
        about: Project,
        data: bytes,
        *,
        milestone_id: str,
        alt: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Shows a picture, cleaned; its bytes are durable before the event names them."""
        require_role(claims, "staff")
        media_type, kept = await asyncio.to_thread(cleaned, data)
        picture = progress.Picture(media_type, len(kept), hashlib.sha256(kept).hexdigest())

        def decide(books: Books, winner: Winner, now: datetime, id: UUID) -> None:
            progress.add_photo(
                books,
                winner,
                picture,
                photo_id=id,
                milestone_id=milestone_id,
                alt=alt,
                now=now,
            )
            self._photos.keep(about.election_id, str(id), kept)

        return await self.change(claims, about, decide, keep)

    async def erase_photo(
        self,
        claims: Claims,
        about: Project,
        photo_id: str,
        basis: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Deletes a picture's bytes, then its texts; an interrupted call may be repeated."""
        require_role(claims, "staff")

        def decide(books: Books, winner: Winner, now: datetime, _: UUID) -> tuple[Erasure, ...]:
            photo = books.works_of(winner.project_id).photo(photo_id)
            leaf = event_id(books.id, photo.version)
            progress.erase_photo(
                books,
                winner,
                photo_id,
                leaf=leaf,
                index=self._index(leaf),
                basis=basis,
                now=now,
            )
            self._photos.delete(about.election_id, photo_id)
            return (Erasure(leaf),)

        def attempt() -> Done:
            return self._change(about, decide, keep)

        return await asyncio.to_thread(retry_on_conflict, attempt)

    async def erase_texts(
        self,
        claims: Claims,
        about: Project,
        leaf: str,
        basis: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Deletes the texts behind an entry's public event `leaf`, in the append that says so."""
        require_role(claims, "staff")

        def decide(books: Books, winner: Winner, now: datetime, _: UUID) -> tuple[Erasure, ...]:
            entry = progress.entry_to_erase(books, winner, leaf)
            progress.erase_texts(
                books, entry, leaf=leaf, index=self._index(leaf), basis=basis, now=now
            )
            return (Erasure(leaf),)

        def attempt() -> Done:
            return self._change(about, decide, keep)

        return await asyncio.to_thread(retry_on_conflict, attempt)

    def _index(self, leaf: str) -> int:
        row = self._ledger.public_by_id(leaf)
        return row.public_seq - 1 if row is not None else -1

    async def close_books(
        self, claims: Claims, election_id: str, keep: Keep = keep_nothing
    ) -> Done:
        """Gives the rest back once all has ended; once that is done, the same answer again."""
        require_role(claims, "staff")
        id = checks.uuid(election_id, "election_id")

        def decide(books: Books, election: Election) -> None:
            if not books.is_closed:
                books.close(winners_of(election), now=self._clock.now())

        def attempt() -> Done:
            with self._elections.shelf.lock, self._elections.reading(id) as election:
                require_announced(election)
                with self._elections.shelf.held(election, self._clock.now()) as books:
                    decide(books, election)
                    done = Done(books.last_event())
                    self._aggregates.save(books, idempotency=keep(done))
                    return done

        return await asyncio.to_thread(retry_on_conflict, attempt)

    async def annul_ballots(
        self,
        claims: Claims,
        election_id: str,
        credentials: list[str],
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """No ballot of these credentials counts in counts from here on.

        Raises FailedPrecondition `ballot_not_cast` for a credential that has not voted.
        """
        require_role(claims, "staff")
        id = checks.uuid(election_id, "election_id")

        def decide(election: Election) -> Done:
            wanted, why = check_annulling(
                credentials,
                reason,
                election.annulled,
                is_closed=election.has_reached(CLOSED),
            )
            self._require_cast(election_id, wanted)
            if not wanted:
                raise FailedPrecondition("ballots_annulled", "they are annulled already")
            election.trigger_event(
                election.BallotsAnnulled,
                timestamp=self._clock.now(),
                credentials=wanted,
                reason=why,
            )
            return Done(election.last_event(), number=len(wanted))

        return await asyncio.to_thread(self._elections.change, id, decide, keep)

    def _require_cast(self, election_id: str, credentials: tuple[str, ...]) -> None:
        for credential in credentials:
            if not self._ledger.stream_version(ballot_stream(election_id, credential)):
                raise FailedPrecondition(
                    "ballot_not_cast",
                    "this credential has cast no ballot",
                    field="credentials",
                    credential=credential,
                )

    def _change(
        self,
        about: Project,
        decide: Callable[[Books, Winner, datetime, UUID], tuple[Erasure, ...] | None],
        keep: Keep,
    ) -> Done:
        election_id = checks.uuid(about.election_id, "election_id")
        project_id = str(checks.uuid(about.project_id, "project_id"))
        now = self._clock.now()
        fresh = uuid7(now)
        with self._elections.shelf.lock, self._elections.reading(election_id) as election:
            require_announced(election)
            project = election.projects.get(project_id)
            if project is None:
                raise NotFound("project_not_found", "no such project", field="project_id")
            with self._elections.shelf.held(election, now) as books:
                winner = Winner(project.id, project.number, project.cost_cents or 0)
                _require_funded(election, books, winner)
                erases = decide(books, winner, now, fresh) or ()
                done = Done(books.last_event(), project_id=str(fresh))
                self._aggregates.save(books, idempotency=keep(done), erases=erases)
                return done


def require_announced(election: Election) -> None:
    """Raises FailedPrecondition `result_not_announced`."""
    if not election.has_reached(PUBLISHED):
        raise FailedPrecondition("result_not_announced", "nothing is built before the result")


def _require_funded(election: Election, books: Books, winner: Winner) -> None:
    """A project is delivered that won, or that a result once named."""
    won = any(each.number == winner.number for each in winners_of(election))
    if not won and winner.project_id not in books.works:
        raise FailedPrecondition("project_not_funded", "the project did not win")
