"""A count stands in one leaf: who cannot tell it may not open the vote."""

import dataclasses

import pytest
from msgspec.structs import replace

from cahier_budget.domain.result_size import LEAF_BYTES_MAX, VOTERS_MAX, require_tellable
from cahier_kernel.errors import FailedPrecondition
from cahier_ledger.leaves import make_leaf
from cahier_ledger.model import LEAF_BYTES_MAX as LEDGERS
from cahier_record.budget.events import BallotsCounted, CountResult, Rules

NOW_ID = "0" * 36
APPROVAL = Rules(vote_type="approval", rule="greedy")
SCORING = Rules(vote_type="scoring", rule="greedy", max_points=10**6, point_decimals=6)


def most_that_stand(rules: Rules) -> int:
    """How many projects may stand, by halving."""
    low, high = 1, 2_001
    while high - low > 1:
        middle = (low + high) // 2
        try:
            require_tellable(rules, tuple(range(1, middle + 1)))
        except FailedPrecondition:
            high = middle
        else:
            low = middle
    return low


@pytest.mark.parametrize("rules", [APPROVAL, SCORING])
def test_the_longest_count_of_what_may_stand_fits_its_leaf(rules):
    numbers = tuple(range(1, most_that_stand(rules) + 1))
    weighs = rules is SCORING
    counted = CountResult(
        rules=rules,
        envelope_cents=10**15,
        spent_cents=10**15,
        selected=(),
        numbers=numbers,
        votes=(VOTERS_MAX,) * len(numbers),
        reasons=("alternative_taken",) * len(numbers),
        ballots_counted=VOTERS_MAX,
        log_size=10**8,
        code_version="greedy/1",
        scores=(VOTERS_MAX * 10**6,) * len(numbers) if weighs else (),
    )
    told = BallotsCounted(election=NOW_ID, result=counted, supersedes=NOW_ID)
    make_leaf("budget", told.TYPE, NOW_ID, None, told.data(), {"reason": "So."})


def test_a_leaf_is_as_long_as_the_ledger_has_it():
    assert LEAF_BYTES_MAX == LEDGERS


def test_votes_alone_leave_room_for_more_projects_than_points_do():
    assert most_that_stand(APPROVAL) > 1_700
    assert most_that_stand(SCORING) < most_that_stand(APPROVAL)
    ranked = replace(APPROVAL, vote_type="ordinal", max_length=5)
    assert most_that_stand(SCORING) < most_that_stand(ranked) < most_that_stand(APPROVAL)


def test_voting_does_not_open_on_what_could_never_be_told(kit):
    election = kit.election((1,), rules=replace(kit.rules, max_length=0))
    one = next(iter(election.projects.values()))
    for number in range(2, 2_001):
        election.projects[str(number)] = dataclasses.replace(one, id=str(number), number=number)
    with pytest.raises(FailedPrecondition) as refusal:
        election.open_voting(kit.public_key, now=kit.now)
    assert refusal.value.code == "too_many_projects_to_count"
