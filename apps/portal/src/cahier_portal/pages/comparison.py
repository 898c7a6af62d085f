"""Two to four projects side by side: what each costs, where it is, what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get
from litestar.params import FromQuery

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_portal.catalogue import t, tn
from cahier_portal.formats import share
from cahier_portal.forms import FormError
from cahier_portal.pages.budgets import ProjectCard, published_result, read_cards, read_election
from cahier_portal.pages.fates import Fate, body_of, fates_of
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Page, Visit

LEAST, MOST = 2, 4
_BODY_CHARS = 600


@dataclass(frozen=True)
class Compared:
    """A column. outcome: a sentence on what became of it, "" before the result."""

    card: ProjectCard
    body: str
    of_envelope: str
    votes: int | None
    outcome: str


@get("/budgets/{election_id:uuid}/compare")
async def compare_page(
    visit: Caller, election_id: PathId, p: FromQuery[list[str] | None] = None
) -> Page:
    """The projects whose numbers are asked for; others may be chosen on the same page."""
    election = await read_election(visit, str(election_id))
    cards = await read_cards(visit, election)
    numbers = read_numbers(p or [])
    chosen = [card for card in cards if card.project.number in numbers]
    chosen.sort(key=lambda card: numbers.index(card.project.number))
    result = await published_result(visit, election.election_id)
    fates = fates_of(result, cards, election.currency)
    shown = chosen[:MOST]
    return visit.page(
        "compare.html",
        election=election,
        columns=[
            await _column(visit, election, card, fates.get(card.project.number)) for card in shown
        ],
        has_result=result is not None,
        slots=[*(card.project.number for card in shown), *[0] * MOST][:MOST],
        cards=cards,
        errors=_errors(len(chosen), bool(p)),
    )


def read_numbers(texts: list[str]) -> list[int]:
    """The project numbers of an address, each once, in their order; other texts are left out."""
    numbers = [int(text) for text in texts[:100] if text.isascii() and text.isdigit()]
    return list(dict.fromkeys(number for number in numbers if 0 < number < 1_000_000))


def _errors(chosen: int, asked: bool) -> list[FormError]:
    if chosen > MOST:
        return [FormError("project-1", t("compare.too_many", most=MOST))]
    if asked and chosen < LEAST:
        return [FormError("project-1", tn("compare.too_few", LEAST))]
    return []


async def _column(
    visit: Visit, election: budget.Election, card: ProjectCard, fate: Fate | None
) -> Compared:
    body = await body_of(visit, card.project.proposal_id)
    outcome = fate.told if fate else None
    return Compared(
        card=card,
        body=body if len(body) <= _BODY_CHARS else body[:_BODY_CHARS].rstrip() + "…",
        of_envelope=share(card.project.cost_cents, election.envelope_cents),
        votes=outcome.outcome.votes if outcome else None,
        outcome=(t("compare.won") if fate and fate.place else outcome.reason) if outcome else "",
    )
