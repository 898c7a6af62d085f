"""Ballots as they are filled in: from points and places on a form to a paper, and back."""

from __future__ import annotations

import pytest
from litestar.datastructures import FormMultiDict

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_kernel.errors import Invalid
from cahier_portal import papers, rule_forms
from cahier_portal.ballots import rules_of
from cahier_portal.catalogue import speaking
from cahier_portal.forms import FieldErrors, Form
from cahier_portal.papers import Move
from cahier_portal.rule_words import rules_in_words
from cahier_record.budget.ballots import BallotPaper
from cahier_record.budget.events import Rules

CUMULATIVE = Rules(vote_type="cumulative", rule="greedy", max_points=5)
SCORING = Rules(vote_type="scoring", rule="greedy", max_points=50, min_points=-20, point_decimals=1)
ORDINAL = Rules(vote_type="ordinal", rule="greedy")


def form(**fields: str) -> Form:
    return Form(FormMultiDict([(name.replace("_", "-"), text) for name, text in fields.items()]))


def filled(rules: Rules, **fields: str) -> BallotPaper:
    kind = papers.kind_of(rules, 9)
    return papers.paper_of(papers.read_marks(form(**fields), kind), kind, rules)


def test_points_that_are_typed_stand_on_the_paper() -> None:
    assert filled(CUMULATIVE, points_3="2", points_1=" 4 ") == BallotPaper((1, 3), points=(4, 2))
    assert filled(CUMULATIVE, points_3="", points_1="0") == BallotPaper(())
    assert filled(SCORING, points_2="-1.5", points_4="0") == BallotPaper((2, 4), points=(-15, 0))
    with speaking("fr"):
        assert filled(SCORING, points_2="2,5").points == (25,)


@pytest.mark.parametrize("text", ["two", "1.5", "1e3", "--1", "9" * 13])
def test_points_that_cannot_be_read_are_named_by_their_field(text: str) -> None:
    with pytest.raises(FieldErrors) as refusal:
        filled(CUMULATIVE, points_3=text)
    assert [error.field for error in refusal.value.errors] == ["points-3"]


def test_places_make_a_ranking_and_gaps_close() -> None:
    assert filled(ORDINAL, place_4="7", place_2="1", place_9="") == BallotPaper((2, 4), ranked=True)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"place_1": "2", "place_2": "2"}, "place-2"), ({"place_1": "0"}, "place-1"),
     ({"place_1": "first"}, "place-1")],
)  # fmt: skip
def test_places_that_are_none_or_taken_are_named(fields: dict[str, str], field: str) -> None:
    with pytest.raises(FieldErrors) as refusal:
        filled(ORDINAL, **fields)
    assert refusal.value.errors[0].field == field


