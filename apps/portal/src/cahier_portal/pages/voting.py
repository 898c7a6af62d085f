"""Voting in three steps without JavaScript: choose, check, cast.

Choices travel in the body of POST requests alone: never in an address, a cookie or a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.params import FromQuery

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import DomainError, Invalid, Kind
from cahier_portal import ballots, papers
from cahier_portal.catalogue import error_sentence
from cahier_portal.formats import points
from cahier_portal.forms import FieldErrors, Form, FormError, read_form, status_of
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
from cahier_record.budget.ballots import BallotPaper

_NOT_PROVED = "residence_not_proved"


@dataclass(frozen=True)
class Booth:
    """What a voter needs: the election, its standing projects, a token, what was cast so far."""

    election: budget.Election
    cards: list[ProjectCard]
    token: str
    standing: ballots.Standing
    kind: papers.Kind

    @property
    def projects(self) -> list[budget.Project]:
        return [card.project for card in self.cards]


@dataclass(frozen=True)
class Filled:
    """What stands on the ballot when its page is made, and how the list is to be shown.

    moved: the button of a ranking that was pressed last.
    """

    marks: papers.Marks
    form: Form | None = None
    errors: Sequence[FormError] = ()
    moved: papers.Move | None = None

    def shown(self, name: str, default: str = "") -> str:
        return self.form.text(name) if self.form else default


@get("/budgets/{election_id:uuid}/vote")
async def vote_page(visit: Caller, election_id: PathId) -> Answer:
    """The ballot, empty: earlier choices are sealed, nobody can show them."""
    booth = await _enter(visit, str(election_id))
    return _ballot(visit, booth, Filled({})) if isinstance(booth, Booth) else booth


@post("/budgets/{election_id:uuid}/vote", status_code=200)
async def vote(visit: Caller, election_id: PathId) -> Answer:
    """One step: `update` shows the total, `review` the choices once more, `cast` casts."""
    booth = await _enter(visit, str(election_id))
    if not isinstance(booth, Booth):
        return booth
    form = await read_form(visit.request)
    marks: dict[int, str] = {}
    try:
        marks = papers.read_marks(form, booth.kind)
        move = papers.read_move(form.text("move")) if booth.kind.places else None
        if move is not None:
            return _ballot(visit, booth, Filled(papers.moved(marks, move), form, moved=move))
        paper = papers.paper_of(marks, booth.kind, ballots.rules_of(booth.election.rules))
        if form.text("step") not in ("review", "cast"):
            return _ballot(visit, booth, Filled(papers.marks_of(paper, booth.kind), form))
        ballots.check(paper, booth.election.rules, booth.projects)
        if form.text("step") == "review":
            return _review(visit, booth, paper)
        return await _cast(visit, booth, paper, form.count("sequence"))
    except FieldErrors as error:
        return _ballot(visit, booth, Filled(marks, form, error.errors), status=status_of(error))
    except DomainError as error:
        if error.kind not in (Kind.INVALID, Kind.UNAVAILABLE, Kind.CONFLICT):
            raise
        errors = [FormError("choices", error_sentence(error))]
        return _ballot(visit, booth, Filled(marks, form, errors), status=status_of(error))


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
    standing_cards = sum(card.is_standing for card in cards)
    kind = papers.kind_of(ballots.rules_of(election.rules), standing_cards)
    return Booth(election, cards, token, standing, kind)


def _ballot(visit: Visit, booth: Booth, filled: Filled, status: int = 200) -> Page:
    district, category = filled.shown("district"), filled.shown("category")
    order = filled.shown("order", "number")
    standing = [card for card in booth.cards if card.is_standing]
    shown = ordered(filtered(standing, district, category), order)
    kept = _kept(standing, shown, booth.kind, filled)
    above = {card.project.number for card in kept}
    return visit.page(
        "vote.html",
        status,
        election=booth.election,
        standing=booth.standing,
        kind=booth.kind,
        cards=[card for card in shown if card.project.number not in above],
        kept=kept,
        marks=filled.marks,
        moved=filled.moved,
        districts=labels(standing, "district"),
        categories=labels(standing, "category"),
        chosen={"district": district, "category": category, "order": order},
        orders=["number", "cost_up", "cost_down", "title"],
        errors=list(filled.errors),
        **_totals(booth, filled.marks),
    )


def _kept(
    standing: Sequence[ProjectCard], shown: Sequence[ProjectCard], kind: papers.Kind, filled: Filled
) -> list[ProjectCard]:
    """What stays on the ballot in a list of its own: what the filter hides, and any ranking."""
    if kind.places and not filled.errors:
        ranking = papers.ranking_of(filled.marks)
        by_number = {card.project.number: card for card in standing}
        return [by_number[number] for number in ranking if number in by_number]
    hidden = set(filled.marks) - {card.project.number for card in shown}
    return [card for card in standing if card.project.number in hidden]


def _totals(booth: Booth, marks: papers.Marks) -> dict[str, Any]:
    """What the running total says: costs in cents, points in the rules' unit and in words."""
    rules, decimals = booth.election.rules, booth.kind.decimals
    given = papers.points_so_far(marks, decimals) if booth.kind.has_points else 0
    most = rules.max_sum_points if booth.kind.has_points else 0
    return {
        "spent_cents": ballots.spent_cents(tuple(marks), booth.projects),
        "given": given,
        "points": lambda amount: points(amount, decimals),
        "most_points": most,
        "points_left": max(most - given, 0),
    }


def _review(visit: Visit, booth: Booth, paper: BallotPaper) -> Page:
    by_number = {card.project.number: card for card in booth.cards}
    marks = papers.marks_of(paper, booth.kind)
    return visit.page(
        "vote_review.html",
        200,
        election=booth.election,
        standing=booth.standing,
        kind=booth.kind,
        cards=[by_number[number] for number in paper.choices],
        next_sequence=booth.standing.sequence + 1,
        marks=marks,
        **_totals(booth, marks),
    )


async def _cast(visit: Visit, booth: Booth, paper: BallotPaper, sequence: int) -> Answer:
    if sequence < 1:
        raise Invalid("ballot_malformed", "the form has no sequence")
    path = f"/budgets/{booth.election.election_id}/vote/done"
    service = visit.portal.services.budget
    try:
        await ballots.cast(service, booth.token, booth.election, sequence, paper)
    except DomainError as error:
        if error.code == "ballot_sequence_taken":
            # This form was sent twice, or another window was faster: say which ballot counts.
            return visit.redirect(f"{path}?again=true")
        raise
    return visit.redirect(path)
