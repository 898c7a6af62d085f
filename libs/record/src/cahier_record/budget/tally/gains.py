"""Between two outcomes of the same ballots: how many voters get more out of which.

A voter gets out of an outcome what the funded projects that they list cost together: so much of
the envelope goes where they wanted it to go.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cahier_record.budget.tally.profile import Group
from cahier_record.budget.tally.result import Result


class Gains(Struct, frozen=True, kw_only=True):
    """How many voters would get more, and how many less; the others get the same."""

    more: int
    less: int


def gains(before: Result, after: Result, groups: Iterable[Group]) -> Gains:
    """Whom `after` serves better or worse than `before`; costs may differ between the two."""
    change = _costs(after)
    for one, cost in _costs(before).items():
        change[one] = change.get(one, 0) - cost
    change = {one: cents for one, cents in change.items() if cents}
    more = less = 0
    for group in groups:
        got = sum(change.get(one, 0) for one in set(group.projects))
        more += group.count if got > 0 else 0
        less += group.count if got < 0 else 0
    return Gains(more=more, less=less)


def _costs(result: Result) -> dict[str, int]:
    """What each funded project costs."""
    costs = {one.id: one.cost for one in result.projects}
    return {one: costs[one] for one in result.selected}
