"""NotificationsService over gRPC: parse, call the application, render. Errors are mapped below."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_chassis.calls import current_claims
from cahier_chassis.holdings import HeldItem
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_self_or_admin
from cahier_contracts.notifications.v1 import notifications_service_pb2 as pb
from cahier_contracts.notifications.v1.notifications_service_pb2_grpc import (
    NotificationsServiceServicer,
)
from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import Invalid
from cahier_ledger.store import LedgerReader
from cahier_notifications.application.commands import Commands, Wish
from cahier_notifications.application.ports import CapturedMail, FollowRow
from cahier_notifications.application.queries import Queries
from cahier_notifications.domain.follows import Level, Thing, ThingKind, follow_id

ANONYMOUS = frozenset({"Unsubscribe", "ListCapturedMails", "GetDisclosures"})

_ID_CHARS = 36
_KINDS: dict[int, ThingKind] = {
    pb.THING_KIND_PROPOSAL: ThingKind.PROPOSAL,
    pb.THING_KIND_ELECTION: ThingKind.ELECTION,
    pb.THING_KIND_PROCESS: ThingKind.PROCESS,
    pb.THING_KIND_REPORT: ThingKind.REPORT,
}
_NUMBERS_OF_KINDS: dict[ThingKind, Any] = {kind: number for number, kind in _KINDS.items()}
_LEVELS: dict[int, Level] = {
    pb.FOLLOW_LEVEL_MINIMAL: Level.MINIMAL,
    pb.FOLLOW_LEVEL_ESSENTIAL: Level.ESSENTIAL,
    pb.FOLLOW_LEVEL_ALL: Level.ALL,
}
_NUMBERS_OF_LEVELS: dict[Level, Any] = {level: number for number, level in _LEVELS.items()}


class NotificationsGrpc(NotificationsServiceServicer):
    """Unary handlers. Follow and Unfollow honour `idempotency-key`."""

    def __init__(self, ledger: LedgerReader, commands: Commands, queries: Queries) -> None:
        self._ledger = ledger
        self._commands = commands
        self._queries = queries

    async def Follow(self, request: pb.FollowRequest, context: Any) -> pb.FollowResponse:
        claims = current_claims()
        wish = Wish(
            _thing(request.thing_kind, request.thing_id),
            _level(request.level),
            request.language,
            request.only_first,
        )
        answer = pb.FollowResponse(follow_id=str(follow_id(claims.subject, wish.thing)))

        async def handle(record: Record) -> pb.FollowResponse:
            await self._commands.follow(claims, wish, lambda: record(answer))
            return answer

        return await once(self._ledger, request, pb.FollowResponse, handle)

    async def Unfollow(self, request: pb.UnfollowRequest, context: Any) -> pb.UnfollowResponse:
        claims = current_claims()
        thing = _thing(request.thing_kind, request.thing_id)
        answer = pb.UnfollowResponse()

        async def handle(record: Record) -> pb.UnfollowResponse:
            await self._commands.unfollow(claims, thing, lambda: record(answer))
            return answer

        return await once(self._ledger, request, pb.UnfollowResponse, handle)

    async def Unsubscribe(
        self, request: pb.UnsubscribeRequest, context: Any
    ) -> pb.UnsubscribeResponse:
        ended = await self._commands.unsubscribe(request.token)
        return pb.UnsubscribeResponse(thing_kind=_NUMBERS_OF_KINDS[ended.kind], thing_id=ended.id)

    async def ListFollows(
        self, request: pb.ListFollowsRequest, context: Any
    ) -> pb.ListFollowsResponse:
        found = await self._queries.follows(current_claims())
        return pb.ListFollowsResponse(
            follows=map(_follow_message, found.rows),
            email=found.contact.email if found.contact else "",
            language=found.contact.language if found.contact else "",
        )

    async def ListCapturedMails(
        self, request: pb.ListCapturedMailsRequest, context: Any
    ) -> pb.ListCapturedMailsResponse:
        mails, total = await self._queries.captured(request.page_size, request.before_number)
        return pb.ListCapturedMailsResponse(mails=map(_mail_message, mails), total=total)

    async def GetDisclosures(
        self, request: pb.GetDisclosuresRequest, context: Any
    ) -> pb.GetDisclosuresResponse:
        event_id = str(_id(request.event_id, "event_id"))
        found = await asyncio.to_thread(self._queries.disclosures, event_id)
        return pb.GetDisclosuresResponse(
            disclosures=[
                pb.Disclosure(salt=each.salt, name=each.name, value=each.value) for each in found
            ]
        )

    async def ExportSubject(
        self, request: pb.ExportSubjectRequest, context: Any
    ) -> pb.ExportSubjectResponse:
        require_self_or_admin(current_claims(), request.subject_id)
        items = await self._queries.held(str(_id(request.subject_id, "subject_id")))
        return pb.ExportSubjectResponse(items=map(_held_item, items))


def _held_item(item: HeldItem) -> pb.HeldItem:
    message = pb.HeldItem(kind=item.kind, id=item.id, event_id=item.event_id, values=item.values)
    if item.at:
        message.at.FromDatetime(from_rfc3339(item.at))
    return message


def _id(text: str, field: str) -> UUID:
    """A UUID in its canonical form; raises Invalid `id_malformed`."""
    try:
        parsed = UUID(text) if len(text) == _ID_CHARS else None
    except ValueError:
        parsed = None
    if parsed is None or str(parsed) != text.lower():
        raise Invalid("id_malformed", "a UUID such as 01890a5d-ac96-774b-...", field=field)
    return parsed


def _thing(kind: int, id: str) -> Thing:
    """Raises Invalid `thing_kind_required`, `id_malformed`."""
    if kind not in _KINDS:
        rule = "one follows a proposal, an election, a process or a report"
        raise Invalid("thing_kind_required", rule, field="thing_kind")
    return Thing(_KINDS[kind], str(_id(id, "thing_id")))


def _level(level: int) -> Level:
    """Raises Invalid `level_required`."""
    if level not in _LEVELS:
        raise Invalid("level_required", "minimal, essential or all", field="level")
    return _LEVELS[level]


def _follow_message(row: FollowRow) -> pb.FollowedThing:
    since = Timestamp()
    since.FromDatetime(from_rfc3339(row.since))
    return pb.FollowedThing(
        follow_id=row.id,
        thing_kind=_NUMBERS_OF_KINDS[row.thing.kind],
        thing_id=row.thing.id,
        level=_NUMBERS_OF_LEVELS[row.level],
        since=since,
    )


def _mail_message(mail: CapturedMail) -> pb.CapturedMail:
    received_at = Timestamp()
    received_at.FromDatetime(mail.received_at)
    return pb.CapturedMail(
        number=mail.number,
        received_at=received_at,
        recipient=mail.recipient,
        subject=mail.subject,
        message_id=mail.message_id,
        text=mail.text,
        html=mail.html,
        unsubscribe_url=mail.unsubscribe_url,
        language=mail.language,
    )
