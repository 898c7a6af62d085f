"""Rules as the fields of a contract's message, which are named as the record names them.

One translation for every program that reads or writes such a message: a rule that is added to the
record and to the contract is carried everywhere at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from cahier_record.budget.events import Quota, Rules

_LISTS = frozenset({"fixed", "positions", "proportion", "credits_cents"})


def rules_from_fields(fields: Iterable[tuple[str, Any]]) -> Rules:
    """The rules of a message's set fields, by name; what is not set has the record's default.

    Values are taken as they come: whether they fit together is for others to check.
    """
    told: dict[str, Any] = {"vote_type": "", "rule": ""}
    for name, value in fields:
        if name == "quotas":
            told[name] = tuple(
                Quota(district=each.district, amount_cents=each.amount_cents) for each in value
            )
        elif name == "alternatives":
            told[name] = tuple(tuple(each.numbers) for each in value)
        else:
            told[name] = tuple(value) if name in _LISTS else value
    return Rules(**told)


def fields_of_rules(rules: Rules) -> dict[str, Any]:
    """The rules as the keywords that make a message of them; defaults are spelled out."""
    told = {name: getattr(rules, name) for name in rules.__struct_fields__}
    told["quotas"] = [msgspec.to_builtins(each) for each in rules.quotas]
    told["alternatives"] = [{"numbers": numbers} for numbers in rules.alternatives]
    if rules.proportion == (0, 1):
        told["proportion"] = ()
    return told
