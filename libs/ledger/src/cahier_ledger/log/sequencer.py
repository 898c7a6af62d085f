"""Carries a service's public events into its public log, in order, each once, for ever.

In this order: tiles and bundles are written and synced, the checkpoint is signed, the lock row is
compared and set, and only then may the checkpoint be published. Whatever stops it in between, it
begins again at the lock row and comes to the same root, because leaves are copied from the store
and never made here. One sequencer a service is enough; a second one is refused by the lock row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from cahier_ledger.log import layout
from cahier_ledger.log.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    require_log_signature,
)
from cahier_ledger.log.entries import ENTRIES_PER_BUNDLE
from cahier_ledger.log.growth import Files, Growth
from cahier_ledger.log.lock import Locked, LogLocks
from cahier_ledger.log.merkle import EMPTY_ROOT, Frontier, leaf_hashes
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.refusals import (
    KeyDiffers,
    LockBehindLog,
    LockMissing,
    LockMoved,
    OriginDiffers,
    RootDiffers,
    StoreBehindLog,
)
from cahier_ledger.log.signing import Signer, sign, vkeys_of
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import BrokenTile, TileNodes
from cahier_ledger.store import LedgerReader

PAGE_LEAVES = 4 * ENTRIES_PER_BUNDLE
CHECKED_AT_START = 200_000
"""So many of the last leaves are hashed again before a log goes on; the rest is while it runs."""

Step = str
"""A step of the sequencer: `read`, `tiles`, `sign`, `lock`; the publisher adds `publish`."""

StepHook = Callable[[Step, bool], None]
"""Called before (False) and after (True) each step; a test makes it raise, or ends the process."""

_log = logging.getLogger(__name__)


def no_hook(step: Step, done: bool) -> None:
    """Nothing comes in between."""


class Sequencer:
    """One service's log as far as it is signed. Used by one thread at a time.

    After an error the state in memory is dropped: `begin` again. Raises StoreUnavailable for what
    may pass, LogRefused for what a person must decide.
    """

    def __init__(
        self,
        service: str,
        origin: str,
        ledger: LedgerReader,
        tiles: TileStore,
        locks: LogLocks,
        signers: Sequence[Signer],
        *,
        hook: StepHook = no_hook,
    ) -> None:
        """origin: of the first epoch; later ones add their number. signers: current first."""
        self.service = service
        self._origin = origin
        self._ledger = ledger
        self._tiles = tiles
        self._locks = locks
        self._signers = signers
        self._hook = hook
        self._row: Locked | None = None
        self._growth: Growth | None = None

    @property
    def row(self) -> Locked:
        """The lock row as this sequencer last saw or set it; after `begin`."""
        if self._row is None:
            raise RuntimeError("the sequencer has not begun")
        return self._row

    @property
    def position(self) -> int:
        """The last public_seq taken in, signed or not yet."""
        return 0 if self._growth is None else self.row.base + self._growth.size

    def check(self) -> None:
        """Whether the log may go on from this store, with these keys; changes nothing.

        Raises StoreBehindLog, RootDiffers, KeyDiffers, OriginDiffers, LockMissing, LockBehindLog.
        """
        # Read before the row, which another process may be moving.
        shown = self._shown_by_epoch()
        row = self._locks.current(self.service)
        if row is None:
            self._require_unpublished(shown)
            return
        self._require_not_behind(row, shown)
        if row.origin != epoch_origin(self._origin, row.epoch):
            raise OriginDiffers(self.service, row.origin, epoch_origin(self._origin, row.epoch))
        self._require_known_key(row)
        stored = self._ledger.public_head()
        if stored < row.end:
            raise StoreBehindLog(self.service, stored, row.end)
        self._require_root(row)

    def begin(self) -> Locked:
        """Checks, and takes up the log where its lock row says; makes the row of a new log."""
        self.forget()
        self.check()
        row = self._locks.current(self.service) or self._begin_log()
        self._growth = self._growth_at(row)
        self._row = row
        return row

    def forget(self) -> None:
        """Drops what is in memory."""
        self._row = self._growth = None

    def take_in(self, limit: int = PAGE_LEAVES) -> int:
        """Adds the next leaves of the store and writes the files that they fill; says how many."""
        growth, row = self._begun()
        try:
            leaves = self._read(growth, row, limit)
            if leaves:
                self._put("tiles", row, growth.take(leaves))
        except BaseException:
            self.forget()
            raise
        return len(leaves)

    def seal(self) -> Locked | None:
        """Signs what was taken in and sets the lock row; None where nothing has changed.

        The answered row's checkpoint may be published. Raises LockMoved when another was faster.
        """
        growth, row = self._begun()
        vkeys = self._vkeys_after(row)
        if growth.size == row.size and vkeys == row.vkeys:
            return None
        try:
            self._put("tiles", row, growth.partial_files())
            root = growth.root()
            self._hook("sign", False)
            text = sign(Checkpoint(row.origin, growth.size, root), self._signers)
            self._hook("sign", True)
            self._hook("lock", False)
            moved = self._locks.move(row, growth.size, root, text, vkeys)
            self._hook("lock", True)
        except BaseException:
            self.forget()
            raise
        self._row = moved
        return moved

    def keep_cosigned(self, row: Locked, text: str) -> None:
        """Keeps what witnesses said beside the lock row, for when the log's files are lost."""
        self._locks.keep_cosigned(row, text)

    def checking_all(self, row: Locked) -> Iterator[int]:
        """Hashes every stored leaf of the epoch again, a page a step; says how many are done.

        Takes its time; may run in another thread than the rest. Raises RootDiffers at the end.
        """
        frontier = Frontier()
        for leaves in self._leaves(row, 0):
            frontier.extend(leaf_hashes(leaves))
            yield frontier.size
        if frontier.root() != row.root:
            raise RootDiffers(self.service, row.end)

    # -- the parts ----------------------------------------------------------------------------

    def _begun(self) -> tuple[Growth, Locked]:
        if self._growth is None:
            self.begin()
        if self._growth is None or self._row is None:
            raise RuntimeError("the sequencer has not begun")
        return self._growth, self._row

    def _begin_log(self) -> Locked:
        text = sign(Checkpoint(self._origin, 0, EMPTY_ROOT), self._signers)
        vkeys = self._vkeys(self._origin)
        fresh = Locked(self.service, 1, self._origin, 0, 0, EMPTY_ROOT, text, vkeys)
        try:
            self._locks.begin(fresh)
        except LockMoved:
            fresh = self._locks.current(self.service) or fresh
        return fresh

    def _growth_at(self, row: Locked) -> Growth:
        """The right edge at the lock row, from the tiles, or from the store where they lack."""
        behind = row.size % ENTRIES_PER_BUNDLE
        last = self._ledger.read_public(row.end - behind, behind) if behind else []
        try:
            growth = Growth.at(
                row.size, layout.tile_reader(self._tiles, row.epoch), [each.leaf for each in last]
            )
        except BrokenTile as error:
            _log.warning("%s: %s; writing the tiles again", self.service, error)
            return self._write_again(row)
        if growth.root() != row.root:
            _log.warning("%s: the tiles are not those signed; writing them again", self.service)
            return self._write_again(row)
        return growth

    def _write_again(self, row: Locked) -> Growth:
        growth = Growth()
        for leaves in self._leaves(row, 0):
            self._put("tiles", row, growth.take(leaves))
        self._put("tiles", row, growth.partial_files())
        if growth.root() != row.root:
            raise RootDiffers(self.service, row.end)
        return growth

    def _read(self, growth: Growth, row: Locked, limit: int) -> list[bytes]:
        self._hook("read", False)
        rows = self._ledger.read_public(row.base + growth.size, limit)
        self._hook("read", True)
        return [each.leaf for each in rows]

    def _put(self, step: Step, row: Locked, files: Files) -> None:
        if files:
            self._hook(step, False)
            self._tiles.put({layout.at(row.epoch, path): each for path, each in files.items()})
            self._hook(step, True)

    def _vkeys(self, origin: str) -> str:
        return "".join(f"{each}\n" for each in vkeys_of(origin, self._signers))

    def _vkeys_after(self, row: Locked) -> str:
        """Those that sign now, then those that did before: older signatures must still verify."""
        current = self._vkeys(row.origin).split()
        older = [each for each in row.vkeys.split() if each not in current]
        return "".join(f"{each}\n" for each in (*current, *older))

    def _shown_by_epoch(self) -> dict[int, Checkpoint]:
        """The served checkpoints by epoch, as far as the epochs follow one another."""
        shown: dict[int, Checkpoint] = {}
        while raw := self._tiles.get(layout.at(len(shown) + 1, layout.CHECKPOINT)):
            shown[len(shown) + 1] = parse_checkpoint(raw)[0]
        return shown

    def _require_unpublished(self, shown: dict[int, Checkpoint]) -> None:
        if shown:
            raise LockMissing(self.service, shown[max(shown)].size)

    def _require_not_behind(self, row: Locked, shown: dict[int, Checkpoint]) -> None:
        """What was shown was locked before: else the lock row is older than the log's files."""
        here = shown.get(row.epoch)
        if here is not None and here.origin == row.origin and here.size > row.size:
            raise LockBehindLog(self.service, row.size, here.size)
        if row.epoch + 1 in shown:
            raise LockBehindLog(self.service, row.size, shown[row.epoch + 1].size)

    def _require_known_key(self, row: Locked) -> None:
        """One of the keys signed the row: a retired one does not come back alone."""
        checkpoint, note = parse_checkpoint(row.checkpoint)
        known = require_log_signature(checkpoint, note, map(Vkey.parse, row.vkeys.split()))
        if not set(map(str, known)) & set(self._vkeys(row.origin).split()):
            raise KeyDiffers(self.service, ", ".join(map(str, known)))

    def _require_root(self, row: Locked) -> None:
        """The stored leaves lead to the signed root; of a long log the last, see checking_all."""
        start = max(0, row.size - CHECKED_AT_START) // ENTRIES_PER_BUNDLE * ENTRIES_PER_BUNDLE
        try:
            nodes = TileNodes(layout.tile_reader(self._tiles, row.epoch), start)
            frontier = Frontier.at(start, nodes)
        except BrokenTile:
            frontier = Frontier()
        if self._frontier_from(frontier, row).root() != row.root:
            # Tiles that do not fit are no proof against the store.
            for _ in self.checking_all(row):
                pass

    def _frontier_from(self, frontier: Frontier, row: Locked) -> Frontier:
        for leaves in self._leaves(row, frontier.size):
            frontier.extend(leaf_hashes(leaves))
        return frontier

    def _leaves(self, row: Locked, start: int) -> Iterator[list[bytes]]:
        """Pages of the epoch's signed leaves from index `start` on, as the store has them."""
        while start < row.size:
            limit = min(PAGE_LEAVES, row.size - start)
            page = self._ledger.read_public(row.base + start, limit)
            if not page:
                raise StoreBehindLog(self.service, row.base + start, row.end)
            yield [each.leaf for each in page]
            start += len(page)


def epoch_origin(origin: str, epoch: int) -> str:
    """The log's name in an epoch: the first has none added."""
    return origin if epoch == 1 else f"{origin}/{epoch}"
