"""Which rules an election may have: their values must fit together before anybody votes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import get_args

from cahier_kernel.errors import Invalid
from cahier_kernel.money import CENTS_MAX
from cahier_record.budget.events import (
    Completion,
    CountingRule,
    Rules,
    Stop,
    Ties,
    Utility,
    VoteType,
)
from cahier_record.budget.tally import rule_named

PROJECTS_MAX = 2_000
QUOTAS_MAX = 201  # a district each, and the whole city
ADD1 = ("add1", "add1-greedy")
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
    _check_terms(rules)
    _between(rules.least_turnout, 0, VOTES_MAX, "least_turnout")
    _between(rules.least_votes, 0, VOTES_MAX, "least_votes")
    _check_quotas(rules)
    _check_numbers(rules)
    return rules


def check_districts(rules: Rules, districts: Sequence[str]) -> Rules:
    """The same rules; raises Invalid for a quota of a district that the election has not."""
    for quota in rules.quotas:
        if quota.district and quota.district not in districts:
            raise _broken("quotas", f"{quota.district} is no district of this election")
    return rules


def _check_terms(rules: Rules) -> None:
    _one_of(rules.utility, get_args(Utility), "utility")
    _one_of(rules.completion, get_args(Completion), "completion")
    _one_of(rules.stop, get_args(Stop), "stop")
    completions = rule_named(rules.rule).completions
    if rules.utility != "cost" and rules.rule == "phragmen":
        raise _broken("utility", "phragmen weighs no utilities: cost")
    if rules.completion != "none" and rules.completion not in completions[1:]:
        raise _broken("completion", f"{rules.rule} has no completion to choose: none")
    raises = rules.completion in ADD1 or completions[0] in ADD1
    if rules.stop != "overspend" and not raises:
        raise _broken("stop", "it says when add1 stops, and these rules have no add1")


def _check_quotas(rules: Rules) -> None:
    _between(len(rules.quotas), 0, QUOTAS_MAX, "quotas")
    districts = [quota.district for quota in rules.quotas]
    if len(set(districts)) != len(districts):
        raise _broken("quotas", "a district has one quota")
    for quota in rules.quotas:
        _between(quota.amount_cents, 0, CENTS_MAX, "quotas")


def _check_numbers(rules: Rules) -> None:
    """Alternatives and fixed projects are named by numbers, which projects get one by one."""
    bound = list(chain.from_iterable(rules.alternatives))
    for field, numbers in (("alternatives", bound), ("fixed", rules.fixed)):
        _between(len(numbers), 0, PROJECTS_MAX, field)
        for number in numbers:
            _between(number, 1, PROJECTS_MAX, field)
        if len(set(numbers)) != len(numbers):
            raise _broken(field, "a project stands there once")
    for group in rules.alternatives:
        if len(group) < 2:
            raise _broken("alternatives", "at least two projects exclude each other")
        if len(set(group).intersection(rules.fixed)) > 1:
            raise _broken("fixed", "of projects that exclude each other one is fixed at most")


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
