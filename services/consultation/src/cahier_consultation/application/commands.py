"""Commands on processes and proposals: who may, load, decide, store, publish, in one append.

Each command may be repeated under an idempotency key: `keep` turns the receipt into the answer
that is stored in the append's own transaction. A refused command appends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cahier_chassis.erasing import not_erased
from cahier_chassis.tokens import Claims, require_role
from cahier_consultation.application.ports import Pseudonyms, ReadModel
from cahier_consultation.application.publishing import event_id
from cahier_consultation.domain.process import Process
from cahier_consultation.domain.proposal import Answer, Proposal
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Forbidden, Invalid
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates, retry_on_conflict, stream_name
from cahier_ledger.model import Appended, Idempotency
from cahier_ledger.store import LedgerReader
from cahier_record.places import Position


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a command did. id: of what it made or ""; event_id: of the public event."""

    id: str
    event_id: str


Keep = Callable[[Receipt], Idempotency | None]
_Done = tuple[Receipt, Appended]


@dataclass(frozen=True, slots=True)
class NewProcess:
    title: str
    description: str
    opens_at: datetime
    closes_at: datetime
    edit_window_seconds: int


@dataclass(frozen=True, slots=True)
class NewProposal:
    """on_behalf_of: the person who proposes, when an importer speaks for them."""

    process_id: UUID
    title: str
    body: str
    category: str
    district: str
    on_behalf_of: str
    position: Position | None = None


def acting_person(claims: Claims, on_behalf_of: str) -> str:
    """Who acts: the caller, or the person an importer names.

    Raises Forbidden `role_required`; Invalid `on_behalf_of_required` when an importer who is no
    resident names nobody.
    """
    if on_behalf_of:
        if "importer" not in claims.roles:
            raise Forbidden(
                "role_required",
                "only an importer acts on behalf of others",
                field="on_behalf_of",
                role="importer",
            )
        return on_behalf_of
    require_role(claims, "resident", "importer")
    if "resident" not in claims.roles:
        raise Invalid(
            "on_behalf_of_required", "an importer names the resident", field="on_behalf_of"
        )
    return claims.subject


class Commands:
    """Processes and proposals, on aggregates."""

    def __init__(
        self,
        ledger: LedgerReader,
        aggregates: Aggregates,
        pseudonyms: Pseudonyms,
        views: ReadModel,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._pseudonyms = pseudonyms
        self._views = views
        self._clock = clock

    async def create_process(self, claims: Claims, new: NewProcess, keep: Keep) -> Receipt:
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            process = Process.create(
                id=uuid7(now),
                title=new.title,
                description=new.description,
                opens_at=new.opens_at,
                closes_at=new.closes_at,
                edit_window_seconds=new.edit_window_seconds,
                now=now,
            )
            return self._save(process, Process.Created, keep)

        return await self._run(decide)

    async def reschedule_idea_phase(
        self,
        claims: Claims,
        process_id: UUID,
        opens_at: datetime,
        closes_at: datetime,
        reason: str,
        keep: Keep,
    ) -> Receipt:
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            process = self._aggregates.get(Process, process_id)
            process.reschedule(opens_at=opens_at, closes_at=closes_at, reason=reason, now=now)
            return self._save(process, Process.IdeaPhaseRescheduled, keep)

        return await self._run(decide)

    async def submit_proposal(self, claims: Claims, new: NewProposal, keep: Keep) -> Receipt:
        """A submission that finds an opening due, appends the opening before itself."""
        person = acting_person(claims, new.on_behalf_of)

        def decide(now: datetime) -> _Done:
            lives = not_erased(self._ledger, person)
            process = self._aggregates.get(Process, new.process_id)
            stored_version = process.version
            process.advance(now=now)
            process.require_open(now=now)
            proposal = self._submission(person, new, process.edit_window_seconds, now)
            receipt = _receipt(proposal, Proposal.Created)
            # The phase must not have changed meanwhile, whether it was advanced here or not.
            if process.version == stored_version:
                lives = (*lives, (stream_name(process.id), stored_version))
            appended = self._aggregates.save(
                process,
                proposal,
                requires=lives,
                idempotency=keep(receipt),
            )
            return receipt, appended

        return await self._run(decide)

    def _submission(
        self, person: str, new: NewProposal, edit_window_seconds: int, now: datetime
    ) -> Proposal:
        proposal_id = uuid7(now)
        return Proposal.submit(
            id=proposal_id,
            process_id=new.process_id,
            author=person,
            pseudonym=self._pseudonyms.of(person, str(proposal_id)),
            title=new.title,
            body=new.body,
            category=new.category,
            district=new.district,
            edit_window_seconds=edit_window_seconds,
            now=now,
            position=new.position,
        )

    async def edit_proposal(
        self, claims: Claims, proposal_id: UUID, title: str, body: str, keep: Keep
    ) -> Receipt:
        require_role(claims, "resident")

        def decide(now: datetime) -> _Done:
            lives = not_erased(self._ledger, claims.subject)
            proposal = self._aggregates.get(Proposal, proposal_id)
            proposal.edit(person=claims.subject, title=title, body=body, now=now)
            return self._save(proposal, Proposal.Edited, keep, lives)

        return await self._run(decide)

    async def withdraw_proposal(self, claims: Claims, proposal_id: UUID, keep: Keep) -> Receipt:
        require_role(claims, "resident")

        def decide(now: datetime) -> _Done:
            proposal = self._aggregates.get(Proposal, proposal_id)
            proposal.withdraw(person=claims.subject, now=now)
            return self._save(proposal, Proposal.Withdrawn, keep)

        return await self._run(decide)

    async def answer_change(
        self, claims: Claims, proposal_id: UUID, change: UUID, agrees: bool, keep: Keep
    ) -> Receipt:
        require_role(claims, "resident")

        def decide(now: datetime) -> _Done:
            lives = not_erased(self._ledger, claims.subject)
            proposal = self._aggregates.get(Proposal, proposal_id)
            proposal.answer_change(person=claims.subject, change=change, agrees=agrees, now=now)
            return self._save(proposal, Proposal.ChangeAnswered, keep, lives)

        return await self._run(decide)

    async def answer_proposal(
        self, claims: Claims, proposal_id: UUID, answer: Answer, text: str, keep: Keep
    ) -> Receipt:
        require_role(claims, "staff")

        def decide(now: datetime) -> _Done:
            proposal = self._aggregates.get(Proposal, proposal_id)
            proposal.give_answer(answer=answer, text=text, now=now)
            return self._save(proposal, Proposal.Answered, keep)

        return await self._run(decide)

    async def _run(self, decide: Callable[[datetime], _Done]) -> Receipt:
        """Decides in a thread, again when somebody was faster; then waits for the views."""
        receipt, appended = await asyncio.to_thread(
            retry_on_conflict, lambda: decide(self._clock.now())
        )
        await self._views.settle(appended.seqs[-1])
        return receipt

    def _save(
        self,
        aggregate: Process | Proposal,
        told: type,
        keep: Keep,
        requires: tuple[tuple[str, int], ...] = (),
    ) -> _Done:
        receipt = _receipt(aggregate, told)
        kept = keep(receipt)
        return receipt, self._aggregates.save(aggregate, requires=requires, idempotency=kept)


def _receipt(aggregate: Process | Proposal, told: type) -> Receipt:
    """The receipt for the pending event of class `told`."""
    event = next(event for event in aggregate.pending_events if isinstance(event, told))
    return Receipt(str(aggregate.id), event_id(aggregate.id, event.originator_version))
