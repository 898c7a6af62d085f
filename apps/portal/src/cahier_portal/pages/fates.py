"""What became of one project in the vote, for pages that show projects one by one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_kernel.errors import DomainError
from cahier_portal.pages.budgets import ProjectCard
from cahier_portal.pages.results import Outcome, outcomes_of
from cahier_portal.visit import Visit

BODY_TIMEOUT_S = 3


@dataclass(frozen=True)
class Fate:
    """A project's outcome. place: among the winners, from 1; 0 for one that did not win."""

    told: Outcome
    place: int
    winners: int


def fates_of(
    result: budget.GetResultResponse | None, cards: list[ProjectCard], currency: str
) -> dict[int, Fate]:
    """What became of each project, by its number; of nothing before there is a result."""
    if result is None:
        return {}
    by_number = {card.project.number: card for card in cards}
    winners, others = outcomes_of(result, by_number, currency)
    placed = [*enumerate(winners, 1), *((0, each) for each in others)]
    return {each.outcome.number: Fate(each, place, len(winners)) for place, each in placed}


async def body_of(visit: Visit, proposal_id: str) -> str:
    """The proposal's text; "" while consultation is away or slow."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            answer = await visit.consultation(
                consultation.GetProposalRequest(proposal_id=proposal_id)
            )
    except (DomainError, TimeoutError):
        return ""
    return str(answer.proposal.body)
