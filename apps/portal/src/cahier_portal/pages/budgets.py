"""Budgets for everybody: the list, one budget's projects and rules, its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import get
from markupsafe import Markup

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import DomainError, Kind
from cahier_portal import pictures
from cahier_portal.catalogue import t
from cahier_portal.formats import money, share
from cahier_portal.pages.following import followed_level
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Page, Visit, or_none
from cahier_portal.wording import explained_in_words, outcome_reason, rule_name


@dataclass(frozen=True)
class ProjectCard:
    """A project with its words."""

    project: budget.Project
    title: str
    supports: int

    @property
    def is_standing(self) -> bool:
        """Whether people may vote for it."""
        return bool(self.project.feasibility == budget.FEASIBILITY_FEASIBLE)


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
    """

    name: str
    winners: int
    in_common: int
    spent_cents: int
    with_one: str
    average_cost_cents: int


@get("/budgets")
async def budget_list(visit: Caller) -> Page:
    """All elections, newest first."""
    answer = await visit.budget(budget.ListElectionsRequest())
    return visit.page("budgets.html", elections=answer.elections)


@get("/budgets/{election_id:uuid}")
async def budget_page(
    visit: Caller,
    election_id: PathId,
    district: QueryText = "",
    category: QueryText = "",
    order: QueryText = "number",
) -> Page:
    """One election: its money, dates and rules, and its projects with filters."""
    election = await read_election(visit, str(election_id))
    cards = await read_cards(visit, election)
    chosen = {"district": district, "category": category, "order": order}
    return visit.page(
        "budget.html",
        election=election,
        cards=ordered(filtered(cards, district, category), order),
        all_cards=cards,
        districts=labels(cards, "district"),
        categories=labels(cards, "category"),
        chosen=chosen,
        orders=["number", "cost_up", "cost_down", "title"],
        states=budget,
        following=await followed_level(visit, "election", election.election_id),
    )


@get("/budgets/{election_id:uuid}/results")
async def results_page(visit: Caller, election_id: PathId) -> Page:
    """The result with its picture, its reasons and what it rests on."""
    election = await read_election(visit, str(election_id))
    try:
        result = await visit.budget(budget.GetResultRequest(election_id=election.election_id))
    except DomainError as error:
        if error.kind is Kind.UNAVAILABLE:
            raise
        return visit.page("results_later.html", election=election, states=budget)
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    winners, others = outcomes_of(result, cards, election.currency)
    explained = await or_none(
        visit.budget(budget.ExplainResultRequest(election_id=election.election_id))
    )
    return visit.page(
        "results.html",
        election=election,
        result=result,
        winners=winners,
        others=others,
        budget_picture=_picture(winners, result, election.currency),
        spent_share=share(result.spent_cents, result.envelope_cents),
        explained=explained,
        sentences=_sentences(explained, election.currency) if explained else {},
        by_rule=_by_rule(result, explained) if explained else [],
        votes_most=max((each.votes for each in result.outcomes), default=0),
    )


def _sentences(explained: budget.ExplainResultResponse, currency: str) -> dict[int, list[str]]:
    return {
        each.number: explained_in_words(each, currency, with_shares=bool(explained.rounds))
        for each in explained.projects
    }


def _by_rule(
    result: budget.GetResultResponse, explained: budget.ExplainResultResponse
) -> list[OtherRule]:
    """The result itself, then the other rules."""
    own = budget.Alternative(
        rule=result.rules.rule,
        utility=result.rules.utility,
        spent_cents=result.spent_cents,
        selected=result.selected,
        satisfaction=explained.satisfaction,
    )
    won = set(result.selected)
    return [
        OtherRule(
            rule_name(each.rule, each.utility),
            len(each.selected),
            len(won.intersection(each.selected)),
            each.spent_cents,
            share(each.satisfaction.with_one, each.satisfaction.voters),
            each.satisfaction.average_cost_cents,
        )
        for each in (own, *explained.alternatives)
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


def _picture(winners: list[Outcome], result: budget.GetResultResponse, currency: str) -> Markup:
    parts = [
        pictures.Part(
            f"{each.card.title}: {money(each.card.project.cost_cents, currency)}",
            each.card.project.cost_cents,
        )
        for each in winners
    ]
    label = t(
        "results.picture_label",
        n=len(winners),
        spent=money(result.spent_cents, currency),
        envelope=money(result.envelope_cents, currency),
    )
    return pictures.budget_bar(parts, result.envelope_cents, label)


async def read_election(visit: Visit, election_id: str) -> budget.Election:
    """One election; raises DomainError."""
    answer = await visit.budget(budget.GetElectionRequest(election_id=election_id))
    election: budget.Election = answer.election
    return election


async def read_cards(visit: Visit, election: budget.Election) -> list[ProjectCard]:
    """The election's projects with their words, by number; raises DomainError."""
    answer = await visit.budget(budget.ListProjectsRequest(election_id=election.election_id))
    proposals = await visit.portal.texts.of(
        (project.proposal_id for project in answer.projects), election.process_id
    )
    return [_card(project, proposals.get(project.proposal_id)) for project in answer.projects]


def _card(project: budget.Project, proposal: Any) -> ProjectCard:
    title = proposal.title if proposal is not None and proposal.title else ""
    return ProjectCard(
        project,
        title or t("budget.untitled", number=project.number),
        proposal.supports if proposal is not None else 0,
    )


def labels(cards: list[ProjectCard], name: str) -> list[str]:
    """The districts or categories that occur, in alphabetical order."""
    return sorted({label for card in cards if (label := getattr(card.project, name))})


def filtered(cards: list[ProjectCard], district: str, category: str) -> list[ProjectCard]:
    """The projects of a district and a category; "" stands for all."""
    return [
        card
        for card in cards
        if district in ("", card.project.district) and category in ("", card.project.category)
    ]


def ordered(cards: list[ProjectCard], order: str) -> list[ProjectCard]:
    """The projects by number, cost or title."""
    if order == "cost_up":
        return sorted(cards, key=lambda card: (card.project.cost_cents, card.project.number))
    if order == "cost_down":
        return sorted(cards, key=lambda card: (-card.project.cost_cents, card.project.number))
    if order == "title":
        return sorted(cards, key=lambda card: card.title.casefold())
    return cards
