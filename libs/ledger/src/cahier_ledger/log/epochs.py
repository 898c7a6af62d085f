"""Epochs: how a log goes on, for all to see, when its store came back from a backup.

What was signed cannot be taken back, and what was lost cannot be signed again. So the log gets a
new name, and its first leaf says where the old one ended, how much of it is kept, and what is
lost. Lost leaves that others still hold (tiles, the bus) stay part of the old log, which remains
whole and verifiable; only the private events behind them are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from cahier_kernel.clock import to_rfc3339
from cahier_ledger.leaves import canonical_json, leaf_head, make_leaf
from cahier_ledger.log import layout
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.growth import Files, Growth
from cahier_ledger.log.lock import Locked, LogLocks
from cahier_ledger.log.merkle import EMPTY_ROOT, Frontier, leaf_hashes
from cahier_ledger.log.note import to_base64
from cahier_ledger.log.refusals import LogRefused, RootDiffers
from cahier_ledger.log.sequencer import PAGE_LEAVES, epoch_origin
from cahier_ledger.log.signing import Signer, sign, vkeys_of
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import BrokenTile, TileNodes
from cahier_ledger.model import (
    EPOCH_OPENED,
    LOG_STREAM,
    Append,
    NewEvent,
    StreamAppend,
)
from cahier_ledger.store import LedgerStore

LOST_HASHES_MAX = 1_000
"""More would not fit into a leaf; then only their number is told."""

LeavesAfter = Callable[[int], Iterable[bytes]]
"""The leaves behind a public_seq, in order, as somebody else holds them; perhaps none."""


class NothingLost(LogRefused):
    """The log goes on as it is."""

    def __init__(self, service: str) -> None:
        super().__init__(
            "log_not_behind", f"the public log of {service} lost nothing: it goes on by itself"
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """An epoch that was begun. kept, lost: leaves of the one before."""

    epoch: int
    origin: str
    previous: str
    kept: int
    lost: int
    is_old_log_whole: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is left of an epoch. lost: hashes, or None where nobody has the leaves any more."""

    size: int
    root: bytes
    lost: list[bytes] | None


