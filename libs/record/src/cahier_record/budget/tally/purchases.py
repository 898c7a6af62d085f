"""One pass of the Method of Equal Shares from one endowment: what is bought, at which price.

Peters, Pierczyński, Skowron, 'Proportional Participatory Budgeting with Additive Utilities',
NeurIPS 2021. Every voter holds the endowment; again and again the project is bought whose
supporters pay least for each unit of utility, everybody the same price or all they have left.

How it is exact and fast. A supporter who once could not pay the whole price holds nothing any more
and is dropped, so whoever holds money has paid the full price of every bought project that they
list: their balance is the endowment less those prices, which are kept as integers over one common
denominator. Beside that stand the balances as 64-bit floats, each within `_error` of the truth.
For any set of supporters taken as the poor ones, (cost - their money) / (the others) never exceeds
the true price; a float of it, less the bound of its error, is therefore a proven lower bound, and
so is a bound from an earlier round, since balances only fall. A project is bought when its price,
worked out in integers, lies under every other project's lower bound; where it does not, the other
price is worked out in integers too. No float decides anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from heapq import heapify, heappop, heappush
from math import gcd, inf

import numpy as np
from msgspec import Struct

from cahier_record.budget.tally.electorate import Electorate, Floats, Indexes, Mask, inner
from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.ties import Purchase, Ratio, Ties, twins

__all__ = ["Buyers", "Market", "Money", "Pass", "Purchase", "Ratio"]

ROUNDING = 2.0**-53  # of one operation in 64-bit floats, relative
SOMETHING = 2.0**-1074  # stands for money too little to show beside the error of a balance
TIED_LEAST = 4  # of so many that tie, all but the first wait together
NEWTON_STEPS_MAX = 64  # of a lower bound, which is one after every step


class Market(Struct, frozen=True, kw_only=True):
    """What does not change between endowments; lists go by the place of the candidate.

    contenders: who may be bought, at costs over zero and with at least one vote. costs: whole, in
    the profile's smallest unit. utilities: what a voter gets out of a project, whole and positive.
    ranks: among equals the lower goes first.
    """

    electorate: Electorate
    contenders: list[int]
    costs: list[int]
    utilities: list[int]
    ranks: list[int]


class Pass(Struct, kw_only=True):
    """What one endowment bought, in order.

    settled: given an earlier pass to compare with, whether every endowment between the two is
    proven to buy the same projects in the same order.
    """

    endowment: Ratio
    purchases: list[Purchase]
    settled: bool = False

    def contenders(self) -> list[int]:
        return [purchase.contender for purchase in self.purchases]


class Money(Struct, frozen=True, kw_only=True):
    """What the voters hold at some moment.

    balances: of each row, each within `error` of the truth; zero of those who once could not pay.
    Exactly, a row that is not zero holds (held - what it paid) / unit.
    """

    balances: Floats
    error: float
    held: int
    unit: int
    paid: dict[int, int]
    floors: dict[int, float]

    def exactly(self, electorate: Electorate, contender: int) -> list[int]:
        """What each of the contender's rows holds, in 1 / unit."""
        offsets, found = electorate.offsets, []
        for row in electorate.supporters[contender].tolist():
            if self.balances[row] <= 0:
                found.append(0)
                continue
            listed = electorate.listed[offsets[row] : offsets[row + 1]].tolist()
            found.append(self.held - sum(self.paid.get(one, 0) for one in listed))
        return found


