"""What if: the same ballots with another envelope, rule or cost, counted anew for the reader.

The question stands in the address, so that an answer can be shared; asking is bounded by reader
and minute, for each new question is a count.
"""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get
from litestar.datastructures import FormMultiDict
from markupsafe import Markup

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import explaining_pb2 as explaining
from cahier_kernel.errors import DomainError
from cahier_portal.catalogue import t
from cahier_portal.formats import share
from cahier_portal.forms import FieldErrors, Form, FormError, status_of, what_to_mend
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.pages.results import bar_of, read_result
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Page, Visit
from cahier_portal.wording import outcome_reason, rule_name

WAYS = {
    "greedy_cost": ("greedy", "cost", "none"),
    "greedy_count": ("greedy", "cardinality", "none"),
    "shares_cost": ("mes", "cost", "greedy"),
    "shares_count": ("mes", "cardinality", "greedy"),
    "phragmen": ("phragmen", "cost", "none"),
}
TOO_MANY = 429


@dataclass(frozen=True)
class Fate:
    """A project as it would fare beside how it fared."""

    card: ProjectCard
    cost_cents: int
    won: bool
    would_win: bool
    reason: str


@dataclass(frozen=True)
class Answer:
    """The other outcome as the page shows it."""

    outcome: explaining.WhatIfResponse
    name: str
    picture: Markup
    before: Markup
    gained: list[Fate]
    lost: list[Fate]
    fates: list[Fate]
    with_one: str
    spent_share: str


@get("/budgets/{election_id:uuid}/what-if")
async def what_if_page(visit: Caller, election_id: PathId) -> Page:
    """The form, and once something is asked, the answer below it."""
    election = await read_election(visit, str(election_id))
    result = await read_result(visit, election.election_id)
    if result is None:
        return visit.page("results_later.html", election=election, states=budget)
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    form = Form(FormMultiDict(list(visit.request.query_params.multi_items())))
    answer, errors, status = None, list[FormError](), 200
    try:
        question = read_question(form, election.election_id)
        if question is not None:
            answer = await _ask(visit, question, election, result, cards)
    except (DomainError, FieldErrors) as error:
        errors, status = what_to_mend(error), status_of(error)
    if answer is None and not errors and asks(form):
        errors = [FormError("", t("what_if.too_often"))]
        status = TOO_MANY
    standing = {each.number for each in result.outcomes}
    return visit.page(
        "what_if.html",
        status,
        election=election,
        result=result,
        ways=[("", t("what_if.same_rule")), *((way, rule_name(*WAYS[way])) for way in WAYS)],
        choices=[card for number, card in cards.items() if number in standing],
        answer=answer,
        errors=errors,
        values=form.values(),
    )


def asks(form: Form) -> bool:
    """Whether anything is asked at all."""
    return any(form.text(name) for name in ("envelope", "way", "project", "cost"))


def read_question(form: Form, election_id: str) -> explaining.WhatIfRequest | None:
    """What the address asks, or None where it asks nothing; raises FieldErrors."""
    if not asks(form):
        return None
    question = explaining.WhatIfRequest(election_id=election_id)
    if form.text("envelope"):
        question.envelope_cents = form.money("envelope")
    if way := form.text("way"):
        if way not in WAYS:
            raise FieldErrors(FormError("way", t("what_if.unknown_rule")))
        question.way.rule, question.way.utility, question.way.completion = WAYS[way]
    project, cost = form.text("project"), form.text("cost")
    if bool(project) != bool(cost):
        missing = "cost" if project else "project"
        raise FieldErrors(FormError(missing, t("what_if.both")))
    if project:
        question.costs.add(number=form.count("project"), cost_cents=form.money("cost"))
    return question


async def _ask(
    visit: Visit,
    question: explaining.WhatIfRequest,
    election: budget.Election,
    result: budget.GetResultResponse,
    cards: dict[int, ProjectCard],
) -> Answer | None:
    """None where this reader has asked too often."""
    if not visit.portal.what_if_throttle.admits(visit.address):
        return None
    outcome = await visit.budget(question)
    fates = _fates(outcome, result, cards)
    by_number = {fate.card.project.number: fate for fate in fates}
    chosen = [by_number[number] for number in outcome.selected if number in by_number]
    before = [cards[number] for number in result.selected if number in cards]
    return Answer(
        outcome=outcome,
        name=rule_name(outcome.way.rule, outcome.way.utility, outcome.way.completion),
        picture=bar_of(
            [(fate.card.title, fate.cost_cents) for fate in chosen],
            outcome.spent_cents,
            outcome.envelope_cents,
            election.currency,
        ),
        before=bar_of(
            [(card.title, card.project.cost_cents) for card in before],
            result.spent_cents,
            result.envelope_cents,
            election.currency,
        ),
        gained=[fate for fate in fates if fate.would_win and not fate.won],
        lost=[fate for fate in fates if fate.won and not fate.would_win],
        fates=[*chosen, *(fate for fate in fates if not fate.would_win)],
        with_one=share(outcome.satisfaction.with_one, outcome.satisfaction.voters),
        spent_share=share(outcome.spent_cents, outcome.envelope_cents),
    )


def _fates(
    outcome: explaining.WhatIfResponse,
    result: budget.GetResultResponse,
    cards: dict[int, ProjectCard],
) -> list[Fate]:
    won = set(result.selected)
    return [
        Fate(
            cards[each.number],
            each.cost_cents,
            each.number in won,
            each.selected,
            t("what_if.wins")
            if each.selected
            else outcome_reason(budget.ProjectOutcome(reason=each.reason), result.rules, 0, ""),
        )
        for each in outcome.fates
        if each.number in cards
    ]
