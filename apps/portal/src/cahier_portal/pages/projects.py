"""The public page of one project: where it came from, what it costs, how it was judged.

The page is a frame: each stretch of a project's life is a part of its own in templates/project.
Authors whose consent is asked answer here, and those who assess say here what they found.
"""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, Forbidden, NotFound
from cahier_portal.catalogue import t
from cahier_portal.forms import FieldErrors, FormError, read_form, status_of, what_to_mend
from cahier_portal.pages.books import delivery_context
from cahier_portal.pages.budgets import ProjectCard, published_result, read_cards, read_election
from cahier_portal.pages.fates import body_of, fates_of
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit, or_none

ASSESSING = ("analyst", "supervisor", "decision_maker")
ASKED_MAX = 40


@get("/projects/{project_id:uuid}")
async def project_page(visit: Caller, project_id: PathId) -> Page:
    """One project of an election."""
    return await page_of(visit, str(project_id))


@post("/projects/{project_id:uuid}/consent", status_code=200)
async def answer_change(visit: Caller, project_id: PathId) -> Answer:
    """An author agrees, or does not, that the project be merged or split."""
    visit.signed_in()
    form = await read_form(visit.request)
    agrees = form.text("answer")
    message = consultation.AnswerChangeRequest(
        proposal_id=form.text("proposal_id"),
        change_id=form.text("change_id"),
        agrees=agrees == "yes",
    )
    try:
        if agrees not in ("yes", "no"):
            raise FieldErrors(FormError("", t("error.not_an_option")))
        answer = await visit.consultation(message, form.key)
    except (DomainError, FieldErrors) as error:
        errors = [FormError("", each.text) for each in what_to_mend(error)]
        return await page_of(visit, str(project_id), status_of(error), errors=errors)
    notice = "notice.consent_given" if message.agrees else "notice.consent_refused"
    return visit.redirect(f"/projects/{project_id}", notice, answer.event_id)


@get("/projects/{project_id:uuid}/assess")
async def assess_page(visit: Caller, project_id: PathId) -> Page:
    """The form of an assessment, for those who hold one of the three roles."""
    require_assessor(visit)
    return await _assess_form(visit, str(project_id))


@post("/projects/{project_id:uuid}/assess", status_code=200)
async def assess(visit: Caller, project_id: PathId) -> Answer:
    """Assesses the project in one of the visitor's roles."""
    require_assessor(visit)
    form = await read_form(visit.request)
    id = str(project_id)
    found = await visit.budget(life.GetProjectRequest(project_id=id))
    try:
        message = life.AssessProjectRequest(
            election_id=found.election_id,
            project_id=id,
            role=form.text("role"),
            feasibility=form.text("feasibility"),
            estimate_cents=form.money("estimate"),
            running_cost_cents=form.money("running_cost") if form.text("running_cost") else 0,
            grounds=form.text("grounds"),
        )
        answer = await visit.budget(message, form.key)
    except (DomainError, FieldErrors) as error:
        return await _assess_form(
            visit, id, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    return visit.redirect(f"/projects/{id}", "notice.assessed", answer.event_id)


def require_assessor(visit: Visit) -> list[str]:
    """The roles in which the visitor may assess; raises Forbidden where there is none."""
    held = [role for role in ASSESSING if role in visit.signed_in().roles]
    if not held:
        raise Forbidden("role_required", "this needs one of the three roles", role="analyst")
    return held


async def page_of(visit: Visit, project_id: str, status: int = 200, **context: Any) -> Page:
    """The project's page; raises DomainError."""
    found = await visit.budget(life.GetProjectRequest(project_id=project_id))
    election = await read_election(visit, found.election_id)
    listed, told = await asyncio.gather(
        read_cards(visit, election),
        visit.budget(life.GetElectionLifeRequest(election_id=found.election_id)),
    )
    cards = {card.project.project_id: card for card in listed}
    card = card_of(cards, project_id)
    result = await published_result(visit, found.election_id)
    costs = await or_none(visit.portal.costs.of_project(found.election_id, project_id))
    roles = visit.visitor.roles if visit.visitor else ()
    return visit.page(
        "project.html",
        status,
        election=election,
        card=card,
        cards=cards,
        found=found,
        description=await _description(visit, found, card),
        result=result,
        fate=fates_of(result, listed, election.currency).get(card.project.number),
        life=told,
        costs=costs,
        own=await _own_proposals(visit, found),
        **await delivery_context(visit, election, project_id),
        may_assess=told.analysis == "three" and any(role in ASSESSING for role in roles),
        **context,
    )


def card_of(cards: dict[str, ProjectCard], project_id: str) -> ProjectCard:
    """The project with its words; raises NotFound."""
    card = cards.get(project_id)
    if card is None:
        raise NotFound("project_not_found", "the election has no such project")
    return card


async def _description(visit: Visit, found: life.GetProjectResponse, card: ProjectCard) -> str:
    """What the project is: its own words where it has any, else those of its proposal."""
    if found.text.title or found.text.description:
        return str(found.text.description)
    return await body_of(visit, card.project.proposal_id)


async def _own_proposals(visit: Visit, found: life.GetProjectResponse) -> set[str]:
    """Those of the visitor's own proposals whose author is asked about a pending change."""
    if visit.visitor is None:
        return set()
    asked = {
        each.proposal_id
        for change in found.changes
        if change.state == "proposed"
        for each in change.consents
        if not each.consent
    }
    answers = await asyncio.gather(
        *(
            or_none(visit.consultation(consultation.GetProposalRequest(proposal_id=each)))
            for each in sorted(asked)[:ASKED_MAX]
        )
    )
    return {
        answer.proposal.proposal_id
        for answer in answers
        if answer is not None and answer.proposal.written_by_caller
    }


async def _assess_form(visit: Visit, project_id: str, status: int = 200, **context: Any) -> Page:
    found = await visit.budget(life.GetProjectRequest(project_id=project_id))
    election = await read_election(visit, found.election_id)
    cards = {each.project.project_id: each for each in await read_cards(visit, election)}
    roles = require_assessor(visit)
    return visit.page(
        "assess.html",
        status,
        election=election,
        card=card_of(cards, project_id),
        found=found,
        roles=roles,
        **{"values": {"role": roles[0]}, **context},
    )
