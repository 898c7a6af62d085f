"""The last step of a log: what is signed and locked is shown to everybody, never an older one.

Each checkpoint is kept under `checkpoints/<size>` before it becomes the one that is served, so
that the history of what was promised has no gap. Partial tiles of two publications are kept;
older ones can be cut from the wider tiles that took their place.
"""

from __future__ import annotations

from cahier_ledger.log import layout
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.entries import ENTRIES_FOLDER, ENTRIES_PER_BUNDLE, bundle_path
from cahier_ledger.log.lock import Locked
from cahier_ledger.log.sequencer import StepHook, no_hook
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import HASHES_PER_TILE, TILE_HEIGHT, tile_at


class Publisher:
    """Writes the served checkpoints of one log. Used by one thread at a time."""

    def __init__(self, tiles: TileStore, *, hook: StepHook = no_hook) -> None:
        self._tiles = tiles
        self._hook = hook
        self._sizes: tuple[int, ...] = ()

    def publish(self, epoch: Locked, text: str) -> bool:
        """Serves a checkpoint of this epoch from now on, with its tiles there and its row locked.

        Of the same size one with more signatures may follow; an older one changes nothing: False.
        Raises StoreUnavailable.
        """
        size = parse_checkpoint(text)[0].size
        served = self.served_size(epoch)
        if size < served:
            return False
        self._hook("publish", False)
        self._tiles.put({layout.at(epoch.epoch, layout.history_path(size)): text.encode()})
        self._tiles.put({layout.at(epoch.epoch, layout.CHECKPOINT): text.encode()})
        self._hook("publish", True)
        self._sweep(epoch, size)
        return True

    def served_size(self, epoch: Locked) -> int:
        """How many leaves the served checkpoint has; -1 where none is served."""
        raw = self._tiles.get(layout.at(epoch.epoch, layout.CHECKPOINT))
        return -1 if raw is None else parse_checkpoint(raw)[0].size

    def _sweep(self, epoch: Locked, size: int) -> None:
        """Removes the partial files of the publication before the last."""
        if self._sizes and self._sizes[-1] == size:
            return
        kept = set(partial_paths(size))
        if self._sizes:
            kept |= set(partial_paths(self._sizes[-1]))
        gone = {path for old in self._sizes[:-1] for path in partial_paths(old)} - kept
        self._tiles.delete(layout.at(epoch.epoch, path) for path in sorted(gone))
        self._sizes = (*self._sizes[-1:], size)


def partial_paths(size: int) -> list[str]:
    """The partial tiles and the partial bundle of a log of `size` leaves."""
    paths = []
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        if hashes % HASHES_PER_TILE:
            paths.append(tile_at(level, hashes // HASHES_PER_TILE, size).path)
        level += 1
    if width := size % ENTRIES_PER_BUNDLE:
        paths.append(f"{ENTRIES_FOLDER}/{bundle_path(size // ENTRIES_PER_BUNDLE, width)}")
    return paths
