"""An election's rules as META tells them, and back: what Pabulib has no key for stands under ours.

Both directions stand here so that no rule is written that is not read, nor the other way round.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import ceil
from typing import Any, TypeVar, get_args

import msgspec

from cahier_record.budget.ballots import POINT_TYPES
from cahier_record.budget.events import CountingRule, Quota, Rules
from cahier_record.budget.pabulib.model import Instance
from cahier_record.budget.pabulib.numbers import (
    cents,
    decimals_of,
    format_decimal,
    parse_amount,
    parse_count,
    parse_decimal,
    shown,
)

INSTALMENTS_COLUMN = "cahier_instalments"
_WORDS = ("ties", "utility", "completion", "stop")
_COUNTS = ("least_turnout", "least_votes")
_POINT_BOUNDS = ("max_points", "min_points", "max_sum_points", "min_sum_points")

T = TypeVar("T")


def rules_of(instance: Instance, rule: str = "") -> Rules:
    """The file's rules; `rule` replaces the one that META names. Whether they fit is not judged.

    Where META sets no bound to points, the ballots' own do: sealed ballots need one. Raises
    ValueError, in one line, for an unknown counting rule and for values that cannot be read.
    """
    rule = rule or instance.rule
    if rule not in get_args(CountingRule):
        named = f"rule {rule}" if rule else "no rule in META"
        known = ", ".join(get_args(CountingRule))
        raise ValueError(f"{named}: this release counts by {known}; name one with --rule")
    meta = _Meta(instance)
    threshold = meta.points("min_project_score_threshold") if rule == "greedy-threshold" else 0
    told: dict[str, Any] = {
        "vote_type": instance.vote_type,
        "rule": rule,
        "min_length": meta.count("min_length"),
        "max_length": meta.count("max_length"),
        "max_sum_cost_cents": meta.get("max_sum_cost", _cents) or 0,
        "threshold_votes": threshold,
        "ties": "standard" if rule.startswith("greedy") else "cheapest",
        "completion": "add1-greedy" if rule == "mes" else "none",
        **meta.weights(),
        **meta.own(),
    }
    return Rules(**told)


def meta_of_rules(rules: Rules, standing: int) -> dict[str, str]:
    """META's keys for the rules, without those that say nothing.

    standing: how many projects stand: where some do not, Borda's first place must be spelled out.
    """

    def points(value: int) -> str:
        return format_decimal(Fraction(value, 10**rules.point_decimals)) if value else ""

    fresh = Rules(vote_type=rules.vote_type, rule=rules.rule)
    longest = rules.max_length
    if rules.vote_type == "ordinal" and not rules.positions and not longest:
        longest = standing
    told = {
        "vote_type": rules.vote_type,
        "rule": rules.rule,
        "min_length": _number(rules.min_length),
        "max_length": _number(longest),
        "max_sum_cost": _amounts([rules.max_sum_cost_cents]) if rules.max_sum_cost_cents else "",
        **{name: points(getattr(rules, name)) for name in _POINT_BOUNDS},
        "default_score": points(rules.default_points),
        "scoring_fn": ",".join(points(each) or "0" for each in rules.positions),
        "min_project_score_threshold": points(rules.threshold_votes),
        "cahier_point_decimals": _number(rules.point_decimals),
        **{f"cahier_{name}": getattr(rules, name) for name in _WORDS},
        **{f"cahier_{name}": _number(getattr(rules, name)) for name in _COUNTS},
        "cahier_quotas": _quotas(rules.quotas),
        "cahier_alternatives": "|".join(_numbers(group) for group in rules.alternatives),
        "cahier_fixed": _numbers(rules.fixed),
        "cahier_proportion": "/".join(map(str, rules.proportion)),
        "cahier_credits": _amounts(rules.credits_cents),
    }
    if rules.proportion == fresh.proportion:
        del told["cahier_proportion"]
    return {key: value for key, value in told.items() if value}


def instalments_of(text: str) -> list[int]:
    """The cell of a project's instalments as cents; raises ValueError."""
    return [_cents(each) for each in text.split(",")] if text.strip() else []


def instalments_text(instalments_cents: Sequence[int]) -> str:
    """The cell of a project's instalments: amounts by year."""
    return _amounts(instalments_cents)


