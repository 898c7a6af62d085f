"""How the rows of each data set are read from the city's services, a page at a time.

Only what anybody may read is asked for, without a token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_portal.opendata.budget_reading import BUDGET_READERS
from cahier_portal.opendata.sets import CATEGORIES, COMMENTS, PROCESSES, PROPOSALS, REPORTS
from cahier_portal.opendata.source import Rows, Source, all_found, name_of, when
from cahier_portal.opendata.tables import Row

PAGE_SIZE = 200


async def _processes(source: Source) -> AsyncIterator[Row]:
    listed = await source.ask("consultation", consultation.ListProcessesRequest())
    for each in listed.processes:
        asked = consultation.GetProcessRequest(process_id=each.process_id)
        one = (await source.ask("consultation", asked)).process
        yield (
            one.process_id,
            one.title,
            one.description,
            name_of(consultation.IdeaPhase, one.idea_phase, "IDEA_PHASE_"),
            when(one, "opens_at"),
            when(one, "closes_at"),
            one.proposals,
        )


async def _all_proposals(source: Source) -> AsyncIterator[list[consultation.Proposal]]:
    listed = await source.ask("consultation", consultation.ListProcessesRequest())
    for process in listed.processes:
        request = consultation.ListProposalsRequest(
            process_id=process.process_id,
            page_size=PAGE_SIZE,
            include_withdrawn=True,
        )
        async for page in source.pages("consultation", request):
            yield list(page.proposals)


async def _proposals(source: Source) -> AsyncIterator[Row]:
    async def whole(short: consultation.Proposal) -> consultation.Proposal:
        asked = consultation.GetProposalRequest(proposal_id=short.proposal_id)
        return (await source.ask("consultation", asked)).proposal

    async for page in _all_proposals(source):
        for one in await all_found(page, whole):
            yield (
                one.proposal_id,
                one.process_id,
                one.title,
                one.body,
                one.category,
                one.district,
                one.author,
                when(one, "submitted_at"),
                name_of(consultation.ProposalState, one.state, "PROPOSAL_STATE_"),
                one.answer,
                when(one, "answered_at"),
                one.withdrawn,
                one.supports,
                one.comments,
                *_place(one),
            )


async def _comments(source: Source) -> AsyncIterator[Row]:
    async for page in _all_proposals(source):
        for proposal in page:
            if not proposal.comments:
                continue
            asked = consultation.ListCommentsRequest(
                proposal_id=proposal.proposal_id, page_size=PAGE_SIZE
            )
            async for answer in source.pages("consultation", asked):
                for one in answer.comments:
                    said = (one.author, one.body, when(one, "added_at"))
                    yield one.comment_id, one.proposal_id, one.parent_id, *said


async def _reports(source: Source) -> AsyncIterator[Row]:
    async def whole(short: reporting.Report) -> reporting.Report:
        asked = reporting.GetReportRequest(report_id=short.report_id)
        return (await source.ask("reporting", asked)).report

    if not source.has_reporting:
        return
    async for page in source.pages("reporting", reporting.ListReportsRequest(page_size=PAGE_SIZE)):
        for one in await all_found(page.reports, whole):
            yield _report(one)


def _report(one: reporting.Report) -> Row:
    return (
        one.report_id,
        one.category,
        one.category_label,
        one.department,
        name_of(reporting.ReportState, one.state, "REPORT_STATE_"),
        one.closed,
        *_place(one),
        one.address,
        one.description,
        when(one, "received_at"),
        when(one, "answer_by"),
        one.promise_missed,
        one.answer,
        when(one, "answered_at"),
        one.duplicate_of,
        one.reporter,
    )


async def _categories(source: Source) -> AsyncIterator[Row]:
    if not source.has_reporting:
        return
    listed = await source.ask("reporting", reporting.ListCategoriesRequest())
    for one in listed.categories:
        yield one.code, one.label, one.department, one.promise_days, one.anonymous


def _place(one: consultation.Proposal | reporting.Report) -> tuple[int | None, int | None]:
    """Latitude and longitude; none where it has no point or lost it."""
    if not one.HasField("position"):
        return None, None
    return one.position.lat_e7, one.position.lon_e7


READERS: dict[str, Rows] = {
    PROCESSES.name: _processes,
    PROPOSALS.name: _proposals,
    COMMENTS.name: _comments,
    **BUDGET_READERS,
    REPORTS.name: _reports,
    CATEGORIES.name: _categories,
}
