"""The Method of Equal Shares with its completions, from a profile to a result.

Peters, Pierczyński, Skowron, 'Proportional Participatory Budgeting with Additive Utilities',
NeurIPS 2021; the completions as https://equalshares.net describes them and as Wieliczka, Świecie
and Assen ran them. What costs nothing is funded first if anybody lists it.
"""

from __future__ import annotations

from math import gcd

from msgspec import Struct
from msgspec.structs import replace

from cahier_record.budget.tally.endowments import Raised, Raising
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.greedy import by_votes
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.purchases import Buyers, Market, Purchase, Ratio
from cahier_record.budget.tally.result import Outcome, Reason, Result, Round
from cahier_record.budget.tally.terms import Terms

ADD1 = ("add1", "add1-greedy")
GREEDY = ("greedy", "add1-greedy")


class Turn(Struct, frozen=True, kw_only=True):
    """What greedy spending decided about a project, and the money that was left then."""

    place: int
    left: int
    reason: Reason


def count_equal_shares(profile: Profile, rule: str, terms: Terms) -> Result:
    """Let the voters buy in equal shares, complete as the terms say; raises as Field does."""
    return equal_shares(Field(profile, rule, terms))


def count_with_comparison(profile: Profile, rule: str, terms: Terms) -> Result:
    """The outcome of equal shares, unless more voters get more out of the greedy one.

    What a voter gets out of an outcome is the sum of the utilities of the funded projects that
    they list (Wieliczka 2023). The greedy outcome takes projects by votes; it is told as the whole
    outcome, with `preferred` saying how many voters preferred which.
    """
    field = Field(profile, rule, terms)
    shares = equal_shares(field)
    turns = spend_greedily(field, field.free)
    greedy = [*field.free, *(turn.place for turn in turns if turn.reason == "selected")]
    preferred = field.preferred(_places(field, shares), greedy)
    if preferred[1] <= preferred[0]:
        return replace(shares, preferred=preferred)
    told = field.result(_outcomes(field, field.free, turns))
    return replace(told, completion=terms.completion, preferred=preferred)


def equal_shares(field: Field) -> Result:
    """As count_equal_shares, of a field."""
    terms = field.terms
    raised = purchases(field)
    bought = [*field.free, *raised.last.contenders()]
    turns = spend_greedily(field, bought) if terms.completion in GREEDY else []
    return replace(
        field.result(_outcomes(field, bought, turns)),
        completion=terms.completion,
        stop=terms.stop if terms.completion in ADD1 else None,
        rounds=tuple(_round(field, each) for each in raised.last.purchases),
        endowment=_reduced(raised.last.endowment) if field.electorate.voters else None,
        raises=raised.raises,
    )


def purchases(field: Field) -> Raised:
    """What the voters buy with their own money, at the endowment that the terms lead to."""
    terms, voters = field.terms, field.electorate.voters
    market = market_of(field)
    start = (field.budget, max(voters, 1))
    if terms.completion not in ADD1:
        return Raised(last=Buyers(market, start, field.purse()).run(), raises=0)
    return Raising(
        market=market,
        make_purse=field.purse,
        start=start,
        step=10**field.profile.decimals,
        envelope=field.budget,
        stop=terms.stop,
    ).run()


def market_of(field: Field) -> Market:
    """What the voters of a field may buy; without voters, nothing."""
    return Market(
        electorate=field.electorate,
        contenders=field.contenders if field.electorate.voters else [],
        costs=field.costs,
        utilities=field.costs if field.terms.utility == "cost" else [1] * len(field.costs),
        ranks=field.ranks,
    )


def spend_greedily(field: Field, bought: list[int]) -> list[Turn]:
    """Spend what the bought projects leave by votes, or by votes per cost, skipping misfits."""
    purse = field.purse(field.profile.budget, bought[len(field.free) :])
    standing, utility = field.standing, field.terms.utility
    turns = []
    for place in sorted(
        set(field.contenders).difference(bought),
        key=lambda place: (by_votes(standing[place], utility), field.ranks[place]),
    ):
        left, refusal = purse.left or 0, purse.refusal(place)
        if refusal is None:
            purse.take(place)
        turns.append(Turn(place=place, left=left, reason=refusal or "selected"))
    return turns


def _outcomes(field: Field, bought: list[int], turns: list[Turn]) -> tuple[Outcome, ...]:
    closed = field.purse(None, bought[len(field.free) :])
    decided = {turn.place: turn for turn in turns}
    completed = [turn.place for turn in turns if turn.reason == "selected"]

    def lost(place: int) -> Reason:
        if place in decided:
            return decided[place].reason
        return closed.refusal(place) or "supporters_short"

    left = {turn.place: turn.left for turn in turns}
    return field.outcomes([*bought, *completed], lost, left)


def _places(field: Field, result: Result) -> list[int]:
    selected = set(result.selected)
    return [one.place for one in field.standing if one.id in selected]


def _round(field: Field, purchase: Purchase) -> Round:
    return Round(
        id=field.standing[purchase.contender].id,
        price=_reduced(purchase.price),
        full=purchase.full,
        supporters=purchase.supporters,
    )


def _reduced(ratio: Ratio) -> Ratio:
    common = gcd(*ratio)
    return ratio[0] // common, ratio[1] // common
