"""Where a budget's projects lie: a map of our own drawing, and the same as a list of places."""

from __future__ import annotations

from litestar import get

from cahier_portal.maps import HEIGHT, WIDTH, Point, map_of
from cahier_portal.pages.budgets import (
    ProjectCard,
    filtered,
    labels,
    ordered,
    read_cards,
    read_election,
)
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.visit import Page


@get("/budgets/{election_id:uuid}/map")
async def map_page(
    visit: Caller, election_id: PathId, district: QueryText = "", category: QueryText = ""
) -> Page:
    """The projects that have a place on a map, and all of them in a list beside it."""
    election = await read_election(visit, str(election_id))
    cards = await read_cards(visit, election)
    shown = ordered(filtered(cards, district, category), "number")
    points = points_of(shown)
    return visit.page(
        "budget_map.html",
        election=election,
        city_map=map_of(points) if points else None,
        size=(WIDTH, HEIGHT),
        placed=len(points),
        elsewhere=[card for card in shown if card.position is None],
        districts=labels(cards, "district"),
        categories=labels(cards, "category"),
        chosen={"district": district, "category": category},
    )


def points_of(cards: list[ProjectCard]) -> list[Point[ProjectCard]]:
    """The projects that have a place, at their place."""
    return [
        Point(card.position.lat_e7, card.position.lon_e7, card)
        for card in cards
        if card.position is not None
    ]
