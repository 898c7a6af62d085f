"""ReportingService over gRPC: parse, call the application, render. Errors are mapped below."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from google.protobuf.message import Message

from cahier_chassis.calls import current_claims, current_claims_or_none
from cahier_chassis.idempotency import Record, once
from cahier_chassis.tokens import require_self_or_admin
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb
from cahier_contracts.reporting.v1.reporting_service_pb2_grpc import ReportingServiceServicer
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import Invalid
from cahier_ledger.store import LedgerReader
from cahier_reporting.application.commands import Commands, Keep, NewReport, Receipt
from cahier_reporting.application.persons import Exporting
from cahier_reporting.application.ports import ReportFilter
from cahier_reporting.application.queries import Queries, own_reports_of
from cahier_reporting.entrypoints import messages

ANONYMOUS = frozenset(
    {
        "ReportProblem",
        "GetReport",
        "ListReports",
        "ListNearby",
        "ListCategories",
        "GetDisclosures",
    }
)

Answer = TypeVar("Answer", bound=Message)


class ReportingGrpc(ReportingServiceServicer):
    """Unary handlers. Commands honour `idempotency-key`; queries need no token.

    ReportProblem needs none either: its category decides.
    """

    def __init__(
        self, ledger: LedgerReader, commands: Commands, queries: Queries, exporting: Exporting
    ) -> None:
        self._ledger = ledger
        self._exporting = exporting
        self._commands = commands
        self._queries = queries

    # -- commands ----------------------------------------------------------------------------

    async def DefineCategory(
        self, request: pb.DefineCategoryRequest, context: Any
    ) -> pb.DefineCategoryResponse:
        claims, values = current_claims(), messages.parse_category(request)
        return await self._once(
            request,
            pb.DefineCategoryResponse,
            lambda keep: self._commands.define_category(claims, values, keep),
            lambda done: pb.DefineCategoryResponse(event_id=done.event_id),
        )

    async def ReportProblem(
        self, request: pb.ReportProblemRequest, context: Any
    ) -> pb.ReportProblemResponse:
        on_behalf_of = messages.parse_optional_id(request.on_behalf_of, "on_behalf_of")
        new = NewReport(
            category=request.category,
            position=messages.parse_position(request),
            address=request.address,
            description=request.description,
            on_behalf_of=str(on_behalf_of) if on_behalf_of else "",
        )
        claims = current_claims_or_none()
        return await self._once(
            request,
            pb.ReportProblemResponse,
            lambda keep: self._commands.report_problem(claims, new, keep),
            lambda done: pb.ReportProblemResponse(
                report_id=done.id,
                event_id=done.event_id,
                answer_by=messages.stamp(to_rfc3339(done.answer_by) if done.answer_by else ""),
            ),
        )

    async def RouteReport(
        self, request: pb.RouteReportRequest, context: Any
    ) -> pb.RouteReportResponse:
        claims, report_id = current_claims(), messages.parse_id(request.report_id, "report_id")
        return await self._once(
            request,
            pb.RouteReportResponse,
            lambda keep: self._commands.route_report(
                claims, report_id, request.department, request.reason, keep
            ),
            lambda done: pb.RouteReportResponse(event_id=done.event_id),
        )

    async def AnswerReport(
        self, request: pb.AnswerReportRequest, context: Any
    ) -> pb.AnswerReportResponse:
        claims, report_id = current_claims(), messages.parse_id(request.report_id, "report_id")
        state = messages.parse_state(request.state)
        return await self._once(
            request,
            pb.AnswerReportResponse,
            lambda keep: self._commands.answer_report(claims, report_id, state, request.text, keep),
            lambda done: pb.AnswerReportResponse(event_id=done.event_id),
        )

    async def CloseReport(
        self, request: pb.CloseReportRequest, context: Any
    ) -> pb.CloseReportResponse:
        claims, report_id = current_claims(), messages.parse_id(request.report_id, "report_id")
        duplicate_of = messages.parse_optional_id(request.duplicate_of, "duplicate_of")
        outcome = messages.parse_state(request.outcome)
        return await self._once(
            request,
            pb.CloseReportResponse,
            lambda keep: self._commands.close_report(
                claims, report_id, outcome, request.text, duplicate_of, keep
            ),
            lambda done: pb.CloseReportResponse(event_id=done.event_id),
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

    async def GetReport(self, request: pb.GetReportRequest, context: Any) -> pb.GetReportResponse:
        report_id = messages.parse_id(request.report_id, "report_id")
        seen, updates = self._queries.report(report_id, _person())
        return pb.GetReportResponse(report=messages.report_message(seen, updates))

    async def ListReports(
        self, request: pb.ListReportsRequest, context: Any
    ) -> pb.ListReportsResponse:
        person = _person()
        which = ReportFilter(
            state=messages.parse_state_filter(request.state),
            category=request.category,
            department=request.department,
            person=own_reports_of(person) if request.reported_by_caller else "",
        )
        page = self._queries.reports(which, request.page_size, request.page_token, person)
        return pb.ListReportsResponse(
            reports=map(messages.report_message, page.reports),
            next_page_token=page.next_page_token,
            total=page.total,
        )

    async def ListNearby(
        self, request: pb.ListNearbyRequest, context: Any
    ) -> pb.ListNearbyResponse:
        middle = messages.parse_position(request)
        if middle is None:
            raise Invalid("position_required", "the point to look around", field="position")
        near = self._queries.nearby(
            middle, request.radius_m, request.limit, request.category, _person()
        )
        return pb.ListNearbyResponse(
            reports=[
                pb.NearbyReport(report=messages.report_message(seen), distance_m=metres)
                for seen, metres in near
            ]
        )

    async def ListCategories(
        self, request: pb.ListCategoriesRequest, context: Any
    ) -> pb.ListCategoriesResponse:
        rows = self._queries.categories()
        return pb.ListCategoriesResponse(categories=map(messages.category_message, rows))

    async def GetDisclosures(
        self, request: pb.GetDisclosuresRequest, context: Any
    ) -> pb.GetDisclosuresResponse:
        event_id = str(messages.parse_id(request.event_id, "event_id"))
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
        person = str(messages.parse_id(request.subject_id, "subject_id"))
        items = await self._exporting.held(person)
        return pb.ExportSubjectResponse(items=map(messages.held_item, items))


def _person() -> str:
    """The person who asks, or "": a token without roles stands for no person."""
    claims = current_claims_or_none()
    return claims.subject if claims is not None and claims.roles else ""
