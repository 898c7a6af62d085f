"""Why an election of the log ended as it did, told of projects by their numbers.

Worked out from the ballots again: it stands in no log, and whoever recounts can explain, too.
Amounts are in cents; ratios are rounded, for people to read and for nothing to be decided by.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

from cahier_kernel.errors import Invalid
from cahier_record.budget.count import Counted
from cahier_record.budget.tally import (
    Alternative,
    Completion,
    Gains,
    Needs,
    Result,
    Satisfaction,
    Utility,
    Why,
    gains,
    needs,
    satisfaction,
    satisfaction_by,
    side_by_side,
    supporters_by_district,
    voters_with_one_of,
    why,
)

MILLI = 1_000
COMPARED: tuple[tuple[str, Utility, Completion], ...] = (
    ("greedy", "cost", "none"),
    ("greedy", "cardinality", "none"),
    ("mes", "cost", "greedy"),
    ("mes", "cardinality", "greedy"),
    ("phragmen", "cost", "none"),
)
"""The other rules that a result is held against: those that take seconds, so add1 is not there."""


class ProjectTold(Struct, frozen=True, kw_only=True):
    """What decided about one project, as tally.Why and tally.Needs say it; None: does not apply.

    effective_votes_milli: thousandths of a vote.
    """

    number: int
    reason: str
    left_cents: int | None = None
    missing_cents: int | None = None
    round: int | None = None
    effective_votes_milli: int | None = None
    supporters_money_cents: int | None = None
    cost_to_win_cents: int | None = None
    votes_to_win: int | None = None


class Satisfied(Struct, frozen=True, kw_only=True):
    """How satisfied voters are: averages over all voters."""

    voters: int
    with_one: int
    average_cost_cents: int
    average_projects_milli: int


class DistrictServed(Struct, frozen=True, kw_only=True):
    """What a district's projects got, and how satisfied those are who voted for one of them.

    district: "" for the city-wide projects. projects, winners, spent_cents: of the district.
    satisfaction: over the ballots that name at least one of its projects, with the whole outcome;
    with_one_here: how many of these name a funded project of the district itself. A ballot carries
    no district: one that names projects of several districts stands in each.
    """

    district: str
    projects: int
    winners: int
    spent_cents: int
    with_one_here: int
    satisfaction: Satisfied


class OtherRule(Struct, frozen=True, kw_only=True):
    """What another rule would have chosen, in order of selection.

    more, less: how many voters would see more, or less, money go to projects that they named.
    """

    rule: str
    utility: str
    completion: str
    spent_cents: int
    selected: tuple[int, ...]
    satisfaction: Satisfied
    more: int = 0
    less: int = 0


class Purchase(Struct, frozen=True, kw_only=True):
    """A round of equal shares or of Phragmén's rule, as tally.Round."""

    number: int
    price_cents: int
    paying: int
    supporters: int


class Explanation(Struct, frozen=True, kw_only=True):
    """Projects by number, districts by name.

    share_cents: what each voter held to begin with under equal shares.
    """

    projects: tuple[ProjectTold, ...]
    satisfaction: Satisfied
    alternatives: tuple[OtherRule, ...]
    rounds: tuple[Purchase, ...]
    share_cents: int
    districts: tuple[DistrictServed, ...] = ()


def explain(counted: Counted) -> Explanation:
    """Explains a count; for each project that lost, it is counted again some forty times."""
    profile, terms, result = counted.profile, counted.terms, counted.result
    numbers = counted.numbers
    needed = needs(profile, result, terms)
    told = [
        _project(numbers[name], decided, needed.get(name))
        for name, decided in why(profile, result, terms).items()
    ]
    return Explanation(
        projects=tuple(sorted(told, key=lambda one: one.number)),
        satisfaction=told_of(satisfaction(result, profile.groups)),
        alternatives=tuple(
            _other(each, numbers, gains(result, each.result, profile.groups))
            for each in _alternatives(counted)
            if not _is_same(each.result, result)
        ),
        rounds=tuple(
            Purchase(
                number=numbers[each.id],
                price_cents=round(Fraction(*each.price)),
                paying=each.full,
                supporters=each.supporters,
            )
            for each in result.rounds
        ),
        share_cents=round(Fraction(*result.endowment)) if result.endowment else 0,
        districts=by_district(counted),
    )


def _alternatives(counted: Counted) -> Iterator[Alternative]:
    """The compared rules that can count these ballots: points below zero are not for all."""
    for each in COMPARED:
        try:
            yield from side_by_side(counted.profile, counted.terms, (each,))
        except Invalid:
            continue


def by_district(counted: Counted) -> tuple[DistrictServed, ...]:
    """How each district that has projects was served, by its name, city-wide projects first."""
    profile, result = counted.profile, counted.result
    supporters = supporters_by_district(profile)
    funded, found = set(result.selected), []
    for district, satisfied in satisfaction_by(result, supporters).items():
        own = [one for one in profile.candidates if one.district == district]
        won = [one for one in own if one.id in funded]
        found.append(
            DistrictServed(
                district=district,
                projects=len(own),
                winners=len(won),
                spent_cents=sum(one.cost for one in won),
                with_one_here=voters_with_one_of(supporters[district], (one.id for one in won)),
                satisfaction=told_of(satisfied),
            )
        )
    return tuple(found)


def _project(number: int, decided: Why, needed: Needs | None) -> ProjectTold:
    votes, money = decided.effective_votes, decided.supporters_money
    return ProjectTold(
        number=number,
        reason=decided.reason,
        left_cents=decided.left,
        missing_cents=decided.missing,
        round=decided.round,
        effective_votes_milli=None if votes is None else round(votes * MILLI),
        supporters_money_cents=None if money is None else round(money),
        cost_to_win_cents=needed.cost if needed else None,
        votes_to_win=needed.votes if needed else None,
    )


def _is_same(one: Result, other: Result) -> bool:
    return (one.rule, one.utility, one.completion) == (other.rule, other.utility, other.completion)


def _other(each: Alternative, numbers: dict[str, int], changed: Gains) -> OtherRule:
    result = each.result
    return OtherRule(
        rule=result.rule,
        utility=result.utility,
        completion=result.completion,
        spent_cents=result.spent,
        selected=tuple(numbers[name] for name in result.selected),
        satisfaction=told_of(each.satisfaction),
        more=changed.more,
        less=changed.less,
    )


def told_of(found: Satisfaction) -> Satisfied:
    """Averages for people to read, rounded."""
    return Satisfied(
        voters=found.voters,
        with_one=found.with_one,
        average_cost_cents=round(found.average_cost),
        average_projects_milli=round(found.average_projects * MILLI),
    )
