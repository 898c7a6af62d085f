"""A budget's result: what won and why, in words and pictures, and a small form of it to embed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Response, get
from litestar.enums import MediaType
from markupsafe import Markup

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import explaining_pb2 as explaining
from cahier_kernel.errors import DomainError, Kind
from cahier_portal import pictures
from cahier_portal.catalogue import language, t
from cahier_portal.formats import counting_order, money, share
from cahier_portal.pages.books import versions_of
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.rule_words import weighs
from cahier_portal.visit import Page, Visit
from cahier_portal.wording import explained_in_words, outcome_reason, rule_name

EMBEDDED_S = 60
EMBEDDED_MAX = 12
"""Winners that the embedded form names; the others are a click away."""


@dataclass(frozen=True)
class Outcome:
    """A project's fate with its words and the reason in a sentence."""

    outcome: budget.ProjectOutcome
    card: ProjectCard
    reason: str


@dataclass(frozen=True)
class OtherRule:
    """What the same ballots give under a rule.

    in_common: winners that the result has, too; with_one: share of voters who got a winner.
    gained, lost: projects that would win instead, and those that would not; more, less: voters
    who would see more, or less, money go to projects that they named.
    """

    name: str
    winners: int
    in_common: int
    spent_cents: int
    with_one: str
    average_cost_cents: int
    gained: list[ProjectCard]
    lost: list[ProjectCard]
    more: int
    less: int


@dataclass(frozen=True)
class Bought:
    """A step of the count: what was taken out of the envelope, at what price for whom.

    round: the purchase out of voters' own shares; None for what was bought otherwise.
    """

    card: ProjectCard
    before_cents: int
    left_cents: int
    votes: int
    round: budget.PurchaseRound | None


@dataclass(frozen=True)
class District:
    """A district as it was served; shares are of its voters, as text."""

    served: explaining.DistrictServed
    with_one: str
    with_one_here: str


@get("/budgets/{election_id:uuid}/results")
async def results_page(visit: Caller, election_id: PathId) -> Page:
    """The result with its pictures, its reasons and what it rests on."""
    election = await read_election(visit, str(election_id))
    result = await read_result(visit, election.election_id)
    if result is None:
        return visit.page("results_later.html", election=election, states=budget)
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    winners, others = outcomes_of(result, cards, election.currency)
    explained = await _explained(visit, election.election_id)
    return visit.page(
        "results.html",
        election=election,
        result=result,
        winners=winners,
        others=others,
        budget_picture=budget_picture(winners, result, election.currency),
        spent_share=share(result.spent_cents, result.envelope_cents),
        explained=explained,
        sentences=_sentences(explained, election.currency) if explained else {},
        by_rule=_by_rule(result, explained, cards) if explained else [],
        steps=steps_of(winners, result, explained),
        is_flow=result.rules.rule == "phragmen",
        districts=_districts(explained) if explained else [],
        weight_of=(weight_of := partial(_weight, is_weighed=weighs(result.rules))),
        weight_most=max(map(weight_of, result.outcomes), default=0),
        snippet=snippet(visit, election),
        versions=await versions_of(visit, election.election_id),
    )


@get(
    "/budgets/{election_id:uuid}/results/embed",
    opt={"skip_session": True, "exclude_from_csrf": True},
)
async def embedded_page(visit: Caller, election_id: PathId) -> Response[str]:
    """The result as other sites may show it in a frame: no script, no cookie, no session.

    The edge lets it be framed, and only it.
    """
    election = await read_election(visit, str(election_id))
    result = await read_result(visit, election.election_id)
    context: dict[str, Any] = {"election": election, "result": result, "winners": []}
    if result is not None and result.published:
        cards = {card.project.number: card for card in await read_cards(visit, election)}
        winners, _ = outcomes_of(result, cards, election.currency)
        context |= {
            "winners": winners,
            "most": EMBEDDED_MAX,
            "budget_picture": budget_picture(winners, result, election.currency),
            "spent_share": share(result.spent_cents, result.envelope_cents),
        }
    html = visit.portal.renderer.render(
        "embed.html", address=f"{_site(visit)}/budgets/{election.election_id}", **context
    )
    headers = {
        "cache-control": f"public, max-age={EMBEDDED_S}",
        "content-language": language(),
        "vary": "accept-language, cookie",
    }
    return Response(html, media_type=MediaType.HTML, headers=headers)


async def read_result(visit: Visit, election_id: str) -> budget.GetResultResponse | None:
    """The result as the visitor may see it, or None; raises DomainError while budget is away."""
    try:
        found: budget.GetResultResponse = await visit.budget(
            budget.GetResultRequest(election_id=election_id)
        )
    except DomainError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return None
    return found


async def _explained(visit: Visit, election_id: str) -> budget.ExplainResultResponse | None:
    """Why the result is what it is; None while that is worked out, or takes too long."""
    try:
        found: budget.ExplainResultResponse = await visit.budget(
            budget.ExplainResultRequest(election_id=election_id)
        )
    except DomainError as error:
        if error.kind not in (Kind.UNAVAILABLE, Kind.FAILED_PRECONDITION, Kind.INVALID):
            raise
        return None
    return found


