"""Receipts of public events: where each stands in the log, proved, as soon as that is published."""

from __future__ import annotations

from dataclasses import dataclass

from cahier_ledger.log.lock import Locked
from cahier_ledger.log.merkle import inclusion_proof
from cahier_ledger.log.proof import Receipt
from cahier_ledger.log.served import Published, ServedLog
from cahier_ledger.log.tiles import BrokenTile
from cahier_ledger.store import LedgerReader


@dataclass(frozen=True, slots=True)
class Pending:
    """The event is stored; its checkpoint is not there yet. index: the leaf's in its log."""

    index: int


@dataclass(frozen=True, slots=True)
class Unprovable:
    """The event was kept from a backup, but the tiles that would prove it were lost.

    What the next epoch began with vouches for it instead.
    """

    index: int
    epoch: int


class Receipts:
    """Makes receipts from the store, the tiles and the published checkpoints. Thread-safe."""

    def __init__(self, ledger: LedgerReader, served: ServedLog) -> None:
        self._ledger = ledger
        self._served = served

    def receipt_of(self, event_id: str) -> Receipt | Pending | Unprovable | None:
        """The receipt of a public event by its id; None for an event that the log does not have.

        Raises StoreUnavailable.
        """
        row = self._ledger.public_by_id(event_id)
        return None if row is None else self._at(row.public_seq)

    def _at(self, public_seq: int) -> Receipt | Pending | Unprovable:
        epochs = self._served.epochs()
        held = [each for each in epochs if each.base < public_seq]
        if not held:
            return Pending(public_seq - 1)
        epoch = held[-1]
        index = public_seq - 1 - epoch.base
        published = self._served.published(epoch)
        is_closed = epoch is not epochs[-1]
        if published is None or published.checkpoint.size <= index:
            return Unprovable(index, epoch.epoch) if is_closed else Pending(index)
        try:
            return self._receipt(epoch, index, published)
        except BrokenTile:
            if is_closed:
                return Unprovable(index, epoch.epoch)
            raise

    def _receipt(self, epoch: Locked, index: int, published: Published) -> Receipt:
        size = published.checkpoint.size
        proof = inclusion_proof(index, size, self._served.nodes(epoch, size))
        return Receipt(index, tuple(proof), published.text)
