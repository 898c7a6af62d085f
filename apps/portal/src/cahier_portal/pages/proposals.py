"""One proposal: its text, its supporters' number, its discussion, the city's answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError
from cahier_portal.forms import FormError, read_form, status_of, what_to_mend
from cahier_portal.pages.following import followed_level
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Answer, Page, Visit, or_none

COMMENTS_SIZE = 100
DEPTH_MAX = 4


@dataclass
class Thread:
    """A comment with what was said in answer to it."""

    comment: consultation.Comment
    depth: int
    answers: list[Thread] = field(default_factory=list)


@get("/proposals/{proposal_id:uuid}")
async def proposal_page(
    visit: Caller,
    proposal_id: PathId,
    answering: QueryText = "",
    after: QueryText = "",
) -> Page:
    """The proposal. answering: id of the comment that the form shall answer."""
    return await _proposal(visit, str(proposal_id), answering=answering, after=after)


@post("/proposals/{proposal_id:uuid}/support", status_code=200)
async def support(visit: Caller, proposal_id: PathId) -> Answer:
    """Supports the proposal in the visitor's name."""
    message = consultation.SupportProposalRequest(proposal_id=str(proposal_id))
    return await _act(visit, message, "notice.supported")


@post("/proposals/{proposal_id:uuid}/unsupport", status_code=200)
async def unsupport(visit: Caller, proposal_id: PathId) -> Answer:
    """Takes the visitor's support back."""
    message = consultation.UnsupportProposalRequest(proposal_id=str(proposal_id))
    return await _act(visit, message, "notice.unsupported")


@post("/proposals/{proposal_id:uuid}/comments", status_code=200)
async def add_comment(visit: Caller, proposal_id: PathId) -> Answer:
    """Says something about the proposal, or in answer to a comment."""
    visit.signed_in()
    form = await read_form(visit.request)
    message = consultation.AddCommentRequest(
        proposal_id=str(proposal_id), parent_id=form.text("parent_id"), body=form.text("body")
    )
    try:
        answer = await visit.consultation(message, form.key)
    except DomainError as error:
        errors = [FormError("comment", each.text) for each in what_to_mend(error)]
        return await _proposal(
            visit,
            message.proposal_id,
            answering=message.parent_id,
            status=status_of(error),
            errors=errors,
            values=form.values(),
        )
    path = f"/proposals/{proposal_id}#comment-{answer.comment_id}"
    return visit.redirect(path, "notice.commented", answer.event_id)


@get("/proposals/{proposal_id:uuid}/edit")
async def edit_page(visit: Caller, proposal_id: PathId) -> Page:
    """The author's form to change or withdraw a proposal."""
    visit.signed_in()
    proposal = await _read(visit, str(proposal_id))
    values = {"title": proposal.title, "body": proposal.body}
    return visit.page("proposal_edit.html", proposal=proposal, values=values)


@post("/proposals/{proposal_id:uuid}/edit", status_code=200)
async def edit(visit: Caller, proposal_id: PathId) -> Answer:
    """Changes the visitor's own proposal."""
    visit.signed_in()
    form = await read_form(visit.request)
    message = consultation.EditProposalRequest(
        proposal_id=str(proposal_id), title=form.text("title"), body=form.text("body")
    )
    try:
        answer = await visit.consultation(message, form.key)
    except DomainError as error:
        return visit.page(
            "proposal_edit.html",
            status_of(error),
            proposal=await _read(visit, str(proposal_id)),
            errors=what_to_mend(error),
            values=form.values(),
        )
    return visit.redirect(f"/proposals/{proposal_id}", "notice.edited", answer.event_id)


@get("/proposals/{proposal_id:uuid}/withdraw")
async def withdraw_page(visit: Caller, proposal_id: PathId) -> Page:
    """Asks once more before a proposal is withdrawn for good."""
    visit.signed_in()
    return visit.page("proposal_withdraw.html", proposal=await _read(visit, str(proposal_id)))


@post("/proposals/{proposal_id:uuid}/withdraw", status_code=200)
async def withdraw(visit: Caller, proposal_id: PathId) -> Answer:
    """Withdraws the visitor's own proposal."""
    message = consultation.WithdrawProposalRequest(proposal_id=str(proposal_id))
    return await _act(visit, message, "notice.withdrawn")


async def _act(visit: Visit, message: Any, notice: str) -> Answer:
    visit.signed_in()
    form = await read_form(visit.request)
    try:
        answer = await visit.consultation(message, form.key)
    except DomainError as error:
        errors = [FormError("", each.text) for each in what_to_mend(error)]
        return await _proposal(visit, message.proposal_id, status=status_of(error), errors=errors)
    return visit.redirect(f"/proposals/{message.proposal_id}", notice, answer.event_id)


async def _read(visit: Visit, proposal_id: str) -> consultation.Proposal:
    answer = await visit.consultation(consultation.GetProposalRequest(proposal_id=proposal_id))
    proposal: consultation.Proposal = answer.proposal
    return proposal


async def _proposal(
    visit: Visit,
    proposal_id: str,
    *,
    answering: str = "",
    after: str = "",
    status: int = 200,
    **context: Any,
) -> Page:
    proposal = await _read(visit, proposal_id)
    comments = await visit.consultation(
        consultation.ListCommentsRequest(
            proposal_id=proposal_id, page_size=COMMENTS_SIZE, page_token=after
        )
    )
    process = await or_none(
        visit.consultation(consultation.GetProcessRequest(process_id=proposal.process_id))
    )
    became = await or_none(visit.budget(life.ListProposalProjectsRequest(proposal_id=proposal_id)))
    answered = next((c for c in comments.comments if c.comment_id == answering), None)
    return visit.page(
        "proposal.html",
        status,
        proposal=proposal,
        process=process.process if process else None,
        became=became.projects if became else [],
        threads=flat(threads(comments.comments)),
        next_comments=comments.next_page_token,
        answered=answered,
        following=await followed_level(visit, "proposal", proposal_id),
        **context,
    )


def threads(comments: Any) -> list[Thread]:
    """Comments as trees, oldest first; an answer whose parent is on another page stands alone."""
    by_id: dict[str, Thread] = {}
    tops: list[Thread] = []
    for comment in comments:
        parent = by_id.get(comment.parent_id)
        depth = min(parent.depth + 1, DEPTH_MAX) if parent else 0
        thread = Thread(comment, depth)
        by_id[comment.comment_id] = thread
        (parent.answers if parent else tops).append(thread)
    return tops


def flat(trees: list[Thread]) -> list[Thread]:
    """Trees in reading order, each comment right before its answers. Not recursive: a
    discussion may be deeper than Python's stack."""
    waiting, read = list(reversed(trees)), []
    while waiting:
        thread = waiting.pop()
        read.append(thread)
        waiting += reversed(thread.answers)
    return read
