"""An election's rules as staff fill them in: from a form to the contract's message, and back."""

from __future__ import annotations

import re
from typing import Any

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_portal.catalogue import t
from cahier_portal.formats import amount_typed
from cahier_portal.forms import FieldErrors, Form, FormError
from cahier_portal.papers import read_points, typed_points

VOTE_TYPES = ("approval", "choose-1", "cumulative", "scoring", "ordinal")
WAYS = {
    "greedy": ("greedy", "cost", "none"),
    "greedy-no-skip": ("greedy-no-skip", "cost", "none"),
    "greedy-threshold": ("greedy-threshold", "cost", "none"),
    "greedy-per-cost": ("greedy", "cardinality", "none"),
    "shares": ("mes", "cost", "add1-greedy"),
    "shares-count": ("mes", "cardinality", "add1-greedy"),
    "shares-add1": ("mes", "cost", "add1"),
    "shares-greedy": ("mes", "cost", "greedy"),
    "shares-plain": ("mes", "cost", "none"),
    "equalshares": ("equalshares", "cost", "none"),
    "equalshares-add1": ("equalshares/add1", "cost", "none"),
    "equalshares-comparison": ("equalshares/add1-comparison", "cost", "none"),
    "phragmen": ("phragmen", "cost", "none"),
}
"""Ways of counting as a form offers them: rule, utility and completion that go together."""
TIES = ("standard", "lexicographic", "cheapest")
STOPS = ("overspend", "exhaustive")
POINT_BOUNDS = ("max_points", "min_points", "max_sum_points", "min_sum_points", "default_points")
NUMBERS_MAX = 2_000
LENGTH_MAX = 2_000
DECIMALS_MAX = 6
_RATIO = re.compile(r"([0-9]{1,9})\s*/\s*([0-9]{1,9})")


def options() -> dict[str, Any]:
    """What the form offers to choose from."""
    return {
        "vote_types": VOTE_TYPES,
        "counting_rules": tuple(WAYS),
        "ties": TIES,
        "stops": STOPS,
    }


def read_rules(form: Form) -> budget.Rules:
    """The rules that a form says; raises FieldErrors."""
    most_cents = form.money("max_sum_cost") if form.text("max_sum_cost") else 0
    rule, utility, completion = _way(form)
    return budget.Rules(
        vote_type=_one_of(form, "vote_type", VOTE_TYPES),
        min_length=form.count("min_length", LENGTH_MAX),
        max_length=form.count("max_length", LENGTH_MAX),
        max_sum_cost_cents=most_cents,
        rule=rule,
        utility=utility,
        completion=completion,
        stop=_one_of(form, "stop", STOPS),
        ties=_one_of(form, "ties", TIES),
        least_turnout=form.count("least_turnout"),
        least_votes=form.count("least_votes"),
        quotas=[_quota(form, line) for line in lines_of(form, "quotas")],
        alternatives=[
            budget.Alternatives(numbers=_numbers("alternatives", line))
            for line in lines_of(form, "alternatives")
        ],
        fixed=_numbers("fixed", form.text("fixed")),
        proportion=_proportion(form.text("proportion")),
        credits_cents=amounts(form, "credits"),
        **_weights(form),
    )


def values_of(rules: budget.Rules) -> dict[str, str]:
    """The rules as the form shows them."""
    decimals = rules.point_decimals
    weights = {name: getattr(rules, name) for name in (*POINT_BOUNDS, "threshold_votes")}
    return {
        "vote_type": rules.vote_type,
        "min_length": str(rules.min_length),
        "max_length": str(rules.max_length or ""),
        "max_sum_cost": amount_typed(rules.max_sum_cost_cents) if rules.max_sum_cost_cents else "",
        "rule": way_of(rules),
        "stop": rules.stop,
        "ties": rules.ties,
        "least_turnout": str(rules.least_turnout or ""),
        "least_votes": str(rules.least_votes or ""),
        "quotas": "\n".join(
            f"{quota.district} = {amount_typed(quota.amount_cents)}" for quota in rules.quotas
        ),
        "alternatives": "\n".join(", ".join(map(str, each.numbers)) for each in rules.alternatives),
        "fixed": ", ".join(map(str, rules.fixed)),
        "proportion": "/".join(map(str, rules.proportion)),
        "credits": typed_amounts(rules.credits_cents),
        "point_decimals": str(decimals or ""),
        "positions": "; ".join(typed_points(each, decimals) for each in rules.positions),
        **{name: typed_points(value, decimals) if value else "" for name, value in weights.items()},
    }


