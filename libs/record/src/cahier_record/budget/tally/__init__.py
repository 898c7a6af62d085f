"""Counting: pure functions from ballots and costs to the funded projects, in exact integers.

A profile is neutral: it comes from the public log or from a file, and the same code counts both,
so whoever holds the ballots gets the published result again.
"""

from cahier_record.budget.tally.profile import Candidate, Group, Profile, format_amount
from cahier_record.budget.tally.result import Outcome, Reason, Result
from cahier_record.budget.tally.rules import (
    RULES,
    RULES_NOT_SERVED,
    Rule,
    RuleNotServed,
    UnknownRule,
    count,
    rule_named,
)
from cahier_record.budget.tally.terms import Terms, TieOrder, Utility

__all__ = [
    "RULES",
    "RULES_NOT_SERVED",
    "Candidate",
    "Group",
    "Outcome",
    "Profile",
    "Reason",
    "Result",
    "Rule",
    "RuleNotServed",
    "Terms",
    "TieOrder",
    "UnknownRule",
    "Utility",
    "count",
    "format_amount",
    "rule_named",
]
