"""Many candidates at the very same price: kept together, so that each round looks at one of them.

Without this a thousand projects of equal cost and equal support would be priced exactly, all of
them again, in each of a thousand rounds. Nothing here decides: it only spares looking twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop

import numpy as np
from msgspec import Struct

from cahier_record.budget.tally.electorate import Electorate, Indexes

Ratio = tuple[int, int]  # numerator and positive denominator, not reduced


class Purchase(Struct, frozen=True, kw_only=True):
    """One round: whoever can pays `price`, the others all that they have left.

    rate: price for each unit of utility. full: voters who paid the whole price.
    supporters: voters who still held money and list the project.
    """

    contender: int
    price: Ratio
    rate: Ratio
    full: int
    supporters: int


class Ties:
    """Contenders that tied in some round, in groups by negative numbers, each by its rank."""

    def __init__(self, electorate: Electorate, ranks: Sequence[int]) -> None:
        self._electorate, self._ranks = electorate, ranks
        self._groups: list[list[tuple[int, int]]] = []
        self._offers: dict[int, tuple[Purchase, int]] = {}
        self._round = 0
        self._changed = np.zeros(len(electorate.counts), np.int32)

    def keep(self, tied: Iterable[Purchase]) -> int:
        """The number of a group with these offers, which were made in this round."""
        tied = list(tied)
        group = [(self._ranks[each.contender], each.contender) for each in tied]
        heapify(group)
        self._offers.update((each.contender, (each, self._round)) for each in tied)
        self._groups.append(group)
        return -len(self._groups)

    def take(self, number: int) -> Purchase | None:
        """Takes the first by rank out of a group; None of an empty one."""
        group = self._groups[-number - 1]
        return self._offers[heappop(group)[1]][0] if group else None

    def first(self, number: int) -> Purchase:
        """The offer of the first by rank of a group that is not empty, as it was made."""
        return self._offers[self._groups[-number - 1][0][1]][0]

    def is_empty(self, number: int) -> bool:
        """Whether a group has nobody left."""
        return not self._groups[-number - 1]

    def stands(self, contender: int) -> bool:
        """Whether none of its supporters has paid anything since its offer was made."""
        rows = self._electorate.supporters[contender]
        return int(self._changed.take(rows).max(initial=0)) <= self._offers[contender][1]

    def changed(self, rows: Indexes) -> None:
        """Ends a round, in which these rows have paid."""
        self._round += 1
        self._changed[rows] = self._round


def twins(
    electorate: Electorate, places: Iterable[int], costs: Sequence[int], ranks: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """The first by rank of all that have the very same supporters and cost, with the others.

    As long as none of them is bought they are always at one price, so that the first stands for
    all; among those at one price only ranks decide.
    """
    alike: dict[tuple[int, int], list[int]] = {}
    for place in sorted(places, key=ranks.__getitem__):
        alike.setdefault((costs[place], electorate.votes[place]), []).append(place)
    groups: list[list[int]] = []
    for some in alike.values():
        groups += [some] if len(some) == 1 else _same_supporters(electorate, some)
    return {group[0]: tuple(group[1:]) for group in groups}


def _same_supporters(electorate: Electorate, places: Iterable[int]) -> list[list[int]]:
    groups: dict[bytes, list[int]] = {}
    for place in places:
        groups.setdefault(electorate.supporters[place].tobytes(), []).append(place)
    return list(groups.values())
