"""Why each project won or lost, worked out from the count and the ballots again.

The effective votes of a project are its cost over what each voter who can would pay for it (as
https://equalshares.net counts them): all its votes as long as every supporter can pay the same, and
fewer when some have spent their money. Equal shares by cost buys in their descending order.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct
from msgspec.structs import replace

from cahier_record.budget.tally.equal_shares import market_of
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.purchases import Buyers
from cahier_record.budget.tally.result import FUNDED, Outcome, Reason, Result
from cahier_record.budget.tally.terms import Terms


class Why(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decided about one project; money in units of 10^-decimals.

    left: the money left in the envelope when its turn came, under greedy spending; missing: how
    much more it costs. round: the one that bought it, from 1; of a lost project, the first before
    which its supporters could not pay it any more. effective_votes: in the round that bought it,
    or, of a lost project, in the last round in which they could have paid. supporters_money: what
    the supporters of a lost project hold in the end.
    """

    id: str
    reason: Reason
    votes: int
    left: int | None = None
    missing: int | None = None
    round: int | None = None
    effective_votes: Fraction | None = None
    supporters_money: Fraction | None = None


def why(profile: Profile, result: Result, terms: Terms) -> dict[str, Why]:
    """Why each project won or lost, by its id; `terms` are those of the result."""
    told = {one.id: _of(one) for one in result.projects}
    if result.endowment is not None:
        field = Field(profile, result.rule, replace(terms, threshold=result.threshold))
        seen = _Seen(field)
        Buyers(market_of(field), result.endowment, field.purse()).run(watch=seen)
        for place, found in seen.found.items():
            told[field.standing[place].id] = seen.told(told[field.standing[place].id], found)
    return told


def _of(one: Outcome) -> Why:
    lost = one.reason == "does_not_fit" and one.left is not None
    return Why(
        id=one.id,
        reason=one.reason,
        votes=one.votes,
        left=one.left,
        missing=one.cost - (one.left or 0) if lost else None,
    )


class _Found(Struct):
    round: int | None = None
    effective_votes: Fraction | None = None
    money: Fraction = Fraction(0)
    payable: bool = True


class _Seen:
    """Looks at every contender before each round."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self._round = 0
        self.found = {place: _Found() for place in field.contenders}

    def __call__(self, buyers: Buyers) -> None:
        self._round += 1
        for place in self._field.contenders:
            if place in buyers.bought:
                continue
            found = self.found[place]
            offer, money = buyers.look(place)
            found.money = Fraction(*money)
            if offer is not None and offer.price[0]:
                cost = self._field.costs[place]
                found.effective_votes = cost / Fraction(*offer.price)
                found.round = self._round
            elif found.payable:
                found.payable, found.round = False, self._round

    def told(self, so_far: Why, found: _Found) -> Why:
        lost = so_far.reason not in FUNDED
        completed = not lost and not found.payable
        return replace(
            so_far,
            round=None if completed else found.round,
            effective_votes=found.effective_votes,
            supporters_money=found.money if lost else None,
        )
