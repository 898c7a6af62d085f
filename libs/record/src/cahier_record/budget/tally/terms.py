"""The parameters of a count: fixed before voting opens, and recorded with the result."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Utility = Literal["cost", "cardinality"]
TieOrder = Literal["presented", "cheapest", "lexicographic"]
Completion = Literal["none", "greedy", "add1", "add1-greedy"]
Stop = Literal["overspend", "exhaustive"]


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a rule is to be applied; amounts in units of 10^-decimals of the currency.

    utility: what a voter gets out of a project that they list. Under the greedy rules `cost` takes
    projects by score (the utility per unit of cost of a voter who values a project at its cost),
    `cardinality` by score per unit of cost; equal shares takes the utility as it stands.
    ties: among equals, `presented` takes the order of the candidates; `cheapest` the lowest cost,
    then most ballots that list it, then the id ascending as a string (equalshares.net's order with
    the id in place of a lot); `lexicographic` the id ascending as a string (pabutools' default).
    threshold: the least score of a project that may win, for the rule that asks for one.

    For equal shares only. completion: `add1` raises every voter's endowment by one unit of
    currency, from envelope / voters as a fraction, as long as the outcome stays within the
    envelope; `greedy` then spends what is left by utility per cost. stop: `exhaustive` stops
    raising, too, once no project that anybody lists would fit beside the outcome.

    For every rule. least_turnout: with fewer ballots nothing but fixed projects is funded.
    least_votes: a project must stand on as many ballots. proportion (p, q): a project must stand
    on votes >= p/q * voters * cost / envelope ballots (Świecie 2023: 1/3); (0, 1) asks nothing.
    quotas: the most that projects of a district may cost together; a district that is not named is
    bounded by the envelope alone, and `""` names the city-wide projects. What a district leaves
    stays in the envelope, for no other quota to take.
    credits: what may be paid out in each year; what a year leaves is added to the next. A project
    pays by its instalments, or all in the first year. Without credits years do not matter.
    """

    utility: Utility = "cost"
    ties: TieOrder = "presented"
    threshold: int | None = None
    completion: Completion = "none"
    stop: Stop = "overspend"
    least_turnout: int = 0
    least_votes: int = 0
    proportion: tuple[int, int] = (0, 1)
    quotas: dict[str, int] = {}
    credits: tuple[int, ...] = ()
