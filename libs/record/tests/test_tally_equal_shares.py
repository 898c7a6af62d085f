"""Equal shares and Phragmén's rule hold what they promise, and agree with slow oracles."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import chain, combinations
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_kernel.errors import Invalid
from cahier_record.budget.tally import (
    RULES,
    Candidate,
    Group,
    Profile,
    Result,
    Terms,
    count,
    money_left,
    own_share,
)

Ballots = list[tuple[str, ...]]
Key = Callable[[str], object]
SPENDING_OWN_MONEY = ("mes", "phragmen", "equalshares/add1", "equalshares/add1-comparison")


def mes(ballots: Ballots, costs: dict[str, int], utility: str, key: Key, held: Fraction):
    """The rule as the paper states it, one voter at a time; (ids bought, balances)."""
    balance = [held] * len(ballots)
    bought: list[str] = []
    while True:
        offers = []
        for one in set(costs) - set(bought):
            supporters = sorted(
                (at for at, ballot in enumerate(ballots) if one in ballot), key=balance.__getitem__
            )
            if not supporters or sum(balance[at] for at in supporters) < costs[one]:
                continue
            missing, others = Fraction(costs[one]), len(supporters)
            for at in supporters:
                if missing / others <= balance[at]:
                    break
                missing, others = missing - balance[at], others - 1
            price = missing / others
            rate = price / costs[one] if utility == "cost" else price
            offers.append((rate, key(one), one, price, supporters))
        if not offers:
            return bought, balance
        _, _, one, price, supporters = min(offers, key=lambda offer: offer[:2])
        bought.append(one)
        for at in supporters:
            balance[at] -= min(balance[at], price)


def add1(ballots: Ballots, costs: dict[str, int], budget: int, utility: str, key: Key, stop: str):
    """One pass for every unit of currency."""
    held, last = Fraction(budget, len(ballots)), list[str]()
    listed = {one for one in costs if any(one in ballot for ballot in ballots)}
    while True:
        bought, _ = mes(ballots, costs, utility, key, held)
        spent = sum(costs[one] for one in bought)
        if spent > budget:
            return last
        fits = any(costs[one] + spent <= budget for one in listed - set(bought))
        if set(bought) == listed or (stop == "exhaustive" and not fits):
            return bought
        held, last = held + 1, bought


def phragmen(ballots: Ballots, costs: dict[str, int], budget: int, key: Key) -> list[str]:
    paid = [Fraction(0)] * len(ballots)
    left = {one for one in costs if any(one in ballot for ballot in ballots)}
    bought: list[str] = []
    while left:
        moments = {
            one: (costs[one] + sum(paid[at] for at, each in enumerate(ballots) if one in each))
            / Fraction(sum(one in each for each in ballots))
            for one in left
        }
        first = min(moments.values())
        tied = [one for one in left if moments[one] == first]
        if any(sum(costs[each] for each in (*bought, one)) > budget for one in tied):
            return bought
        bought.append(min(tied, key=key))
        left.discard(bought[-1])
        paid = [first if bought[-1] in each else at for at, each in zip(paid, ballots, strict=True)]
    return bought


@st.composite
def elections(draw: st.DrawFn, least_cost: int = 1, voters: int = 8) -> Profile:
    """Few ids and small costs: ties everywhere."""
    ids = draw(st.lists(st.sampled_from(["a", "b", "c", "10", "9", "1"]), unique=True, min_size=1))
    top = draw(st.sampled_from([2, 12, 10**14]))
    costs = draw(st.lists(st.integers(least_cost, top), min_size=len(ids), max_size=len(ids)))
    ballots = st.lists(st.sampled_from(ids), unique=True).map(tuple)
    return Profile.of_approvals(
        draw(st.integers(0, sum(costs))),
        [Candidate(id=one, cost=cost) for one, cost in zip(ids, costs, strict=True)],
        draw(st.lists(ballots, max_size=voters)),
        decimals=draw(st.sampled_from([0, 12])) if top > 12 else 0,
    )


terms = st.builds(
    Terms,
    utility=st.sampled_from(["cost", "cardinality"]),
    ties=st.sampled_from(["cheapest", "lexicographic", "presented"]),
    completion=st.sampled_from(["none", "greedy", "add1", "add1-greedy"]),
    stop=st.sampled_from(["overspend", "exhaustive"]),
)


def plain(election: Profile) -> tuple[Ballots, dict[str, int]]:
    """One ballot for each voter, and the costs of what the envelope could pay."""
    ballots = [each.projects for each in election.groups for _ in range(each.count)]
    costs = {one.id: one.cost for one in election.candidates if one.cost <= election.budget}
    return ballots, costs


def tie_key(election: Profile, ties: str) -> Key:
    votes = election.votes()
    place = {one.id: at for at, one in enumerate(election.candidates)}
    cost = {one.id: one.cost for one in election.candidates}
    return {
        "presented": place.__getitem__,
        "lexicographic": str,
        "cheapest": lambda one: (cost[one], -votes[one], one),
    }[ties]


@settings(max_examples=150, deadline=None)
@given(elections(), terms)
def test_equal_shares_comes_out_as_the_paper_states_it(election: Profile, how: Terms):
    ballots, costs = plain(election)
    if not ballots:
        return
    key = tie_key(election, how.ties)
    result = count(election, "mes", Terms(utility=how.utility, ties=how.ties))
    held = Fraction(election.budget, len(ballots))
    bought, balances = mes(ballots, costs, how.utility, key, held)
    assert list(result.selected) == bought
    assert [money_left(result, each) for each in ballots] == balances
    if election.budget < 100 and election.decimals == 0:
        how = Terms(utility=how.utility, ties=how.ties, completion="add1", stop=how.stop)
        expected = add1(ballots, costs, election.budget, how.utility, key, how.stop)
        assert list(count(election, "mes", how).selected) == expected


@settings(max_examples=80, deadline=None)
@given(elections(least_cost=0), terms)
def test_phragmen_comes_out_as_money_flows(election: Profile, how: Terms):
    ballots, costs = plain(election)
    expected = phragmen(ballots, costs, election.budget, tie_key(election, how.ties))
    assert list(count(election, "phragmen", Terms(ties=how.ties)).selected) == expected


@settings(max_examples=100, deadline=None)
@given(elections(least_cost=0), st.sampled_from(SPENDING_OWN_MONEY), terms)
def test_never_overspent_and_every_payment_is_accounted_for(
    election: Profile, rule: str, how: Terms
):
    result = count(election, rule, how)
    cost = {one.id: one.cost for one in election.candidates}
    votes = election.votes()
    assert result.spent == sum(cost[one] for one in result.selected) <= election.budget
    assert len(set(result.selected)) == len(result.selected)
    assert all(votes[one] for one in result.selected)
    assert {one.id for one in result.projects} == set(cost)
    paid = dict.fromkeys(result.selected, Fraction(0))
    for group in election.groups:
        shares = own_share(result, group.projects)
        for one, share in shares.items():
            paid[one] += share * group.count
        if result.endowment is not None:
            bought = {each.id for each in result.rounds}
            total = sum(share for one, share in shares.items() if one in bought)
            assert total <= Fraction(*result.endowment)
            assert money_left(result, group.projects) == Fraction(*result.endowment) - total
    assert paid == {one: cost[one] for one in result.selected}


@settings(max_examples=80, deadline=None)
@given(elections(least_cost=0), st.sampled_from(SPENDING_OWN_MONEY), terms, st.randoms())
def test_the_order_of_ballots_and_projects_never_matters(
    election: Profile, rule: str, how: Terms, random
):
    groups = [
        Group(projects=tuple(random.sample(each.projects, len(each.projects))))
        for each in election.groups
        for _ in range(each.count)
    ]
    candidates = list(election.candidates)
    random.shuffle(groups)
    if how.ties != "presented":
        random.shuffle(candidates)
    shuffled = Profile(
        budget=election.budget,
        candidates=tuple(candidates),
        groups=tuple(groups),
        decimals=election.decimals,
    )
    assert count(shuffled, rule, how) == count(election, rule, how)


@settings(max_examples=80, deadline=None)
@given(elections(), st.data())
def test_another_vote_for_a_winner_under_approval_greedy_does_not_unseat_it(
    election: Profile, data: st.DataObject
):
    ties = data.draw(st.sampled_from(["presented", "cheapest", "lexicographic"]))
    utility = data.draw(st.sampled_from(["cost", "cardinality"]))
    rule = data.draw(st.sampled_from(["greedy", "greedy-no-skip"]))
    result = count(election, rule, Terms(ties=ties, utility=utility))
    if not result.selected:
        return
    winner = data.draw(st.sampled_from(result.selected))
    ballots = [each.projects for each in election.groups for _ in range(each.count)]
    at = data.draw(st.integers(0, len(ballots)))
    if at < len(ballots) and winner not in ballots[at]:
        ballots[at] = (*ballots[at], winner)
    elif at == len(ballots):
        ballots.append((winner,))
    more = Profile.of_approvals(election.budget, election.candidates, ballots)
    assert winner in count(more, rule, Terms(ties=ties, utility=utility)).selected


def groups_that_deserve_more(election: Profile, result: Result, utility: str):
    """Groups of voters and projects T that break EJR up to one project (brute force).

    Peters, Pierczyński, Skowron 2021: a group S deserves T if all of S approve T and hold
    cost(T) / budget of the voters; then somebody in S, with one more project of T, gets more
    than T is worth, or as much as all of T.
    """
    ballots, _ = plain(election)
    cost = {one.id: one.cost for one in election.candidates}
    worth = cost if utility == "cost" else dict.fromkeys(cost, 1)
    subsets = chain.from_iterable(combinations(cost, size) for size in range(1, len(cost) + 1))
    for wanted in subsets:
        needed = ceil(Fraction(sum(cost[one] for one in wanted) * len(ballots), election.budget))
        alike = [each for each in ballots if set(wanted) <= set(each)]
        if needed == 0 or len(alike) < needed:
            continue
        due = sum(worth[one] for one in wanted)
        poor = []
        for each in alike:
            has = sum(worth[one] for one in set(each) & set(result.selected))
            more = max((worth[one] for one in set(wanted) - set(result.selected)), default=0)
            if has < due and has + more <= due:
                poor.append(each)
        if len(poor) >= needed:
            yield wanted, poor


@settings(max_examples=100, deadline=None)
@given(
    elections(voters=7),
    st.sampled_from(["cost", "cardinality"]),
    st.sampled_from(["none", "add1", "greedy"]),
)
def test_equal_shares_gives_groups_what_they_deserve_up_to_one_project(
    election: Profile, utility: str, completion: str
):
    if election.budget == 0 or election.voters == 0:
        return
    how = Terms(utility=utility, completion=completion, ties="lexicographic")
    result = count(election, "mes", how)
    assert list(groups_that_deserve_more(election, result, utility)) == []


def test_the_greedy_rule_breaks_what_equal_shares_holds(profile):
    election = profile(4, {"a": 2, "b": 2, "c": 2}, {"a b": 3, "c": 3})
    for rule, broken in (("greedy", True), ("mes", False)):
        result = count(election, rule, Terms(ties="lexicographic"))
        found = list(groups_that_deserve_more(election, result, "cost"))
        assert bool(found) == (broken and "c" not in result.selected), rule


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"greedy-threshold"}))
@pytest.mark.parametrize("votes", [{}, {"": 3}])
def test_no_voters_or_only_empty_ballots_fund_nothing(profile, rule, votes):
    election = profile(10, {"a": 0, "b": 5}, votes)
    result = count(election, rule, Terms(completion="add1-greedy"))
    assert (result.selected, result.spent, result.rounds) == ((), 0, ())


def test_empty_ballots_count_in_the_equal_share(profile):
    costs = {"a": 6, "b": 6}
    assert count(profile(12, costs, {"a": 1, "b": 1}), "mes", Terms()).selected == ("a", "b")
    less = count(profile(12, costs, {"a": 1, "b": 1, "": 1}), "mes", Terms())
    assert (less.selected, less.endowment) == ((), (4, 1))


@pytest.mark.parametrize("rule", ["mes", "phragmen"])
def test_what_costs_nothing_is_funded_first_if_anybody_lists_it(profile, rule):
    election = profile(10, {"a": 10, "z": 0, "y": 0, "x": 0}, {"a z y": 2})
    result = count(election, rule, Terms(ties="lexicographic"))
    assert result.selected == ("y", "z", "a")


@pytest.mark.parametrize("rule", ["mes", "phragmen", "equalshares/add1"])
def test_a_project_dearer_than_the_envelope_neither_wins_nor_stops_anything(profile, rule):
    election = profile(10, {"a": 11, "b": 4}, {"a b": 5, "a": 5})
    result = count(election, rule, Terms(ties="lexicographic"))
    assert (result.selected, result.projects[-1].reason) == (("b",), "over_budget")


def test_amounts_of_ten_to_the_twelve_cents_are_exact(profile):
    huge = 10**12
    election = profile(3 * huge, {"a": huge, "b": huge + 1}, {"a b": 10**6 + 1, "b": 1, "": 1})
    first = count(election, "mes", Terms(utility="cardinality", ties="lexicographic"))
    a, b = Fraction(huge, 10**6 + 1), Fraction(huge + 1, 10**6 + 2)
    assert first.selected == (("b", "a") if b < a else ("a", "b"))
    assert Fraction(*first.rounds[0].price) == min(a, b)


def test_prices_that_floats_cannot_tell_apart_are_compared_exactly(profile):
    huge = 10**20
    election = profile(2 * huge + 1, {"a": huge + 1, "b": huge}, {"a b": 1})
    result = count(election, "mes", Terms(utility="cardinality", ties="lexicographic"))
    assert result.selected == ("b", "a")
    tied = profile(2 * huge, {"a": huge, "b": huge}, {"a b": 3})
    assert count(tied, "mes", Terms(ties="lexicographic")).selected == ("a", "b")


def test_a_tied_overshoot_ends_phragmen_before_the_tie_is_broken(profile):
    election = profile(10, {"z": 3, "a": 4, "b": 8}, {"z": 6, "a": 4, "b": 8})
    result = count(election, "phragmen", Terms(ties="lexicographic"))
    assert result.selected == ("z",)
    assert {one.id: (one.reason, one.left) for one in result.projects} == {
        "z": ("selected", None),
        "b": ("does_not_fit", 7),
        "a": ("after_stop", None),
    }
    roomier = profile(11, {"z": 3, "a": 4, "b": 8}, {"z": 6, "a": 4, "b": 8})
    assert count(roomier, "phragmen", Terms(ties="lexicographic")).selected == ("z", "a")


def test_more_than_a_thousand_winners_are_exact():
    costs = {str(number): 1000 + number for number in range(1100)}
    ids = list(costs)
    ballots = [tuple(ids[at::4]) for at in range(4)] + [tuple(ids[at::9]) for at in range(9)]
    election = Profile.of_approvals(
        4 * sum(costs.values()),
        [Candidate(id=one, cost=cost) for one, cost in costs.items()],
        ballots,
        decimals=0,
    )
    result = count(election, "mes", Terms(utility="cardinality", ties="lexicographic"))
    assert len(result.selected) > 1000
    paid = dict.fromkeys(result.selected, Fraction(0))
    for group in election.groups:
        for one, share in own_share(result, group.projects).items():
            paid[one] += share * group.count
    assert paid == {one: costs[one] for one in result.selected}


def test_add1_reaches_across_a_huge_plateau_of_endowments(profile):
    election = profile(10**12, {"a": 1, "b": 10**12 - 1}, {"a": 1, "b": 1})
    result = count(election, "mes", Terms(completion="add1"))
    assert set(result.selected) == {"a", "b"}
    assert result.raises == 10**12 - 1 - 10**12 // 2


def test_stop_exhaustive_ends_as_soon_as_nothing_that_is_listed_fits(profile):
    election = profile(1000, {"a": 400, "b": 400, "c": 300}, {"a": 4, "b": 3, "c": 2, "": 1})
    how = {"completion": "add1", "ties": "lexicographic"}
    early = count(election, "mes", Terms(stop="exhaustive", **how))
    late = count(election, "mes", Terms(stop="overspend", **how))
    assert (early.raises, late.raises) == (34, 49)
    assert early.selected == late.selected == ("a", "b")


def test_comparison_takes_the_greedy_outcome_only_if_more_voters_prefer_it(profile):
    minority = profile(10, {"a": 6, "b": 5, "c": 5}, {"a": 5, "b": 2, "c": 2, "a b": 0})
    result = count(minority, "equalshares/add1-comparison", Terms())
    assert result.preferred is not None
    shares, greedy = result.preferred
    assert (greedy > shares) == (result.endowment is None)


def test_ballots_of_less_than_nothing_do_not_fit_rules_of_support():
    election = Profile(
        budget=10,
        candidates=(Candidate(id="a", cost=1),),
        groups=(Group(projects=("a",), points=(-1,)),),
    )
    for rule in ("mes", "phragmen"):
        with pytest.raises(Invalid) as caught:
            count(election, rule, Terms())
        assert caught.value.code == "rule_unfit"
