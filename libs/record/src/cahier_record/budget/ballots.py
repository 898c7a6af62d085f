"""Ballot papers: what a voter chose, as sealed, opened and judged.

One judgement for everybody: the portal warns with it, budget refuses with it when a ballot is
cast, and every count, ours or an auditor's, leaves out with it what should never have been there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cahier_kernel.errors import Invalid
from cahier_record.budget.events import Rules, VoteType
from cahier_record.budget.tally.profile import format_amount

ELECTORATE = "all"
SCHEME_CONFIDENTIAL = "confidential"
CREDENTIAL_LENGTH = 43
SIZE_STEP_BYTES = 64
POINT_TYPES: tuple[VoteType, ...] = ("cumulative", "scoring")
"""The types of ballots on which each project has points of its own."""


class BallotPaper(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Numbers of the chosen projects; `extra` holds an imported file's further columns.

    points: of each choice, in its order, in the unit of the election's rules. ranked: whether the
    order of the choices is the voter's, the best first; else it means nothing.
    """

    choices: tuple[int, ...]
    extra: dict[str, str] = {}
    points: tuple[int, ...] = ()
    ranked: bool = False


class Voted(msgspec.Struct, frozen=True, gc=False):
    """What a paper says of projects, and equal papers alike: choices ascending unless ranked."""

    choices: tuple[int, ...]
    points: tuple[int, ...] = ()


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(BallotPaper)


def voted(paper: BallotPaper) -> Voted:
    """What the paper says, without what stands beside it."""
    choices, points = paper.choices, paper.points
    if paper.ranked:
        return Voted(choices, points)
    if not points:
        return Voted(tuple(sorted(choices)))
    pairs = sorted(zip(choices, points, strict=True))
    return Voted(tuple(number for number, _ in pairs), tuple(given for _, given in pairs))


def encode_paper(paper: BallotPaper) -> bytes:
    """The plaintext that is padded and sealed: JSON, choices ascending unless they are ranked.

    Sorted because approval has no order, and an order would say more than the voter meant to.
    Raises ValueError for points that are fewer or more than the choices.
    """
    said = voted(paper)
    return _encoder.encode(BallotPaper(said.choices, paper.extra, said.points, paper.ranked))


def decode_paper(plaintext: bytes) -> BallotPaper:
    """Raises Invalid(`ballot_malformed`) for anything but a paper."""
    try:
        return _decoder.decode(plaintext)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            "ballot_malformed", "the sealed choices are not a ballot paper", field="sealed"
        ) from error


def ballot_size_bytes(rules: Rules, projects: int, extra_bytes: int) -> int:
    """The plaintext size of every ballot of an election: room for the longest paper it allows."""
    longest = rules.max_length or projects
    per_choice = len(str(projects)) + 1
    need = len('{"choices":[]}') + longest * per_choice + extra_bytes
    if rules.vote_type in POINT_TYPES:
        most = max(rules.max_points, rules.max_sum_points if not rules.max_points else 0)
        per_points = max(len(str(most)), len(str(rules.min_points))) + 1
        need += len(',"points":[]') + longest * per_points
    if rules.vote_type == "ordinal":
        need += len(',"ranked":true')
    return -(-need // SIZE_STEP_BYTES) * SIZE_STEP_BYTES


def check_paper(paper: BallotPaper, rules: Rules, costs: Mapping[int, int | None]) -> None:
    """Raises Invalid with the first rule that the paper breaks.

    costs: cost in cents by number of every project of the election, None where it does not stand.
    """
    _check_kind(paper, rules)
    _check_projects(paper.choices, costs)
    _check_length(len(paper.choices), rules)
    if rules.max_sum_cost_cents:
        spent = sum(costs[number] or 0 for number in paper.choices)
        if spent > rules.max_sum_cost_cents:
            raise _broken(
                "ballot_over_envelope",
                "the chosen projects cost more than a ballot may spend",
                max_cents=rules.max_sum_cost_cents,
            )
    if rules.vote_type in POINT_TYPES:
        _check_points(paper.points, rules)


def _check_kind(paper: BallotPaper, rules: Rules) -> None:
    """Points and an order stand on ballots whose type asks for them, and on no others."""
    if rules.vote_type in POINT_TYPES:
        if len(paper.points) != len(paper.choices):
            raise _broken("ballot_points_missing", "each chosen project has points")
    elif paper.points:
        raise _broken("ballot_points_not_asked", "ballots of this type give no points")
    if paper.ranked != (rules.vote_type == "ordinal"):
        code = "ballot_ranking_not_asked" if paper.ranked else "ballot_not_ranked"
        raise _broken(code, "ballots are ranked in ordinal elections, and only there")


def _check_projects(choices: tuple[int, ...], costs: Mapping[int, int | None]) -> None:
    if len(set(choices)) != len(choices):
        raise _broken("ballot_repeats_project", "a project may stand once on a ballot")
    for number in choices:
        if number not in costs:
            raise _broken(
                "ballot_unknown_project", "the election has no such project", number=number
            )
        if costs[number] is None:
            raise _broken("ballot_unfeasible_project", "the project does not stand", number=number)


def _check_length(length: int, rules: Rules) -> None:
    if length < rules.min_length:
        raise _broken(
            "ballot_too_few_projects", f"at least {rules.min_length} projects", min=rules.min_length
        )
    most = 1 if rules.vote_type == "choose-1" else rules.max_length
    if most and length > most:
        raise _broken("ballot_too_many_projects", f"at most {most} projects", max=most)


def _check_points(points: tuple[int, ...], rules: Rules) -> None:
    for given in points:
        if rules.max_points and given > rules.max_points:
            raise _out_of_bounds("ballot_points_too_high", "a project gets", rules, "max_points")
        if given < rules.min_points:
            raise _out_of_bounds("ballot_points_too_low", "a project gets", rules, "min_points")
    total = sum(points)
    if rules.max_sum_points and total > rules.max_sum_points:
        raise _out_of_bounds("ballot_sum_too_high", "a ballot gives", rules, "max_sum_points")
    if rules.min_sum_points and total < rules.min_sum_points:
        raise _out_of_bounds("ballot_sum_too_low", "a ballot gives", rules, "min_sum_points")


def _out_of_bounds(code: str, what: str, rules: Rules, bound: str) -> Invalid:
    """Names the bound as people write it, not in the rules' unit."""
    points = format_amount(getattr(rules, bound), rules.point_decimals)
    side = "most" if bound.startswith("max") else "least"
    return _broken(code, f"{what} at {side} {points} points", points=points)


def _broken(code: str, rule: str, **told: Any) -> Invalid:
    return Invalid(code, rule, field="sealed", **told)
