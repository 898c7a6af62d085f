"""Phragmén's sequential rule with costs: money flows to all voters at the same speed.

Brill, Freeman, Janson, Lackner, 'Phragmén's Voting Methods and Justified Representation', AAAI
2017, with costs as in Los, Christoff, Grossi, 'Proportional Budget Allocations', IJCAI 2022. As
soon as the supporters of a project hold its cost they buy it and are left with nothing. The rule
stops when a project that would overspend could be bought; if several could be bought at that same
moment and one of them would overspend, it stops too, so that ties never decide about the end.

A project is bought at (cost + sum of the moments at which its supporters last paid) / supporters.
These moments only grow, so a lower bound of the past is one for ever. Bounds are 64-bit floats less
their proven error; who is next is decided by exact integers over one common denominator.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import gcd, inf

import numpy as np
from msgspec.structs import replace

from cahier_record.budget.tally.electorate import inner
from cahier_record.budget.tally.field import Field
from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.purchases import ROUNDING
from cahier_record.budget.tally.result import Reason, Result, Round
from cahier_record.budget.tally.terms import Terms
from cahier_record.budget.tally.ties import Ratio, twins

NEVER = -1


def count_phragmen(profile: Profile, rule: str, terms: Terms) -> Result:
    """Fund in the order in which supporters can pay; raises as Field does."""
    field = Field(profile, rule, terms)
    flow = Flow(field)
    flow.run()
    left = {flow.overshoot: flow.left} if flow.overshoot is not None else {}

    def lost(place: int) -> Reason:
        if place == flow.overshoot:
            return "does_not_fit"
        return flow.refused.get(place, "after_stop")

    outcomes = field.outcomes([*field.free, *flow.bought], lost, left)
    return replace(field.result(outcomes), rounds=tuple(flow.rounds))


class Flow:
    """Voters who receive money until the envelope is spent; `run` plays it to its end.

    bought: places in order. left: what the envelope holds in the end. overshoot: the project that
    could be bought then and would overspend, if that is what ended it.
    """

    def __init__(self, field: Field) -> None:
        self._field, self._electorate = field, field.electorate
        self._purse: Purse = field.purse()
        self.bought: list[int] = []
        self.rounds: list[Round] = []
        self.refused: dict[int, Reason] = {}
        self.left = field.budget
        self.overshoot: int | None = None
        self._moments: list[int] = []  # of the purchases, in 1 / _unit
        self._unit = 1
        rows = len(field.electorate.counts)
        self._last = np.full(rows, NEVER, np.int32)  # the purchase in which a row last paid
        self._rough = np.zeros(rows)  # its moment, as a float
        self._seen = dict.fromkeys(field.contenders, NEVER)
        self._known: dict[int, Ratio] = {}  # exact moments, until a supporter pays
        self._twins = twins(field.electorate, field.contenders, field.costs, field.ranks)
        self._queue = [
            (_below(field.costs[place] / field.electorate.votes[place]), place)
            for place in self._twins
        ]
        heapify(self._queue)

    def run(self) -> None:
        """Buy until a purchase would overspend, or nothing is left to buy."""
        while tied := self._next():
            too_dear = [(p, moment) for p, moment in tied if self._field.costs[p] > self.left]
            if too_dear:
                self.overshoot = min((p for p, _ in too_dear), key=self._field.ranks.__getitem__)
                return
            place, moment = min(tied, key=lambda each: self._field.ranks[each[0]])
            self._buy(place, moment)
            for other, again in tied:
                if other != place:
                    heappush(self._queue, (_below(again[0] / again[1]), other))
                else:
                    self._next_twin(other, _below(again[0] / again[1]))

    def _next(self) -> list[tuple[int, Ratio]]:
        """The projects that can be bought first, at the same exact moment."""
        tied: list[tuple[int, Ratio]] = []
        ceiling = inf
        later: list[tuple[float, int]] = []
        while self._queue and self._queue[0][0] <= ceiling:
            floor, place = heappop(self._queue)
            if not self._admitted(place):
                self._next_twin(place, floor)
                continue
            if not self._stands(place):
                self._refresh(place)
                continue
            moment = self._known[place] = self._known.get(place) or self._moment(place)
            order = _compare(moment, tied[0][1]) if tied else -1
            if order < 0:
                later += [(_below(m[0] / m[1]), p) for p, m in tied]
                tied, ceiling = [(place, moment)], _above(moment[0] / moment[1])
            elif order == 0:
                tied.append((place, moment))
            else:
                later.append((_below(moment[0] / moment[1]), place))
        for each in later:
            heappush(self._queue, each)
        return tied

    def _admitted(self, place: int) -> bool:
        """Whether the purse still admits the project; its twins are asked for, too."""
        refused = {
            each: refusal
            for each in (place, *self._twins[place])
            if (refusal := self._purse.refusal(each)) is not None
        }
        if refused:
            self.refused.update(refused)
            self._twins[place] = tuple(e for e in self._twins[place] if e not in refused)
        return place not in refused

    def _next_twin(self, place: int, floor: float) -> None:
        """Queue the next of those whom the project, which is gone, stood for."""
        rest = self._twins.pop(place)
        if rest:
            self._twins[rest[0]] = rest[1:]
            heappush(self._queue, (floor, rest[0]))

    def _stands(self, place: int) -> bool:
        """Whether what is known of its moment still holds: none of its supporters has paid since.

        A purchase is numbered by how many there were before it.
        """
        seen = self._seen[place]
        if seen == len(self.bought):
            return True
        if seen == NEVER:
            return False
        rows = self._electorate.supporters[place]
        return int(self._last.take(rows).max(initial=NEVER)) < seen

    def _refresh(self, place: int) -> None:
        """Queue the project again by a lower bound of its moment as things stand now."""
        rows, weights = self._electorate.supporters[place], self._electorate.weights[place]
        cost, votes = float(self._field.costs[place]), float(self._electorate.votes[place])
        paid = inner(weights, self._rough.take(rows))
        slack = (paid + cost) * (len(rows) + 8) * ROUNDING
        self._seen[place] = len(self.bought)
        self._known.pop(place, None)
        heappush(self._queue, (_below((cost + paid - slack) / votes), place))

    def _moment(self, place: int) -> Ratio:
        """When the supporters will hold the cost, exactly."""
        rows, weights = self._electorate.supporters[place], self._electorate.weights[place]
        times = np.bincount(
            self._last.take(rows) + 1, weights=weights, minlength=len(self._moments) + 1
        )
        paid = sum(
            int(count) * moment
            for count, moment in zip(times[1:].tolist(), self._moments, strict=True)
            if count
        )
        cost = self._field.costs[place] * self._unit
        return cost + paid, self._unit * self._electorate.votes[place]

    def _buy(self, place: int, moment: Ratio) -> None:
        numerator, factor = moment[0], moment[1] // self._unit
        common = gcd(numerator, factor)
        numerator, factor = numerator // common, factor // common
        self._unit *= factor
        self._moments = [*(each * factor for each in self._moments), numerator]
        rows = self._electorate.supporters[place]
        self._last[rows] = len(self.bought)
        self._rough[rows] = moment[0] / moment[1]
        self._purse.take(place)
        self.left -= self._field.costs[place]
        self.bought.append(place)
        votes = self._electorate.votes[place]
        price = (numerator // (common := gcd(numerator, self._unit)), self._unit // common)
        self.rounds.append(
            Round(id=self._field.standing[place].id, price=price, full=votes, supporters=votes)
        )


def _compare(one: Ratio, other: Ratio) -> int:
    left, right = one[0] * other[1], other[0] * one[1]
    return (left > right) - (left < right)


def _below(value: float) -> float:
    return value * (1 - 4 * ROUNDING)


def _above(value: float) -> float:
    return value * (1 + 4 * ROUNDING)
