"""ConsultationService over gRPC: parse, call the application, render. Errors are mapped below."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_role, require_self_or_admin
from cahier_consultation.application.commands import (
    Commands,
    Keep,
    NewProcess,
    NewProposal,
    Receipt,
)
from cahier_consultation.application.persons import Exporting
from cahier_consultation.application.ports import ProposalFilter
from cahier_consultation.application.queries import Queries
from cahier_consultation.application.voices import Voices
from cahier_consultation.entrypoints import messages
from cahier_contracts.consultation.v1 import consultation_service_pb2 as pb
from cahier_contracts.consultation.v1.consultation_service_pb2_grpc import (
    ConsultationServiceServicer,
)
from cahier_kernel.ids import require_uuid
from cahier_ledger.store import LedgerReader

ANONYMOUS = frozenset(
    {
        "GetProcess",
        "ListProcesses",
        "GetProposal",
        "ListProposals",
        "ListComments",
        "GetDisclosures",
    }
)

Answer = TypeVar("Answer", bound=Message)


class ConsultationGrpc(ConsultationServiceServicer):
    """Unary handlers. Commands honour `idempotency-key`; queries need no token."""

    def __init__(
        self,
        ledger: LedgerReader,
        commands: Commands,
        voices: Voices,
        queries: Queries,
        exporting: Exporting,
    ) -> None:
        self._ledger = ledger
        self._commands = commands
        self._voices = voices
        self._queries = queries
        self._exporting = exporting

    # -- commands ----------------------------------------------------------------------------

    async def CreateProcess(
        self, request: pb.CreateProcessRequest, context: Any
    ) -> pb.CreateProcessResponse:
        new = NewProcess(
            title=request.title,
            description=request.description,
            opens_at=messages.parse_instant(request, "opens_at"),
            closes_at=messages.parse_instant(request, "closes_at"),
            edit_window_seconds=request.edit_window_seconds,
        )
        claims = current_claims()
        return await self._once(
            request,
            pb.CreateProcessResponse,
            lambda keep: self._commands.create_process(claims, new, keep),
            lambda done: pb.CreateProcessResponse(process_id=done.id, event_id=done.event_id),
        )

    async def RescheduleIdeaPhase(
        self, request: pb.RescheduleIdeaPhaseRequest, context: Any
    ) -> pb.RescheduleIdeaPhaseResponse:
        claims = current_claims()
        process_id = require_uuid(request.process_id, "process_id")
        opens_at = messages.parse_instant(request, "opens_at")
        closes_at = messages.parse_instant(request, "closes_at")
        return await self._once(
            request,
            pb.RescheduleIdeaPhaseResponse,
            lambda keep: self._commands.reschedule_idea_phase(
                claims, process_id, opens_at, closes_at, request.reason, keep
            ),
            lambda done: pb.RescheduleIdeaPhaseResponse(event_id=done.event_id),
        )

    async def SubmitProposal(
        self, request: pb.SubmitProposalRequest, context: Any
    ) -> pb.SubmitProposalResponse:
        new = NewProposal(
            process_id=require_uuid(request.process_id, "process_id"),
            title=request.title,
            body=request.body,
            category=request.category,
            district=request.district,
            on_behalf_of=_optional_id(request.on_behalf_of, "on_behalf_of"),
            position=messages.parse_position(request),
        )
        claims = current_claims()
        return await self._once(
            request,
            pb.SubmitProposalResponse,
            lambda keep: self._commands.submit_proposal(claims, new, keep),
            lambda done: pb.SubmitProposalResponse(proposal_id=done.id, event_id=done.event_id),
        )

    async def EditProposal(
        self, request: pb.EditProposalRequest, context: Any
    ) -> pb.EditProposalResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        return await self._once(
            request,
            pb.EditProposalResponse,
            lambda keep: self._commands.edit_proposal(
                claims, proposal_id, request.title, request.body, keep
            ),
            lambda done: pb.EditProposalResponse(event_id=done.event_id),
        )

    async def WithdrawProposal(
        self, request: pb.WithdrawProposalRequest, context: Any
    ) -> pb.WithdrawProposalResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        return await self._once(
            request,
            pb.WithdrawProposalResponse,
            lambda keep: self._commands.withdraw_proposal(claims, proposal_id, keep),
            lambda done: pb.WithdrawProposalResponse(event_id=done.event_id),
        )

    async def AnswerChange(
        self, request: pb.AnswerChangeRequest, context: Any
    ) -> pb.AnswerChangeResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        change = require_uuid(request.change_id, "change_id")
        return await self._once(
            request,
            pb.AnswerChangeResponse,
            lambda keep: self._commands.answer_change(
                claims, proposal_id, change, request.agrees, keep
            ),
            lambda done: pb.AnswerChangeResponse(event_id=done.event_id),
        )

    async def AnswerProposal(
        self, request: pb.AnswerProposalRequest, context: Any
    ) -> pb.AnswerProposalResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        answer = messages.parse_answer(request.state)
        return await self._once(
            request,
            pb.AnswerProposalResponse,
            lambda keep: self._commands.answer_proposal(
                claims, proposal_id, answer, request.text, keep
            ),
            lambda done: pb.AnswerProposalResponse(event_id=done.event_id),
        )

    async def SupportProposal(
        self, request: pb.SupportProposalRequest, context: Any
    ) -> pb.SupportProposalResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        on_behalf_of = _optional_id(request.on_behalf_of, "on_behalf_of")
        return await self._once(
            request,
            pb.SupportProposalResponse,
            lambda keep: self._voices.support(claims, proposal_id, on_behalf_of, keep),
            lambda done: pb.SupportProposalResponse(event_id=done.event_id),
        )

    async def UnsupportProposal(
        self, request: pb.UnsupportProposalRequest, context: Any
    ) -> pb.UnsupportProposalResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        return await self._once(
            request,
            pb.UnsupportProposalResponse,
            lambda keep: self._voices.unsupport(claims, proposal_id, keep),
            lambda done: pb.UnsupportProposalResponse(event_id=done.event_id),
        )

    async def AddComment(
        self, request: pb.AddCommentRequest, context: Any
    ) -> pb.AddCommentResponse:
        claims = current_claims()
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        parent_id = require_uuid(request.parent_id, "parent_id") if request.parent_id else None
        return await self._once(
            request,
            pb.AddCommentResponse,
            lambda keep: self._voices.comment(claims, proposal_id, parent_id, request.body, keep),
            lambda done: pb.AddCommentResponse(comment_id=done.id, event_id=done.event_id),
        )

    async def _once(
        self,
        request: Message,
        answer_type: type[Answer],
        command: Callable[[Keep], Awaitable[Receipt]],
        render: Callable[[Receipt], Answer],
    ) -> Answer:
        """Runs the command once for each idempotency key; its answer is stored with its events."""

        async def handle(record: Record) -> Answer:
            return render(await command(lambda done: record(render(done))))

        return await once(self._ledger, request, answer_type, handle)

    # -- queries -----------------------------------------------------------------------------

    async def GetProcess(
        self, request: pb.GetProcessRequest, context: Any
    ) -> pb.GetProcessResponse:
        row = self._queries.process(require_uuid(request.process_id, "process_id"))
        return pb.GetProcessResponse(process=messages.process_message(row))

    async def ListProcesses(
        self, request: pb.ListProcessesRequest, context: Any
    ) -> pb.ListProcessesResponse:
        rows = self._queries.processes()
        return pb.ListProcessesResponse(processes=map(messages.process_message, rows))

    async def GetProposal(
        self, request: pb.GetProposalRequest, context: Any
    ) -> pb.GetProposalResponse:
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        seen = self._queries.proposal(proposal_id, _person())
        return pb.GetProposalResponse(proposal=messages.proposal_message(seen))

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: Any
    ) -> pb.ListProposalsResponse:
        which = ProposalFilter(
            process=str(require_uuid(request.process_id, "process_id")),
            state=messages.parse_state(request.state),
            include_withdrawn=request.include_withdrawn,
        )
        order = messages.parse_order(request.order)
        page = self._queries.proposals(
            which, order, request.page_size, request.page_token, _person()
        )
        return pb.ListProposalsResponse(
            proposals=map(messages.proposal_message, page.proposals),
            next_page_token=page.next_page_token,
            total=page.total,
        )

    async def ListOwnProposals(
        self, request: pb.ListOwnProposalsRequest, context: Any
    ) -> pb.ListOwnProposalsResponse:
        claims = current_claims()
        require_role(claims, "resident")
        own = await asyncio.to_thread(self._queries.own, claims.subject)
        return pb.ListOwnProposalsResponse(
            written=map(messages.proposal_message, own.written),
            supported=map(messages.proposal_message, own.supported),
        )

    async def ListComments(
        self, request: pb.ListCommentsRequest, context: Any
    ) -> pb.ListCommentsResponse:
        proposal_id = require_uuid(request.proposal_id, "proposal_id")
        page = self._queries.comments(proposal_id, request.page_size, request.page_token)
        return pb.ListCommentsResponse(
            comments=map(messages.comment_message, page.comments),
            next_page_token=page.next_page_token,
        )

    async def GetDisclosures(
        self, request: pb.GetDisclosuresRequest, context: Any
    ) -> pb.GetDisclosuresResponse:
        event_id = str(require_uuid(request.event_id, "event_id"))
        found = self._queries.disclosures(event_id)
        return pb.GetDisclosuresResponse(
            disclosures=[
                pb.Disclosure(salt=each.salt, name=each.name, value=each.value) for each in found
            ]
        )

    async def ExportSubject(
        self, request: pb.ExportSubjectRequest, context: Any
    ) -> pb.ExportSubjectResponse:
        require_self_or_admin(current_claims(), request.subject_id)
        person = str(require_uuid(request.subject_id, "subject_id"))
        items = await self._exporting.held(person)
        return pb.ExportSubjectResponse(items=map(messages.held_item, items))


def _optional_id(text: str, field: str) -> str:
    return str(require_uuid(text, field)) if text else ""


def _person() -> str:
    """The person who asks, or "": a token without roles stands for no person."""
    claims = current_claims_or_none()
    return claims.subject if claims is not None and claims.roles else ""
