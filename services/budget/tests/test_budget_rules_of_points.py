"""Rules of elections by points, rankings and years: what fits together and what does not."""

import pytest

from cahier_budget.entrypoints.translate import read_rules, write_rules
from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.events import Quota, Rules

CUMULATIVE = {"vote_type": "cumulative", "rule": "greedy"}
SCORING = {"vote_type": "scoring", "rule": "greedy", "max_points": 5}
ORDINAL = {"vote_type": "ordinal", "rule": "greedy"}
EVERY_FIELD = Rules(
    vote_type="scoring",
    rule="greedy-threshold",
    min_length=1,
    max_length=4,
    max_sum_cost_cents=900_00,
    threshold_votes=3,
    ties="cheapest",
    utility="cardinality",
    least_turnout=2,
    least_votes=1,
    quotas=(Quota(district="Old Town", amount_cents=500_00), Quota(district="", amount_cents=1)),
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


def test_every_rule_goes_through_the_contract_and_back():
    ranked = Rules(vote_type="ordinal", rule="mes", completion="add1", stop="exhaustive",
                   positions=(3, 2, 1))  # fmt: skip
    plain = Rules(vote_type="choose-1", rule="greedy")
    for rules in (EVERY_FIELD, ranked, plain):
        assert read_rules(write_rules(rules)) == rules
    differs = {name for name in Rules.__struct_fields__ for rules in (EVERY_FIELD, ranked)
               if getattr(rules, name) != getattr(plain, name)}  # fmt: skip
    assert differs == set(Rules.__struct_fields__)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (CUMULATIVE, "max_points"),
        ({**SCORING, "max_points": 0, "max_sum_points": 9}, "max_points"),
        ({**CUMULATIVE, "max_points": 3, "min_points": 4}, "min_points"),
        ({**CUMULATIVE, "max_points": 3, "min_points": -1}, "min_points"),
        ({**CUMULATIVE, "max_sum_points": 3, "min_sum_points": 4}, "min_sum_points"),
        ({**CUMULATIVE, "max_points": 10**9 + 1}, "max_points"),
        ({**CUMULATIVE, "max_points": 3, "default_points": 1}, "default_points"),
        (
            {**CUMULATIVE, "max_sum_points": 5, "min_length": 3, "min_points": 2, "max_points": 5},
            "min_points",
        ),
        ({**SCORING, "point_decimals": 7}, "point_decimals"),
        ({**SCORING, "rule": "mes", "min_points": -1}, "min_points"),
        ({**SCORING, "rule": "phragmen", "default_points": -1}, "min_points"),
        ({**ORDINAL, "max_points": 3}, "max_points"),
        ({"vote_type": "approval", "rule": "greedy", "max_sum_points": 3}, "max_sum_points"),
        ({"vote_type": "approval", "rule": "greedy", "positions": (1,)}, "positions"),
        ({**ORDINAL, "positions": (1, 2)}, "positions"),
        ({**ORDINAL, "positions": (0, 0)}, "positions"),
        ({**ORDINAL, "positions": (3, 2, -1)}, "positions"),
        ({**ORDINAL, "positions": (3, 2, 1), "max_length": 2}, "positions"),
        ({**ORDINAL, "proportion": (1, 0)}, "proportion"),
        ({**ORDINAL, "proportion": (-1, 3)}, "proportion"),
        ({**ORDINAL, "proportion": (1,)}, "proportion"),
        ({**ORDINAL, "credits_cents": (1, 2)}, "credits_cents"),
        ({**ORDINAL, "credits_cents": (-1,)}, "credits_cents"),
        ({**ORDINAL, "credits_cents": (1,) * 21}, "credits_cents"),
    ],
)
def test_rules_of_points_that_do_not_fit_are_refused(kit, rules, field):
    with pytest.raises(Invalid) as refusal:
        kit.election(rules=Rules(**rules))
    assert (refusal.value.code, refusal.value.field) == ("rules_invalid", f"rules.{field}")


@pytest.mark.parametrize(
    "rules",
    [
        {**CUMULATIVE, "max_points": 3, "max_sum_points": 7},
        {**CUMULATIVE, "max_sum_points": 10},
        {**SCORING, "min_points": -5, "default_points": 2},
        {**ORDINAL, "positions": (3, 2, 1), "max_length": 3},
        {**ORDINAL, "proportion": (1, 3)},
    ],
)
def test_rules_of_points_that_fit_are_taken(kit, rules):
    assert kit.election(rules=Rules(**rules)).rules == Rules(**rules)


def test_credits_of_years_add_up_to_the_envelope(kit):
    years = Rules(vote_type="approval", rule="greedy", credits_cents=(60_00, 40_00))
    assert kit.election(rules=years).rules.credits_cents == (60_00, 40_00)


def test_instalments_add_up_to_the_cost(kit):
    election = kit.election((40_00,))
    project = next(iter(election.projects))
    election.cost_project(project, 50_00, [30_00, 20_00], now=kit.now)
    assert election.projects[project].instalments_cents == (30_00, 20_00)
    for wrong, code in (
        ([30_00, 30_00], "instalments_differ"),
        ([60_00, -10_00], "amount_out_of_range"),
        ([1] * 21, "too_many_instalments"),
    ):
        with pytest.raises(Invalid) as refusal:
            election.cost_project(project, 50_00, wrong, now=kit.now)
        assert (refusal.value.code, refusal.value.field) == (code, "instalments_cents")
    election.cost_project(project, 50_00, now=kit.now)
    assert election.projects[project].instalments_cents == ()


def paid_in_years(kit, instalments, credit, fixed=()):
    rules = Rules(vote_type="approval", rule="greedy", credits_cents=credit, fixed=fixed)
    election = kit.election((40_00,), rules=rules)
    project = next(iter(election.projects))
    election.cost_project(project, 40_00, instalments, now=kit.now)
    return election


def test_voting_opens_once_every_project_can_be_paid_by_the_years(kit):
    paid_in_years(kit, (20_00, 20_00), (60_00, 40_00)).require_openable(kit.now)
    late = paid_in_years(kit, (20_00, 10_00, 10_00), (60_00, 40_00))
    with pytest.raises(FailedPrecondition) as refusal:
        late.require_openable(kit.now)
    assert refusal.value.code == "instalments_past_credits"


def test_fixed_projects_stay_within_the_years_credits(kit):
    paid_in_years(kit, (10_00, 30_00), (10_00, 90_00), fixed=(1,)).require_openable(kit.now)
    early = paid_in_years(kit, (), (10_00, 90_00), fixed=(1,))
    with pytest.raises(FailedPrecondition) as refusal:
        early.require_openable(kit.now)
    assert refusal.value.code == "fixed_over_credits"
