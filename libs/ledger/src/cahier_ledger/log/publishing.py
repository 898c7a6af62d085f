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

        One that is older than what is served, or has no signature that it lacks, changes nothing.
        Says whether the served checkpoint now is of this size. Raises StoreUnavailable.
        """
        (checkpoint, note), served = parse_checkpoint(text), self.served(epoch)
        size = checkpoint.size
        if served is not None:
            shown, shown_note = parse_checkpoint(served)
            if size < shown.size:
                return False
            if note.body == shown_note.body and set(note.signatures) <= set(shown_note.signatures):
                return True
        self._hook("publish", False)
        self._tiles.put({layout.at(epoch.epoch, layout.history_path(size)): text.encode()})
        self._tiles.put({layout.at(epoch.epoch, layout.CHECKPOINT): text.encode()})
        self._hook("publish", True)
        self._sweep(epoch, size)
        return True

    def served(self, epoch: Locked) -> str | None:
        """The text of the served checkpoint."""
        raw = self._tiles.get(layout.at(epoch.epoch, layout.CHECKPOINT))
        return None if raw is None else raw.decode()

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
