"""Limits bind every rule alike: quotas, alternatives, fixed projects, credits, turnout, votes."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_record.budget.tally import Candidate, Group, Profile, Result, Terms, count

EVERY_RULE = ("greedy", "mes", "phragmen")


def election(budget: int, *candidates: Candidate, votes: dict[str, int]) -> Profile:
    groups = tuple(Group(projects=tuple(ids.split()), count=n) for ids, n in votes.items())
    return Profile(budget=budget, candidates=candidates, groups=groups, decimals=0)


def reasons(result: Result) -> dict[str, str]:
    return {one.id: one.reason for one in result.projects}


def how(**more: object) -> Terms:
    return Terms(completion="add1-greedy", ties="lexicographic", **more)


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_a_district_gets_no_more_than_its_quota_and_city_wide_projects_have_one_too(rule):
    parts = [
        Candidate(id="a", cost=30, district="north"),
        Candidate(id="b", cost=30, district="north"),
        Candidate(id="c", cost=30),
        Candidate(id="d", cost=30),
        Candidate(id="e", cost=30, district="south"),
    ]
    profile = election(1000, *parts, votes={"a b c d e": 9, "a": 2, "c": 1})
    result = count(profile, rule, how(quotas={"north": 59, "": 30}))
    assert set(result.selected) == {"a", "c", "e"}
    assert (reasons(result)["b"], reasons(result)["d"]) == ("over_quota", "over_quota")


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_of_alternatives_one_is_funded(rule):
    parts = [Candidate(id=one, cost=10, alternative="square") for one in "ab"]
    profile = election(100, *parts, Candidate(id="c", cost=10), votes={"a b c": 5, "b": 1})
    result = count(profile, rule, how())
    assert set(result.selected) == {"b", "c"}
    assert reasons(result)["a"] == "alternative_taken"


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_fixed_projects_are_paid_first_whatever_the_ballots_say(rule):
    parts = [Candidate(id="f", cost=60, fixed=True), Candidate(id="a", cost=50)]
    profile = election(100, *parts, Candidate(id="b", cost=40), votes={"a": 3, "b": 2})
    result = count(profile, rule, how())
    assert (result.selected, result.spent) == (("f", "b"), 100)
    assert reasons(result) == {"f": "fixed", "a": "over_budget", "b": "selected"}
    if rule == "mes":
        assert Fraction(40, 5) <= Fraction(*result.endowment)


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_the_alternative_of_a_fixed_project_is_out(rule):
    parts = [Candidate(id="f", cost=1, fixed=True, alternative="x")]
    profile = election(100, *parts, Candidate(id="a", cost=1, alternative="x"), votes={"a": 3})
    assert reasons(count(profile, rule, how()))["a"] == "alternative_taken"


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_each_years_credit_holds_and_what_a_year_leaves_is_carried_over(rule):
    parts = [
        Candidate(id="a", cost=60),
        Candidate(id="b", cost=60, instalments=(0, 60)),
        Candidate(id="c", cost=60, instalments=(30, 30)),
    ]
    profile = election(200, *parts, votes={"a b c": 1, "a b": 1, "a": 1})
    result = count(profile, rule, how(credits=(70, 60)))
    assert set(result.selected) == {"a", "b"}  # 60 of 70, then 60 of 10 + 60
    assert reasons(result)["c"] == "over_credit"
    assert set(count(profile, rule, how(credits=(90, 90))).selected) == {"a", "b", "c"}
    assert set(count(profile, rule, how()).selected) == {"a", "b", "c"}


def test_instalments_that_do_not_add_up_and_fixed_projects_over_the_envelope_are_refused():
    with pytest.raises(ValueError, match="add up"):
        election(10, Candidate(id="a", cost=5, instalments=(1, 2)), votes={})
    with pytest.raises(ValueError, match="fixed"):
        election(10, Candidate(id="a", cost=11, fixed=True), votes={})


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_with_too_few_ballots_nothing_but_the_fixed_is_funded(rule):
    parts = [Candidate(id="f", cost=1, fixed=True), Candidate(id="a", cost=1)]
    profile = election(10, *parts, votes={"a": 3, "": 1})
    assert count(profile, rule, how(least_turnout=4)).selected == ("f", "a")
    result = count(profile, rule, how(least_turnout=5))
    assert (result.selected, reasons(result)["a"]) == (("f",), "turnout_too_low")


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_a_project_needs_the_least_votes_and_its_part_of_the_proportional_share(rule):
    parts = [Candidate(id="a", cost=60), Candidate(id="b", cost=30)]
    profile = election(90, *parts, votes={"a b": 2, "b": 1, "": 6})
    assert reasons(count(profile, rule, how(least_votes=3)))["a"] == "below_least_votes"
    # Of 9 voters 6 hold the cost of a: with a third of them, 2, it may contend.
    assert reasons(count(profile, rule, how(proportion=(1, 3))))["a"] != "below_proportion"
    assert reasons(count(profile, rule, how(proportion=(2, 5))))["a"] == "below_proportion"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 20), st.sampled_from(["", "n", "s"]), st.sampled_from(["", "x", "y"])
        ),
        min_size=1,
        max_size=6,
    ),
    st.lists(st.sets(st.integers(0, 5)), max_size=6),
    st.sampled_from(EVERY_RULE),
    st.integers(0, 60),
    st.integers(0, 40),
)
def test_no_rule_breaks_a_limit(parts, ballots, rule, budget, quota):
    candidates = [
        Candidate(id=str(at), cost=cost, district=district, alternative=alternative)
        for at, (cost, district, alternative) in enumerate(parts)
    ]
    profile = Profile.of_approvals(
        budget,
        candidates,
        [[str(at) for at in sorted(ballot) if at < len(parts)] for ballot in ballots],
        decimals=0,
    )
    result = count(profile, rule, how(quotas={"n": quota}, credits=(budget // 2, budget)))
    won = [one for one in candidates if one.id in result.selected]
    assert sum(one.cost for one in won) <= min(budget, budget // 2 + budget)
    assert sum(one.cost for one in won if one.district == "n") <= quota
    assert sum(one.cost for one in won) <= budget // 2
    named = [one.alternative for one in won if one.alternative]
    assert len(set(named)) == len(named)
