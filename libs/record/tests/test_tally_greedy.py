"""The greedy rules decide as written, and say why each project won or did not."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_kernel.errors import Invalid
from cahier_record.budget.pabulib import profile_of, read, score_threshold
from cahier_record.budget.tally import (
    Candidate,
    Group,
    Profile,
    Result,
    Terms,
    UnknownRule,
    count,
    format_amount,
)

GREEDY_RULES = ("greedy", "greedy-no-skip", "greedy-threshold")


def reasons(result: Result) -> dict[str, str]:
    return {outcome.id: outcome.reason for outcome in result.projects}


def test_greedy_takes_by_score_skips_what_does_not_fit_and_goes_on(profile):
    election = profile(100, {"a": 60, "b": 50, "c": 40}, {"a": 9, "b": 8, "c": 7})
    result = count(election, "greedy", Terms())
    assert result.selected == ("a", "c")
    assert (result.spent, result.budget, result.voters) == (100, 100, 24)
    assert reasons(result) == {"a": "selected", "b": "does_not_fit", "c": "selected"}
    assert [outcome.left for outcome in result.projects] == [100, 40, 40]


def test_no_skip_stops_at_the_first_that_does_not_fit(profile):
    election = profile(100, {"a": 60, "b": 50, "c": 40, "d": 1}, {"a": 9, "b": 8, "c": 7, "d": 6})
    result = count(election, "greedy-no-skip", Terms())
    assert result.selected == ("a",)
    assert reasons(result) == {
        "a": "selected",
        "b": "does_not_fit",
        "c": "after_stop",
        "d": "after_stop",
    }
    assert [outcome.left for outcome in result.projects] == [100, 40, None, None]


def test_threshold_leaves_out_projects_under_the_least_score(profile):
    election = profile(100, {"a": 60, "b": 20, "c": 20}, {"a": 9, "b": 5, "c": 4})
    result = count(election, "greedy-threshold", Terms(threshold=5))
    assert result.selected == ("a", "b")
    assert reasons(result)["c"] == "below_threshold"
    assert result.threshold == 5


def test_threshold_must_be_given_to_the_rule_that_needs_it(profile):
    with pytest.raises(Invalid) as caught:
        count(profile(1, {}, {}), "greedy-threshold", Terms())
    assert (caught.value.code, caught.value.field) == ("rule_threshold_missing", "threshold")


@pytest.mark.parametrize("rule", ["greedy", "greedy-no-skip"])
def test_the_other_rules_know_no_threshold(profile, rule):
    result = count(profile(9, {"a": 1}, {"a": 1}), rule, Terms(threshold=5))
    assert (result.selected, result.threshold) == (("a",), None)


@pytest.mark.parametrize("rule", ["greedy", "greedy-no-skip"])
def test_a_project_without_votes_never_wins(profile, rule):
    result = count(profile(100, {"a": 0, "b": 10}, {"b": 1}), rule, Terms())
    assert result.selected == ("b",)
    assert reasons(result)["a"] == "no_votes"


def test_a_score_of_less_than_nothing_never_wins():
    election = Profile(
        budget=10,
        candidates=(Candidate(id="a", cost=1), Candidate(id="b", cost=1)),
        groups=(Group(projects=("a", "b"), points=(-1, 0)),),
    )
    assert reasons(count(election, "greedy", Terms())) == {"a": "no_votes", "b": "no_votes"}


def test_no_skip_does_not_stop_on_what_costs_more_than_the_envelope(profile):
    election = profile(100, {"a": 101, "b": 60, "c": 40}, {"a": 9, "b": 8, "c": 7})
    result = count(election, "greedy-no-skip", Terms())
    assert result.selected == ("b", "c")
    assert reasons(result)["a"] == "over_budget"
    assert result.projects[0].left is None


@pytest.mark.parametrize("rule", ["greedy", "greedy-no-skip"])
@pytest.mark.parametrize("budget", ["100", "9999999999"])
def test_a_withdrawn_project_never_wins_and_stops_nothing(pb, rule, budget):
    text = pb(
        budget=budget,
        projects=("project_id;cost", "a;999999999", "b;60"),
        votes=("voter_id;vote", "1;a", "2;a", "3;b"),
    )
    result = count(profile_of(read(text, "city.pb")), rule, Terms())
    assert result.selected == ("b",)
    assert reasons(result)["a"] == "withdrawn"


def test_what_costs_nothing_wins_when_voted_for_even_if_nothing_is_left(profile):
    election = profile(100, {"a": 100, "b": 0}, {"a": 2, "b": 1})
    assert count(election, "greedy-no-skip", Terms()).selected == ("a", "b")
    assert count(election, "greedy", Terms(utility="cardinality")).selected == ("b", "a")


def test_an_envelope_of_nothing_funds_only_what_costs_nothing(profile):
    result = count(profile(0, {"a": 0, "b": 1}, {"a b": 1}), "greedy", Terms())
    assert (result.selected, result.spent) == (("a",), 0)


def test_no_voters_or_only_empty_ballots_select_nothing(profile):
    for votes in ({}, {"": 5}):
        result = count(profile(100, {"a": 0, "b": 1}, votes), "greedy", Terms())
        assert (result.selected, result.spent) == ((), 0)
    assert result.voters == 5


def test_cardinality_takes_by_votes_per_cost(profile):
    election = profile(100, {"a": 90, "b": 30, "c": 20}, {"a": 8, "b": 3, "c": 2})
    assert count(election, "greedy", Terms()).selected == ("a",)
    by_cost = count(election, "greedy", Terms(utility="cardinality"))
    assert by_cost.selected == ("b", "c")  # 1/10 each, more than 8/90
    assert by_cost.utility == "cardinality"


def test_votes_per_cost_are_compared_exactly(profile):
    huge = 10**20  # 1/huge and 1/(huge + 1) are the same float
    election = profile(huge + 1, {"a": huge + 1, "b": huge}, {"a b": 1})
    assert count(election, "greedy", Terms(utility="cardinality")).selected == ("b",)


def test_ties_fall_as_the_terms_say(profile):
    election = profile(10, {"b": 10, "10": 10, "9": 9, "a": 9}, {"b 10 9 a": 1})
    for ties, winner in (("presented", "b"), ("cheapest", "9"), ("lexicographic", "10")):
        result = count(election, "greedy", Terms(ties=ties))
        assert (result.selected, result.ties) == ((winner,), ties)


def test_the_cheapest_of_equals_is_followed_by_the_most_listed():
    election = Profile(
        budget=1,
        candidates=(Candidate(id="a", cost=1), Candidate(id="b", cost=1)),
        groups=(
            Group(projects=("a",), points=(2,)),
            Group(projects=("b",), points=(1,), count=2),
        ),
    )
    assert count(election, "greedy", Terms(ties="cheapest")).selected == ("b",)


@pytest.mark.parametrize("name", ["greedy-custom", "unknown", "", "Greedy"])
def test_unknown_rules_are_refused_by_name(profile, name):
    with pytest.raises(UnknownRule) as caught:
        count(profile(1, {}, {}), name, Terms())
    assert repr(name) in caught.value.rule
    assert caught.value.code == "rule_unknown"


@pytest.mark.parametrize(
    "broken",
    [
        {"candidates": (Candidate(id="a", cost=1), Candidate(id="a", cost=2))},
        {"candidates": (Candidate(id="a", cost=-1),)},
        {"budget": -1},
        {"groups": (Group(projects=("zz",)),)},
        {"groups": (Group(projects=("a",), points=(1, 2)),)},
    ],
)
def test_a_profile_that_does_not_fit_together_is_refused(broken):
    sound = {"budget": 1, "candidates": (Candidate(id="a", cost=1),), "groups": ()}
    Profile(**sound)
    with pytest.raises(ValueError):
        Profile(**{**sound, **broken})


def test_approvals_from_a_log_are_grouped_and_counted():
    candidates = [Candidate(id="a", cost=100), Candidate(id="b", cost=50)]
    election = Profile.of_approvals(120, candidates, [["a"], ["b", "a"], ["a"], []])
    assert (len(election.groups), election.voters) == (3, 4)
    assert (election.votes(), election.scores()) == ({"a": 3, "b": 1}, {"a": 3, "b": 1})


def test_ordinal_ballots_give_max_length_minus_rank_plus_one(pb):
    rows = ("voter_id;vote", "1;a,b", "2;c")
    bounded = profile_of(read(pb(vote_type="ordinal", max_length="5", votes=rows), "c"))
    assert bounded.scores() == {"a": 5, "b": 4, "c": 5}
    unbounded = profile_of(read(pb(vote_type="ordinal", votes=rows), "c"))
    assert unbounded.scores() == {"a": 3, "b": 2, "c": 3}


def test_an_ordinal_election_with_another_scoring_function_is_refused(pb):
    assert profile_of(read(pb(vote_type="ordinal", scoring_fn="Borda"), "c")).voters == 3
    with pytest.raises(ValueError, match="scoring_fn"):
        profile_of(read(pb(vote_type="ordinal", scoring_fn="Dowdall"), "c"))


def test_positions_give_the_points_of_each_rank_and_nothing_beyond(pb):
    rows = ("voter_id;vote", "1;a,b,c", "2;c", "3;b,a")
    instance = read(pb(vote_type="ordinal", votes=rows), "c")
    halves = [Fraction(1), Fraction(1, 2)]
    given_here = profile_of(instance, positions=halves)
    assert (given_here.score_decimals, given_here.scores()) == (1, {"a": 15, "b": 15, "c": 10})
    named = profile_of(read(pb(vote_type="ordinal", scoring_fn="3,2,1", votes=rows), "c"))
    assert named.scores() == {"a": 5, "b": 5, "c": 4}
    with pytest.raises(ValueError, match="positions"):
        profile_of(read(pb(), "c"), positions=halves)


@pytest.mark.parametrize("scoring", ["3,-1", "3,", "3;2", "x"])
def test_points_by_rank_that_are_no_amounts_are_refused(pb, scoring):
    text = pb(vote_type="ordinal", scoring_fn=f'"{scoring}"')
    with pytest.raises(ValueError, match="scoring_fn"):
        profile_of(read(text, "c"))


@pytest.mark.parametrize("vote_type", ["cumulative", "scoring"])
def test_points_are_summed_exactly(pb, vote_type):
    rows = ("voter_id;vote;points", "1;a,b;0.1,2", "2;a;0.2")
    election = profile_of(read(pb(vote_type=vote_type, votes=rows), "city.pb"))
    assert (election.score_decimals, election.scores()) == (1, {"a": 3, "b": 20, "c": 0})
    assert election.votes() == {"a": 2, "b": 1, "c": 0}


def test_default_score_stands_for_each_voter_who_did_not_list_the_project(pb):
    rows = ("voter_id;vote;points", "1;a;3", "2;b;1", "3;;")
    text = pb(vote_type="scoring", default_score="0.5", votes=rows)
    election = profile_of(read(text, "city.pb"))
    assert election.scores() == {"a": 40, "b": 20, "c": 15}


def test_the_literal_reading_counts_a_repeated_approval_twice(pb):
    text = pb(votes=("voter_id;vote", "1;a,b,a"))
    assert profile_of(read(text, "c")).scores()["a"] == 1
    literal = profile_of(read(text, "c", literal_repeats=True))
    assert (literal.scores()["a"], literal.votes()["a"]) == (2, 1)


def test_amounts_keep_the_finest_decimals_of_the_file(pb):
    text = pb(
        budget="0.3",
        projects=("project_id;cost", "a;0.1", "b;0.20"),
        votes=("voter_id;vote", "1;a,b"),
    )
    result = count(profile_of(read(text, "city.pb")), "greedy", Terms())
    assert (result.decimals, result.budget, result.spent) == (1, 3, 3)
    assert format_amount(result.spent, result.decimals) == "0.3"


def test_a_threshold_that_is_not_whole_is_rounded_up(pb):
    for text, threshold in (("", None), ("2", 2), ("1.5", 2)):
        instance = read(pb(min_project_score_threshold=text), "city.pb")
        assert score_threshold(instance, profile_of(instance)) == threshold


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(44682940, 2, "446829.4"), (4000, 0, "4000"), (5, 3, "0.005"), (-5, 1, "-0.5"), (0, 2, "0")],
)
def test_amounts_are_written_as_short_decimals(amount, decimals, text):
    assert format_amount(amount, decimals) == text


ids = st.sampled_from(["a", "b", "c", "d", "10", "9"])
costs = st.dictionaries(ids, st.integers(0, 60), min_size=1)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    chosen = draw(costs)
    ballots = st.lists(st.sampled_from(sorted(chosen)), unique=True)
    return Profile.of_approvals(
        draw(st.integers(0, 120)),
        [Candidate(id=one, cost=cost) for one, cost in chosen.items()],
        draw(st.lists(ballots, max_size=8)),
    )


terms = st.builds(
    Terms,
    utility=st.sampled_from(["cost", "cardinality"]),
    ties=st.sampled_from(["presented", "cheapest", "lexicographic"]),
    threshold=st.integers(0, 3),
)


@given(profiles(), st.sampled_from(GREEDY_RULES), terms)
def test_the_envelope_is_never_overspent_and_the_account_adds_up(election, rule, how):
    result = count(election, rule, how)
    cost = {candidate.id: candidate.cost for candidate in election.candidates}
    assert 0 <= result.spent <= election.budget
    assert result.spent == sum(cost[one] for one in result.selected)
    assert len(set(result.selected)) == len(result.selected)
    assert {outcome.id for outcome in result.projects} == set(cost)
    won = [outcome.id for outcome in result.projects if outcome.reason == "selected"]
    assert won == list(result.selected)
    assert all(election.votes()[one] > 0 for one in won)
    for outcome in result.projects:
        assert (outcome.left is not None) == (outcome.reason in ("selected", "does_not_fit"))


@given(profiles(), st.sampled_from(GREEDY_RULES), terms, st.randoms())
def test_the_order_of_ballots_never_matters(election, rule, how, random):
    groups = list(election.groups)
    random.shuffle(groups)
    split = [
        Group(projects=tuple(reversed(group.projects)), count=1)
        for group in groups
        for _ in range(group.count)
    ]
    shuffled = Profile(budget=election.budget, candidates=election.candidates, groups=tuple(split))
    assert count(shuffled, rule, how) == count(election, rule, how)


@given(profiles(), st.sampled_from(GREEDY_RULES), terms, st.randoms())
def test_the_order_of_projects_matters_only_where_it_breaks_ties(election, rule, how, random):
    candidates = list(election.candidates)
    random.shuffle(candidates)
    shuffled = Profile(budget=election.budget, candidates=tuple(candidates), groups=election.groups)
    if how.ties != "presented":
        assert count(shuffled, rule, how) == count(election, rule, how)


@given(profiles(), st.sampled_from(["cost", "cardinality"]))
def test_a_skipped_project_would_have_overspent(election, utility):
    result = count(election, "greedy", Terms(utility=utility))
    left = election.budget - result.spent
    for outcome in result.projects:
        if outcome.reason == "does_not_fit":
            assert outcome.cost > outcome.left >= left


@given(profiles())
def test_cardinality_ranks_as_an_independent_sort_of_fractions_does(election):
    result = count(election, "greedy", Terms(utility="cardinality", ties="lexicographic"))
    votes = election.votes()
    cost = {candidate.id: candidate.cost for candidate in election.candidates}
    paid = [one.id for one in result.projects if cost[one.id] > 0]
    assert paid == sorted(paid, key=lambda one: (-Fraction(votes[one], cost[one]), one))