def snippet(visit: Visit, election: budget.Election) -> str:
    """The HTML that puts the result into another site's page, as text to be shown."""
    address = f"{_site(visit)}/budgets/{election.election_id}/results/embed?lang={language()}"
    made = Markup(
        '<iframe src="{}" title="{}" width="100%" height="560" loading="lazy" '
        'style="border:0;max-width:40rem"></iframe>'
    ).format(address, t("results.title", title=election.title))
    return str(made)


def _site(visit: Visit) -> str:
    return visit.portal.settings.public_url.rstrip("/")


def _sentences(explained: budget.ExplainResultResponse, currency: str) -> dict[int, list[str]]:
    return {
        each.number: explained_in_words(each, currency, with_shares=bool(explained.rounds))
        for each in explained.projects
    }


def _by_rule(
    result: budget.GetResultResponse,
    explained: budget.ExplainResultResponse,
    cards: dict[int, ProjectCard],
) -> list[OtherRule]:
    """The result itself, then the other rules."""
    own = budget.Alternative(
        rule=result.rules.rule,
        utility=result.rules.utility,
        completion=result.rules.completion,
        spent_cents=result.spent_cents,
        selected=result.selected,
        satisfaction=explained.satisfaction,
    )
    won = set(result.selected)
    return [
        OtherRule(
            name=rule_name(each.rule, each.utility, each.completion),
            winners=len(each.selected),
            in_common=len(won.intersection(each.selected)),
            spent_cents=each.spent_cents,
            with_one=share(each.satisfaction.with_one, each.satisfaction.voters),
            average_cost_cents=each.satisfaction.average_cost_cents,
            gained=[cards[n] for n in each.selected if n not in won and n in cards],
            lost=[cards[n] for n in result.selected if n not in each.selected and n in cards],
            more=each.more,
            less=each.less,
        )
        for each in (own, *explained.alternatives)
    ]


def steps_of(
    winners: list[Outcome],
    result: budget.GetResultResponse,
    explained: budget.ExplainResultResponse | None,
) -> list[Bought]:
    """How the envelope was spent, one winner after another, with what each round cost whom."""
    rounds = {each.number: each for each in explained.rounds} if explained else {}
    steps, spent = [], 0
    for each in winners:
        before, spent = spent, spent + each.card.project.cost_cents
        left = result.envelope_cents - spent
        steps.append(
            Bought(each.card, before, left, each.outcome.votes, rounds.get(each.outcome.number))
        )
    return steps


def _districts(explained: budget.ExplainResultResponse) -> list[District]:
    """Nothing where a budget has no districts: a table of one line would say nothing new."""
    if not any(each.district for each in explained.districts):
        return []
    return [
        District(
            each,
            share(each.satisfaction.with_one, each.satisfaction.voters),
            share(each.with_one_here, each.satisfaction.voters),
        )
        for each in sorted(explained.districts, key=lambda each: counting_order(each.district))
    ]


def outcomes_of(
    result: budget.GetResultResponse, cards: dict[int, ProjectCard], currency: str
) -> tuple[list[Outcome], list[Outcome]]:
    """Winners in order of selection, and the others by votes."""
    by_number = {each.number: each for each in result.outcomes if each.number in cards}
    winners, left_cents = [], result.envelope_cents
    for number in result.selected:
        outcome = by_number.pop(number, None)
        if outcome is not None:
            left_cents -= cards[number].project.cost_cents
            reason = outcome_reason(outcome, result.rules, left_cents, currency)
            winners.append(Outcome(outcome, cards[number], reason))
    others = [
        Outcome(outcome, cards[number], outcome_reason(outcome, result.rules, 0, currency))
        for number, outcome in by_number.items()
    ]
    return winners, sorted(others, key=lambda each: (-each.outcome.votes, each.outcome.number))


def budget_picture(
    winners: list[Outcome], result: budget.GetResultResponse, currency: str
) -> Markup:
    """The budget bar of a result."""
    return bar_of(
        [(each.card.title, each.card.project.cost_cents) for each in winners],
        result.spent_cents,
        result.envelope_cents,
        currency,
    )


def bar_of(
    parts: list[tuple[str, int]], spent_cents: int, envelope_cents: int, currency: str
) -> Markup:
    """The budget bar of projects with their costs, told in words, too."""
    label = t(
        "results.picture_label",
        n=len(parts),
        spent=money(spent_cents, currency),
        envelope=money(envelope_cents, currency),
    )
    blocks = [pictures.Part(f"{title}: {money(cost, currency)}", cost) for title, cost in parts]
    return pictures.budget_bar(blocks, envelope_cents, label)


def _weight(outcome: budget.ProjectOutcome, *, is_weighed: bool) -> int:
    """What decided about a project, as its bar shows it: points where ballots weigh, else votes."""
    return outcome.score if is_weighed else outcome.votes
