import pytest

from cahier_kernel.errors import Invalid
from cahier_record.budget.ballots import (
    BallotPaper,
    ballot_size_bytes,
    check_paper,
    decode_paper,
    encode_paper,
)
from cahier_record.budget.events import Rules

COSTS = {1: 100, 2: 200, 3: 300, 4: None}


def rules(**more: object) -> Rules:
    return Rules(**{"vote_type": "approval", "rule": "greedy", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choices", "given", "code"),
    [
        ((1, 1), rules(), "ballot_repeats_project"),
        ((9,), rules(), "ballot_unknown_project"),
        ((4,), rules(), "ballot_unfeasible_project"),
        ((), rules(min_length=1), "ballot_too_few_projects"),
        ((1, 2), rules(max_length=1), "ballot_too_many_projects"),
        ((1, 2), rules(vote_type="choose-1"), "ballot_too_many_projects"),
        ((2, 3), rules(max_sum_cost_cents=499), "ballot_over_envelope"),
    ],
)
def test_a_paper_that_breaks_a_rule_is_refused(
    choices: tuple[int, ...], given: Rules, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        check_paper(BallotPaper(choices), given, COSTS)
    assert refused.value.code == code
    assert refused.value.field == "sealed"


@pytest.mark.parametrize(
    ("choices", "given"),
    [
        ((), rules()),
        ((1, 2, 3), rules(min_length=3, max_length=3)),
        ((2, 3), rules(max_sum_cost_cents=500)),
        ((3,), rules(vote_type="choose-1")),
    ],
)
def test_a_paper_at_the_bounds_is_accepted(choices: tuple[int, ...], given: Rules) -> None:
    check_paper(BallotPaper(choices), given, COSTS)


def test_a_paper_does_not_tell_the_order_of_choosing() -> None:
    assert encode_paper(BallotPaper((3, 1, 2))) == encode_paper(BallotPaper((1, 2, 3)))
    assert decode_paper(encode_paper(BallotPaper((3, 1), {"age": "34"}))).extra == {"age": "34"}


@pytest.mark.parametrize("plaintext", [b"", b"[1]", b'{"choices":["1"]}', b'{"x":1}', b"\xff\xfe"])
def test_what_is_no_paper_is_refused(plaintext: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        decode_paper(plaintext)
    assert refused.value.code == "ballot_malformed"


@pytest.mark.parametrize("projects", [1, 9, 10, 199, 2000])
@pytest.mark.parametrize("longest", [0, 1, 3])
def test_every_allowed_paper_fits_the_ballot_size(projects: int, longest: int) -> None:
    most = min(longest or projects, projects)
    paper = BallotPaper(tuple(range(projects - most + 1, projects + 1)))
    size = ballot_size_bytes(rules(max_length=longest), projects, 0)
    assert len(encode_paper(paper)) <= size
    assert size % 64 == 0
