"""The staff's desk: what waits for the city, processes and their dates, answers to proposals."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError
from cahier_portal.catalogue import t
from cahier_portal.formats import instant, local_input
from cahier_portal.forms import (
    FieldErrors,
    Form,
    FormError,
    read_form,
    status_of,
    what_to_mend,
)
from cahier_portal.pages.processes import StateFilter
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Answer, Page, Visit, or_none

WAITING_SIZE = 50
COUNTED_MAX = 20
_ANSWERS = {
    "evaluating": consultation.PROPOSAL_STATE_EVALUATING,
    "accepted": consultation.PROPOSAL_STATE_ACCEPTED,
    "rejected": consultation.PROPOSAL_STATE_REJECTED,
}
_EDIT_WINDOWS_S = (0, 900, 3_600, 86_400, 259_200, 604_800)


@get("/staff")
async def desk(visit: Caller) -> Page:
    """Processes and budgets with what comes next for each."""
    visit.staff()
    processes = await or_none(visit.consultation(consultation.ListProcessesRequest()))
    elections = await or_none(visit.budget(budget.ListElectionsRequest()))
    listed = list(processes.processes) if processes else []
    waiting = await asyncio.gather(*map(partial(_waiting, visit), listed[:COUNTED_MAX]))
    return visit.page(
        "staff/desk.html",
        processes=listed,
        waiting={each.process_id: n for each, n in zip(listed, waiting, strict=False)},
        reports_waiting=await _reports_waiting(visit),
        elections=list(elections.elections) if elections else [],
        processes_away=processes is None,
        elections_away=elections is None,
        states=budget,
    )


async def _waiting(visit: Visit, process: consultation.Process) -> int:
    """How many of its proposals have no answer; 0 while consultation is away."""
    if not process.proposals:
        return 0
    listed = await or_none(
        visit.consultation(
            consultation.ListProposalsRequest(
                process_id=process.process_id,
                state=consultation.PROPOSAL_STATE_NOT_ANSWERED,
                page_size=1,
            )
        )
    )
    return int(listed.total) if listed else 0


async def _reports_waiting(visit: Visit) -> int:
    if "reporting" not in visit.portal.services.names:
        return 0
    message = reporting.ListReportsRequest(state=reporting.REPORT_STATE_UNCONFIRMED, page_size=1)
    listed = await or_none(visit.reporting(message))
    return int(listed.total) if listed else 0


@get("/staff/processes/new")
async def new_process_page(visit: Caller) -> Page:
    """The form of a new process."""
    visit.staff()
    return _process_form(visit, values={"edit_window_seconds": "3600"})


@post("/staff/processes/new", status_code=200)
async def new_process(visit: Caller) -> Answer:
    """Creates a process."""
    visit.staff()
    form = await read_form(visit.request)
    zone = visit.portal.zone
    try:
        answer = await visit.consultation(
            consultation.CreateProcessRequest(
                title=form.text("title"),
                description=form.text("description"),
                opens_at=form.moment("opens_at", zone),
                closes_at=form.moment("closes_at", zone),
                edit_window_seconds=form.count("edit_window_seconds"),
            ),
            form.key,
        )
    except (DomainError, FieldErrors) as error:
        return _process_form(
            visit, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    path = f"/staff/processes/{answer.process_id}"
    return visit.redirect(path, "notice.process_created", answer.event_id)


@get("/staff/processes/{process_id:uuid}")
async def process_desk(
    visit: Caller,
    process_id: PathId,
    answered: StateFilter = "not_answered",
    after: QueryText = "",
) -> Page:
    """A process's proposals that wait for an answer, and its dates."""
    visit.staff()
    return await _process_desk(visit, str(process_id), answered, after)


@post("/staff/processes/{process_id:uuid}/dates", status_code=200)
async def reschedule(visit: Caller, process_id: PathId) -> Answer:
    """Moves the dates of the idea phase, with a reason."""
    visit.staff()
    form = await read_form(visit.request)
    zone = visit.portal.zone
    try:
        answer = await visit.consultation(
            consultation.RescheduleIdeaPhaseRequest(
                process_id=str(process_id),
                opens_at=form.moment("opens_at", zone),
                closes_at=form.moment("closes_at", zone),
                reason=form.text("reason"),
            ),
            form.key,
        )
    except (DomainError, FieldErrors) as error:
        return await _process_desk(
            visit,
            str(process_id),
            status=status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
        )
    path = f"/staff/processes/{process_id}"
    return visit.redirect(path, "notice.dates_moved", answer.event_id)


@get("/staff/proposals/{proposal_id:uuid}")
async def answer_page(visit: Caller, proposal_id: PathId) -> Page:
    """The form to answer a proposal."""
    visit.staff()
    return await _answer_form(visit, str(proposal_id))


@post("/staff/proposals/{proposal_id:uuid}", status_code=200)
async def answer_proposal(visit: Caller, proposal_id: PathId) -> Answer:
    """Answers a proposal in the city's name."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        answer = await visit.consultation(_answer(str(proposal_id), form), form.key)
    except (DomainError, FieldErrors) as error:
        return await _answer_form(
            visit,
            str(proposal_id),
            status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
        )
    return visit.redirect(f"/proposals/{proposal_id}", "notice.answered", answer.event_id)


def _answer(proposal_id: str, form: Form) -> consultation.AnswerProposalRequest:
    state = _ANSWERS.get(form.text("state"))
    if state is None:
        raise FieldErrors(FormError("state", t("error.choose_an_answer")))
    return consultation.AnswerProposalRequest(
        proposal_id=proposal_id, state=state, text=form.text("text")
    )


def _process_form(visit: Visit, status: int = 200, **context: Any) -> Page:
    return visit.page(
        "staff/process_new.html",
        status,
        edit_windows=_EDIT_WINDOWS_S,
        zone=visit.portal.settings.time_zone,
        **context,
    )


async def _process_desk(
    visit: Visit,
    process_id: str,
    state: str = "not_answered",
    after: str = "",
    status: int = 200,
    values: dict[str, str] | None = None,
    **context: Any,
) -> Page:
    answer = await visit.consultation(consultation.GetProcessRequest(process_id=process_id))
    known = {"not_answered": consultation.PROPOSAL_STATE_NOT_ANSWERED, **_ANSWERS}
    listed = await visit.consultation(
        consultation.ListProposalsRequest(
            process_id=process_id,
            state=known.get(state, consultation.PROPOSAL_STATE_UNSPECIFIED),
            order=consultation.PROPOSAL_ORDER_SUPPORTS,
            page_size=WAITING_SIZE,
            page_token=after,
        )
    )
    zone = visit.portal.zone
    dates = {
        "opens_at": local_input(instant(answer.process.opens_at), zone),
        "closes_at": local_input(instant(answer.process.closes_at), zone),
    }
    return visit.page(
        "staff/process.html",
        status,
        process=answer.process,
        proposals=listed.proposals,
        total=listed.total,
        following=listed.next_page_token,
        state=state if state in known else "",
        states=list(known),
        zone=visit.portal.settings.time_zone,
        values={**dates, **(values or {})},
        **context,
    )


async def _answer_form(visit: Visit, proposal_id: str, status: int = 200, **context: Any) -> Page:
    answer = await visit.consultation(consultation.GetProposalRequest(proposal_id=proposal_id))
    return visit.page(
        "staff/answer.html",
        status,
        proposal=answer.proposal,
        answers=list(_ANSWERS),
        **context,
    )
