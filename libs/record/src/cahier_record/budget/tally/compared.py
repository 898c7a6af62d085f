"""The same ballots under other rules, side by side: what a choice of rule decides."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Result
from cahier_record.budget.tally.rules import count
from cahier_record.budget.tally.satisfaction import Satisfaction, satisfaction
from cahier_record.budget.tally.terms import Completion, Terms, Utility

RULES_COMPARED: tuple[tuple[str, Utility, Completion], ...] = (
    ("greedy", "cost", "none"),
    ("greedy", "cardinality", "none"),
    ("mes", "cost", "add1-greedy"),
    ("mes", "cardinality", "add1-greedy"),
    ("phragmen", "cost", "none"),
)


class Alternative(Struct, frozen=True, kw_only=True):
    """An outcome under another rule, and how satisfied all voters are with it."""

    result: Result
    satisfaction: Satisfaction


def side_by_side(
    profile: Profile,
    terms: Terms,
    rules: Sequence[tuple[str, Utility, Completion]] = RULES_COMPARED,
) -> list[Alternative]:
    """Count by each rule; `terms` gives what is common: ties, limits, quotas, the stop rule.

    Raises Invalid with code `rule_unfit` for ballots that one of the rules cannot count.
    """
    found = []
    for rule, utility, completion in rules:
        how = replace(terms, utility=utility, completion=completion)
        result = count(profile, rule, how)
        found.append(Alternative(result=result, satisfaction=satisfaction(result, profile.groups)))
    return found