@pytest.mark.parametrize("name", ["points_x", "points_-1", "points_1234567"])
def test_fields_that_name_no_project_are_refused(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        filled(CUMULATIVE, **{name: "1"})
    assert refusal.value.code == "ballot_unknown_project"


@pytest.mark.parametrize(
    ("move", "ranking"),
    [
        (Move("up", 5), (3, 5, 8)),
        (Move("up", 3), (3, 8, 5)),
        (Move("down", 3), (8, 3, 5)),
        (Move("down", 5), (3, 8, 5)),
        (Move("off", 8), (3, 5)),
        (Move("add", 1), (3, 8, 5, 1)),
        (Move("add", 8), (3, 8, 5)),
        (Move("up", 7), (3, 8, 5)),
    ],
)
def test_a_ranking_moves_by_its_buttons(move: Move, ranking: tuple[int, ...]) -> None:
    marks = papers.moved({3: "1", 8: "2", 5: "4"}, move)
    assert papers.ranking_of(marks) == ranking


def test_a_button_that_nobody_made_moves_nothing() -> None:
    assert papers.read_move("up-12") == Move("up", 12)
    assert [papers.read_move(text) for text in ("", "up", "burn-3", "up-x")] == [None] * 4


@pytest.mark.parametrize("rules", [CUMULATIVE, SCORING, ORDINAL])
def test_a_paper_fills_the_form_that_gives_it_again(rules: Rules) -> None:
    kind = papers.kind_of(rules, 9)
    ranked = rules.vote_type == "ordinal"
    paper = BallotPaper((7, 2), ranked=True) if ranked else BallotPaper((2, 7), points=(3, -15))
    if rules is CUMULATIVE:
        paper = BallotPaper((2, 7), points=(3, 1))
    for language in ("en", "fr"):
        with speaking(language):
            assert papers.paper_of(papers.marks_of(paper, kind), kind, rules) == paper


FULL = budget.Rules(
    vote_type="scoring", rule="mes", utility="cost", completion="add1", stop="exhaustive",
    min_length=1, max_length=4, max_sum_cost_cents=1_234_50, ties="cheapest", least_turnout=2,
    least_votes=3, quotas=[budget.Quota(district="North", amount_cents=1_000_50)],
    alternatives=[budget.Alternatives(numbers=[1, 2])], fixed=[3], max_points=55, min_points=5,
    max_sum_points=100, min_sum_points=15, point_decimals=1, positions=[30, 15],
    default_points=-5, proportion=[1, 3], credits_cents=[500_00, 700_25], threshold_votes=4,
)  # fmt: skip


@pytest.mark.parametrize("language", ["en", "fr"])
def test_rules_are_shown_to_staff_as_they_are_typed_and_read_again(language: str) -> None:
    with speaking(language):
        values = rule_forms.values_of(FULL)
        assert rule_forms.read_rules(Form(FormMultiDict(values.items()))) == FULL
    comma = "," if language == "fr" else "."
    assert values["quotas"] == f"North = 1000{comma}5"
    assert values["positions"] == f"3; 1{comma}5"


def test_a_way_of_counting_that_no_form_offers_is_kept_when_the_rest_is_edited() -> None:
    rules = budget.Rules(
        vote_type="approval", rule="equalshares", utility="cardinality", completion="none"
    )
    with speaking("en"):
        values = rule_forms.values_of(rules)
        read = rule_forms.read_rules(Form(FormMultiDict(values.items())))
    assert (read.rule, read.utility, read.completion) == ("equalshares", "cardinality", "none")


@pytest.mark.parametrize("way", rule_forms.WAYS)
def test_every_way_of_counting_that_is_offered_is_one_that_is_served(way: str) -> None:
    rule, utility, completion = rule_forms.WAYS[way]
    rules = budget.Rules(vote_type="approval", rule=rule, utility=utility, completion=completion)
    assert rule_forms.way_of(rules) == way


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"max_points": "many"}, "max_points"),
        ({"positions": "3; x"}, "positions"),
        ({"proportion": "a third"}, "proportion"),
        ({"credits": "100\nlots"}, "credits"),
        ({"stop": "never"}, "stop"),
        ({"point_decimals": "7"}, "point_decimals"),
    ],
)
def test_rules_that_staff_cannot_mean_are_named_by_their_field(
    fields: dict[str, str], field: str
) -> None:
    with pytest.raises(FieldErrors) as refusal:
        rule_forms.read_rules(Form(FormMultiDict(fields.items())))
    assert refusal.value.errors[0].field == field


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        ({"vote_type": "cumulative", "max_sum_points": 7, "max_points": 3},
         "You share out points among projects, at most 7 in all."),
        ({"vote_type": "scoring", "max_points": 50, "min_points": -20, "point_decimals": 1},
         "You give each project that you choose -2 to 5 points."),
        ({"vote_type": "ordinal", "positions": [3, 2, 1]},
         "From the first place on, a project gets points: 3; 2; 1."),
        ({"vote_type": "ordinal", "max_length": 5},
         "The first place gives 5 points, each further place one less."),
        ({"vote_type": "ordinal"},
         "Projects are taken in the order of their points, as long as €1,000 pays for them."),
        ({"vote_type": "ordinal", "rule": "phragmen"},
         "For this, it counts that a ballot names a project, "
         "not with how many points or in which place."),
        ({"vote_type": "approval", "credits_cents": [400_00, 600_00]},
         "The budget comes year by year: €400; €600. What one year leaves is added to the next."),
        ({"vote_type": "approval", "proportion": [1, 3]},
         "The dearer a project, the more votes it needs: 1/3 of all voters if it took the whole "
         "budget, and less in proportion to its cost."),
    ],
)  # fmt: skip
def test_rules_of_points_are_said_in_words(rules: dict[str, object], sentence: str) -> None:
    message = budget.Rules(**rules)  # type: ignore[arg-type]
    assert sentence in rules_in_words(message, 1_000_00, "EUR")
    assert rules_of(message).vote_type == rules["vote_type"]
