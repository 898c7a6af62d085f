"""The parameters of a count: fixed before voting opens, and recorded with the result."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Utility = Literal["cost", "cardinality"]
TieOrder = Literal["presented", "cheapest", "lexicographic"]


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a rule is to be applied.

    utility: `cost` takes projects by score (the utility per unit of cost of a voter who values a
    project at its cost); `cardinality` by score per unit of cost.
    ties: among equals, `presented` takes the order of the candidates; `cheapest` the lowest cost,
    then most ballots that list it, then the id ascending as a string (equalshares.net's order with
    the id in place of a lot); `lexicographic` the id ascending as a string (pabutools' default).
    threshold: the least score of a project that may win, for the rule that asks for one.
    """

    utility: Utility = "cost"
    ties: TieOrder = "presented"
    threshold: int | None = None
