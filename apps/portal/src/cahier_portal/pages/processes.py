"""Processes and the proposals in them: list, filter, submit."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import QueryParameter

from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError
from cahier_portal.forms import FieldErrors, read_form, status_of, together, what_to_mend
from cahier_portal.pages.authorship import follow_own
from cahier_portal.pages.following import followed_level
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.places import read_position
from cahier_portal.visit import Answer, Page, Visit

PAGE_SIZE = 24
# `state` itself is a reserved name of the framework's handlers.
StateFilter = Annotated[str, QueryParameter(name="state")]
STATES = {
    "not_answered": consultation.PROPOSAL_STATE_NOT_ANSWERED,
    "evaluating": consultation.PROPOSAL_STATE_EVALUATING,
    "accepted": consultation.PROPOSAL_STATE_ACCEPTED,
    "rejected": consultation.PROPOSAL_STATE_REJECTED,
}
ORDERS = {
    "submitted": consultation.PROPOSAL_ORDER_UNSPECIFIED,
    "newest": consultation.PROPOSAL_ORDER_NEWEST,
    "supports": consultation.PROPOSAL_ORDER_SUPPORTS,
}


@get("/processes")
async def process_list(visit: Caller) -> Page:
    """All processes, newest first."""
    answer = await visit.consultation(consultation.ListProcessesRequest())
    return visit.page("processes.html", processes=answer.processes)


@get("/processes/{process_id:uuid}")
async def process_page(
    visit: Caller,
    process_id: PathId,
    answered: StateFilter = "",
    order: QueryText = "newest",
    after: QueryText = "",
) -> Page:
    """A process with a page of its proposals; the submit form while it takes proposals."""
    return await _process(visit, str(process_id), answered, order, after)


@post("/processes/{process_id:uuid}/proposals", status_code=200)
async def submit_proposal(visit: Caller, process_id: PathId) -> Answer:
    """Submits a proposal and leads to it; or shows what to mend."""
    visit.signed_in()
    form = await read_form(visit.request)
    try:
        request = consultation.SubmitProposalRequest(
            process_id=str(process_id),
            title=form.text("title"),
            body=form.text("body"),
            category=form.text("category"),
            district=form.text("district"),
        )
        _, position = together(partial(form.needed, "title"), partial(read_position, form))
        if position is not None:
            request.position.lat_e7, request.position.lon_e7 = position.lat_e7, position.lon_e7
        answer = await visit.consultation(request, form.key)
    except (DomainError, FieldErrors) as error:
        return await _process(
            visit,
            str(process_id),
            status=status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
        )
    await follow_own(visit, answer.proposal_id)
    path = f"/proposals/{answer.proposal_id}"
    return visit.redirect(path, "notice.proposal_submitted", answer.event_id)


async def _process(
    visit: Visit,
    process_id: str,
    state: str = "",
    order: str = "newest",
    after: str = "",
    status: int = 200,
    **context: Any,
) -> Page:
    answer = await visit.consultation(consultation.GetProcessRequest(process_id=process_id))
    listed = await visit.consultation(
        consultation.ListProposalsRequest(
            process_id=process_id,
            state=STATES.get(state, consultation.PROPOSAL_STATE_UNSPECIFIED),
            order=ORDERS.get(order, consultation.PROPOSAL_ORDER_NEWEST),
            page_size=PAGE_SIZE,
            page_token=after,
        )
    )
    chosen = {"state": state, "order": order}
    following = urlencode({**chosen, "after": listed.next_page_token})
    return visit.page(
        "process.html",
        status,
        process=answer.process,
        proposals=listed.proposals,
        total=listed.total,
        next_link=f"?{following}#proposals" if listed.next_page_token else "",
        first_link=f"?{urlencode(chosen)}#proposals" if after else "",
        takes_proposals=answer.process.idea_phase == consultation.IDEA_PHASE_OPEN,
        chosen=chosen,
        states=list(STATES),
        orders=["newest", "supports", "submitted"],
        following=await followed_level(visit, "process", process_id),
        **context,
    )
