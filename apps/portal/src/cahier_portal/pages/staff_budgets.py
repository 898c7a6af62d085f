"""The staff's work on an election before it opens: rules, projects, costs, feasibility."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, NotFound
from cahier_portal import rule_forms
from cahier_portal.formats import amount_typed
from cahier_portal.forms import (
    FieldErrors,
    Form,
    read_form,
    status_of,
    together,
    what_to_mend,
)
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Answer, Page, Visit, or_none

ADDED_MAX = 500


@get("/staff/budgets/new")
async def new_budget_page(visit: Caller, process: QueryText = "") -> Page:
    """The form of a new election."""
    visit.staff()
    values = {"process_id": process, "currency": "EUR", "min_length": "1"}
    return await _budget_form(visit, values=values)


@post("/staff/budgets/new", status_code=200)
async def new_budget(visit: Caller) -> Answer:
    """Creates an election."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        answer = await visit.budget(_new_election(visit, form), form.key)
    except (DomainError, FieldErrors) as error:
        return await _budget_form(
            visit, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    path = f"/staff/budgets/{answer.election_id}"
    return visit.redirect(path, "notice.budget_created", answer.event_id)


def _new_election(visit: Visit, form: Form) -> budget.CreateElectionRequest:
    zone = visit.portal.zone
    districts = [line.strip() for line in form.text("districts").split("\n") if line.strip()]
    _, envelope_cents, opens_at, closes_at, rules = together(
        partial(form.needed, "title"),
        partial(form.money, "envelope"),
        partial(form.moment, "opens_at", zone),
        partial(form.moment, "closes_at", zone),
        partial(rule_forms.read_rules, form),
    )
    return budget.CreateElectionRequest(
        title=form.text("title"),
        description=form.text("description"),
        process_id=form.text("process_id"),
        envelope_cents=envelope_cents,
        currency=form.text("currency").upper(),
        districts=districts,
        opens_at=opens_at,
        closes_at=closes_at,
        rules=rules,
    )


@get("/staff/budgets/{election_id:uuid}")
async def budget_desk(visit: Caller, election_id: PathId) -> Page:
    """One election's state, candidates and projects, and the next step."""
    visit.staff()
    return await desk_of(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/projects", status_code=200)
async def add_projects(visit: Caller, election_id: PathId) -> Answer:
    """Adds the ticked candidates as projects, one after the other, in their order."""
    visit.staff()
    form = await read_form(visit.request)
    added = 0
    try:
        for proposal_id in form.all("proposal_id")[:ADDED_MAX]:
            message = budget.AddProjectRequest(
                election_id=str(election_id), proposal_id=proposal_id
            )
            await visit.budget(message, f"{form.key}-{proposal_id[-12:]}")
            added += 1
    except DomainError as error:
        errors = what_to_mend(error)
        return await desk_of(visit, str(election_id), status_of(error), errors=errors)
    path = f"/staff/budgets/{election_id}"
    return visit.redirect(path, "notice.projects_added" if added else "notice.nothing_ticked")


@get("/staff/budgets/{election_id:uuid}/projects/{project_id:uuid}")
async def project_page(visit: Caller, election_id: PathId, project_id: PathId) -> Page:
    """The form to cost and judge one project."""
    visit.staff()
    return await _project_form(visit, str(election_id), str(project_id))


@post("/staff/budgets/{election_id:uuid}/projects/{project_id:uuid}", status_code=200)
async def judge_project(
    visit: Caller,
    election_id: PathId,
    project_id: PathId,
) -> Answer:
    """States the cost and judges the feasibility of one project."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        receipt = await _cost_and_judge(visit, form, str(election_id), str(project_id))
    except (DomainError, FieldErrors) as error:
        return await _project_form(
            visit,
            str(election_id),
            str(project_id),
            status_of(error),
            errors=what_to_mend(error),
            values=form.values(),
        )
    return visit.redirect(f"/staff/budgets/{election_id}", "notice.project_judged", receipt)


async def _cost_and_judge(visit: Visit, form: Form, election_id: str, project_id: str) -> str:
    receipt = ""
    if form.text("cost"):
        costed = await visit.budget(
            budget.CostProjectRequest(
                election_id=election_id,
                project_id=project_id,
                cost_cents=form.money("cost"),
                instalments_cents=rule_forms.amounts(form, "instalments"),
            ),
            form.key,
        )
        receipt = costed.event_id
    if form.text("running_cost"):
        stated = await visit.budget(
            life.StateRunningCostRequest(
                election_id=election_id,
                project_id=project_id,
                running_cost_cents=form.money("running_cost"),
            ),
            form.key,
        )
        receipt = stated.event_id or receipt
    judgement = {
        "feasible": budget.FEASIBILITY_FEASIBLE,
        "unfeasible": budget.FEASIBILITY_UNFEASIBLE,
    }.get(form.text("feasibility"))
    if judgement is not None:
        judged = await visit.budget(
            budget.JudgeFeasibilityRequest(
                election_id=election_id,
                project_id=project_id,
                feasibility=judgement,
                reason=form.text("reason"),
            ),
            form.key,
        )
        receipt = judged.event_id
    return receipt


@get("/staff/budgets/{election_id:uuid}/rules")
async def rules_page(visit: Caller, election_id: PathId) -> Page:
    """The form to change the rules before voting opens."""
    visit.staff()
    election = await read_election(visit, str(election_id))
    return _rules_form(visit, election, values=rule_forms.values_of(election.rules))


@post("/staff/budgets/{election_id:uuid}/rules", status_code=200)
async def change_rules(visit: Caller, election_id: PathId) -> Answer:
    """Changes the rules, with a reason."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        message = budget.ChangeRulesRequest(
            election_id=str(election_id),
            rules=rule_forms.read_rules(form),
            reason=form.text("reason"),
        )
        answer = await visit.budget(message, form.key)
    except (DomainError, FieldErrors) as error:
        election = await read_election(visit, str(election_id))
        return _rules_form(
            visit, election, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    path = f"/staff/budgets/{election_id}"
    return visit.redirect(path, "notice.rules_changed", answer.event_id)


async def desk_of(visit: Visit, election_id: str, status: int = 200, **context: Any) -> Page:
    """The election's page for staff; raises DomainError."""
    election = await read_election(visit, election_id)
    cards = await read_cards(visit, election)
    candidates: list[tuple[budget.Candidate, str]] = []
    if election.state == budget.ELECTION_STATE_PREPARING:
        answer = await visit.budget(budget.ListCandidatesRequest(election_id=election_id))
        words = await visit.portal.texts.of(
            (candidate.proposal_id for candidate in answer.candidates), election.process_id
        )
        for candidate in answer.candidates:
            known = words.get(candidate.proposal_id)
            candidates.append((candidate, known.title if known else candidate.proposal_id))
    undecided = [card for card in cards if card.project.feasibility == budget.FEASIBILITY_UNDECIDED]
    return visit.page(
        "staff/budget.html",
        status,
        election=election,
        cards=cards,
        candidates=candidates,
        undecided=undecided,
        standing=sum(card.is_standing for card in cards),
        states=budget,
        **context,
    )


async def _budget_form(visit: Visit, status: int = 200, **context: Any) -> Page:
    processes = await or_none(visit.consultation(consultation.ListProcessesRequest()))
    return visit.page(
        "staff/budget_new.html",
        status,
        processes=list(processes.processes) if processes else [],
        zone=visit.portal.settings.time_zone,
        **rule_forms.options(),
        **context,
    )


def _rules_form(visit: Visit, election: budget.Election, status: int = 200, **context: Any) -> Page:
    return visit.page(
        "staff/rules.html", status, election=election, **rule_forms.options(), **context
    )


async def _project_form(
    visit: Visit, election_id: str, project_id: str, status: int = 200, **context: Any
) -> Page:
    election = await read_election(visit, election_id)
    cards = await read_cards(visit, election)
    card = next((card for card in cards if card.project.project_id == project_id), None)
    if card is None:
        raise NotFound("project_not_found", "the election has no such project")
    told = await visit.budget(life.GetElectionLifeRequest(election_id=election_id))
    held = {"values": _project_values(card), "three_decide": told.analysis == "three", **context}
    return visit.page("staff/project.html", status, election=election, card=card, **held)


def _project_values(card: ProjectCard) -> dict[str, str]:
    project = card.project
    feasibility = budget.Feasibility.Name(project.feasibility)
    return {
        "cost": amount_typed(project.cost_cents) if project.costed else "",
        "instalments": rule_forms.typed_amounts(project.instalments_cents),
        "running_cost": amount_typed(project.running_cost_cents)
        if project.running_cost_cents
        else "",
        "feasibility": feasibility.removeprefix("FEASIBILITY_").lower(),
        "reason": project.unfeasibility_explanation,
    }
