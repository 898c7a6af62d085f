"""What a count says of itself can be checked: it holds when the ballots are counted again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cahier_record.budget.pabulib import groups_by_district, profile_of, read
from cahier_record.budget.tally import (
    Candidate,
    Group,
    Profile,
    Terms,
    count,
    money_left,
    needs,
    own_share,
    satisfaction,
    satisfaction_by,
    side_by_side,
    why,
)

CHEAPEST = Terms(ties="cheapest")


def at_cost(profile: Profile, name: str, cost: int) -> Profile:
    candidates = tuple(
        replace(one, cost=cost) if one.id == name else one for one in profile.candidates
    )
    return replace(profile, candidates=candidates)


def with_more(profile: Profile, name: str, votes: int) -> Profile:
    more = Group(projects=(name,), count=votes)
    return replace(profile, groups=(*profile.groups, more)) if votes else profile


@st.composite
def elections(draw: st.DrawFn) -> Profile:
    ids = ["a", "b", "c", "d"]
    costs = draw(st.lists(st.integers(1, 40), min_size=4, max_size=4))
    ballots = st.lists(st.sampled_from(ids), unique=True)
    return Profile.of_approvals(
        draw(st.integers(0, 80)),
        [Candidate(id=one, cost=cost) for one, cost in zip(ids, costs, strict=True)],
        draw(st.lists(ballots, max_size=6)),
        decimals=0,
    )


@settings(max_examples=60, deadline=None)
@given(
    elections(),
    st.sampled_from(
        [
            ("greedy", "none"),
            ("greedy-no-skip", "none"),
            ("mes", "none"),
            ("mes", "greedy"),
            ("phragmen", "none"),
        ]
    ),
    st.sampled_from(["cost", "cardinality"]),
)
def test_at_the_cost_told_a_lost_project_wins_and_one_unit_dearer_it_does_not(
    profile: Profile, rule: tuple[str, str], utility: str
):
    how = Terms(utility=utility, ties="cheapest", completion=rule[1])
    result = count(profile, rule[0], how)
    for name, needed in needs(profile, result, how).items():
        if needed.cost is not None:
            at, above = (at_cost(profile, name, needed.cost + more) for more in (0, 1))
            assert name in count(at, rule[0], how).selected
            assert name not in count(above, rule[0], how).selected
        if needed.votes is not None:
            assert name in count(with_more(profile, name, needed.votes), rule[0], how).selected
            fewer = with_more(profile, name, needed.votes - 1)
            assert name not in count(fewer, rule[0], how).selected


def test_greedy_tells_by_how_much_a_project_was_too_dear_and_how_many_votes_it_lacked(profile):
    election = profile(100, {"a": 60, "b": 50, "c": 200}, {"a": 9, "b": 7, "c": 1})
    result = count(election, "greedy", CHEAPEST)
    decided = why(election, result, CHEAPEST)
    assert (decided["b"].reason, decided["b"].left, decided["b"].missing) == (
        "does_not_fit",
        40,
        10,
    )
    needed = needs(election, result, CHEAPEST)
    assert (needed["b"].cost, needed["b"].votes) == (40, 2)  # the cheaper of equals goes first
    assert (needed["c"].cost, needed["c"].votes) == (40, None)


def test_equal_shares_tells_effective_votes_and_what_supporters_have_left(profile):
    election = profile(100, {"a": 40, "b": 45}, {"a": 2, "a b": 2, "": 4})
    result = count(election, "mes", CHEAPEST)
    assert result.endowment == (25, 2)
    decided = why(election, result, CHEAPEST)
    assert (decided["a"].round, decided["a"].effective_votes) == (1, Fraction(4))
    assert decided["b"].supporters_money == 5
    assert (decided["b"].reason, decided["b"].round) == ("supporters_short", 1)
    assert decided["b"].effective_votes is None
    later = profile(100, {"a": 40, "b": 30}, {"a": 2, "a b": 2, "b": 1, "": 3})
    told = why(later, count(later, "mes", CHEAPEST), CHEAPEST)
    assert (told["b"].round, told["b"].effective_votes) == (2, Fraction(3))
    assert told["b"].supporters_money == Fraction(25, 2) + 2 * Fraction(5, 2)


def test_effective_votes_decide_the_rounds_of_equal_shares_by_cost(profile):
    costs = {"a": 40, "b": 50, "c": 30}
    election = profile(150, costs, {"a b": 3, "b c": 2, "c": 2})
    result = count(election, "mes", CHEAPEST)
    decided = why(election, result, CHEAPEST)
    for each in result.rounds:
        assert decided[each.id].effective_votes == costs[each.id] / Fraction(*each.price)


def test_a_ballot_tells_what_it_paid_for_what(profile):
    election = profile(100, {"a": 40, "b": 20, "c": 90}, {"a": 2, "a b": 2, "c": 1})
    greedy = count(election, "greedy", CHEAPEST)
    assert own_share(greedy, ["a", "b"]) == {"a": 10, "b": 10}
    shares = count(election, "mes", CHEAPEST)
    assert own_share(shares, ["a", "b"]) == {"a": 10, "b": 10}
    assert (money_left(shares, ["a", "b"]), money_left(shares, ["c"])) == (0, 20)
    flows = count(election, "phragmen", CHEAPEST)
    assert own_share(flows, ["a", "b"]) == {"b": 10, "a": 5}
    assert own_share(flows, ["a"]) == {"a": 15}
    assert own_share(flows, ["c"]) == {}
    assert money_left(greedy, ["a"]) == 0


def test_satisfaction_counts_who_got_anything_and_how_much(profile):
    election = profile(60, {"a": 40, "b": 20, "c": 90}, {"a": 2, "a b": 1, "c": 1, "": 1})
    result = count(election, "greedy", CHEAPEST)
    found = satisfaction(result, election.groups)
    assert (found.voters, found.with_one, found.projects, found.cost) == (5, 3, 4, 140)
    assert (found.share_with_one, found.average_cost) == (Fraction(3, 5), 28)
    assert found.average_projects == Fraction(4, 5)
    nobody = satisfaction(result, [])
    assert (nobody.share_with_one, nobody.average_cost, nobody.average_projects) == (0, 0, 0)


def test_satisfaction_is_told_by_the_voters_district(pb):
    votes = ("voter_id;vote;neighborhood", "1;a,b;North", "2;c;South", "3;b;North", "4;c;")
    instance = read(pb(votes=votes, budget="700"), "city.pb")
    result = count(profile_of(instance), "greedy", Terms())
    by_district = satisfaction_by(result, groups_by_district(instance))
    assert {name: (each.voters, each.with_one) for name, each in by_district.items()} == {
        "": (1, 0),
        "North": (2, 2),
        "South": (1, 0),
    }
    assert groups_by_district(read(pb(), "city.pb")) == {}


def test_other_rules_stand_side_by_side_with_their_satisfaction(profile):
    election = profile(100, {"a": 90, "b": 30, "c": 30}, {"a": 5, "b": 4, "c": 4})
    found = {
        (each.result.rule, each.result.utility): each for each in side_by_side(election, CHEAPEST)
    }
    assert found["greedy", "cost"].result.selected == ("a",)
    assert found["mes", "cost"].result.selected == ("b", "c")
    assert found["mes", "cost"].satisfaction.with_one == 8
    assert set(found) == {
        ("greedy", "cost"),
        ("greedy", "cardinality"),
        ("mes", "cost"),
        ("mes", "cardinality"),
        ("phragmen", "cost"),
    }


def test_the_needs_of_a_withdrawn_project_cannot_be_met():
    election = Profile(
        budget=10,
        candidates=(Candidate(id="a", cost=999, withdrawn=True),),
        groups=(Group(projects=("a",), count=5),),
    )
    result = count(election, "greedy", Terms())
    needed = needs(election, result, Terms())["a"]
    assert (needed.cost, needed.votes) == (None, None)


def test_equal_shares_satisfies_more_voters_in_wieliczka(real_election: Callable[[str], Path]):
    path = real_election("Poland_Wieliczka_2023_Green_Budget")
    profile = profile_of(read(path.read_bytes(), path.name))
    shares = count(profile, "mes", Terms(ties="cheapest", completion="add1-greedy"))
    greedy = count(profile, "greedy", Terms(ties="cheapest"))
    assert (
        satisfaction(shares, profile.groups).share_with_one
        > satisfaction(greedy, profile.groups).share_with_one
    )


@pytest.mark.parametrize(
    ("name", "rule", "winners"),
    [
        ("Poland_Wieliczka_2023_Green_Budget", "equalshares/add1-comparison", 30),
        ("Poland_Swiecie_2023", "equalshares/add1", 17),
        ("Netherlands_Assen_2024", "equalshares/add1", 9),
    ],
)
def test_cities_that_counted_by_equal_shares_announced_these_winners(
    real_election: Callable[[str], Path], name: str, rule: str, winners: int
):
    path = real_election(name)
    instance = read(path.read_bytes(), path.name)
    assert instance.rule == rule
    result = count(profile_of(instance), rule, Terms(ties="cheapest"))
    assert len(result.selected) == winners
    announced = {one.id for one in instance.projects if one.fields.get("selected") == "1"}
    if announced:
        assert set(result.selected) == announced
