"""What is read off recorded passes is what counting out anew says, and ties do not make it slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_record.budget.tally import (
    Candidate,
    Group,
    Profile,
    Terms,
    count,
    needs,
    phragmen,
    purchases,
)
from cahier_record.budget.tally.needs import _Again

CPU_S_MAX = 10.0
"""A bound for a busy machine; without what is tested it takes many times that."""
IDS = ["a", "b", "c", "d", "e"]


@st.composite
def elections(draw: st.DrawFn) -> Profile:
    """Few costs and few kinds of ballots, so that much ties exactly."""
    costs = draw(st.lists(st.sampled_from([5, 10, 10, 17, 60]), min_size=5, max_size=5))
    districts = draw(st.lists(st.sampled_from(["", "n"]), min_size=5, max_size=5))
    either = draw(st.lists(st.sampled_from(["", "", "", "x"]), min_size=5, max_size=5))
    ballot = st.lists(st.sampled_from(IDS), unique=True).map(sorted).map(tuple)
    ballots = draw(st.lists(st.tuples(ballot, st.integers(1, 3)), max_size=5))
    return Profile(
        budget=draw(st.integers(0, 90)),
        candidates=tuple(
            Candidate(id=one, cost=cost, district=district, alternative=group)
            for one, cost, district, group in zip(IDS, costs, districts, either, strict=True)
        ),
        groups=tuple(Group(projects=listed, count=times) for listed, times in ballots),
        decimals=0,
    )


ways = st.builds(
    Terms,
    utility=st.sampled_from(["cost", "cardinality"]),
    ties=st.sampled_from(["cheapest", "lexicographic", "presented"]),
    completion=st.sampled_from(["none", "greedy", "add1", "add1-greedy"]),
    least_turnout=st.integers(0, 3),
    least_votes=st.integers(0, 2),
    proportion=st.sampled_from([(0, 1), (1, 3)]),
    quotas=st.sampled_from([{}, {"n": 20}]),
)


@settings(max_examples=100, deadline=None)
@given(elections(), ways)
def test_what_is_read_off_recorded_passes_is_what_counting_anew_says(
    profile: Profile, how: Terms
) -> None:
    result = count(profile, "mes", how)
    told = needs(profile, result, how)
    again = _Again(profile, result, how)
    again._recast = None
    assert told == {name: again.needs(name) for name in told}


@st.composite
def ties(draw: st.DrawFn) -> Profile:
    """Ten projects of two costs on ballots of which many are alike: nearly all of it ties."""
    ids = [f"p{number}" for number in range(10)]
    cost = st.sampled_from([10, 10, 10, 20])
    ballot = st.sampled_from([ids, ids[:5], ids[5:], ids[:1], ids[::2], ids[1::2]])
    return Profile(
        budget=draw(st.integers(10, 150)),
        candidates=tuple(
            Candidate(id=one, cost=draw(cost), district=draw(st.sampled_from(["", "n"])))
            for one in ids
        ),
        groups=tuple(
            Group(projects=tuple(each), count=1) for each in draw(st.lists(ballot, max_size=8))
        ),
        decimals=0,
    )


@settings(max_examples=120, deadline=None)
@given(ties(), ways, st.sampled_from(["mes", "phragmen"]))
def test_ties_that_wait_together_come_out_as_each_looked_at_alone(
    profile: Profile, how: Terms, rule: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (purchases, phragmen):
            patch.setattr(module, "twins", lambda e, places, c, r: dict.fromkeys(places, ()))
        patch.setattr(purchases, "TIED_LEAST", 10**6)
        alone = count(profile, rule, how)
    assert count(profile, rule, how) == alone


def test_who_tied_is_priced_anew_once_a_supporter_has_paid() -> None:
    """Ten projects in a ring share each voter with a neighbour: every other one is bought."""
    ids = [f"p{number}" for number in range(10)]
    ring = [Group(projects=(ids[at], ids[at - 9]), count=1) for at in range(10)]
    profile = Profile(
        budget=100,
        candidates=tuple(Candidate(id=one, cost=15) for one in ids),
        groups=tuple(ring),
        decimals=0,
    )
    result = count(profile, "mes", Terms(ties="cheapest"))
    assert result.selected == ("p0", "p2", "p4", "p6", "p8")


@pytest.mark.parametrize("alike", [True, False], ids=["same-voters", "voters-of-their-own"])
@pytest.mark.parametrize("rule", ["mes", "phragmen"])
def test_a_thousand_tied_projects_are_counted_in_a_moment(rule: str, *, alike: bool) -> None:
    ids = [str(number) for number in range(1_100)]
    own = tuple(Group(projects=(one,), count=3) for one in ids)
    profile = Profile(
        budget=55_000,
        candidates=tuple(Candidate(id=one, cost=100) for one in ids),
        groups=(Group(projects=tuple(ids), count=300),) if alike else own,
    )
    begun_s = time.process_time()
    result = count(profile, rule, Terms(ties="cheapest", completion="greedy"))
    assert time.process_time() - begun_s < CPU_S_MAX
    assert list(result.selected) == sorted(ids)[:550]
