"""One pass of equal shares, remembered round by round, to ask where another project had won.

A project that a pass did not buy has changed nothing in it. So what it would have needed at another
cost, or with more supporters, is read off the same rounds: it is bought in the first one in which
its supporters could pay at no higher a rate than the one that bought. Floats answer where the
margin exceeds their error, whole numbers elsewhere, as in `purchases`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from cahier_record.budget.tally.electorate import Electorate, Floats
from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.profile import Candidate
from cahier_record.budget.tally.purchases import ROUNDING, Buyers, Market, Money, Pass, Ratio

BALANCES_MAX = 40_000_000
"""Numbers that one recording may hold, eight bytes each; beyond, counts are played out."""


class Moment(Struct, frozen=True):
    """How things stood before a round: money, and what may still be funded."""

    money: Money
    purse: Purse


class Bid(Struct, frozen=True, kw_only=True):
    """A project as it is asked about. more: further voters, who list nothing else.

    tie: its key among equals, as `tie_key` makes it; costs over zero.
    """

    place: int
    candidate: Candidate
    utility: int
    more: int
    tie: tuple[object, ...]


class Recording:
    """A pass from one endowment, with the moment before each round and the one at its end."""

    def __init__(self, market: Market, endowment: Ratio, purse: Purse) -> None:
        self._electorate: Electorate = market.electorate
        self.endowment = endowment
        self.moments: list[Moment] = []
        buyers = Buyers(market, endowment, purse)

        def watch(now: Buyers) -> None:
            self.moments.append(Moment(now.money(), purse.copy()))

        self.done: Pass = buyers.run(watch=watch)
        self._money = np.array([each.money.balances for each in self.moments])
        self._errors = np.array([each.money.error for each in self.moments])
        rates = [each.rate[0] / each.rate[1] for each in self.done.purchases]
        self._rates = np.array(rates, np.float64)
        self._supporters: dict[int, Floats] = {}

    @staticmethod
    def fits(market: Market) -> bool:
        """Whether a recording of the market is small enough to be held."""
        rounds = len(market.contenders) + 1
        return rounds * len(market.electorate.counts) <= BALANCES_MAX

    def bought_at(self, bid: Bid, ties: Sequence[tuple[object, ...]]) -> int | None:
        """The round, from 0, that buys it; the number of rounds if it is bought after all; None.

        ties: each candidate's key among equals, by place. A project that the pass itself buys is
        bought by then at the latest, however many more support it.
        """
        last = len(self.moments)
        for number, each in enumerate(self.moments):
            if each.purse.refusal_of(bid.candidate) is not None:
                last = number
                break
        sure, unclear = self._compared(bid, last)
        for number in range(last):
            if sure[number] or (unclear[number] and self._is_before(bid, number, ties)):
                return number
            if number < len(self._rates) and self.done.purchases[number].contender == bid.place:
                return number
        return None

    def _compared(self, bid: Bid, last: int) -> tuple[list[bool], list[bool]]:
        """For the first moments, whether it surely would be bought, and whether that is unclear."""
        held = self._held(bid.place)[:last]
        weights = self._electorate.weights[bid.place]
        rounds = min(last, len(self._rates))
        top = self.endowment[0] / self.endowment[1]
        prices = np.full(last, 2 * top + 1)
        prices[:rounds] = self._rates[:rounds] * bid.utility
        paid = np.minimum(held, prices[:, None]) @ weights + bid.more * np.minimum(top, prices)
        voters = float(weights.sum()) + bid.more
        loss = (len(weights) + 16) * ROUNDING
        error = (
            voters * (self._errors[:last] + 8 * ROUNDING * prices)
            + (paid + bid.candidate.cost) * loss
        )
        margin = paid - bid.candidate.cost
        return (margin > error).tolist(), (np.abs(margin) <= error).tolist()

    def _held(self, place: int) -> Floats:
        found = self._supporters.get(place)
        if found is None:
            found = self._money[:, self._electorate.supporters[place]]
            if len(self._supporters) > 1:
                self._supporters.clear()
            self._supporters[place] = found
        return found

    def _is_before(self, bid: Bid, number: int, ties: Sequence[tuple[object, ...]]) -> bool:
        """Whether it is bought at this moment, in whole numbers."""
        money = self.moments[number].money
        balances = money.exactly(self._electorate, bid.place)
        weights = [int(each) for each in self._electorate.weights[bid.place]]
        if bid.more:
            numerator, denominator = self.endowment
            balances.append(numerator * (money.unit // denominator))
            weights.append(bid.more)
        if number == len(self._rates):
            together = sum(held * times for held, times in zip(balances, weights, strict=True))
            return together >= bid.candidate.cost * money.unit
        best = self.done.purchases[number]
        # All is multiplied by the rate's denominator and by money's unit, to be whole.
        price = best.rate[0] * bid.utility * money.unit
        scaled = [held * best.rate[1] for held in balances]
        paid = sum(min(held, price) * times for held, times in zip(scaled, weights, strict=True))
        margin = paid - bid.candidate.cost * money.unit * best.rate[1]
        if margin or max(scaled, default=0) < price:
            return margin >= 0
        return bid.tie < ties[best.contender]
