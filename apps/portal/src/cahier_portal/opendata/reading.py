"""How the rows of each data set are read from the city's services, a page at a time.

Only what anybody may read is asked for, without a token.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.clients import Service, Services
from cahier_portal.formats import instant
from cahier_portal.opendata.sets import (
    CATEGORIES,
    COMMENTS,
    ELECTIONS,
    PROCESSES,
    PROJECTS,
    PROPOSALS,
    REPORTS,
    RESULTS,
)
from cahier_portal.opendata.tables import Row
from cahier_portal.texts import ProposalTexts

PAGE_SIZE = 200
PAGES_MAX = 5_000
AT_ONCE = 8
T = TypeVar("T")
Rows = Callable[["Source"], AsyncIterator[Row]]


class Source:
    """The city's services, asked as anybody may ask them."""

    def __init__(self, services: Services, texts: ProposalTexts) -> None:
        self._services = services
        self.texts = texts

    async def ask(self, service: str, request: Any) -> Any:
        """An answer; raises DomainError, NotServed for a service that the city does not run."""
        return await self._services.required(service).ask(request)

    async def pages(self, service: str, request: Any) -> AsyncIterator[Any]:
        """The answers of all pages, from the first."""
        for _ in range(PAGES_MAX):
            answer = await self.ask(service, request)
            yield answer
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    @property
    def has_reporting(self) -> bool:
        """Whether the city takes street reports."""
        found: Service | None = self._services.by_name("reporting")
        return found is not None


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
            _when(one, "opens_at"),
            _when(one, "closes_at"),
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
        for one in await _each(page, whole):
            yield (
                one.proposal_id,
                one.process_id,
                one.title,
                one.body,
                one.category,
                one.district,
                one.author,
                _when(one, "submitted_at"),
                name_of(consultation.ProposalState, one.state, "PROPOSAL_STATE_"),
                one.answer,
                _when(one, "answered_at"),
                one.withdrawn,
                one.supports,
                one.comments,
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
                    when = _when(one, "added_at")
                    yield one.comment_id, one.proposal_id, one.parent_id, one.author, one.body, when


async def _listed_elections(source: Source) -> Sequence[budget.Election]:
    answer = await source.ask("budget", budget.ListElectionsRequest())
    found: Sequence[budget.Election] = answer.elections
    return found


async def _elections(source: Source) -> AsyncIterator[Row]:
    for one in await _listed_elections(source):
        rules = one.rules
        yield (
            one.election_id,
            one.process_id,
            one.title,
            one.description,
            name_of(budget.ElectionState, one.state, "ELECTION_STATE_"),
            one.envelope_cents,
            one.currency,
            list(one.districts),
            _when(one, "opens_at"),
            _when(one, "closes_at"),
            one.ballots,
            rules.vote_type,
            rules.min_length,
            rules.max_length,
            rules.max_sum_cost_cents,
            rules.rule,
            rules.utility,
            rules.completion,
            rules.stop,
            rules.ties,
            rules.threshold_votes,
            rules.least_turnout,
            rules.least_votes,
            list(rules.fixed),
        )


async def _projects(source: Source) -> AsyncIterator[Row]:
    for election in await _listed_elections(source):
        asked = budget.ListProjectsRequest(election_id=election.election_id)
        listed = (await source.ask("budget", asked)).projects
        words = await source.texts.of((each.proposal_id for each in listed), election.process_id)
        for one in listed:
            known = words.get(one.proposal_id)
            yield (
                one.project_id,
                one.election_id,
                one.number,
                one.reference,
                one.proposal_id,
                known.title if known else "",
                one.category,
                one.district,
                one.cost_cents if one.costed else None,
                name_of(budget.Feasibility, one.feasibility, "FEASIBILITY_"),
                one.unfeasibility_explanation,
            )


async def _results(source: Source) -> AsyncIterator[Row]:
    for election in await _listed_elections(source):
        if election.state != budget.ELECTION_STATE_PUBLISHED:
            continue
        asked = budget.GetResultRequest(election_id=election.election_id)
        result = await source.ask("budget", asked)
        places = {number: place for place, number in enumerate(result.selected, 1)}
        for one in result.outcomes:
            yield (
                election.election_id,
                one.number,
                one.votes,
                one.selected,
                places.get(one.number),
                one.reason,
                result.ballots_counted,
                result.ballots_invalid,
                result.spent_cents,
                result.code_version,
                result.log_size,
            )


async def _reports(source: Source) -> AsyncIterator[Row]:
    async def whole(short: reporting.Report) -> reporting.Report:
        asked = reporting.GetReportRequest(report_id=short.report_id)
        return (await source.ask("reporting", asked)).report

    if not source.has_reporting:
        return
    async for page in source.pages("reporting", reporting.ListReportsRequest(page_size=PAGE_SIZE)):
        for one in await _each(page.reports, whole):
            yield _report(one)


def _report(one: reporting.Report) -> Row:
    has_place = one.HasField("position")
    return (
        one.report_id,
        one.category,
        one.category_label,
        one.department,
        name_of(reporting.ReportState, one.state, "REPORT_STATE_"),
        one.closed,
        one.position.lat_e7 if has_place else None,
        one.position.lon_e7 if has_place else None,
        one.address,
        one.description,
        _when(one, "received_at"),
        _when(one, "answer_by"),
        one.promise_missed,
        one.answer,
        _when(one, "answered_at"),
        one.duplicate_of,
        one.reporter,
    )


async def _categories(source: Source) -> AsyncIterator[Row]:
    if not source.has_reporting:
        return
    listed = await source.ask("reporting", reporting.ListCategoriesRequest())
    for one in listed.categories:
        yield one.code, one.label, one.department, one.promise_days, one.anonymous


READERS: dict[str, Rows] = {
    PROCESSES.name: _processes,
    PROPOSALS.name: _proposals,
    COMMENTS.name: _comments,
    ELECTIONS.name: _elections,
    PROJECTS.name: _projects,
    RESULTS.name: _results,
    REPORTS.name: _reports,
    CATEGORIES.name: _categories,
}


async def _each(items: Sequence[T], whole: Callable[[T], Awaitable[T]]) -> list[T]:
    """All of them, a few at a time; what was gone meanwhile is left out."""
    found: list[T] = []

    async def one(item: T) -> T | None:
        try:
            return await whole(item)
        except DomainError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return None

    for start in range(0, len(items), AT_ONCE):
        answers = await asyncio.gather(*(one(item) for item in items[start : start + AT_ONCE]))
        found += [answer for answer in answers if answer is not None]
    return found


def name_of(enum: Any, value: int, prefix: str) -> str:
    """An enum's value as a word."""
    return str(enum.Name(value)).removeprefix(prefix).lower()


def _when(message: Any, field: str) -> str:
    stamp: Timestamp = getattr(message, field)
    return to_rfc3339(instant(stamp)) if message.HasField(field) else ""
