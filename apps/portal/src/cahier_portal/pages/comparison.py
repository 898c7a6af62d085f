"""Two to four projects side by side: what each costs, where it is, what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from litestar import get
from litestar.params import FromQuery

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import t, tn
from cahier_portal.formats import share
from cahier_portal.forms import FormError
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Page, Visit
from cahier_portal.wording import outcome_reason

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
    result = await _result(visit, election.election_id)
    shown = chosen[:MOST]
    return visit.page(
        "compare.html",
        election=election,
        columns=[await _column(visit, election, card, result) for card in shown],
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


async def _result(visit: Visit, election_id: str) -> budget.GetResultResponse | None:
    try:
        found: budget.GetResultResponse = await visit.budget(
            budget.GetResultRequest(election_id=election_id)
        )
    except DomainError as error:
        if error.kind not in (Kind.NOT_FOUND, Kind.UNAVAILABLE):
            raise
        return None
    return found if found.published else None


async def _column(
    visit: Visit,
    election: budget.Election,
    card: ProjectCard,
    result: budget.GetResultResponse | None,
) -> Compared:
    fates = {each.number: each for each in result.outcomes} if result else {}
    fate = fates.get(card.project.number)
    said = ""
    if result is not None and fate is not None:
        said = t("compare.won") if fate.selected else ""
        said = said or outcome_reason(fate, result.rules, 0, election.currency)
    return Compared(
        card=card,
        body=await _body(visit, card.project.proposal_id),
        of_envelope=share(card.project.cost_cents, election.envelope_cents),
        votes=fate.votes if fate else None,
        outcome=said,
    )


async def _body(visit: Visit, proposal_id: str) -> str:
    """The beginning of the proposal's text; "" while consultation is away."""
    try:
        async with asyncio.timeout(3):
            answer = await visit.consultation(
                consultation.GetProposalRequest(proposal_id=proposal_id)
            )
    except (DomainError, TimeoutError):
        return ""
    body = str(answer.proposal.body)
    return body if len(body) <= _BODY_CHARS else body[:_BODY_CHARS].rstrip() + "…"
