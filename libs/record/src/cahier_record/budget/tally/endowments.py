"""Raising the endowment (`add1`): one unit of currency at a time, but not one pass at a time.

The rule asks for a pass at every step. Whenever a pass further up proves that every endowment
between buys the same projects in the same order (Pass.settled), the steps between are known without
being played. The distance of the next pass doubles on success and halves on failure, so that a
step is taken for granted only when it is proven, and never more than twice the passes are played.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.purchases import Buyers, Market, Pass, Ratio
from cahier_record.budget.tally.terms import Stop

PurseMaker = Callable[[], Purse]


class Raised(Struct, frozen=True, kw_only=True):
    """The last pass within the envelope, and by how many steps its endowment was raised."""

    last: Pass
    raises: int


class Raising(Struct, kw_only=True):
    """What `add1` needs: `start` is the envelope over the voters, `step` a unit of currency.

    envelope: what all purchases together may cost.
    """

    market: Market
    make_purse: PurseMaker
    start: Ratio
    step: int
    envelope: int
    stop: Stop

    def run(self) -> Raised:
        """Play the passes that decide; the outcome is that of one pass for every step."""
        raises, stride = 0, 1
        last = self._pass(raises)
        steps_max = self._steps_max()
        while raises < steps_max and not self._is_last(last):
            stride = min(stride, steps_max - raises)
            following = self._pass(raises + stride, last)
            if following.settled:
                last, raises, stride = following, raises + stride, stride * 2
            elif stride > 1:
                stride //= 2
            elif self._cost(following) > self.envelope:
                break
            else:
                last, raises = following, raises + 1
        return Raised(last=last, raises=raises)

    def _pass(self, raises: int, earlier: Pass | None = None) -> Pass:
        numerator, denominator = self.start
        endowment = (numerator + raises * self.step * denominator, denominator)
        return Buyers(self.market, endowment, self.make_purse()).run(earlier)

    def _steps_max(self) -> int:
        """Enough steps for everybody to pay for everything alone: nothing changes after that."""
        return sum(self.market.costs[place] for place in self.market.contenders) // self.step + 1

    def _cost(self, done: Pass) -> int:
        return sum(self.market.costs[place] for place in done.contenders())

    def _is_last(self, done: Pass) -> bool:
        """Whether a higher endowment cannot, or by the stop rule shall not, buy more."""
        purse, bought = self.make_purse(), set(done.contenders())
        for place in bought:
            purse.take(place)
        open_still = [
            place
            for place in self.market.contenders
            if place not in bought and purse.refusal(place) is None
        ]
        if not open_still:
            return True
        left = self.envelope - self._cost(done)
        fits = any(self.market.costs[place] <= left for place in open_still)
        return self.stop == "exhaustive" and not fits
