"""Budgets for everybody: the list, and one budget's rules with its projects as one asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from litestar import get

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import project_life_pb2 as project_life
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import t
from cahier_portal.formats import counting_order
from cahier_portal.pages.following import followed_level
from cahier_portal.parameters import Caller, PathId, QueryCount, QueryText
from cahier_portal.visit import Page, Visit
from cahier_portal.vote_policies import policy_of_vote

ORDERS = ("number", "cost_up", "cost_down", "title", "supports")
STANDINGS = ("standing", "undecided", "not_standing")
QUERY_CHARS_MAX = 100
PAGE_SIZE = 48


@dataclass(frozen=True)
class ProjectCard:
    """A project with its words."""

    project: budget.Project
    title: str
    supports: int
    position: consultation.Position | None = None

    @property
    def is_standing(self) -> bool:
        """Whether people may vote for it."""
        return bool(self.project.feasibility == budget.FEASIBILITY_FEASIBLE)


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
    q: QueryText = "",
    standing: QueryText = "",
    after: QueryCount = 0,
) -> Page:
    """One election: its money, dates and rules, and its projects with filters, a page at a time.

    after: how many projects stand on the pages before.
    """
    election = await read_election(visit, str(election_id))
    cards = await read_cards(visit, election)
    chosen = {"district": district, "category": category, "order": order}
    shown = ordered(found(filtered(cards, district, category), q, standing), order)
    asked = urlencode({**chosen, "q": q[:QUERY_CHARS_MAX], "standing": standing})
    following = after + PAGE_SIZE
    result = await _announced(visit, election)
    return visit.page(
        "budget.html",
        won=set(result.selected) if result else None,
        election=election,
        cards=shown[after:following],
        after=after,
        total=len(shown),
        next_link=f"?{asked}&after={following}#projects" if following < len(shown) else "",
        first_link=f"?{asked}#projects" if after else "",
        all_cards=cards,
        districts=labels(cards, "district"),
        categories=labels(cards, "category"),
        chosen=chosen,
        orders=list(ORDERS),
        q=q[:QUERY_CHARS_MAX],
        standing=standing,
        standings=STANDINGS,
        states=budget,
        vote_policy=await policy_of_vote(visit.portal.logs, election),
        following=await followed_level(visit, "election", election.election_id),
        life=await visit.budget(
            project_life.GetElectionLifeRequest(election_id=election.election_id)
        ),
    )


async def _announced(visit: Visit, election: budget.Election) -> budget.GetResultResponse | None:
    """The result where there is one to be asked for."""
    is_published = election.state == budget.ELECTION_STATE_PUBLISHED
    return await published_result(visit, election.election_id) if is_published else None


async def read_election(visit: Visit, election_id: str) -> budget.Election:
    """One election; raises DomainError."""
    answer = await visit.budget(budget.GetElectionRequest(election_id=election_id))
    election: budget.Election = answer.election
    return election


async def published_result(visit: Visit, election_id: str) -> budget.GetResultResponse | None:
    """The result once it is announced; None before, and while budget is away."""
    try:
        found: budget.GetResultResponse = await visit.budget(
            budget.GetResultRequest(election_id=election_id)
        )
    except DomainError as error:
        if error.kind not in (Kind.NOT_FOUND, Kind.UNAVAILABLE):
            raise
        return None
    return found if found.published else None


async def read_cards(visit: Visit, election: budget.Election) -> list[ProjectCard]:
    """The election's projects with their words, by number; raises DomainError."""
    answer = await visit.budget(budget.ListProjectsRequest(election_id=election.election_id))
    proposals = await visit.portal.texts.of(
        (project.proposal_id for project in answer.projects), election.process_id
    )
    return [_card(project, proposals.get(project.proposal_id)) for project in answer.projects]


def _card(project: budget.Project, proposal: Any) -> ProjectCard:
    title = project.title or (proposal.title if proposal is not None else "")
    return ProjectCard(
        project,
        title or t("budget.untitled", number=project.number),
        proposal.supports if proposal is not None else 0,
        proposal.position if proposal is not None and proposal.HasField("position") else None,
    )


def labels(cards: list[ProjectCard], name: str) -> list[str]:
    """The districts or categories that occur, in the order of the alphabet and of numbers."""
    found = {label for card in cards if (label := getattr(card.project, name))}
    return sorted(found, key=counting_order)


def filtered(cards: list[ProjectCard], district: str, category: str) -> list[ProjectCard]:
    """The projects of a district and a category; "" stands for all."""
    return [
        card
        for card in cards
        if district in ("", card.project.district) and category in ("", card.project.category)
    ]


def found(cards: list[ProjectCard], query: str, standing: str) -> list[ProjectCard]:
    """The projects whose title, number or reference holds all words, and that stand so."""
    words = query[:QUERY_CHARS_MAX].casefold().split()
    return [card for card in cards if _stands(card, standing) and _says(card, words)]


def _stands(card: ProjectCard, standing: str) -> bool:
    feasibility = card.project.feasibility
    if standing == "standing":
        return card.is_standing
    if standing == "undecided":
        return bool(feasibility == budget.FEASIBILITY_UNDECIDED)
    fallen = (budget.FEASIBILITY_UNFEASIBLE, budget.FEASIBILITY_SUPERSEDED)
    return standing != "not_standing" or feasibility in fallen


def _says(card: ProjectCard, words: list[str]) -> bool:
    project = card.project
    text = f"{card.title} {project.number} {project.reference} {project.district}".casefold()
    return all(word in text for word in words)


def ordered(cards: list[ProjectCard], order: str) -> list[ProjectCard]:
    """The projects by number, cost, title or supports."""
    if order == "cost_up":
        return sorted(cards, key=lambda card: (card.project.cost_cents, card.project.number))
    if order == "cost_down":
        return sorted(cards, key=lambda card: (-card.project.cost_cents, card.project.number))
    if order == "supports":
        return sorted(cards, key=lambda card: (-card.supports, card.project.number))
    if order == "title":
        return sorted(cards, key=lambda card: card.title.casefold())
    return cards
