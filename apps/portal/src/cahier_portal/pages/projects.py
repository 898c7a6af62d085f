"""The public page of one project: where it came from, what it costs, how it was judged.

The page is a frame: each stretch of a project's life is a part of its own in templates/project.
"""

from __future__ import annotations

from litestar import get

from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.errors import NotFound
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Page


@get("/projects/{project_id:uuid}")
async def project_page(visit: Caller, project_id: PathId) -> Page:
    """One project of an election."""
    found = await visit.budget(life.GetProjectRequest(project_id=str(project_id)))
    election = await read_election(visit, found.election_id)
    cards = {card.project.project_id: card for card in await read_cards(visit, election)}
    return visit.page(
        "project.html",
        election=election,
        card=card_of(cards, str(project_id)),
        cards=cards,
        found=found,
    )


def card_of(cards: dict[str, ProjectCard], project_id: str) -> ProjectCard:
    """The project with its words; raises NotFound."""
    card = cards.get(project_id)
    if card is None:
        raise NotFound("project_not_found", "the election has no such project")
    return card