class _Meta:
    """META's values, each named in the refusal of what it cannot be."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._meta = instance.meta
        self._has_points = instance.vote_type in POINT_TYPES
        self.decimals = self._decimals()

    def get(self, key: str, parse: Callable[[str], T]) -> T | None:
        text = self._meta.get(key, "").strip()
        try:
            return parse(text) if text else None
        except (ValueError, ZeroDivisionError, msgspec.MsgspecError) as error:
            raise ValueError(f"META: {key}: {error}") from None

    def count(self, key: str) -> int:
        return self.get(key, lambda text: int(parse_count(text))) or 0

    def points(self, key: str) -> int:
        """In the rules' unit, rounded up, as thresholds of scores are."""
        found = self.get(key, parse_decimal)
        return ceil(found * 10**self.decimals) if found else 0

    def weights(self) -> dict[str, Any]:
        """The bounds of points and what places give."""
        kind = self._instance.vote_type
        told: dict[str, Any] = {"point_decimals": self.decimals}
        if kind == "ordinal":
            told["positions"] = tuple(_whole(each, self.decimals) for each in self._positions())
        if not self._has_points:
            return told
        told |= {name: self.points(name) for name in _POINT_BOUNDS}
        given = [_whole(each, self.decimals) for each in self._given()]
        if not told["max_points"] and (kind == "scoring" or not told["max_sum_points"]):
            told["max_points"] = max([1, *given])
        if kind == "scoring":
            told["default_points"] = self.points("default_score")
            if not self._meta.get("min_points", "").strip():
                told["min_points"] = min([0, *given])
        return told

    def own(self) -> dict[str, Any]:
        """What only Cahier's own files say."""
        told: dict[str, Any] = {}
        for name in _WORDS:
            told[name] = self._meta.get(f"cahier_{name}", "").strip()
        for name in _COUNTS:
            told[name] = self.count(f"cahier_{name}")
        told["quotas"] = self.get("cahier_quotas", _read_quotas)
        told["alternatives"] = self.get("cahier_alternatives", _read_groups)
        told["fixed"] = self.get("cahier_fixed", _read_numbers)
        told["proportion"] = self.get("cahier_proportion", _read_ratio)
        told["credits_cents"] = tuple(self.get("cahier_credits", instalments_of) or ())
        return {name: value for name, value in told.items() if value}

    def _decimals(self) -> int:
        """As many as the finest number of points in META and on any ballot has."""
        keys = (*_POINT_BOUNDS, "default_score", "min_project_score_threshold")
        own = self.count("cahier_point_decimals")
        if not self._has_points and self._instance.vote_type != "ordinal":
            return own
        told = [self.get(key, parse_decimal) or Fraction(0) for key in keys]
        finest = max(map(decimals_of, [*told, *self._given(), *self._positions()]))
        return max(own, finest)

    def _given(self) -> Iterable[Fraction]:
        return {points for ballot in self._instance.ballots for points in ballot.points}

    def _positions(self) -> Sequence[Fraction]:
        """Points by place; META's max_length cuts off the places that no ballot has."""
        text = self._meta.get("scoring_fn", "").strip()
        if self._instance.vote_type != "ordinal" or text.lower() in ("", "borda"):
            return ()
        try:
            places = [parse_amount(each) for each in text.split(",")]
        except ValueError:
            known = "Borda or points by place such as 3,2,1"
            raise ValueError(f"META: scoring_fn: must be {known}, not {shown(text)}") from None
        return places[: self.count("max_length") or len(places)]


def _whole(points: Fraction, decimals: int) -> int:
    return int(points * 10**decimals)


def _cents(text: str) -> int:
    return cents(parse_amount(text))


def _number(value: int) -> str:
    return str(value) if value else ""


def _numbers(values: Iterable[int]) -> str:
    return ",".join(map(str, values))


def _amounts(values: Iterable[int]) -> str:
    return ",".join(format_decimal(Fraction(value, 100)) for value in values)


def _quotas(quotas: Sequence[Quota]) -> str:
    told = {quota.district: _amounts([quota.amount_cents]) for quota in quotas}
    return json.dumps(told, ensure_ascii=False) if told else ""


def _read_quotas(text: str) -> tuple[Quota, ...]:
    told = msgspec.json.decode(text.encode(), type=dict[str, str])
    return tuple(Quota(district=name, amount_cents=_cents(most)) for name, most in told.items())


def _read_numbers(text: str) -> tuple[int, ...]:
    return tuple(int(parse_count(each)) for each in text.split(","))


def _read_groups(text: str) -> tuple[tuple[int, ...], ...]:
    return tuple(_read_numbers(group) for group in text.split("|"))


def _read_ratio(text: str) -> tuple[int, int]:
    part, _, whole = text.partition("/")
    return int(parse_count(part)), int(parse_count(whole))
