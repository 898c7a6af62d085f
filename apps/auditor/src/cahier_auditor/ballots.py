"""An election's ballots while a log is folded: their place in it, not their bytes.

A credential takes about 150 bytes here and the sealed ballots none: those that count are read
again, in the order of the log, when they are opened.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence
from typing import Any

from cahier_record.budget.events import BallotCast
from cahier_record.budget.views import BallotView

ReadBallots = Callable[[Iterable[int]], Iterator[BallotView]]
"""Ballots by how many public events came before each; the numbers come in ascending order."""

_INDEX_BITS = 48
_INDEX = (1 << _INDEX_BITS) - 1


class BallotsOnFile(MutableMapping[str, BallotView]):
    """By credential, the ballot that counts; a credential is known by 128 bits of its digest.

    `get` answers a ballot of which only index and sequence are true; `values` reads them whole.
    """

    def __init__(self, read: ReadBallots) -> None:
        self._read = read
        self._held: dict[int, int] = {}

    def __getitem__(self, credential: str) -> BallotView:
        held = self._held[_key(credential)]
        return BallotView(held & _INDEX, _outline(credential, held >> _INDEX_BITS))

    def __setitem__(self, credential: str, view: BallotView) -> None:
        self._held[_key(credential)] = view.ballot.sequence << _INDEX_BITS | view.index

    def __delitem__(self, credential: str) -> None:
        del self._held[_key(credential)]

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[str]:
        """The credentials, in the order of their ballots in the log; reads the ballots."""
        return (view.ballot.credential for view in self.values())

    def values(self) -> Any:
        """The ballots that count, in the order of the log."""
        return self._read(array("q", sorted(held & _INDEX for held in self._held.values())))


class ReplacedOnFile(MutableSequence[BallotView]):
    """The ballots that a later one took the place of, in the order of the log when iterated."""

    def __init__(self, read: ReadBallots) -> None:
        self._read = read
        self._indexes = array("q")

    def insert(self, index: int, value: BallotView) -> None:
        self._indexes.insert(index, value.index)

    def append(self, value: BallotView) -> None:
        self._indexes.append(value.index)

    def __len__(self) -> int:
        return len(self._indexes)

    def __iter__(self) -> Iterator[BallotView]:
        return self._read(sorted(self._indexes))

    def __getitem__(self, index: Any) -> Any:
        return next(iter(self._read([self._indexes[index]])))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._indexes[index] = value.index

    def __delitem__(self, index: Any) -> None:
        del self._indexes[index]


def _key(credential: str) -> int:
    return int.from_bytes(hashlib.sha256(credential.encode()).digest()[:16], "big")


def _outline(credential: str, sequence: int) -> BallotCast:
    return BallotCast(
        election="", electorate="", scheme="", credential=credential, sequence=sequence, sealed=""
    )
