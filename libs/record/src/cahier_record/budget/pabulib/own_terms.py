"""What a city's own file says of its count beside Pabulib's keys: limits, years, alternatives.

Without it the file would count to other winners than the city announced. Files of others have no
such keys and are counted as they ever were.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace

from cahier_record.budget.events import Rules
from cahier_record.budget.pabulib.meta_rules import INSTALMENTS_COLUMN, instalments_of, rules_of
from cahier_record.budget.pabulib.model import Instance
from cahier_record.budget.tally import Candidate, Profile, Terms, TieOrder

OWN_KEYS = "cahier_"
"""What the names of Cahier's own keys in META begin with."""
CENT_DECIMALS = 2
_TIES: dict[str, TieOrder] = {
    "standard": "presented",
    "lexicographic": "lexicographic",
    "cheapest": "cheapest",
}


def with_own_terms(
    instance: Instance, profile: Profile, terms: Terms, asked: Collection[str] = ()
) -> tuple[Profile, Terms]:
    """The election and its terms as the file's own keys have them; the same without such keys.

    asked: names of terms that somebody chose otherwise. Projects go by their place in PROJECTS.
    Raises ValueError, in one line, for keys that cannot be read or do not fit the projects.
    """
    if not any(key.startswith(OWN_KEYS) for key in instance.meta):
        return profile, terms
    rules = rules_of(instance)
    in_cents = _in_cents(profile)
    candidates = tuple(
        _candidate(one, place, instance, rules, in_cents.decimals)
        for place, one in enumerate(in_cents.candidates)
    )
    told = _terms(rules, in_cents.decimals)
    chosen = {name: value for name, value in told.items() if name not in asked}
    return replace(in_cents, candidates=candidates), replace(terms, **chosen)


def _terms(rules: Rules, decimals: int) -> dict[str, Any]:
    return {
        "utility": rules.utility,
        "completion": rules.completion,
        "stop": rules.stop,
        "ties": _TIES[rules.ties],
        "least_turnout": rules.least_turnout,
        "least_votes": rules.least_votes,
        "proportion": rules.proportion,
        "quotas": {each.district: _scaled(each.amount_cents, decimals) for each in rules.quotas},
        "credits": tuple(_scaled(each, decimals) for each in rules.credits_cents),
    }


def _candidate(
    one: Candidate, place: int, instance: Instance, rules: Rules, decimals: int
) -> Candidate:
    fields, number = instance.projects[place].fields, place + 1
    groups = [n for n, numbers in enumerate(rules.alternatives) if number in numbers]
    return replace(
        one,
        district=fields.get("district", ""),
        fixed=number in rules.fixed,
        alternative=str(groups[0]) if groups else "",
        instalments=tuple(
            _scaled(each, decimals) for each in instalments_of(fields.get(INSTALMENTS_COLUMN, ""))
        ),
    )


def _in_cents(profile: Profile) -> Profile:
    """The same amounts in units that are no coarser than a cent, as the keys' are."""
    finer = 10 ** max(0, CENT_DECIMALS - profile.decimals)
    return replace(
        profile,
        budget=profile.budget * finer,
        decimals=max(profile.decimals, CENT_DECIMALS),
        candidates=tuple(replace(one, cost=one.cost * finer) for one in profile.candidates),
    )


def _scaled(cents: int, decimals: int) -> int:
    return int(cents * 10 ** (decimals - CENT_DECIMALS))
