from collections.abc import Iterator
from itertools import count

import msgspec
import pytest

from cahier_kernel.errors import FailedPrecondition
from cahier_record.budget import events
from cahier_record.budget.ballots import BallotPaper, encode_paper
from cahier_record.budget.count import CODE_VERSION, count_election, open_ballots
from cahier_record.budget.events import BallotCast, PublicEvent, Quota, Rules
from cahier_record.budget.views import BudgetView, ElectionView
from cahier_record.events import Leaf

E = "election"
COSTS = (60, 50, 40, 10)


def unsealed(ballot: BallotCast) -> bytes:
    """These tests seal nothing: a seal is the library's business, counting is ours."""
    if ballot.sealed == "broken":
        raise ValueError("does not open")
    return ballot.sealed.encode()


def ballot(credential: str, *choices: int, sequence: int = 1, sealed: str = "") -> BallotCast:
    return BallotCast(
        election=E,
        electorate="all",
        scheme="confidential",
        credential=credential,
        sequence=sequence,
        sealed=sealed or encode_paper(BallotPaper(choices)).decode(),
    )


def prepared(rules: Rules, unit: int = 1) -> Iterator[PublicEvent]:
    yield events.ElectionCreated(
        election=E,
        envelope_cents=100 * unit,
        currency="EUR",
        opens_at="a",
        closes_at="b",
        rules=rules,
    )
    for number, cost in enumerate(COSTS, 1):
        yield events.ProjectAdded(
            election=E, project=f"p{number}", number=number, proposal="", reference=f"r{9 - number}"
        )
        yield events.ProjectCosted(election=E, project=f"p{number}", cost_cents=cost * unit)
        yield events.FeasibilityJudged(election=E, project=f"p{number}", feasibility="feasible")
    yield events.VotingOpened(election=E, trustee_key="key", ballot_size_bytes=64)


CLOSED = (
    events.VotingClosed(election=E),
    events.TrusteeKeyPublished(election=E, private_key="private"),
)


def fold(*history: PublicEvent) -> BudgetView:
    view, index = BudgetView(), count()
    for event in history:
        number = next(index)
        view.apply(number, Leaf("budget", f"e{number}", event.TYPE, None, event, ()))
    return view


def election(*ballots: BallotCast, rules: Rules | None = None, unit: int = 1) -> ElectionView:
    rules = rules or Rules(vote_type="approval", rule="greedy")
    return fold(*prepared(rules, unit), *ballots, *CLOSED).elections[E]


def test_the_most_voted_projects_that_fit_win() -> None:
    result = count_election(
        election(ballot("a", 1, 2), ballot("b", 1, 3), ballot("c", 1, 2)), unsealed
    )
    assert result.selected == (1, 3)  # 2 has more votes than 3 but does not fit beside 1
    assert result.votes == (3, 2, 1, 0)
    assert result.reasons == ("selected", "does_not_fit", "selected", "no_votes")
    assert result.spent_cents == 100
    assert result.ballots_counted == 3
    assert result.code_version == CODE_VERSION


def test_of_one_credential_the_highest_sequence_counts() -> None:
    result = count_election(election(ballot("a", 1), ballot("a", 2, sequence=2)), unsealed)
    assert result.votes == (0, 1, 0, 0)
    assert result.ballots_counted == 1


def test_a_count_rests_on_the_log_up_to_closing() -> None:
    view = election(ballot("a", 1))
    assert count_election(view, unsealed).log_size == view.closed_log_size == 16


def test_the_rules_in_force_at_opening_count() -> None:
    changed = events.RulesChanged(
        election=E, rules=Rules(vote_type="approval", rule="greedy-no-skip")
    )
    history = list(prepared(Rules(vote_type="approval", rule="greedy")))
    opened = history.pop()
    ballots = [ballot("a", 1, 2), ballot("b", 1, 2), ballot("c", 3)]
    before = fold(*history, changed, opened, *ballots, *CLOSED)
    assert count_election(before.elections[E], unsealed).selected == (1,)
    after = fold(*history, opened, *ballots, changed, *CLOSED)
    assert count_election(after.elections[E], unsealed).selected == (1, 3)
    assert [fault.index for fault in after.faults] == [17]


def test_ties_follow_the_rule_that_was_stated() -> None:
    ballots = (ballot("a", 1, 2), ballot("b", 1, 2))
    lexicographic = Rules(vote_type="approval", rule="greedy", ties="lexicographic")
    assert count_election(election(*ballots), unsealed).selected == (1,)
    assert count_election(election(*ballots, rules=lexicographic), unsealed).selected == (2,)


def test_projects_below_the_threshold_stay_out() -> None:
    rules = Rules(vote_type="approval", rule="greedy-threshold", threshold_votes=2)
    result = count_election(election(ballot("a", 1, 4), ballot("b", 1), rules=rules), unsealed)
    assert result.selected == (1,)
    assert result.reasons[3] == "below_threshold"


def test_an_unfeasible_project_neither_stands_nor_takes_votes() -> None:
    history = list(prepared(Rules(vote_type="approval", rule="greedy")))
    unfeasible = events.FeasibilityJudged(election=E, project="p1", feasibility="unfeasible")
    history.insert(-1, unfeasible)
    view = fold(*history, ballot("a", 1), ballot("b", 2), *CLOSED).elections[E]
    result = count_election(view, unsealed)
    assert result.numbers == (2, 3, 4)
    assert (result.ballots_counted, result.ballots_invalid) == (1, 1)


