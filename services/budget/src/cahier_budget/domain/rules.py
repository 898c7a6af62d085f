"""Which rules an election may have: their values must fit together before anybody votes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import get_args

from cahier_kernel.errors import Invalid
from cahier_kernel.money import CENTS_MAX
from cahier_record.budget.ballots import POINT_TYPES
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
POINTS_MAX = 10**9
POINT_DECIMALS_MAX = 6
YEARS_MAX = 20


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
    check_points(rules)
    if rules.threshold_votes and rules.rule != "greedy-threshold":
        raise _broken("threshold_votes", "only greedy-threshold has a threshold")
    _check_terms(rules)
    _between(rules.least_turnout, 0, VOTES_MAX, "least_turnout")
    _between(rules.least_votes, 0, VOTES_MAX, "least_votes")
    _check_proportion(rules.proportion)
    _check_quotas(rules)
    _check_numbers(rules)
    return rules


def check_fit(rules: Rules, districts: Sequence[str], envelope_cents: int) -> Rules:
    """The same rules; raises Invalid where they do not fit the election's districts and envelope.

    A quota is of a district that the election has; credits of years add up to the envelope.
    """
    _between(len(rules.credits_cents), 0, YEARS_MAX, "credits_cents")
    for credit in rules.credits_cents:
        _between(credit, 0, CENTS_MAX, "credits_cents")
    if rules.credits_cents and sum(rules.credits_cents) != envelope_cents:
        raise _broken("credits_cents", "the credits of all years add up to the envelope")
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


def check_points(rules: Rules) -> None:
    """Raises Invalid where bounds and places do not fit the type of the ballots.

    Points need a highest number: every ballot is sealed to one size.
    """
    _between(rules.point_decimals, 0, POINT_DECIMALS_MAX, "point_decimals")
    has_points = rules.vote_type in POINT_TYPES
    for field in ("max_points", "min_points", "max_sum_points", "min_sum_points"):
        value = getattr(rules, field)
        if value and not has_points:
            raise _broken(field, f"{rules.vote_type} ballots give no points")
        signed = field.startswith("min") and rules.vote_type == "scoring"
        _between(value, -POINTS_MAX if signed else 0, POINTS_MAX, field)
    _between(rules.default_points, -POINTS_MAX, POINTS_MAX, "default_points")
    if rules.default_points and rules.vote_type != "scoring":
        raise _broken("default_points", "only scoring ballots leave points to who is not listed")
    if has_points:
        _check_bounds_of_points(rules)
    _check_positions(rules)


def _check_bounds_of_points(rules: Rules) -> None:
    if not rules.max_points and (rules.vote_type == "scoring" or not rules.max_sum_points):
        raise _broken("max_points", "points need a highest number")
    if rules.max_points and rules.min_points > rules.max_points:
        raise _broken("min_points", "min_points is at most max_points")
    if rules.max_sum_points and rules.min_sum_points > rules.max_sum_points:
        raise _broken("min_sum_points", "min_sum_points is at most max_sum_points")
    if min(rules.min_points, rules.default_points) < 0 and not rules.rule.startswith("greedy"):
        raise _broken("min_points", f"{rules.rule} takes what is listed as support, never less")
    if rules.min_length * rules.min_points > (rules.max_sum_points or VOTES_MAX * POINTS_MAX):
        raise _broken("min_points", "the fewest projects have more points than a ballot may give")


def _check_positions(rules: Rules) -> None:
    places = rules.positions
    if places and rules.vote_type != "ordinal":
        raise _broken("positions", f"{rules.vote_type} ballots have no places")
    _between(len(places), 0, rules.max_length or PROJECTS_MAX, "positions")
    for points in places:
        _between(points, 0, POINTS_MAX, "positions")
    if list(places) != sorted(places, reverse=True):
        raise _broken("positions", "no place gives more than the one before it")
    if places and not places[0]:
        raise _broken("positions", "the first place gives something")


def _check_proportion(proportion: tuple[int, ...]) -> None:
    if len(proportion) != 2:
        raise _broken("proportion", "two numbers: a part and a whole")
    part, whole = proportion
    _between(whole, 1, POINTS_MAX, "proportion")
    _between(part, 0, POINTS_MAX, "proportion")


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
