"""What a count answers: not only who won, but why each project did or did not."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from cahier_record.budget.tally.terms import Completion, Stop, TieOrder, Utility

Reason = Literal[
    "selected",
    "no_votes",  # a score of zero or less never wins
    "withdrawn",
    "over_budget",  # costs more than the whole envelope
    "below_threshold",
    "does_not_fit",  # costs more than what was left when its turn came
    "after_stop",  # the rule had stopped at an earlier project
    "fixed",  # funded before the count
    "turnout_too_low",  # too few ballots for anything to be funded
    "below_least_votes",  # stands on too few ballots
    "below_proportion",  # stands on too few ballots for its cost
    "over_quota",  # costs more than its district had left when its turn came
    "alternative_taken",  # another project of its alternatives was funded
    "over_credit",  # some year's credit had too little left when its turn came
    "supporters_short",  # the voters who list it had too little money left for it
]

FUNDED: tuple[Reason, ...] = ("selected", "fixed")


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


class Round(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One purchase with the voters' own money, under equal shares or Phragmén's rule.

    price: a ratio in units of 10^-decimals; under equal shares each supporter who has as much pays
    it, `full` of `supporters`, and the others all that they have left. Under Phragmén's rule each
    supporter pays all that they hold, and `price` is what every voter had received in all by then.
    """

    id: str
    price: tuple[int, int]
    full: int
    supporters: int


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A count with all that it depended on; `selected` in order of selection.

    projects: every candidate, in the order in which the rule considered them.
    completion: of equal shares; what was selected after the last of `rounds` (and after what costs
    nothing, which goes first) was selected by the greedy completion. endowment: what each voter
    held in the end, a ratio in units of 10^-decimals; raises: by how many units of currency that is
    more than envelope / voters. preferred: of `equalshares/add1-comparison`, how many voters got
    more out of the outcome of equal shares and how many out of the greedy one.
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
    completion: Completion = "none"
    stop: Stop | None = None
    rounds: tuple[Round, ...] = ()
    endowment: tuple[int, int] | None = None
    raises: int = 0
    preferred: tuple[int, int] | None = None
