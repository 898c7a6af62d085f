"""My things: what the city asks of the visitor, what they proposed, support, follow and did.

Each part comes from the service that knows it, in the visitor's own name; a part whose service is
away says so. Nothing is put together anywhere but on the page.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from litestar import get

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError, Kind
from cahier_portal import ballots
from cahier_portal.pages.authorship import questions_to
from cahier_portal.pages.following import KIND_NAMES, LEVEL_NAMES, page_of
from cahier_portal.parameters import Caller
from cahier_portal.session import Visitor
from cahier_portal.visit import Page, Visit, or_none

SHOWN_MAX = 50
ELECTIONS_MAX = 20
# Whoever cannot vote, or could not yet, has no ballot.
_NO_BALLOT = frozenset({Kind.FORBIDDEN, Kind.NOT_FOUND, Kind.FAILED_PRECONDITION})


@dataclass(frozen=True)
class Followed:
    """A followed thing as the page shows it. title: "" where its words are not at hand."""

    kind: str
    thing_id: str
    path: str
    title: str
    level: str


@dataclass(frozen=True)
class Cast:
    """The visitor's ballots in one election."""

    election: budget.Election
    standing: ballots.Standing


@get("/me/things")
async def things(visit: Caller) -> Page:
    """All of it on one page; None stands for a part that cannot be shown."""
    visitor = visit.signed_in()
    running = visit.portal.services.names
    elections = await or_none(visit.budget(budget.ListElectionsRequest()))
    own, followed, reported, cast = await asyncio.gather(
        or_none(visit.consultation(consultation.ListOwnProposalsRequest())),
        _followed(visit, elections) if "notifications" in running else _nothing(),
        _reported(visit) if "reporting" in running else _nothing(),
        _cast(visit, visitor, elections),
    )
    return visit.page(
        "things.html",
        own=own,
        questions=await questions_to(visit, elections, own),
        followed=followed[0] if followed else None,
        mails_to=followed[1] if followed else "",
        reported=reported,
        cast=cast,
        shown_max=SHOWN_MAX,
    )


async def _nothing() -> None:
    return None


async def _reported(visit: Visit) -> reporting.ListReportsResponse | None:
    found: reporting.ListReportsResponse | None = await or_none(
        visit.reporting(reporting.ListReportsRequest(reported_by_caller=True, page_size=SHOWN_MAX))
    )
    return found


async def _followed(
    visit: Visit, elections: budget.ListElectionsResponse | None
) -> tuple[list[Followed], str] | None:
    listed = await or_none(visit.notifications(notifications.ListFollowsRequest()))
    if listed is None:
        return None
    shown = [each for each in listed.follows if each.thing_kind in KIND_NAMES][:SHOWN_MAX]
    titles = await _titles(visit, shown, elections)
    return [
        Followed(
            kind := KIND_NAMES[each.thing_kind],
            each.thing_id,
            page_of(kind, each.thing_id),
            titles.get(each.thing_id, ""),
            LEVEL_NAMES.get(each.level, "essential"),
        )
        for each in shown
    ], listed.email


async def _titles(
    visit: Visit,
    follows: list[notifications.FollowedThing],
    elections: budget.ListElectionsResponse | None,
) -> dict[str, str]:
    ids: dict[str, list[str]] = {kind: [] for kind in KIND_NAMES.values()}
    for each in follows:
        ids[KIND_NAMES[each.thing_kind]].append(each.thing_id)
    titles = {each.election_id: each.title for each in (elections.elections if elections else [])}
    proposals = await visit.portal.texts.of(ids["proposal"])
    titles |= {proposal_id: proposal.title for proposal_id, proposal in proposals.items()}
    if ids["process"]:
        processes = await or_none(visit.consultation(consultation.ListProcessesRequest()))
        titles |= {
            each.process_id: each.title for each in (processes.processes if processes else [])
        }
    reports = await asyncio.gather(*(_report_title(visit, each) for each in ids["report"]))
    return titles | dict(zip(ids["report"], reports, strict=True))


async def _report_title(visit: Visit, report_id: str) -> str:
    if "reporting" not in visit.portal.services.names:
        return ""
    try:
        found = await or_none(visit.reporting(reporting.GetReportRequest(report_id=report_id)))
    except DomainError:
        # A title is never worth a page.
        return ""
    return str(found.report.category_label) if found else ""


async def _cast(
    visit: Visit, visitor: Visitor, elections: budget.ListElectionsResponse | None
) -> list[Cast] | None:
    if elections is None:
        return None
    voted = [each for each in elections.elections if each.state != budget.ELECTION_STATE_PREPARING]
    try:
        found = await asyncio.gather(
            *(_standing(visit, visitor, each) for each in voted[:ELECTIONS_MAX])
        )
    except DomainError as error:
        if error.kind is not Kind.UNAVAILABLE:
            raise
        return None
    return [each for each in found if each is not None]


async def _standing(visit: Visit, visitor: Visitor, election: budget.Election) -> Cast | None:
    # A vote token of its own for each election: budget learns no more than when one votes.
    try:
        token = await visit.portal.tokens.get(visitor, "budget", election.election_id)
        standing = await ballots.standing(visit.portal.services.budget, token, election.election_id)
    except DomainError as error:
        if error.kind in _NO_BALLOT:
            return None
        raise
    return Cast(election, standing) if standing.sequence else None
