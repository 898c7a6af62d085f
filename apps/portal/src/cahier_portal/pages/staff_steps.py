"""The four steps that cannot be taken back: open, close, count, publish. Each is confirmed."""

from __future__ import annotations

from typing import Any, Literal

from litestar import get, post
from litestar.params import FromPath

from cahier_chassis.errors import CALL_TOO_LONG
from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import DomainError
from cahier_portal.formats import instant
from cahier_portal.forms import Form, read_form, status_of, what_to_mend
from cahier_portal.pages.budgets import read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit

Step = Literal["open", "close", "count", "publish"]
STEPS: tuple[Step, ...] = ("open", "close", "count", "publish")


@get("/staff/budgets/{election_id:uuid}/steps/{step:str}")
async def step_page(visit: Caller, election_id: PathId, step: FromPath[Step]) -> Page:
    """What the step does, and the button that does it."""
    visit.staff()
    return await _confirm(visit, str(election_id), step)


@post("/staff/budgets/{election_id:uuid}/steps/{step:str}", status_code=200)
async def take_step(
    visit: Caller,
    election_id: PathId,
    step: FromPath[Step],
) -> Answer:
    """Takes the step."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        answer = await visit.budget(_message(step, str(election_id), form), form.key)
    except DomainError as error:
        if step == "count" and error.code in CALL_TOO_LONG:
            return visit.redirect(f"/staff/budgets/{election_id}", "notice.count_goes_on")
        return await _confirm(
            visit,
            str(election_id),
            step,
            status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
        )
    path = f"/staff/budgets/{election_id}"
    return visit.redirect(path, f"notice.step_{step}", answer.event_id)


def _message(step: Step, election_id: str, form: Form) -> Any:
    if step == "open":
        return budget.OpenVotingRequest(election_id=election_id)
    if step == "close":
        return budget.CloseVotingRequest(election_id=election_id, reason=form.text("reason"))
    if step == "count":
        return budget.CountBallotsRequest(election_id=election_id)
    return budget.PublishResultRequest(election_id=election_id)


async def _confirm(
    visit: Visit, election_id: str, step: Step, status: int = 200, **context: Any
) -> Page:
    election = await read_election(visit, election_id)
    is_early = step == "close" and visit.portal.clock.now() < instant(election.closes_at)
    return visit.page(
        "staff/step.html", status, election=election, step=step, is_early=is_early, **context
    )
