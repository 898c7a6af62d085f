"""What the same ballots would have chosen with another envelope, rule or cost.

A pure function of a count and a change: it answers readers, decides nothing and stands in no log.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_kernel.money import CENTS_MAX
from cahier_record.budget.count import Counted
from cahier_record.budget.explanation import Satisfied, told_of
from cahier_record.budget.tally import (
    Candidate,
    Completion,
    Utility,
    count,
    gains,
    rule_named,
    satisfaction,
)

CHANGES_MAX = 20
"""Costs that one question may change."""


class OtherWay(Struct, frozen=True, kw_only=True):
    """Another rule, as the counting rules' names have it."""

    rule: str
    utility: Utility = "cost"
    completion: Completion = "none"


class Change(Struct, frozen=True, kw_only=True):
    """What would be different. None: as it was. costs_cents: by project number."""

    envelope_cents: int | None = None
    way: OtherWay | None = None
    costs_cents: Mapping[int, int] = {}


class OtherFate(Struct, frozen=True, kw_only=True):
    """What would become of one project that stood."""

    number: int
    cost_cents: int
    selected: bool
    reason: str


class OtherOutcome(Struct, frozen=True, kw_only=True):
    """The outcome: `selected` in order of selection, `fates` by number.

    rule, utility, completion: those that it is counted by. more, less: how many voters would see
    more, or less, money go to projects that they named.
    """

    rule: str
    utility: str
    completion: str
    envelope_cents: int
    spent_cents: int
    selected: tuple[int, ...]
    fates: tuple[OtherFate, ...]
    satisfaction: Satisfied
    more: int
    less: int


def what_if(counted: Counted, change: Change) -> OtherOutcome:
    """Counts again with the change, all else equal: limits, ties, ballots.

    Raises Invalid `amount_out_of_range`, `changes_too_many`, `project_unknown`, `rule_unknown`,
    `rule_unfit`; FailedPrecondition `fixed_over_envelope`.
    """
    _check(counted, change)
    names = {number: name for name, number in counted.numbers.items()}
    costs = {names[number]: cents for number, cents in change.costs_cents.items()}
    way = change.way or _way_of(counted)
    terms = replace(counted.terms, utility=way.utility, completion=way.completion)
    profile = counted.profile
    try:
        profile = replace(
            profile,
            budget=profile.budget if change.envelope_cents is None else change.envelope_cents,
            candidates=tuple(_at(one, costs.get(one.id)) for one in profile.candidates),
        )
    except ValueError as error:
        raise FailedPrecondition("fixed_over_envelope", str(error)) from error
    result = count(profile, way.rule, terms)
    changed = gains(counted.result, result, profile.groups)
    funded = set(result.selected)
    fates = (
        OtherFate(
            number=counted.numbers[one.id],
            cost_cents=one.cost,
            selected=one.id in funded,
            reason=one.reason,
        )
        for one in result.projects
    )
    return OtherOutcome(
        rule=result.rule,
        utility=result.utility,
        completion=result.completion,
        envelope_cents=result.budget,
        spent_cents=result.spent,
        selected=tuple(counted.numbers[name] for name in result.selected),
        fates=tuple(sorted(fates, key=lambda one: one.number)),
        satisfaction=told_of(satisfaction(result, profile.groups)),
        more=changed.more,
        less=changed.less,
    )


def _way_of(counted: Counted) -> OtherWay:
    terms = counted.terms
    return OtherWay(rule=counted.result.rule, utility=terms.utility, completion=terms.completion)


def _check(counted: Counted, change: Change) -> None:
    if len(change.costs_cents) > CHANGES_MAX:
        raise Invalid(
            "changes_too_many", f"at most {CHANGES_MAX} costs", field="costs", max=CHANGES_MAX
        )
    amounts = [("costs", cents) for cents in change.costs_cents.values()]
    if change.envelope_cents is not None:
        amounts.append(("envelope_cents", change.envelope_cents))
    for field, cents in amounts:
        if not 0 <= cents <= CENTS_MAX:
            raise Invalid("amount_out_of_range", f"0 to {CENTS_MAX} cents", field=field)
    for number in change.costs_cents:
        if number not in counted.numbers.values():
            rule = "the project did not stand in this election"
            raise Invalid("project_unknown", rule, field="number", number=number)
    if change.way is not None:
        rule_named(change.way.rule)


def _at(one: Candidate, cents: int | None) -> Candidate:
    """The candidate at another cost; its instalments shrink or grow alike, the last takes rests."""
    if cents is None or cents == one.cost:
        return one
    if not one.instalments or not one.cost:
        return replace(one, cost=cents, instalments=())
    parts = [part * cents // one.cost for part in one.instalments[:-1]]
    return replace(one, cost=cents, instalments=(*parts, cents - sum(parts)))
