"""Commands on supports and comments, which are appended straight to streams of their own.

Each names the version of the proposal it was decided on, and the store checks it in the same
transaction: nobody supports a proposal that is being withdrawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cahier_chassis.erasing import not_erased
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.tokens import Claims, require_role
from cahier_consultation.application.commands import Keep, Receipt, acting_person
from cahier_consultation.application.ports import Pseudonyms, ReadModel
from cahier_consultation.application.publishing import SERVICE, event_id, publish_voice
from cahier_consultation.application.stored import CODEC, VoiceEvent
from cahier_consultation.domain import voices
from cahier_consultation.domain.proposal import Proposal
from cahier_kernel.clock import Clock, to_rfc3339
from cahier_kernel.errors import NotFound
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import CONFLICT_ATTEMPTS, Aggregates, stream_name
from cahier_ledger.leaves import make_leaf
from cahier_ledger.model import Append, NewEvent, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore
from cahier_ledger.texts import apart


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an event goes: the stream, its key, the version before it, the proposal decided on."""

    stream: str
    key: UUID
    version: int
    proposal: Proposal


class Voices:
    """Supports and comments."""

    def __init__(
        self,
        ledger: LedgerStore,
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

    async def support(
        self, claims: Claims, proposal_id: UUID, on_behalf_of: str, keep: Keep
    ) -> Receipt:
        """Repeated while the support stands, it answers the same and appends nothing."""
        person = acting_person(claims, on_behalf_of)

        async def once() -> Receipt:
            place = await self._support_place(proposal_id, person)
            place.proposal.require_supportable()
            event = voices.decide_support(
                place.version, proposal_id, self._pseudonyms.of(person, str(proposal_id))
            )
            return await self._append_or_repeat(place, event, keep)

        return await _retried(once)

    async def unsupport(self, claims: Claims, proposal_id: UUID, keep: Keep) -> Receipt:
        """Always allowed; event_id is empty when the caller never supported the proposal."""
        require_role(claims, "resident")
        person = claims.subject

        async def once() -> Receipt:
            place = await self._support_place(proposal_id, person)
            event = voices.decide_unsupport(
                place.version, proposal_id, self._pseudonyms.of(person, str(proposal_id))
            )
            return await self._append_or_repeat(place, event, keep)

        return await _retried(once)

    async def comment(
        self, claims: Claims, proposal_id: UUID, parent_id: UUID | None, body: str, keep: Keep
    ) -> Receipt:
        require_role(claims, "resident")
        comment_id = uuid7(self._clock.now())

        async def once() -> Receipt:
            proposal = await self._proposal(proposal_id)
            proposal.require_open_to_comments()
            if parent_id is not None:
                self._require_comment(parent_id, proposal_id)
            event = voices.decide_comment(
                proposal_id=proposal_id,
                comment_id=comment_id,
                author=claims.subject,
                pseudonym=self._pseudonyms.of(claims.subject, str(proposal_id)),
                parent_id=parent_id,
                body=body,
            )
            place = _Place(_comment_stream(comment_id), comment_id, 0, proposal)
            lives = not_erased(self._ledger, claims.subject)
            receipt = Receipt(str(comment_id), _id(place))
            return await self._append(place, event, receipt, keep, lives)

        return await _retried(once)

    async def _proposal(self, proposal_id: UUID) -> Proposal:
        return await asyncio.to_thread(self._aggregates.get, Proposal, proposal_id)

    async def _support_place(self, proposal_id: UUID, person: str) -> _Place:
        proposal = await self._proposal(proposal_id)
        key = voices.support_key(proposal_id, self._pseudonyms.of(person, str(proposal_id)))
        stream = f"support-{key.hex}"
        return _Place(stream, key, self._ledger.stream_version(stream), proposal)

    def _require_comment(self, parent_id: UUID, proposal_id: UUID) -> None:
        found = self._ledger.read_stream(_comment_stream(parent_id), limit=1)
        parent = CODEC.decode(found[0].type, found[0].data) if found else None
        if not isinstance(parent, voices.CommentAdded) or parent.proposal != str(proposal_id):
            raise NotFound(
                "parent_not_found", "no such comment on this proposal", field="parent_id"
            )

    async def _append_or_repeat(
        self, place: _Place, event: VoiceEvent | None, keep: Keep
    ) -> Receipt:
        if event is not None:
            return await self._append(place, event, Receipt("", _id(place)), keep)
        receipt = Receipt("", event_id(place.key, place.version) if place.version else "")
        kept = keep(receipt)
        if kept is not None:
            # Remembered though nothing changed: a copy of this call that comes late must not
            # undo what its caller has done since.
            unchanged = ((place.stream, place.version),)
            await self._ledger.append(Append((), requires=unchanged, idempotency=kept))
        return receipt

    async def _append(
        self,
        place: _Place,
        event: VoiceEvent,
        receipt: Receipt,
        keep: Keep,
        requires: tuple[tuple[str, int], ...] = (),
    ) -> Receipt:
        new = _new_event(event, receipt.event_id, self._clock.now())
        proposal = place.proposal
        appended = await self._ledger.append(
            Append(
                (StreamAppend(place.stream, place.version, (new,)),),
                requires=(*requires, (stream_name(proposal.id), proposal.version)),
                idempotency=keep(receipt),
            )
        )
        await self._views.settle(appended.seqs[-1])
        return receipt


def _id(place: _Place) -> str:
    return event_id(place.key, place.version + 1)


def _comment_stream(comment_id: UUID) -> str:
    return f"comment-{comment_id.hex}"


def _new_event(event: VoiceEvent, public_id: str, now: datetime) -> NewEvent:
    topic, data = CODEC.encode(event)
    told, texts = publish_voice(event)
    leaf = make_leaf(SERVICE, told.TYPE, public_id, now, told.data(), texts)
    private = getattr(event, "PRIVATE", ())
    return apart(NewEvent(topic, data, trace_meta(), to_rfc3339(now), leaf), private)


async def _retried(once: Callable[[], Awaitable[Receipt]]) -> Receipt:
    """Decides again when the proposal or the support has moved on meanwhile."""
    for _ in range(CONFLICT_ATTEMPTS - 1):
        try:
            return await once()
        except StreamConflict:
            continue
    return await once()