def test_ballots_that_break_a_rule_do_not_count_and_are_named() -> None:
    view = election(ballot("a", 1), ballot("b", sealed="broken"), ballot("c", sealed="[]"))
    opened = open_ballots(view, unsealed)
    assert [(one.index, one.code) for one in opened.invalid] == [
        (15, "ballot_seal_broken"),
        (16, "ballot_malformed"),
    ]


@pytest.mark.parametrize(
    ("late", "rule"),
    [
        (ballot("z", 1), "a ballot outside the time of voting"),
        (events.VotingClosed(election=E), "it comes while the election is closed, not open"),
        (events.VotingClosed(election="no"), "it names an election that the log has not created"),
        (
            events.ResultPublished(election=E, count="no"),
            "it announces a count that the log does not hold",
        ),
    ],
)
def test_what_comes_out_of_turn_is_a_fault_and_does_not_count(late: PublicEvent, rule: str) -> None:
    view = fold(*prepared(Rules(vote_type="approval", rule="greedy")), *CLOSED, late)
    assert [fault.rule for fault in view.faults] == [rule]
    assert view.elections[E].ballots == {}


@pytest.mark.parametrize("sequence", [0, 1, 3])
def test_a_sequence_that_skips_or_repeats_is_a_fault(sequence: int) -> None:
    view = fold(
        *prepared(Rules(vote_type="approval", rule="greedy")),
        ballot("a", 1),
        ballot("a", 2, sequence=sequence),
    )
    assert len(view.faults) == 1
    assert view.elections[E].ballots["a"].ballot.sequence == 1


def test_nothing_is_counted_before_closing() -> None:
    view = fold(*prepared(Rules(vote_type="approval", rule="greedy")), ballot("a", 1))
    with pytest.raises(FailedPrecondition) as refused:
        count_election(view.elections[E], unsealed)
    assert refused.value.code == "voting_not_closed"


def test_no_voters_fund_nothing() -> None:
    result = count_election(election(), unsealed)
    assert (result.selected, result.spent_cents, result.ballots_counted) == ((), 0, 0)


SIDES = (
    *(ballot(f"a{voter}", 1) for voter in range(6)),
    *(ballot(f"b{voter}", 3, 4) for voter in range(4)),
    *(ballot(f"c{voter}", 2) for voter in range(4)),
)
"""The dearer two of 60, 50 and 40 never fit together; the cheap ones have the fewest votes."""


def counted(**rules: object) -> tuple[tuple[int, ...], dict[int, str]]:
    made = Rules(vote_type="approval", **{"rule": "mes", **rules})  # type: ignore[arg-type]
    result = count_election(election(*SIDES, rules=made, unit=100), unsealed)
    assert result.rules == made
    return result.selected, dict(zip(result.numbers, result.reasons, strict=True))


def test_an_election_is_counted_by_the_rule_it_names() -> None:
    assert counted(rule="greedy")[0] == (1, 3)
    assert counted(rule="greedy", utility="cardinality")[0] == (4, 1)
    assert counted(rule="mes")[0] == (4,)  # no group of voters holds the cost of another project
    assert counted(rule="phragmen")[0] == (4, 1)


def test_the_completion_decides_what_equal_shares_does_with_what_is_left() -> None:
    assert counted(completion="none")[0] == (4,)
    assert counted(completion="greedy")[0] == (4, 1)
    assert counted(completion="add1")[0] == (1, 3)


def test_too_low_a_turnout_and_too_few_votes_fund_nothing() -> None:
    selected, reasons = counted(rule="greedy", least_turnout=15)
    assert (selected, set(reasons.values())) == ((), {"turnout_too_low"})
    assert counted(rule="greedy", least_turnout=14)[0] == (1, 3)
    assert counted(rule="greedy", least_votes=5)[1][3] == "below_least_votes"


def test_alternatives_exclude_each_other_and_fixed_projects_are_paid_first() -> None:
    assert counted(rule="greedy", alternatives=((1, 3),))[1][3] == "alternative_taken"
    selected, reasons = counted(rule="greedy", fixed=(2,))
    assert (selected, reasons[2], reasons[1]) == ((2, 3, 4), "fixed", "over_budget")


def test_a_district_spends_no_more_than_its_quota() -> None:
    quotas = (Quota(district="", amount_cents=5_000),)
    selected, reasons = counted(rule="greedy", quotas=quotas)
    assert (selected, reasons[1]) == ((2,), "over_quota")


def test_equals_go_by_cost_where_the_rules_say_the_cheapest() -> None:
    ballots = [ballot(name, 1, 2, 3) for name in "ab"]
    for ties, first in (("standard", 1), ("lexicographic", 3), ("cheapest", 3)):
        rules = Rules(vote_type="approval", rule="greedy", ties=ties)  # type: ignore[arg-type]
        assert count_election(election(*ballots, rules=rules), unsealed).selected[0] == first


def test_fixed_projects_dearer_than_the_envelope_are_refused_not_counted() -> None:
    rules = Rules(vote_type="approval", rule="greedy", fixed=(1, 2))
    with pytest.raises(FailedPrecondition) as refused:
        count_election(election(ballot("a", 1), rules=rules), unsealed)
    assert refused.value.code == "rules_do_not_count"


def test_rules_of_today_are_written_as_they_always_were() -> None:
    written = msgspec.json.encode(Rules(vote_type="approval", rule="greedy"))
    assert written == b'{"vote_type":"approval","rule":"greedy"}'