class EpochOpener:
    """Opens the next epoch of one service's log. Nothing else may work on it meanwhile."""

    def __init__(
        self,
        service: str,
        origin: str,
        ledger: LedgerStore,
        tiles: TileStore,
        locks: LogLocks,
        signers: list[Signer],
    ) -> None:
        """origin: of the first epoch."""
        self._service = service
        self._origin = origin
        self._ledger = ledger
        self._tiles = tiles
        self._locks = locks
        self._signers = signers

    def open(
        self, new_id: str, now: datetime, reason: str, elsewhere: LeavesAfter = lambda seq: ()
    ) -> Opened:
        """Begins the next epoch; done again after a crash it goes on where it was.

        new_id: of the public event. reason: in an operator's words; it can be erased like any
        text. elsewhere: whoever may still hold the lost leaves; believed only where they lead to
        the signed root. Raises NothingLost; RootDiffers where the store is no older copy.
        """
        row = self._ended()
        if self._is_lock_lost():
            self._locks.begin(row)
        kept = self._close(row, elsewhere)
        if self._told_epoch() <= row.epoch:
            self._tell(row, kept, new_id, now, reason)
        fresh = self._fresh(row, kept.size)
        self._locks.begin(fresh)
        return Opened(
            *(fresh.epoch, fresh.origin, row.origin, kept.size, row.size - kept.size),
            kept.lost is not None,
        )

    def _ended(self) -> Locked:
        """The epoch that cannot go on; where its lock row is lost, as it was published."""
        row = self._locks.current(self._service) or self._published()
        if row is None:
            raise NothingLost(self._service)
        if self._told_epoch() > row.epoch:
            return row  # A crash came between the event and the row.
        if self._is_lock_lost():
            return row
        if self._ledger.public_head() >= row.end:
            if self._root_of(row, row.size) != row.root:
                raise RootDiffers(self._service, row.end)
            raise NothingLost(self._service)
        return row

    def _is_lock_lost(self) -> bool:
        return self._locks.current(self._service) is None

    def _published(self) -> Locked | None:
        """The first epoch without its lock row, as it was shown, with what came after it.

        More may have been signed than shown; of the same store it was the same.
        """
        raw = self._tiles.get(layout.at(1, layout.CHECKPOINT))
        if raw is None:
            return None
        if self._tiles.get(layout.at(2, layout.CHECKPOINT)) is not None:
            raise LogRefused(
                "log_locks_missing",
                f"the public log of {self._service} is in a later epoch, but all its lock rows are "
                "gone: put the lock's database back",
            )
        checkpoint, text = parse_checkpoint(raw)[0], raw.decode()
        row = self._row(checkpoint, text)
        stored = self._ledger.public_head() - (self._told_epoch() > 1)
        if stored > row.size:
            if self._root_of(row, row.size) != row.root:
                raise RootDiffers(self._service, row.end)
            ending = Checkpoint(row.origin, stored, self._root_of(row, stored))
            row = self._row(ending, sign(ending, self._signers))
        return row

    def _row(self, ended: Checkpoint, text: str) -> Locked:
        return Locked(
            *(self._service, 1, ended.origin, 0),
            *(ended.size, ended.root, text, self._vkeys(ended.origin)),
        )

    def _told_epoch(self) -> int:
        """The epoch that the store's own events say it is in."""
        return 1 + self._ledger.stream_version(LOG_STREAM)

    def _stored(self, row: Locked) -> int:
        """How many leaves of the ended epoch the store has; one that opens the next is not."""
        head = self._ledger.public_head()
        if self._told_epoch() > row.epoch:
            head -= 1
        return max(0, min(head - row.base, row.size))

    def _close(self, row: Locked, elsewhere: LeavesAfter) -> _Kept:
        """Brings the ended log's files into their last state."""
        size = self._stored(row)
        lost = self._lost_in_tiles(row, size)
        if lost is None:
            lost = self._lost_elsewhere(row, size, elsewhere)
        root = self._root_of(row, size)
        if lost is None:
            self._close_short(row, size, root)
        else:
            self._require_prefix(row, root, lost)
            self._serve(row, self._fullest(row))
        return _Kept(size, root, lost)

    def _fullest(self, row: Locked) -> str:
        """The row's checkpoint with all that witnesses said of it, as far as it is still known."""
        shown = self._tiles.get(layout.at(row.epoch, layout.CHECKPOINT))
        known = [row.checkpoint, self._locks.cosigned(row)]
        if shown is not None:
            known.append(shown.decode())
        notes = [parse_checkpoint(text)[1] for text in known if text]
        same = [note for note in notes if note.body == notes[0].body]
        return max(same, key=lambda note: len(note.signatures)).text()

    def _require_prefix(self, row: Locked, root: bytes, lost: list[bytes]) -> None:
        """The stored leaves and the lost ones together are the signed log."""
        frontier = self._frontier_of(row, row.size - len(lost))
        frontier.extend(lost)
        if frontier.root() != row.root:
            raise RootDiffers(self._service, row.base + row.size - len(lost))

    def _lost_in_tiles(self, row: Locked, size: int) -> list[bytes] | None:
        """Hashes of the lost leaves where the tiles reach as far as the signature."""
        nodes = TileNodes(layout.tile_reader(self._tiles, row.epoch), row.size)
        try:
            if Frontier.at(row.size, nodes).root() != row.root:
                return None
            return [nodes(0, index) for index in range(size, row.size)]
        except BrokenTile:
            return None

    def _lost_elsewhere(self, row: Locked, size: int, elsewhere: LeavesAfter) -> list[bytes] | None:
        """Writes the whole log's tiles where somebody still has the lost leaves."""
        missing = row.size - size
        leaves = list(islice(elsewhere(row.base + size), missing))
        frontier = self._frontier_of(row, size)
        hashes = leaf_hashes(leaves)
        frontier.extend(hashes)
        if len(leaves) < missing or frontier.root() != row.root:
            return None
        self._write(row, size, leaves)
        return hashes

    def _close_short(self, row: Locked, size: int, root: bytes) -> None:
        """Nobody has the lost leaves: the old log is shown as far as it is kept.

        Its last shown checkpoint must be of the kept leaves; they are signed once more if it was
        of fewer, and shown with that, if the tiles reached further.
        """
        self._require_signed_before(row, size)
        self._write(row, size, [])
        checkpoint = Checkpoint(row.origin, size, root)
        known = self._tiles.get(layout.at(row.epoch, layout.history_path(size)))
        if known is not None and parse_checkpoint(known)[0] == checkpoint:
            self._serve(row, known.decode())
        else:
            self._serve(row, sign(checkpoint, self._signers))
        newer = [each for each in self._sizes_shown(row) if each > size]
        self._tiles.delete(layout.at(row.epoch, layout.history_path(each)) for each in newer)

    def _require_signed_before(self, row: Locked, size: int) -> None:
        """The stored leaves lead to the last root among them that was shown: no other history."""
        shown = [each for each in self._sizes_shown(row) if each <= size]
        raw = self._tiles.get(layout.at(row.epoch, layout.history_path(max(shown, default=0))))
        if raw is not None:
            before = parse_checkpoint(raw)[0]
            if before.root != self._root_of(row, before.size):
                raise RootDiffers(self._service, row.base + before.size)

    def _sizes_shown(self, row: Locked) -> list[int]:
        paths = self._tiles.list(layout.at(row.epoch, layout.CHECKPOINTS))
        return [int(path.rpartition("/")[2]) for path in paths]

    def _write(self, row: Locked, size: int, leaves: list[bytes]) -> None:
        growth = Growth()
        for page in self._leaves(row, size):
            self._put(row, growth.take(page))
        for start in range(0, len(leaves), PAGE_LEAVES):
            self._put(row, growth.take(leaves[start : start + PAGE_LEAVES]))
        self._put(row, growth.partial_files())

    def _serve(self, row: Locked, text: str) -> None:
        size = parse_checkpoint(text)[0].size
        self._put(row, {layout.history_path(size): text.encode()})
        self._put(row, {layout.CHECKPOINT: text.encode()})

    def _put(self, row: Locked, files: Files) -> None:
        if files:
            self._tiles.put({layout.at(row.epoch, path): each for path, each in files.items()})

    def _tell(self, row: Locked, kept: _Kept, new_id: str, now: datetime, reason: str) -> None:
        """Appends the event that opens the epoch: durable before the lock row moves."""
        data: dict[str, Any] = {
            "epoch": row.epoch + 1,
            "previous_origin": row.origin,
            "previous_size": row.size,
            "previous_root": to_base64(row.root),
            "kept": kept.size,
            "kept_root": to_base64(kept.root),
            "lost": _lost(row.size - kept.size, kept.lost),
        }
        told = f"{self._service}.v1.{EPOCH_OPENED}"
        texts = {"reason": reason} if reason else None
        leaf = make_leaf(self._service, told, new_id, now, data, texts)
        event = NewEvent(
            EPOCH_OPENED, canonical_json({"epoch": row.epoch + 1}), b"", to_rfc3339(now), leaf
        )
        version = self._ledger.stream_version(LOG_STREAM)
        self._ledger.append_blocking(Append((StreamAppend(LOG_STREAM, version, (event,)),)))

    def _fresh(self, row: Locked, kept: int) -> Locked:
        epoch, base = row.epoch + 1, row.base + kept
        (first,) = self._ledger.read_public(base, 1)
        if not leaf_head(first.leaf).t.endswith(f".{EPOCH_OPENED}"):
            raise RootDiffers(self._service, base)
        origin = epoch_origin(self._origin, epoch)
        text = sign(Checkpoint(origin, 0, EMPTY_ROOT), self._signers)
        return Locked(
            *(self._service, epoch, origin, base, 0, EMPTY_ROOT, text), self._vkeys(origin)
        )

    def _vkeys(self, origin: str) -> str:
        return "".join(f"{each}\n" for each in vkeys_of(origin, self._signers))

    def _root_of(self, row: Locked, size: int) -> bytes:
        return self._frontier_of(row, size).root()

    def _frontier_of(self, row: Locked, size: int) -> Frontier:
        frontier = Frontier()
        for page in self._leaves(row, size):
            frontier.extend(leaf_hashes(page))
        return frontier

    def _leaves(self, row: Locked, size: int) -> Iterable[list[bytes]]:
        """Pages of the first `size` leaves of an epoch, from the store."""
        start = 0
        while start < size:
            page = self._ledger.read_public(row.base + start, min(PAGE_LEAVES, size - start))
            yield [each.leaf for each in page]
            start += len(page)


def _lost(count: int, hashes: list[bytes] | None) -> list[str] | int:
    if hashes is None or count > LOST_HASHES_MAX:
        return count
    return [to_base64(each) for each in hashes]
