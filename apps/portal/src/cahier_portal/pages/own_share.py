"""What one's own ballot helped to pay for: shown to its holder, worked out anew, kept nowhere.

The portal asks with the voter's own token for this election; budget opens the one ballot that the
token's pseudonym cast. Neither of them writes down who asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import explaining_pb2 as explaining
from cahier_kernel.errors import DomainError
from cahier_portal import ballots
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Page, Visit

_NOT_PROVED = "residence_not_proved"
_NONE_CAST = "ballot_not_found"
_NO_RESULT = "result_not_found"


@dataclass(frozen=True)
class Paid:
    """A winner that the ballot names."""

    card: ProjectCard
    paid: explaining.ProjectPaid


@get("/budgets/{election_id:uuid}/vote/share")
async def own_share_page(visit: Caller, election_id: PathId) -> Page:
    """The ballot, opened, with its part of each winner's cost."""
    visitor = visit.signed_in()
    election = await read_election(visit, str(election_id))
    if election.state != budget.ELECTION_STATE_PUBLISHED:
        return visit.page("results_later.html", election=election, states=budget)
    try:
        token = await visit.portal.tokens.get(visitor, "budget", election.election_id)
        share = await visit.portal.services.budget.ask(
            explaining.GetOwnShareRequest(
                election_id=election.election_id, credential=ballots.credential_of(token)
            ),
            token=token,
        )
    except DomainError as error:
        return _without(visit, election, error)
    return await _with(visit, election, share)


def _without(visit: Visit, election: budget.Election, error: DomainError) -> Page:
    """The page of somebody who has no ballot here; raises what it cannot tell."""
    if error.code == _NO_RESULT:
        return visit.page("results_later.html", election=election, states=budget)
    if error.code not in (_NOT_PROVED, _NONE_CAST):
        raise error
    return visit.page("own_share.html", election=election, share=None, paid=[], others=[])


async def _with(
    visit: Visit, election: budget.Election, share: explaining.GetOwnShareResponse
) -> Page:
    cards = {card.project.number: card for card in await read_cards(visit, election)}
    paid = {each.number: each for each in share.paid}
    return visit.page(
        "own_share.html",
        election=election,
        share=share,
        paid=[Paid(cards[n], each) for n, each in paid.items() if n in cards],
        others=[cards[n] for n in share.choices if n not in paid and n in cards],
    )
