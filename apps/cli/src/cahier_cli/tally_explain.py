"""What `cahier tally --explain` adds: why projects won or lost, and what other rules would choose.

Everything is worked out from the file again; ratios are rounded to a millionth.
"""

from __future__ import annotations

from fractions import Fraction

from cahier_record.budget.pabulib import Instance, groups_by_district
from cahier_record.budget.tally import (
    Alternative,
    Needs,
    Profile,
    Result,
    Satisfaction,
    Terms,
    Why,
    format_amount,
    needs,
    satisfaction_by,
    side_by_side,
    why,
)

FINER = 6  # decimals by which ratios are told more finely than whole units


def explanation(
    instance: Instance, profile: Profile, result: Result, terms: Terms
) -> dict[str, object]:
    """The parts of the JSON document that only `--explain` brings."""
    needed = needs(profile, result, terms)
    decided = why(profile, result, terms)
    districts = satisfaction_by(result, groups_by_district(instance))
    return {
        "explanations": [
            _project(result, decided[one.id], needed.get(one.id)) for one in result.projects
        ],
        "satisfaction_by_district": {
            name: satisfied(found, result.decimals) for name, found in districts.items()
        },
        "alternatives": [_alternative(each) for each in side_by_side(profile, terms)],
    }


def satisfied(found: Satisfaction, decimals: int) -> dict[str, object]:
    """How satisfied voters are, as decimal strings."""
    return {
        "voters": found.voters,
        "share_with_one": ratio(found.share_with_one, 0),
        "average_cost": ratio(found.average_cost, decimals),
        "average_projects": ratio(found.average_projects, 0),
    }


def ratio(value: Fraction, decimals: int) -> str:
    """A ratio in units of 10^-decimals as a decimal string, rounded."""
    return format_amount(round(value * 10**FINER), decimals + FINER)


def _project(result: Result, decided: Why, needed: Needs | None) -> dict[str, object]:
    told: dict[str, object] = {"id": decided.id, "reason": decided.reason, "votes": decided.votes}
    amounts = {"left": decided.left, "missing": decided.missing}
    told |= {
        name: format_amount(amount, result.decimals)
        for name, amount in amounts.items()
        if amount is not None
    }
    if decided.round is not None:
        told["round"] = decided.round
    if decided.effective_votes is not None:
        told["effective_votes"] = ratio(decided.effective_votes, 0)
    if decided.supporters_money is not None:
        told["supporters_money"] = ratio(decided.supporters_money, result.decimals)
    if needed is not None:
        cost = needed.cost
        told["would_win_at_cost"] = None if cost is None else format_amount(cost, result.decimals)
        told["would_win_with_more_votes"] = needed.votes
    return told


def _alternative(each: Alternative) -> dict[str, object]:
    result = each.result
    return {
        "rule": result.rule,
        "utility": result.utility,
        "completion": result.completion,
        "spent": format_amount(result.spent, result.decimals),
        "selected": list(result.selected),
        "satisfaction": satisfied(each.satisfaction, result.decimals),
    }