def way_of(rules: budget.Rules) -> str:
    """The way of counting that a form offers for these rules; its parts, for one that it does not.

    So rules that came with a file, or over the API, are not replaced by whoever edits the rest.
    """
    parts = (rules.rule, rules.utility or "cost", rules.completion or "none")
    return next((way for way, known in WAYS.items() if known == parts), " ".join(parts))


def amounts(form: Form, name: str) -> list[int]:
    """Amounts of a field, one a line, in cents; raises FieldErrors."""
    return [form.amount(name, line) for line in lines_of(form, name)]


def typed_amounts(cents: Any) -> str:
    """Amounts as one types them, one a line."""
    return "\n".join(map(amount_typed, cents))


def lines_of(form: Form, name: str) -> list[str]:
    """The lines of a field that say anything."""
    return [line.strip() for line in form.text(name).split("\n") if line.strip()]


def _way(form: Form) -> tuple[str, str, str]:
    parts = form.text("rule").split(" ")
    if len(parts) == 3:
        return parts[0], parts[1], parts[2]
    return WAYS[_one_of(form, "rule", tuple(WAYS))]


def _weights(form: Form) -> dict[str, Any]:
    """What of the rules is said in points."""
    decimals = form.count("point_decimals", DECIMALS_MAX)
    names = (*POINT_BOUNDS, "threshold_votes")
    return {
        "point_decimals": decimals,
        "positions": _positions(form.text("positions"), decimals),
        **{name: _points(name, form.text(name), decimals) for name in names},
    }


def _points(name: str, text: str, decimals: int) -> int:
    try:
        return read_points(text, decimals) if text else 0
    except ValueError:
        key = "error.not_decimal_points" if decimals else "error.not_points"
        raise FieldErrors(FormError(name, t(key, decimals=decimals))) from None


def _positions(text: str, decimals: int) -> list[int]:
    """Points by place; without decimals a comma may stand between them, too."""
    places = (text if decimals else text.replace(",", ";")).split(";")
    try:
        return [read_points(each, decimals) for each in places] if text else []
    except ValueError:
        raise FieldErrors(FormError("positions", t("error.not_positions"))) from None


def _proportion(text: str) -> list[int]:
    found = _RATIO.fullmatch(text)
    if text and found is None:
        raise FieldErrors(FormError("proportion", t("error.not_a_proportion")))
    return [int(found[1]), int(found[2])] if found else []


def _quota(form: Form, line: str) -> budget.Quota:
    """`District = amount`; nothing before the sign stands for the whole city's projects."""
    district, sign, amount = line.rpartition("=")
    if not sign:
        raise FieldErrors(FormError("quotas", t("error.not_a_quota")))
    return budget.Quota(district=district.strip(), amount_cents=form.amount("quotas", amount))


def _numbers(name: str, text: str) -> list[int]:
    words = text.replace(",", " ").split()
    if not all(word.isascii() and word.isdigit() and int(word) <= NUMBERS_MAX for word in words):
        raise FieldErrors(FormError(name, t("error.not_numbers")))
    return [int(word) for word in words]


def _one_of(form: Form, name: str, known: tuple[str, ...]) -> str:
    value = form.text(name) or known[0]
    if value not in known:
        raise FieldErrors(FormError(name, t("error.not_an_option")))
    return value
