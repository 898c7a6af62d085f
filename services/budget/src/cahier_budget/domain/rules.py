"""Which rules an election may have: their values must fit together before anybody votes."""

from __future__ import annotations

from typing import get_args

from cahier_kernel.errors import Invalid
from cahier_kernel.money import CENTS_MAX
from cahier_record.budget.events import CountingRule, Rules, Ties, VoteType

PROJECTS_MAX = 2_000
VOTES_MAX = 2**31 - 1


def check_rules(rules: Rules) -> Rules:
    """The same rules; raises Invalid with the first field that does not fit."""
    _one_of(rules.vote_type, get_args(VoteType), "vote_type")
    _one_of(rules.rule, get_args(CountingRule), "rule")
    _one_of(rules.ties, get_args(Ties), "ties")
    _between(rules.min_length, 0, PROJECTS_MAX, "min_length")
    _between(rules.max_length, 0, PROJECTS_MAX, "max_length")
    _between(rules.max_sum_cost_cents, 0, CENTS_MAX, "max_sum_cost_cents")
    _between(rules.threshold_votes, 0, VOTES_MAX, "threshold_votes")
    _check_lengths(rules)
    if rules.threshold_votes and rules.rule != "greedy-threshold":
        raise _broken("threshold_votes", "only greedy-threshold has a threshold")
    return rules


def _check_lengths(rules: Rules) -> None:
    most = 1 if rules.vote_type == "choose-1" else rules.max_length
    if rules.vote_type == "choose-1" and rules.max_length > 1:
        raise _broken("max_length", "a choose-1 ballot names one project")
    if most and rules.min_length > most:
        raise _broken("min_length", "min_length is at most max_length")


def _one_of(value: str, known: tuple[str, ...], field: str) -> None:
    if value not in known:
        raise _broken(field, f"one of {', '.join(known)}")


def _between(value: int, least: int, most: int, field: str) -> None:
    if not least <= value <= most:
        raise _broken(field, f"{least} to {most}")


def _broken(field: str, rule: str) -> Invalid:
    return Invalid("rules_invalid", rule, field=f"rules.{field}")
