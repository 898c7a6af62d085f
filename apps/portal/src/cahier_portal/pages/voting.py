"""Voting in three steps without JavaScript: choose, check, cast.

Choices travel in the body of POST requests alone: never in an address, a cookie or a log.
"""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get, post
from litestar.params import FromQuery

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import DomainError, Invalid, Kind
from cahier_portal import ballots
from cahier_portal.catalogue import error_sentence
from cahier_portal.forms import Form, FormError, read_form, status_of
from cahier_portal.pages.budgets import (
    ProjectCard,
    filtered,
    labels,
    ordered,
    read_cards,
    read_election,
)
from cahier_portal.parameters import Caller, PathId
from cahier_portal.visit import Answer, Page, Visit

_NOT_PROVED = "residence_not_proved"


@dataclass(frozen=True)
class Booth:
    """What a voter needs: the election, its standing projects, a token, what was cast so far."""

    election: budget.Election
    cards: list[ProjectCard]
    token: str
    standing: ballots.Standing

    @property
    def projects(self) -> list[budget.Project]:
        return [card.project for card in self.cards]


@get("/budgets/{election_id:uuid}/vote")
async def vote_page(visit: Caller, election_id: PathId) -> Answer:
    """The ballot, empty: earlier choices are sealed, nobody can show them."""
    booth = await _enter(visit, str(election_id))
    return _ballot(visit, booth, ()) if isinstance(booth, Booth) else booth


@post("/budgets/{election_id:uuid}/vote", status_code=200)
async def vote(visit: Caller, election_id: PathId) -> Answer:
    """One step: `update` shows the total, `review` the choices once more, `cast` casts."""
    booth = await _enter(visit, str(election_id))
    if not isinstance(booth, Booth):
        return booth
    form = await read_form(visit.request)
    choices: tuple[int, ...] = ()
    try:
        choices = ballots.read_choices(form.all("choice"))
        if form.text("step") not in ("review", "cast"):
            return _ballot(visit, booth, choices, form)
        ballots.check_choices(choices, booth.election.rules, booth.projects)
        if form.text("step") == "review":
            return _review(visit, booth, choices)
        return await _cast(visit, booth, choices, form.count("sequence"))
    except DomainError as error:
        if error.kind not in (Kind.INVALID, Kind.UNAVAILABLE, Kind.CONFLICT):
            raise
        errors = [FormError("choices", error_sentence(error))]
        return _ballot(visit, booth, choices, form, status=status_of(error), errors=errors)


@get("/budgets/{election_id:uuid}/vote/done")
async def done_page(visit: Caller, election_id: PathId, again: FromQuery[bool] = False) -> Answer:
    """The receipt of the ballot that counts now."""
    booth = await _enter(visit, str(election_id), done=True)
    if not isinstance(booth, Booth):
        return booth
    return visit.page(
        "vote_done.html", election=booth.election, standing=booth.standing, again=again
    )


async def _enter(visit: Visit, election_id: str, *, done: bool = False) -> Booth | Page:
    visitor = visit.signed_in()
    election = await read_election(visit, election_id)
    if election.state != budget.ELECTION_STATE_OPEN:
        return visit.page(
            "vote_not_open.html", 200 if done else 409, election=election, states=budget
        )
    try:
        token = await visit.portal.tokens.get(visitor, "budget", election_id)
    except DomainError as error:
        if error.code != _NOT_PROVED:
            raise
        return visit.page("vote_not_proved.html", 403, election=election)
    standing = await ballots.standing(visit.portal.services.budget, token, election_id)
    cards = [] if done else await read_cards(visit, election)
    return Booth(election, cards, token, standing)


def _ballot(
    visit: Visit,
    booth: Booth,
    choices: tuple[int, ...],
    form: Form | None = None,
    status: int = 200,
    errors: list[FormError] | None = None,
) -> Page:
    district = form.text("district") if form else ""
    category = form.text("category") if form else ""
    order = form.text("order") if form else "number"
    standing = [card for card in booth.cards if card.is_standing]
    shown = ordered(filtered(standing, district, category), order)
    shown_numbers = {card.project.number for card in shown}
    return visit.page(
        "vote.html",
        status,
        election=booth.election,
        standing=booth.standing,
        cards=shown,
        # What is chosen and filtered away stays on the ballot, in a list of its own.
        kept=[c for c in standing if c.project.number in set(choices) - shown_numbers],
        choices=set(choices),
        spent_cents=ballots.spent_cents(choices, booth.projects),
        districts=labels(standing, "district"),
        categories=labels(standing, "category"),
        chosen={"district": district, "category": category, "order": order},
        orders=["number", "cost_up", "cost_down", "title"],
        errors=errors or [],
    )


def _review(visit: Visit, booth: Booth, choices: tuple[int, ...]) -> Page:
    by_number = {card.project.number: card for card in booth.cards}
    return visit.page(
        "vote_review.html",
        election=booth.election,
        standing=booth.standing,
        cards=[by_number[number] for number in choices],
        spent_cents=ballots.spent_cents(choices, booth.projects),
        next_sequence=booth.standing.sequence + 1,
    )


async def _cast(visit: Visit, booth: Booth, choices: tuple[int, ...], sequence: int) -> Answer:
    if sequence < 1:
        raise Invalid("ballot_malformed", "the form has no sequence")
    path = f"/budgets/{booth.election.election_id}/vote/done"
    service = visit.portal.services.budget
    try:
        await ballots.cast(service, booth.token, booth.election, sequence, choices)
    except DomainError as error:
        if error.code == "ballot_sequence_taken":
            # This form was sent twice, or another window was faster: say which ballot counts.
            return visit.redirect(f"{path}?again=true")
        raise
    return visit.redirect(path)
