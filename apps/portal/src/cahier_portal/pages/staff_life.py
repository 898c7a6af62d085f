"""The staff's pages of an election's way to the vote: its phases, and how projects are analysed."""

from __future__ import annotations

from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.errors import DomainError
from cahier_portal.formats import instant, local_input
from cahier_portal.forms import FieldErrors, Form, read_form, status_of, what_to_mend
from cahier_portal.pages.budgets import read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit
from cahier_record.budget.life import BALLOTING, PHASES


@get("/staff/budgets/{election_id:uuid}/life")
async def life_page(visit: Caller, election_id: PathId) -> Page:
    """The phases with their dates, the next step, the way of analysis."""
    visit.staff()
    return await _page(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/life/plan", status_code=200)
async def plan(visit: Caller, election_id: PathId) -> Answer:
    """Plans the phases, or goes back to an earlier one by the same dates."""
    visit.staff()
    form = await read_form(visit.request)
    back = form.text("back_to")

    def message() -> Any:
        phases, reason = _plan(visit, form), form.text("reason")
        if back:
            return life.ReopenPhaseRequest(
                election_id=str(election_id), phase=back, phases=phases, reason=reason
            )
        return life.PlanPhasesRequest(election_id=str(election_id), phases=phases, reason=reason)

    notice = "notice.phase_reopened" if back else "notice.phases_planned"
    return await _send(visit, str(election_id), form, message, notice)


@post("/staff/budgets/{election_id:uuid}/life/enter", status_code=200)
async def enter(visit: Caller, election_id: PathId) -> Answer:
    """Enters the next phase."""
    visit.staff()
    form = await read_form(visit.request)

    def message() -> Any:
        return life.EnterPhaseRequest(
            election_id=str(election_id),
            phase=form.text("phase"),
            reason=form.text("early_reason"),
        )

    return await _send(visit, str(election_id), form, message, "notice.phase_entered")


@post("/staff/budgets/{election_id:uuid}/life/analysis", status_code=200)
async def choose_analysis(visit: Caller, election_id: PathId) -> Answer:
    """Chooses how projects are analysed."""
    visit.staff()
    form = await read_form(visit.request)

    def message() -> Any:
        return life.ChooseAnalysisRequest(
            election_id=str(election_id), analysis=form.text("analysis")
        )

    return await _send(visit, str(election_id), form, message, "notice.analysis_chosen")


async def _send(visit: Visit, election_id: str, form: Form, message: Any, notice: str) -> Answer:
    try:
        answer = await visit.budget(message(), form.key)
    except (DomainError, FieldErrors) as error:
        return await _page(
            visit,
            election_id,
            status_of(error),
            errors=what_to_mend(error),
            typed=form.values(),
        )
    return visit.redirect(f"/staff/budgets/{election_id}/life", notice, answer.event_id)


def _plan(visit: Visit, form: Form) -> list[life.PlannedPhase]:
    """The phases that have a date; raises FieldErrors."""
    zone = visit.portal.zone
    return [
        life.PlannedPhase(phase=phase, starts_at=form.moment(f"starts_{phase}", zone))
        for phase in PHASES
        if form.text(f"starts_{phase}")
    ]


async def _page(
    visit: Visit,
    election_id: str,
    status: int = 200,
    typed: dict[str, str] | None = None,
    **context: Any,
) -> Page:
    election = await read_election(visit, election_id)
    told = await visit.budget(life.GetElectionLifeRequest(election_id=election_id))
    zone = visit.portal.zone
    dates = {
        "starts_balloting": local_input(instant(election.opens_at), zone),
        "starts_reviewing_ballots": local_input(instant(election.closes_at), zone),
        **{
            f"starts_{each.phase}": local_input(instant(each.starts_at), zone)
            for each in told.phases
        },
    }
    names = [each.phase for each in told.phases]
    place = names.index(told.phase) if told.phase in names else -1
    following = names[place + 1] if place + 1 < len(names) else ""
    return visit.page(
        "staff/life.html",
        status,
        election=election,
        life=told,
        phases=PHASES,
        following=following if following in PHASES[:BALLOTING] else "",
        passed=[name for name in names[: max(place, 0)] if name in PHASES[:BALLOTING]],
        zone=visit.portal.settings.time_zone,
        values={"analysis": told.analysis, **dates, **(typed or {})},
        **context,
    )