class Buyers:
    """The voters' money during one pass; `run` plays it to its end."""

    def __init__(self, market: Market, endowment: Ratio, purse: Purse) -> None:
        self._market, self._endowment, self._purse = market, endowment, purse
        electorate = market.electorate
        self._held, self._unit = endowment  # the endowment is _held / _unit
        self._paid: dict[int, int] = {}  # price of each bought contender, in 1 / _unit
        top = self._held / self._unit
        self._top = top
        self._error = 4 * ROUNDING * top
        self._balances = np.full(len(electorate.counts), top)
        self._looked_at, self._looked = (-1, -1), self._balances
        self._supporters = list(electorate.supporters)
        self._weights = list(electorate.weights)
        self._floors = {
            place: _below(market.costs[place] / electorate.votes[place])
            for place in market.contenders
        }
        self._seen = dict.fromkeys(market.contenders, -1)  # when its floor was worked out
        self._twins = twins(electorate, market.contenders, market.costs, market.ranks)
        self._queue = [
            (_below(self._floors[place] / market.utilities[place]), place) for place in self._twins
        ]
        heapify(self._queue)
        self._ties = Ties(electorate, market.ranks)

    def run(
        self, earlier: Pass | None = None, watch: Callable[[Buyers], None] | None = None
    ) -> Pass:
        """Buy until nobody's supporters can pay; `earlier` is a pass from a lower endowment.

        watch: is called before each purchase and at the end, and may look with `look`.
        """
        done = Pass(endowment=self._endowment, purchases=[], settled=earlier is not None)
        while True:
            before = _following(earlier, len(done.purchases)) if done.settled else None
            if watch is not None:
                watch(self)
            best = self._choose(done, before)
            if best is None:
                break
            self._buy(best)
            done.purchases.append(best)
        return done

    @property
    def bought(self) -> Collection[int]:
        """What has been bought so far."""
        return self._paid.keys()

    def money(self) -> Money:
        """What the voters hold now."""
        return Money(
            balances=self._balances.copy(),
            error=self._error,
            held=self._held,
            unit=self._unit,
            paid=dict(self._paid),
            floors=dict(self._floors),
        )

    def go_on(self, money: Money, asked: int) -> None:
        """Go on from a moment of another pass of the same endowment.

        They differ by nothing but the contender asked about and voters who joined for it alone.
        """
        joined = len(self._balances) - len(money.balances)
        self._balances = np.concatenate([money.balances, self._balances[:joined]])
        self._error, self._held, self._unit = money.error, money.held, money.unit
        self._paid = dict(money.paid)
        market = self._market
        open_still = [place for place in market.contenders if place not in self._paid]
        self._floors.update((p, money.floors[p]) for p in open_still if p != asked)
        self._twins = dict.fromkeys(open_still, ())
        self._queue = [
            (_below(self._floors[place] / market.utilities[place]), place) for place in open_still
        ]
        heapify(self._queue)

    def look(self, contender: int) -> tuple[Purchase | None, Ratio]:
        """What the contender would cost its supporters now, and the money that they hold."""
        rows, weights, _ = self._living(contender)
        return self._offer(contender), (self._money(rows, weights), self._unit)

    def _choose(self, done: Pass, before: Purchase | None) -> Purchase | None:
        """The project of the lowest exact rate; keeps or gives up that the passes are settled.

        With the same purchases so far, a higher endowment leaves everybody at least as much and
        makes no price higher. So if the winner's rate in the earlier, poorer pass lies under every
        other rate in this richer one, the winner wins at every endowment between the two.
        """
        best: Purchase | None = None
        rivals: list[Purchase] = []
        waiting: list[tuple[float, int]] = []
        ceiling = inf
        while self._queue and self._queue[0][0] <= ceiling:
            floor, contender = heappop(self._queue)
            if contender < 0:
                offer = self._tied(floor, contender, waiting)
            else:
                offer = self._looked_into(contender)
            if offer is None:
                continue
            if best is None or self._before(offer, best):
                best, offer = offer, best
                ceiling = _above(best.rate)
                if before is not None and best.contender == before.contender:
                    ceiling = max(ceiling, _above(before.rate))
            if offer is not None:
                rivals.append(offer)
        others = [*rivals, *(self._ties.first(number) for _, number in waiting)]
        done.settled = done.settled and self._still_settled(best, before, others)
        for each in waiting:
            heappush(self._queue, each)
        self._queue_again(best, rivals)
        return best

    def _looked_into(self, contender: int) -> Purchase | None:
        """The contender's offer; None where it has none, or is queued by a better bound first."""
        if self._purse.refusal(contender) is not None:
            self._next_twin(contender)
            return None
        if self._seen[contender] != len(self._paid):
            self._refresh(contender)
            return None
        return self._offer(contender)

    def _tied(self, floor: float, number: int, waiting: list[tuple[float, int]]) -> Purchase | None:
        """The first of those that tied, if its supporters still hold what they held then.

        Of the others none can be before it: their rates were the same, and rates only rise. They
        wait for the next round.
        """
        while (offer := self._ties.take(number)) is not None:
            contender = offer.contender
            if self._purse.refusal(contender) is not None:
                self._next_twin(contender)
            elif self._ties.stands(contender):
                break
            else:
                rate = _below(self._floors[contender] / self._market.utilities[contender])
                heappush(self._queue, (rate, contender))
        if not self._ties.is_empty(number):
            waiting.append((floor, number))
        return offer

    def _queue_again(self, best: Purchase | None, rivals: list[Purchase]) -> None:
        """Queue who was not bought by exact prices; those that tied with the best, together."""
        tied = [
            each
            for each in rivals
            if best is not None and each.rate[0] * best.rate[1] == best.rate[0] * each.rate[1]
        ]
        together = set() if len(tied) < TIED_LEAST else {each.contender for each in tied}
        for rival in rivals:
            self._floors[rival.contender] = _below(rival.price[0] / rival.price[1])
            if rival.contender not in together:
                heappush(self._queue, (_below(rival.rate[0] / rival.rate[1]), rival.contender))
        if together:
            rate = _below(tied[0].rate[0] / tied[0].rate[1])
            heappush(self._queue, (rate, self._ties.keep(tied)))

    def _next_twin(self, contender: int) -> None:
        """Queue the next of those whom the contender, which is gone, stood for."""
        rest = self._twins.pop(contender, ())
        if rest:
            self._twins[rest[0]] = rest[1:]
            floor = max(self._floors[rest[0]], self._floors[contender])
            self._floors[rest[0]] = floor
            rate = _below(floor / self._market.utilities[rest[0]])
            heappush(self._queue, (rate, rest[0]))

    def _still_settled(
        self, best: Purchase | None, before: Purchase | None, rivals: list[Purchase]
    ) -> bool:
        if best is None or before is None:
            return best is before
        same = best.contender == before.contender
        return same and all(self._before(before, rival) for rival in rivals)

    def _before(self, one: Purchase, other: Purchase) -> bool:
        left, right = one.rate[0] * other.rate[1], other.rate[0] * one.rate[1]
        ranks = self._market.ranks
        return left < right or (left == right and ranks[one.contender] < ranks[other.contender])

    def _refresh(self, contender: int) -> None:
        """Queue the contender by a better lower bound; drop it if its supporters surely cannot pay.

        Newton's method from below, one set of poor ones after another. It ends as soon as another
        contender comes first, and the contender counts as seen in this round only at the price.
        """
        rows, weights, balances = self._living(contender)
        if not len(rows):
            return
        utility = self._market.utilities[contender]
        cost, voters = float(self._market.costs[contender]), float(weights.sum())
        loss = (len(rows) + 8) * ROUNDING  # of a sum of products over these rows, relative
        following = self._queue[0][0] if self._queue else inf
        price = floor = self._floors[contender]
        for _ in range(NEWTON_STEPS_MAX):
            poor = weights * (balances < price)
            poor_voters, poor_money = float(poor.sum()), inner(poor, balances)
            if poor_voters >= voters:
                if poor_money * (1 + loss) + voters * self._error < cost * (1 - 2 * ROUNDING):
                    return
                self._seen[contender] = len(self._paid)
                break
            slack = poor_money * loss + poor_voters * self._error + 4 * ROUNDING * cost
            floor = max(floor, (cost - poor_money - slack) / (voters - poor_voters))
            last, price = price, (cost - poor_money) / (voters - poor_voters)
            if price <= last * (1 + 8 * ROUNDING):
                self._seen[contender] = len(self._paid)
                break
            if _below(floor / utility) > following:
                break
        self._floors[contender] = floor
        heappush(self._queue, (_below(floor / utility), contender))

    def _living(self, contender: int) -> tuple[Indexes, Floats, Floats]:
        """The supporters who hold money, how many each row is, and what each of them holds."""
        if self._looked_at == (contender, len(self._paid)):
            return self._supporters[contender], self._weights[contender], self._looked
        rows, weights = self._supporters[contender], self._weights[contender]
        balances = self._balances.take(rows)
        living = balances > 0
        if not living.all():
            rows, weights = rows.compress(living), weights.compress(living)
            balances = balances.compress(living)
            self._supporters[contender], self._weights[contender] = rows, weights
        self._looked_at, self._looked = (contender, len(self._paid)), balances
        return rows, weights, balances

    def _offer(self, contender: int) -> Purchase | None:
        """The contender at its exact price; None if its supporters cannot pay it.

        For any set of poor ones (cost - their money) / (the others) is at most the price, and it
        is the price when just those hold less than it. So the set grows until it fits.
        """
        rows, weights, balances = self._living(contender)
        if not len(rows):
            return None
        voters = int(weights.sum())
        poor = balances < self._floors[contender]
        if poor.all():
            poor = balances < balances.max() - 2 * self._error
        while True:
            their_rows, their_weights = rows.compress(poor), weights.compress(poor)
            full = voters - int(their_weights.sum())
            money = self._money(their_rows, their_weights)
            missing = self._market.costs[contender] * self._unit - money
            price = (missing, self._unit * full)
            poorer = self._under(rows, balances, price)
            if bool((poorer == poor).all()):
                break
            if poorer.all():
                return None
            poor = poorer
        utility = self._market.utilities[contender]
        return Purchase(
            contender=contender,
            price=price,
            rate=(price[0], price[1] * utility),
            full=full,
            supporters=voters,
        )

    def _money(self, rows: Indexes, weights: Floats) -> int:
        """What voters who hold money hold together, in 1 / _unit, exactly."""
        money = int(weights.sum()) * self._held
        if not self._paid or not len(rows):
            return money
        listed, lengths = self._market.electorate.listings(rows)
        times = np.bincount(
            listed, weights=np.repeat(weights, lengths), minlength=len(self._market.costs)
        )
        return money - sum(int(times[bought]) * price for bought, price in self._paid.items())

    def _under(self, rows: Indexes, balances: Floats, price: Ratio) -> Mask:
        """Who of voters with money holds less than `price`, exactly."""
        rough = price[0] / price[1]
        doubt = 2 * self._error + 4 * ROUNDING * abs(rough)
        under = balances < rough
        unclear = np.flatnonzero(np.abs(balances - rough) <= doubt)
        known: dict[bytes, bool] = {}
        for at in unclear.tolist():
            row = int(rows[at])
            offsets = self._market.electorate.offsets
            listed = self._market.electorate.listed[offsets[row] : offsets[row + 1]]
            key = listed.tobytes()
            if key not in known:
                held = self._held - sum(self._paid.get(one, 0) for one in listed.tolist())
                known[key] = held * price[1] < price[0] * self._unit
            under[at] = known[key]
        return under

    def _buy(self, purchase: Purchase) -> None:
        """Let the supporters pay: those who hold no more than the price hold nothing afterwards."""
        contender, price = purchase.contender, purchase.price
        rows, _, balances = self._living(contender)
        left = np.maximum(balances - price[0] / price[1], SOMETHING)
        # In units of 1 / (_unit * price[1]) amounts are whole: at most a price is under the next.
        spent = self._under(rows, balances, (price[0] * self._unit + 1, price[1] * self._unit))
        np.putmask(left, spent, 0.0)
        self._balances[rows] = left
        self._error += 3 * ROUNDING * self._top
        self._ties.changed(rows)
        self._pay(contender, price)
        self._purse.take(contender)
        self._next_twin(contender)

    def _pay(self, contender: int, price: Ratio) -> None:
        """Enter the price, widening the common denominator by what it needs."""
        numerator, factor = price[0], price[1] // self._unit
        common = gcd(numerator, factor)
        numerator, factor = numerator // common, factor // common
        if factor > 1:
            self._held *= factor
            self._unit *= factor
            self._paid = {bought: paid * factor for bought, paid in self._paid.items()}
        self._paid[contender] = numerator


def _following(earlier: Pass | None, place: int) -> Purchase | None:
    return earlier.purchases[place] if earlier and place < len(earlier.purchases) else None


def _below(value: float) -> float:
    """A float surely at most the number whose correctly rounded quotient `value` is."""
    return value * (1 - 4 * ROUNDING)


def _above(ratio: Ratio) -> float:
    return ratio[0] / ratio[1] * (1 + 4 * ROUNDING)
