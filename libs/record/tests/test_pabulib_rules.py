"""An election's rules as META, both ways, and what its ballots say where META is silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cahier_record.budget.events import Quota, Rules
from cahier_record.budget.pabulib import Instance, meta_of_rules, read, rules_of

FULL = Rules(
    vote_type="scoring",
    rule="greedy-threshold",
    min_length=1,
    max_length=4,
    max_sum_cost_cents=900_50,
    threshold_votes=3,
    ties="lexicographic",
    utility="cardinality",
    least_turnout=2,
    least_votes=1,
    quotas=(Quota(district="Old;Town", amount_cents=500_00), Quota(district="", amount_cents=1)),
    alternatives=((1, 2), (3, 4, 5)),
    fixed=(6,),
    max_points=30,
    min_points=-20,
    max_sum_points=60,
    min_sum_points=-10,
    point_decimals=1,
    default_points=-5,
    proportion=(1, 3),
    credits_cents=(600_00, 400_00),
)
SHARES = Rules(
    vote_type="ordinal",
    rule="mes",
    ties="standard",
    completion="add1",
    stop="exhaustive",
    positions=(35, 20, 0),
    point_decimals=1,
)


def file_of(meta: dict[str, str]) -> Instance:
    return Instance(meta=meta, project_columns=(), projects=[], vote_columns=(), ballots=[])


@pytest.mark.parametrize(
    "rules",
    [
        FULL,
        SHARES,
        Rules(vote_type="choose-1", rule="phragmen", ties="cheapest"),
        Rules(vote_type="cumulative", rule="greedy", max_points=3, max_sum_points=7),
        Rules(vote_type="ordinal", rule="greedy", max_length=5),
    ],
)
def test_every_rule_is_written_into_meta_and_read_from_it(rules: Rules) -> None:
    assert rules_of(file_of(meta_of_rules(rules, standing=5))) == rules


def test_rules_that_say_nothing_have_no_key() -> None:
    meta = meta_of_rules(Rules(vote_type="approval", rule="greedy"), standing=5)
    assert [key for key in meta if not key.startswith("cahier_")] == ["vote_type", "rule"]


def test_bordas_first_place_is_told_where_no_bound_says_it() -> None:
    assert meta_of_rules(Rules(vote_type="ordinal", rule="greedy"), 7)["max_length"] == "7"


@pytest.mark.parametrize(
    ("meta", "rows", "expected"),
    [
        ({"max_sum_points": "7"}, "1;a,b;3,2", {"max_sum_points": 7, "max_points": 0}),
        ({}, "1;a,b;3,2", {"max_points": 3}),
        ({}, "1;a,b;0.5,2", {"max_points": 20, "point_decimals": 1}),
        ({"max_points": "2.25"}, "1;a;2", {"max_points": 225, "point_decimals": 2}),
        (
            {"vote_type": "scoring"},
            "1;a,b;-3,2",
            {"max_points": 2, "min_points": -3, "max_sum_points": 0},
        ),
        (
            {"vote_type": "scoring", "min_points": "-5", "default_score": "1"},
            "1;a;-3",
            {"min_points": -5, "default_points": 1, "max_points": 1},
        ),
    ],
)
def test_points_are_bounded_by_meta_or_else_by_the_ballots(
    pb: Callable[..., str], meta: dict[str, str], rows: str, expected: dict[str, Any]
) -> None:
    votes = ("voter_id;vote;points", rows)
    text = pb(**{"vote_type": "cumulative", "votes": votes, **meta})
    rules = rules_of(read(text, "city.pb"), "greedy")
    assert {name: getattr(rules, name) for name in expected} == expected


def test_places_that_no_ballot_has_are_cut_off() -> None:
    meta = {"vote_type": "ordinal", "rule": "greedy", "max_length": "2", "scoring_fn": "3,2,1"}
    assert rules_of(file_of(meta)).positions == (3, 2)


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({"rule": "custom"}, "rule custom: this release counts by greedy, "),
        ({}, "no rule in META"),
        ({"rule": "greedy", "max_sum_cost": "1.005"}, "META: max_sum_cost: 1.005 is finer"),
        ({"rule": "greedy", "cahier_proportion": "third"}, "META: cahier_proportion: "),
        ({"rule": "greedy", "cahier_quotas": "[1]"}, "META: cahier_quotas: "),
        ({"rule": "greedy", "cahier_fixed": "a"}, "META: cahier_fixed: must be a whole number"),
        ({"rule": "greedy", "vote_type": "ordinal", "scoring_fn": "Dowdall"}, "META: scoring_fn: "),
    ],
)
def test_rules_that_cannot_be_read_are_named(meta: dict[str, str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        rules_of(file_of({"vote_type": "approval", **meta}))
