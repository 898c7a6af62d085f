"""What a count answers: not only who won, but why each project did or did not."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cahier_record.budget.tally.terms import TieOrder, Utility

Reason = Literal[
    "selected",
    "no_votes",  # a score of zero or less never wins
    "withdrawn",
    "over_budget",  # costs more than the whole envelope
    "below_threshold",
    "does_not_fit",  # costs more than what was left when its turn came
    "after_stop",  # the rule had stopped at an earlier project
]


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one project. `left` is the money left when its turn came, if it had a turn.

    votes: ballots that list it. score: its points in units of 10^-score_decimals. cost and left:
    units of 10^-decimals of the currency.
    """

    id: str
    cost: int
    votes: int
    score: int
    reason: Reason
    left: int | None = None


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A count with all that it depended on; `selected` in order of selection.

    projects: every candidate, in the order in which the rule considered them.
    """

    rule: str
    utility: Utility
    ties: TieOrder
    budget: int
    spent: int
    voters: int
    selected: tuple[str, ...]
    projects: tuple[Outcome, ...]
    threshold: int | None = None
    decimals: int = 2
    score_decimals: int = 0
