"""What readers may ask of a count: another envelope, rule or cost, a share, a district."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.count import Countable, Counted
from cahier_record.budget.explanation import by_district, explain
from cahier_record.budget.own_share import OwnShare, own_share_of
from cahier_record.budget.tally import Candidate, Group, Profile, Terms, count, gains
from cahier_record.budget.what_if import CHANGES_MAX, Change, OtherWay, what_if

VOTES = {"a b": 4, "a c": 3, "d": 2, "": 1}
COSTS = {"a": 60, "b": 50, "c": 40, "d": 30}


def counted(profile: Profile, rule: str = "greedy", **terms: object) -> Counted:
    how = Terms(**terms)
    numbers = {one.id: place for place, one in enumerate(profile.candidates, 1)}
    return Counted(profile, how, count(profile, rule, how), numbers)


def share_of(made: Counted, *choices: int) -> OwnShare:
    return own_share_of(made.result, made.numbers, choices)


@pytest.fixture
def small(profile: Callable[..., Profile]) -> Profile:
    made = profile(100, COSTS, VOTES)
    districts = {"a": "North", "b": "North", "c": "South", "d": ""}
    return replace(
        made,
        candidates=tuple(replace(one, district=districts[one.id]) for one in made.candidates),
    )


def test_a_larger_envelope_funds_what_fits_then_and_says_who_gains(small: Profile):
    before = counted(small)
    assert [before.numbers[one] for one in before.result.selected] == [1, 3]
    answer = what_if(before, Change(envelope_cents=150))
    assert answer.selected == (1, 2, 3)
    assert answer.spent_cents == 150
    assert (answer.more, answer.less) == (4, 0)


def test_a_cheaper_project_may_win_and_others_lose(small: Profile):
    answer = what_if(counted(small), Change(costs_cents={2: 40}))
    assert answer.selected == (1, 2)
    fates = {one.number: (one.cost_cents, one.selected, one.reason) for one in answer.fates}
    assert fates[2] == (40, True, "selected")
    assert fates[3] == (40, False, "does_not_fit")
    assert (answer.more, answer.less) == (4, 3)


def test_another_rule_counts_the_same_ballots(small: Profile):
    other = what_if(counted(small), Change(way=OtherWay(rule="mes", completion="none")))
    plain = count(small, "mes", Terms(completion="none"))
    assert other.selected == tuple("abcd".index(one) + 1 for one in plain.selected)
    assert (other.rule, other.completion) == ("mes", "none")


def test_no_change_gives_the_count_again(small: Profile):
    for rule, terms in (("greedy", {}), ("mes", {"completion": "greedy"}), ("phragmen", {})):
        before = counted(small, rule, **terms)
        again = what_if(before, Change())
        assert again.selected == tuple(before.numbers[one] for one in before.result.selected)
        assert (again.more, again.less) == (0, 0)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (Change(envelope_cents=-1), "amount_out_of_range"),
        (Change(costs_cents={1: 10**16}), "amount_out_of_range"),
        (Change(costs_cents={9: 1}), "project_unknown"),
        (Change(costs_cents=dict.fromkeys(range(CHANGES_MAX + 1), 1)), "changes_too_many"),
        (Change(way=OtherWay(rule="dice")), "rule_unknown"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(small: Profile, change: Change, code: str):
    with pytest.raises(Invalid) as refusal:
        what_if(counted(small), change)
    assert refusal.value.code == code


def test_an_envelope_below_the_fixed_projects_is_refused(small: Profile):
    first, *others = small.candidates
    fixed = replace(small, candidates=(replace(first, fixed=True), *others))
    with pytest.raises(FailedPrecondition, match="fixed_over_envelope"):
        what_if(counted(fixed), Change(envelope_cents=10))


def test_instalments_follow_a_changed_cost(small: Profile):
    first, *others = small.candidates
    paid = replace(small, candidates=(replace(first, instalments=(20, 40)), *others))
    before = counted(paid, credits=(20, 80))
    assert before.result.selected[0] == "a"
    # At 90 the first year asks for 30, and only 20 are there.
    assert 1 not in what_if(before, Change(costs_cents={1: 90})).selected
    assert 1 in what_if(before, Change(costs_cents={1: 30})).selected


def test_a_ballots_share_is_its_part_of_each_cost(small: Profile):
    share = share_of(counted(small), 1, 2)
    assert [(one.number, one.votes, one.by_voters) for one in share.paid] == [(1, 7, False)]
    assert share.paid[0].share_cents == round(Fraction(60, 7))
    assert share.total_cents == round(Fraction(60, 7))
    assert (share.held_cents, share.left_cents) == (0, 0)


def test_under_equal_shares_the_ballot_pays_out_of_what_it_held(small: Profile):
    share = share_of(counted(small, "mes"), 1, 3)
    assert share.held_cents == 10
    assert share.total_cents + share.left_cents == pytest.approx(10, abs=1)
    assert all(one.by_voters for one in share.paid)


def test_a_ballot_without_a_winner_paid_nothing(small: Profile):
    share = share_of(counted(small), 4)
    assert share.paid == ()
    assert share.choices == (4,)
    assert share.total_cents == 0


def test_what_does_not_stand_any_more_is_no_part_of_a_share(small: Profile):
    assert share_of(counted(small), 99).paid == ()


def test_a_district_is_served_by_its_own_projects_and_judged_by_their_voters(small: Profile):
    found = {one.district: one for one in by_district(counted(small))}
    assert list(found) == ["", "North", "South"]
    north, south, city = found["North"], found["South"], found[""]
    assert (north.projects, north.winners, north.spent_cents) == (2, 1, 60)
    assert (north.satisfaction.voters, north.with_one_here) == (7, 7)
    assert (south.satisfaction.voters, south.with_one_here) == (3, 3)
    assert south.satisfaction.average_cost_cents == 100
    assert (city.winners, city.satisfaction.voters, city.satisfaction.with_one) == (0, 2, 0)


def test_another_rule_says_who_would_gain_and_lose(small: Profile):
    before = counted(small)
    for each in explain(before).alternatives:
        after = what_if(
            before,
            Change(way=OtherWay(rule=each.rule, utility=each.utility, completion=each.completion)),
        )
        assert each.selected == after.selected
        assert (each.more, each.less) == (after.more, after.less)


def test_what_a_count_follows_from_travels_though_its_shares_are_ratios_of_any_size():
    draw = Random(7)
    projects = [Candidate(id=f"{n:02d}", cost=draw.randint(900, 9_000)) for n in range(40)]
    ballots = [draw.sample([one.id for one in projects], draw.randint(1, 9)) for _ in range(300)]
    profile = Profile.of_approvals(120_000, projects, ballots, decimals=0)
    numbers = {one.id: place for place, one in enumerate(profile.candidates, 1)}
    sent = Countable(profile, "mes", Terms(completion="add1-greedy"), numbers)
    made = sent.counted()
    assert any(max(each.price) >= 2**64 for each in made.result.rounds)
    with pytest.raises(OverflowError):
        msgspec.msgpack.encode(made)
    arrived = msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=Countable)
    assert arrived.counted() == made


def test_rules_that_cannot_count_the_ballots_are_left_out_of_the_comparison(small: Profile):
    below = Group(projects=("a", "d"), points=(5, -1), count=2)
    made = counted(replace(small, groups=(*small.groups, below)))
    rules = {(each.rule, each.utility) for each in explain(made).alternatives}
    assert rules == {("greedy", "cardinality")}
    with pytest.raises(Invalid) as refusal:
        what_if(made, Change(way=OtherWay(rule="phragmen")))
    assert refusal.value.code == "rule_unfit"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=4, max_size=4),
    st.lists(st.lists(st.sampled_from("abcd"), unique=True), max_size=6),
    st.integers(0, 80),
    st.sampled_from(["greedy", "mes", "phragmen"]),
)
def test_the_shares_of_all_ballots_add_up_to_what_was_spent(
    costs: list[int], ballots: list[list[str]], budget: int, rule: str
):
    candidates = [Candidate(id=one, cost=cost) for one, cost in zip("abcd", costs, strict=True)]
    made = counted(Profile.of_approvals(budget, candidates, ballots, decimals=0), rule)
    paid = [share_of(made, *("abcd".index(one) + 1 for one in each)) for each in ballots]
    told = sum(share.total_cents for share in paid)
    assert abs(told - made.result.spent) <= len(ballots)  # each is rounded by itself
    assert gains(made.result, made.result, made.profile.groups).more == 0
