"""The staff's work on an election before it opens: rules, projects, costs, feasibility."""

from __future__ import annotations

from typing import Any

from litestar import get, post

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, NotFound
from cahier_kernel.money import format_cents
from cahier_portal.catalogue import t
from cahier_portal.forms import (
    FieldErrors,
    Form,
    FormError,
    read_form,
    status_of,
    what_to_mend,
)
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Answer, Page, Visit, or_none

VOTE_TYPES = ("approval", "choose-1")
WAYS = {
    "greedy": ("greedy", "cost", "none"),
    "greedy-no-skip": ("greedy-no-skip", "cost", "none"),
    "greedy-threshold": ("greedy-threshold", "cost", "none"),
    "greedy-per-cost": ("greedy", "cardinality", "none"),
    "shares": ("mes", "cost", "add1-greedy"),
    "shares-count": ("mes", "cardinality", "add1-greedy"),
    "shares-add1": ("mes", "cost", "add1"),
    "shares-greedy": ("mes", "cost", "greedy"),
    "shares-plain": ("mes", "cost", "none"),
    "phragmen": ("phragmen", "cost", "none"),
}
"""Ways of counting as a form offers them: rule, utility and completion that go together."""
TIES = ("standard", "lexicographic", "cheapest")
NUMBERS_MAX = 2_000
ADDED_MAX = 500
LENGTH_MAX = 2_000


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
    return budget.CreateElectionRequest(
        title=form.text("title"),
        description=form.text("description"),
        process_id=form.text("process_id"),
        envelope_cents=form.money("envelope"),
        currency=form.text("currency").upper(),
        districts=districts,
        opens_at=form.moment("opens_at", zone),
        closes_at=form.moment("closes_at", zone),
        rules=read_rules(form),
    )


def read_rules(form: Form) -> budget.Rules:
    """The rules that a form says; raises FieldErrors."""
    most_cents = form.money("max_sum_cost") if form.text("max_sum_cost") else 0
    rule, utility, completion = WAYS[_one_of(form, "rule", tuple(WAYS))]
    return budget.Rules(
        vote_type=_one_of(form, "vote_type", VOTE_TYPES),
        min_length=form.count("min_length", LENGTH_MAX),
        max_length=form.count("max_length", LENGTH_MAX),
        max_sum_cost_cents=most_cents,
        rule=rule,
        utility=utility,
        completion=completion,
        threshold_votes=form.count("threshold_votes"),
        ties=_one_of(form, "ties", TIES),
        least_turnout=form.count("least_turnout"),
        least_votes=form.count("least_votes"),
        quotas=[_quota(form, line) for line in _lines(form, "quotas")],
        alternatives=[
            budget.Alternatives(numbers=_numbers("alternatives", line))
            for line in _lines(form, "alternatives")
        ],
        fixed=_numbers("fixed", form.text("fixed")),
    )


def _lines(form: Form, name: str) -> list[str]:
    return [line.strip() for line in form.text(name).split("\n") if line.strip()]


def _quota(form: Form, line: str) -> budget.Quota:
    """`District = amount`; nothing before the sign stands for the whole city's projects."""
    district, sign, amount = line.rpartition("=")
    if not sign:
        raise FieldErrors(FormError("quotas", t("error.not_a_quota")))
    return budget.Quota(district=district.strip(), amount_cents=form.amount("quotas", amount))


def _numbers(name: str, text: str) -> list[int]:
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() and int(word) <= NUMBERS_MAX for word in words):
        raise FieldErrors(FormError(name, t("error.not_numbers")))
    return [int(word) for word in words]


def _one_of(form: Form, name: str, known: tuple[str, ...]) -> str:
    value = form.text(name) or known[0]
    if value not in known:
        raise FieldErrors(FormError(name, t("error.not_an_option")))
    return value


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
                election_id=election_id, project_id=project_id, cost_cents=form.money("cost")
            ),
            form.key,
        )
        receipt = costed.event_id
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
    return _rules_form(visit, election, values=rule_values(election.rules))


@post("/staff/budgets/{election_id:uuid}/rules", status_code=200)
async def change_rules(visit: Caller, election_id: PathId) -> Answer:
    """Changes the rules, with a reason."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        message = budget.ChangeRulesRequest(
            election_id=str(election_id), rules=read_rules(form), reason=form.text("reason")
        )
        answer = await visit.budget(message, form.key)
    except (DomainError, FieldErrors) as error:
        election = await read_election(visit, str(election_id))
        return _rules_form(
            visit, election, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    path = f"/staff/budgets/{election_id}"
    return visit.redirect(path, "notice.rules_changed", answer.event_id)


def rule_values(rules: budget.Rules) -> dict[str, str]:
    """The rules as a form shows them."""
    return {
        "vote_type": rules.vote_type,
        "min_length": str(rules.min_length),
        "max_length": str(rules.max_length or ""),
        "max_sum_cost": format_cents(rules.max_sum_cost_cents) if rules.max_sum_cost_cents else "",
        "rule": way_of(rules),
        "threshold_votes": str(rules.threshold_votes or ""),
        "ties": rules.ties,
        "least_turnout": str(rules.least_turnout or ""),
        "least_votes": str(rules.least_votes or ""),
        "quotas": "\n".join(
            f"{quota.district} = {format_cents(quota.amount_cents)}" for quota in rules.quotas
        ),
        "alternatives": "\n".join(", ".join(map(str, each.numbers)) for each in rules.alternatives),
        "fixed": ", ".join(map(str, rules.fixed)),
    }


def way_of(rules: budget.Rules) -> str:
    """The way of counting that a form offers for these rules; "" for one that it does not."""
    parts = (rules.rule, rules.utility or "cost", rules.completion or "none")
    return next((way for way, known in WAYS.items() if known == parts), "")


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
        **_options(),
        **context,
    )


def _rules_form(visit: Visit, election: budget.Election, status: int = 200, **context: Any) -> Page:
    return visit.page("staff/rules.html", status, election=election, **_options(), **context)


def _options() -> dict[str, Any]:
    return {"vote_types": VOTE_TYPES, "counting_rules": tuple(WAYS), "ties": TIES}


async def _project_form(
    visit: Visit, election_id: str, project_id: str, status: int = 200, **context: Any
) -> Page:
    election = await read_election(visit, election_id)
    cards = await read_cards(visit, election)
    card = next((card for card in cards if card.project.project_id == project_id), None)
    if card is None:
        raise NotFound("project_not_found", "the election has no such project")
    held = {"values": _project_values(card), **context}
    return visit.page("staff/project.html", status, election=election, card=card, **held)


def _project_values(card: ProjectCard) -> dict[str, str]:
    project = card.project
    feasibility = budget.Feasibility.Name(project.feasibility)
    return {
        "cost": format_cents(project.cost_cents) if project.costed else "",
        "feasibility": feasibility.removeprefix("FEASIBILITY_").lower(),
        "reason": project.unfeasibility_explanation,
    }
