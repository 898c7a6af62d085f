"""Counting: pure functions from ballots and costs to the funded projects, in exact integers
and fractions.

A profile is neutral: it comes from the public log or from a file, and the same code counts both,
so whoever holds the ballots gets the published result again.
"""

from cahier_record.budget.tally.profile import Candidate, Group, Profile, format_amount
from cahier_record.budget.tally.result import Outcome, Reason, Result, Round
from cahier_record.budget.tally.rules import (
    RULES,
    Rule,
    UnknownRule,
    count,
    rule_named,
)
from cahier_record.budget.tally.terms import Completion, Stop, Terms, TieOrder, Utility

__all__ = [
    "RULES",
    "Candidate",
    "Completion",
    "Group",
    "Outcome",
    "Profile",
    "Reason",
    "Result",
    "Round",
    "Rule",
    "Stop",
    "Terms",
    "TieOrder",
    "UnknownRule",
    "Utility",
    "count",
    "format_amount",
    "rule_named",
]
