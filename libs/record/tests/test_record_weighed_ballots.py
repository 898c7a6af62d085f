"""Papers with points and rankings: judged, sealed to one size, counted by what they weigh."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cahier_kernel.errors import Invalid
from cahier_record.budget import events
from cahier_record.budget.ballots import (
    BallotPaper,
    ballot_size_bytes,
    check_paper,
    decode_paper,
    encode_paper,
)
from cahier_record.budget.count import count_election, count_profile, open_ballots
from cahier_record.budget.events import Rules
from cahier_record.budget.explanation import explain
from cahier_record.budget.views import BudgetView
from cahier_record.events import Leaf

COSTS = {1: 100, 2: 200, 3: 300, 4: None}
E = "018f3a00-0000-7000-8000-000000000001"


def rules(vote_type: str, **more: Any) -> Rules:
    return Rules(**{"vote_type": vote_type, "rule": "greedy", **more})


def points(*given: int, **choices: Any) -> BallotPaper:
    return BallotPaper(choices.get("choices") or tuple(range(1, len(given) + 1)), points=given)


def ranked(*choices: int) -> BallotPaper:
    return BallotPaper(choices, ranked=True)


CUMULATIVE = rules("cumulative", max_points=3, max_sum_points=5)
SCORING = rules("scoring", max_points=3, min_points=-2)
ORDINAL = rules("ordinal", max_length=2)


@pytest.mark.parametrize(
    ("paper", "given", "code"),
    [
        (BallotPaper((1, 2)), CUMULATIVE, "ballot_points_missing"),
        (points(1, 1, choices=(1,)), CUMULATIVE, "ballot_points_missing"),
        (points(4), CUMULATIVE, "ballot_points_too_high"),
        (points(-1), CUMULATIVE, "ballot_points_too_low"),
        (points(3, 3), CUMULATIVE, "ballot_sum_too_high"),
        (points(3), rules("cumulative", max_sum_points=5, min_sum_points=4), "ballot_sum_too_low"),
        (points(), rules("cumulative", max_sum_points=5, min_sum_points=4), "ballot_sum_too_low"),
        (points(1, 1, choices=(2, 2)), CUMULATIVE, "ballot_repeats_project"),
        (points(1, choices=(4,)), CUMULATIVE, "ballot_unfeasible_project"),
        (points(-3), SCORING, "ballot_points_too_low"),
        (points(2), rules("scoring", max_points=3, min_points=3), "ballot_points_too_low"),
        (points(1, 1), rules("scoring", max_points=1, max_length=1), "ballot_too_many_projects"),
        (points(1), rules("approval"), "ballot_points_not_asked"),
        (points(1), ORDINAL, "ballot_points_not_asked"),
        (BallotPaper((1,)), ORDINAL, "ballot_not_ranked"),
        (ranked(1), rules("approval"), "ballot_ranking_not_asked"),
        (ranked(3, 1, 2), ORDINAL, "ballot_too_many_projects"),
        (ranked(2, 2), ORDINAL, "ballot_repeats_project"),
        (ranked(9), ORDINAL, "ballot_unknown_project"),
    ],
)
def test_a_weighed_paper_that_breaks_a_rule_is_refused(
    paper: BallotPaper, given: Rules, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_paper(paper, given, COSTS)
    assert (refused.value.code, refused.value.field) == (code, "sealed")


@pytest.mark.parametrize(
    ("paper", "given"),
    [
        (points(3, 2), CUMULATIVE),
        (points(), CUMULATIVE),
        (points(0), CUMULATIVE),
        (points(-2, 3), SCORING),
        (points(2, 2), rules("cumulative", max_sum_points=5, min_sum_points=4)),
        (ranked(2, 1), ORDINAL),
        (ranked(), ORDINAL),
    ],
)
def test_a_weighed_paper_at_the_bounds_is_accepted(paper: BallotPaper, given: Rules) -> None:
    check_paper(paper, given, COSTS)


def test_points_go_with_their_projects_and_only_a_ranking_keeps_its_order() -> None:
    paper = BallotPaper((3, 1), {"age": "34"}, (5, 2))
    assert decode_paper(encode_paper(paper)) == BallotPaper((1, 3), {"age": "34"}, (2, 5))
    assert decode_paper(encode_paper(ranked(3, 1, 2))) == ranked(3, 1, 2)
    with pytest.raises(ValueError, match="argument"):
        encode_paper(BallotPaper((3, 1), points=(5,)))


@pytest.mark.parametrize(
    "given",
    [
        rules("cumulative", max_points=3, max_sum_points=7),
        rules("cumulative", max_sum_points=1_000),
        rules("scoring", max_points=5, min_points=-1_000, max_length=4),
        rules("ordinal"),
        rules("ordinal", max_length=5),
    ],
)
def test_every_allowed_weighed_paper_fits_the_ballot_size(given: Rules) -> None:
    projects = 120
    chosen = tuple(range(projects, projects - (given.max_length or projects), -1))
    size = ballot_size_bytes(given, projects, 0)
    if given.vote_type == "ordinal":
        assert len(encode_paper(ranked(*chosen))) <= size
    else:
        most = given.max_points or given.max_sum_points
        for each in (most, given.min_points):
            paper = BallotPaper(chosen, points=(each,) * len(chosen))
            assert len(encode_paper(paper)) <= size
    assert size % 64 == 0


def election(given: Rules, papers: list[BallotPaper]) -> events.CountResult:
    """Three projects of 300, 400 and 500 cents against 700, and a fourth that does not stand."""
    view = folded(given, papers)
    return count_election(view.elections[E], lambda cast: cast.sealed.encode())


def folded(given: Rules, papers: list[BallotPaper]) -> BudgetView:
    view = BudgetView()
    for index, event in enumerate(_story(given, papers)):
        view.apply(index, Leaf("budget", f"e{index}", event.TYPE, None, event, ()))
    return view


def _story(given: Rules, papers: list[BallotPaper]) -> Iterator[Any]:
    yield events.ElectionCreated(
        election=E, envelope_cents=700, currency="EUR", opens_at="", closes_at="", rules=given
    )
    for number, cost in enumerate((300, 400, 500, 1), 1):
        project = f"p{number}"
        yield events.ProjectAdded(election=E, project=project, number=number, proposal=project)
        parts = (100, cost - 100) if number == 2 else ()
        yield events.ProjectCosted(
            election=E, project=project, cost_cents=cost, instalments_cents=parts
        )
        word = "unfeasible" if number == 4 else "feasible"
        yield events.FeasibilityJudged(election=E, project=project, feasibility=word)
    yield events.VotingOpened(election=E, trustee_key="k", ballot_size_bytes=64)
    for number, paper in enumerate(papers):
        yield events.BallotCast(
            election=E,
            electorate="all",
            scheme="confidential",
            credential=f"c{number}",
            sequence=1,
            sealed=encode_paper(paper).decode(),
        )
    yield events.VotingClosed(election=E)


def test_points_decide_and_their_sums_are_told() -> None:
    result = election(CUMULATIVE, [points(1, 3), points(1, 3), points(2), points(9)])
    assert (result.scores, result.votes) == ((4, 6, 0), (3, 2, 0))
    assert result.selected == (2, 1)
    assert (result.ballots_counted, result.ballots_invalid) == (3, 1)


def test_points_may_be_less_than_nothing_and_go_to_who_is_not_listed() -> None:
    scored = rules("scoring", max_points=3, min_points=-2, default_points=1)
    result = election(scored, [points(-2, 3), points(-2)])
    assert result.scores == (-4, 4, 2)
    assert result.selected == (2,)
    assert dict(zip(result.numbers, result.reasons, strict=True))[1] == "no_votes"


def test_borda_counts_from_the_longest_ballot_down() -> None:
    bounded = rules("ordinal", max_length=2)
    assert election(bounded, [ranked(3, 1), ranked(3), ranked(1, 2)]).scores == (3, 1, 4)
    unbounded = election(rules("ordinal"), [ranked(3, 1), ranked(3), ranked(1, 2)])
    assert unbounded.scores == (5, 2, 6)
    assert unbounded.selected == (3,)


def test_places_give_what_the_rules_say_and_nothing_beyond() -> None:
    placed = rules("ordinal", positions=(5, 1))
    assert election(placed, [ranked(3, 1, 2), ranked(1)]).scores == (6, 0, 5)


def test_a_result_by_approvals_tells_no_scores() -> None:
    assert election(rules("approval"), [BallotPaper((1,))]).scores == ()


def test_what_a_year_cannot_pay_is_refused_by_that_year() -> None:
    approved = [BallotPaper((1, 2)), BallotPaper((2,))]
    years = rules("approval", credits_cents=(300, 400))
    result = election(years, approved)
    assert dict(zip(result.numbers, result.reasons, strict=True))[1] == "over_credit"
    assert result.selected == (2,)
    assert election(rules("approval", credits_cents=(400, 300)), approved).selected == (2, 1)


def test_a_proportion_asks_more_votes_of_dearer_projects() -> None:
    approved = [BallotPaper((1, 2)), BallotPaper((2,)), BallotPaper(()), BallotPaper(())]
    result = election(rules("approval", proportion=(1, 1)), approved)
    reasons = dict(zip(result.numbers, result.reasons, strict=True))
    assert (reasons[1], reasons[2]) == ("below_proportion", "below_proportion")
    assert election(rules("approval", proportion=(4, 7)), approved).selected == (2, 1)


@pytest.mark.parametrize(
    ("given", "paper"),
    [(SCORING, points(-2, 3)), (CUMULATIVE, points(1, 3)), (ORDINAL, ranked(2, 1))],
)
def test_results_of_weighed_ballots_are_explained(given: Rules, paper: BallotPaper) -> None:
    view = folded(given, [paper]).elections[E]
    opened = open_ballots(view, lambda cast: cast.sealed.encode())
    explained = explain(count_profile(view, opened))
    assert [one.number for one in explained.projects] == [1, 2, 3]
    assert explained.satisfaction.with_one == 1
    shares = [each for each in explained.alternatives if each.rule in ("mes", "phragmen")]
    assert bool(shares) == (given is not SCORING)
