"""Counting: pure functions from ballots and costs to the funded projects, in exact integers
and fractions.

A profile is neutral: it comes from the public log or from a file, and the same code counts both,
so whoever holds the ballots gets the published result again.
"""

from cahier_record.budget.tally.compared import Alternative, side_by_side
from cahier_record.budget.tally.gains import Gains, gains
from cahier_record.budget.tally.needs import Needs, needs
from cahier_record.budget.tally.profile import Candidate, Group, Profile, format_amount
from cahier_record.budget.tally.result import FUNDED, Outcome, Reason, Result, Round
from cahier_record.budget.tally.rules import (
    RULES,
    Rule,
    UnknownRule,
    count,
    rule_named,
)
from cahier_record.budget.tally.satisfaction import (
    Satisfaction,
    satisfaction,
    satisfaction_by,
    supporters_by_district,
    voters_with_one_of,
)
from cahier_record.budget.tally.shares import money_left, own_share
from cahier_record.budget.tally.terms import Completion, Stop, Terms, TieOrder, Utility
from cahier_record.budget.tally.why import Why, why

__all__ = [
    "FUNDED",
    "RULES",
    "Alternative",
    "Candidate",
    "Completion",
    "Gains",
    "Group",
    "Needs",
    "Outcome",
    "Profile",
    "Reason",
    "Result",
    "Round",
    "Rule",
    "Satisfaction",
    "Stop",
    "Terms",
    "TieOrder",
    "UnknownRule",
    "Utility",
    "Why",
    "count",
    "format_amount",
    "gains",
    "money_left",
    "needs",
    "own_share",
    "rule_named",
    "satisfaction",
    "satisfaction_by",
    "side_by_side",
    "supporters_by_district",
    "voters_with_one_of",
    "why",
]
