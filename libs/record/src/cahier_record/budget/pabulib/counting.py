"""From a Pabulib election to what a tally needs: its scores and amounts in whole numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil

from cahier_record.budget.pabulib.model import Instance
from cahier_record.budget.pabulib.numbers import (
    decimals_of,
    parse_amount,
    parse_count,
    parse_decimal,
    shown,
)
from cahier_record.budget.tally import Candidate, Group, Profile

Weighed = tuple[tuple[str, ...], tuple[Fraction, ...]]


def profile_of(instance: Instance, positions: Sequence[Fraction] | None = None) -> Profile:
    """The election's valid ballots, equal ones grouped; candidates in the order of PROJECTS.

    Approval and choose-1 give a project one point, ordinal `max_length - rank + 1` (the number of
    projects where META sets no max_length), cumulative and scoring the ballot's own points; in
    scoring, `default_score` stands for each voter who did not list the project.
    positions: what each rank of an ordinal ballot gives instead, from the first; ranks beyond give
    nothing (Kraków: 3, 2, 1). META may say so itself, as `scoring_fn;3,2,1`. Raises ValueError for
    any other scoring function than Borda, and for positions where ballots are not ordinal.
    """
    if positions is not None and instance.vote_type != "ordinal":
        raise ValueError(f"positions: {instance.vote_type} ballots have no ranks to give points to")
    groups = Counter(_weighed(instance, positions))
    default = _default_score(instance)
    amounts = [instance.budget, *(project.cost for project in instance.projects)]
    scores = [default, *{point for _, points in groups for point in points}]
    decimals, score_decimals = _decimals(amounts), _decimals(scores)
    return Profile(
        budget=_whole(instance.budget, decimals),
        decimals=decimals,
        candidates=tuple(
            Candidate(
                id=project.id, cost=_whole(project.cost, decimals), withdrawn=project.withdrawn
            )
            for project in instance.projects
        ),
        groups=tuple(
            Group(
                projects=projects,
                points=tuple([_whole(point, score_decimals) for point in points]),
                count=count,
            )
            for (projects, points), count in groups.items()
        ),
        score_decimals=score_decimals,
        default_points=_whole(default, score_decimals),
    )


def score_threshold(instance: Instance, profile: Profile) -> int | None:
    """META's min_project_score_threshold in the profile's score units, rounded up; or None."""
    text = instance.meta.get("min_project_score_threshold", "").strip()
    return ceil(parse_decimal(text) * _power(profile.score_decimals)) if text else None


def groups_by_district(instance: Instance) -> dict[str, list[Group]]:
    """The valid ballots by the voter's district, where VOTES has such a column; else nothing.

    The column is `neighborhood` or `district`; ballots without an entry stand under `""`. What a
    ballot lists is kept, points are not.
    """
    columns = instance.extra_vote_columns
    named = next((name for name in ("neighborhood", "district") if name in columns), None)
    if named is None:
        return {}
    at = columns.index(named)
    found: dict[str, Counter[tuple[str, ...]]] = {}
    for ballot in instance.ballots:
        found.setdefault(ballot.extra[at].strip(), Counter())[ballot.projects] += 1
    return {
        district: [Group(projects=projects, count=count) for projects, count in groups.items()]
        for district, groups in found.items()
    }


def _weighed(instance: Instance, positions: Sequence[Fraction] | None) -> Iterable[Weighed]:
    if instance.has_points:
        return ((ballot.projects, ballot.points) for ballot in instance.ballots)
    if instance.vote_type == "ordinal":
        return _ranked(instance, positions)
    return ((ballot.projects, ()) for ballot in instance.ballots)


def _ranked(instance: Instance, positions: Sequence[Fraction] | None) -> Iterable[Weighed]:
    longest = max((len(ballot.projects) for ballot in instance.ballots), default=0)
    scale = _named_positions(instance) if positions is None else list(positions)
    if scale is None:
        top = instance.meta.get("max_length", "").strip() or str(len(instance.projects))
        scale = [parse_count(top) - place for place in range(longest)]
    scale += [Fraction(0)] * (longest - len(scale))
    return ((b.projects, tuple(scale[: len(b.projects)])) for b in instance.ballots)


def _named_positions(instance: Instance) -> list[Fraction] | None:
    """The points by rank that META names; None for Borda, which is the rule without a name."""
    scoring = instance.meta.get("scoring_fn", "").strip()
    if scoring.lower() in ("", "borda"):
        return None
    try:
        return [parse_amount(each) for each in scoring.split(",")]
    except ValueError:
        known = "Borda or points by rank such as 3,2,1"
        raise ValueError(f"scoring_fn: must be {known}, not {shown(scoring)}") from None


def _default_score(instance: Instance) -> Fraction:
    text = instance.meta.get("default_score", "").strip()
    return parse_decimal(text) if text and instance.vote_type == "scoring" else Fraction(0)


def _decimals(numbers: Iterable[Fraction]) -> int:
    return max(map(decimals_of, numbers), default=0)


def _whole(number: Fraction, decimals: int) -> int:
    return (number * _power(decimals)).numerator


def _power(decimals: int) -> int:
    return int(10**decimals)
