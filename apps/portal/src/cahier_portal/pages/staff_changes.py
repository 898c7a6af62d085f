"""The staff's page of mergers and splits: what is proposed, who has agreed, what came of it."""

from __future__ import annotations

from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.errors import DomainError
from cahier_portal.forms import Form, read_form, status_of, what_to_mend
from cahier_portal.pages.budgets import read_cards, read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit

PARTS = 4
"""How many results of a split the form has room for."""


@get("/staff/budgets/{election_id:uuid}/changes")
async def changes_page(visit: Caller, election_id: PathId) -> Page:
    """The mergers and splits of an election, and the forms of new ones."""
    visit.staff()
    return await _page(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/changes/merge", status_code=200)
async def merge(visit: Caller, election_id: PathId) -> Answer:
    """Proposes to merge the ticked projects."""
    visit.staff()
    form = await read_form(visit.request)
    message = life.ProposeMergeRequest(
        election_id=str(election_id),
        project_ids=form.all("projects"),
        result=life.ResultText(
            title=form.text("title"), description=form.text("merge_description")
        ),
        reason=form.text("merge_reason"),
    )
    return await _send(visit, str(election_id), form, message, "notice.change_proposed")


@post("/staff/budgets/{election_id:uuid}/changes/split", status_code=200)
async def split(visit: Caller, election_id: PathId) -> Answer:
    """Proposes to split the chosen project."""
    visit.staff()
    form = await read_form(visit.request)
    texts = [
        life.ResultText(title=form.text(f"title_{n}"), description=form.text(f"description_{n}"))
        for n in range(1, PARTS + 1)
    ]
    message = life.ProposeSplitRequest(
        election_id=str(election_id),
        project_id=form.text("project_id"),
        results=[text for text in texts if text.title],
        reason=form.text("split_reason"),
    )
    return await _send(visit, str(election_id), form, message, "notice.change_proposed")


@post("/staff/budgets/{election_id:uuid}/changes/withdraw", status_code=200)
async def withdraw(visit: Caller, election_id: PathId) -> Answer:
    """Gives a pending change up."""
    visit.staff()
    form = await read_form(visit.request)
    message = life.WithdrawChangeRequest(
        election_id=str(election_id),
        change_id=form.text("change_id"),
        reason=form.text("reason"),
    )
    return await _send(visit, str(election_id), form, message, "notice.change_withdrawn")


async def _send(visit: Visit, election_id: str, form: Form, message: Any, notice: str) -> Answer:
    try:
        answer = await visit.budget(message, form.key)
    except DomainError as error:
        return await _page(
            visit,
            election_id,
            status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
            ticked=form.all("projects"),
        )
    return visit.redirect(f"/staff/budgets/{election_id}/changes", notice, answer.event_id)


async def _page(visit: Visit, election_id: str, status: int = 200, **context: Any) -> Page:
    election = await read_election(visit, election_id)
    listed = await read_cards(visit, election)
    told = await visit.budget(life.GetElectionLifeRequest(election_id=election_id))
    return visit.page(
        "staff/changes.html",
        status,
        election=election,
        life=told,
        cards={card.project.project_id: card for card in listed},
        standing=[
            card for card in listed if card.project.feasibility != budget.FEASIBILITY_SUPERSEDED
        ],
        parts_max=PARTS,
        **{"ticked": [], **context},
    )
