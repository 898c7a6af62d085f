"""Whose money a project was funded with: each voter's own share, for the holder of the ballot.

Under equal shares and Phragmén's rule voters pay by the rule itself. Under the greedy rules, and
for what greedy completion adds, the cost is split evenly among the ballots that list the project.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from cahier_record.budget.tally.result import FUNDED, Result


def own_share(result: Result, listed: Iterable[str]) -> dict[str, Fraction]:
    """What a ballot that lists these projects paid for each funded one, in order of selection.

    Amounts are exact, in units of 10^-decimals. What costs nothing stands with a share of nothing.
    """
    names = set(listed)
    outcomes = {one.id: one for one in result.projects if one.reason in FUNDED}
    bought = _bought(result, names)
    return {
        one: bought.get(one, Fraction(outcomes[one].cost, outcomes[one].votes))
        for one in result.selected
        if one in names
    }


def money_left(result: Result, listed: Iterable[str]) -> Fraction:
    """What such a ballot has left of its endowment; nothing under other rules than equal shares."""
    if result.endowment is None:
        return Fraction(0)
    return Fraction(*result.endowment) - sum(_bought(result, set(listed)).values(), Fraction(0))


def _bought(result: Result, names: set[str]) -> dict[str, Fraction]:
    """What the ballot paid in each round that bought something it lists."""
    flows = result.endowment is None
    held = Fraction(0) if result.endowment is None else Fraction(*result.endowment)
    received, paid = Fraction(0), dict[str, Fraction]()
    for each in result.rounds:
        if each.id not in names:
            continue
        price = Fraction(*each.price)
        if flows:
            paid[each.id], received = price - received, price
        else:
            paid[each.id] = min(held, price)
            held -= paid[each.id]
    return paid
