"""The last step of a log: what is signed and locked is shown to everybody, never an older one.

Each checkpoint is kept under `checkpoints/<size>` before it becomes the one that is served, so
that the history of what was promised has no gap. It is compared and set: a process whose turn has
passed while it was writing does not put an older one over that of its successor. Partial tiles of
two publications are kept; older ones can be cut from the wider tiles that took their place.
"""

from __future__ import annotations

from cahier_ledger.log import layout
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.entries import ENTRIES_FOLDER, ENTRIES_PER_BUNDLE, bundle_path
from cahier_ledger.log.lock import Locked
from cahier_ledger.log.note import parse_note
from cahier_ledger.log.sequencer import StepHook, no_hook
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import HASHES_PER_TILE, TILE_HEIGHT, tile_at
from cahier_ledger.model import StoreUnavailable

TRIES_MAX = 10
"""Each time that somebody else was faster, what was shown has grown."""


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
        for _ in range(TRIES_MAX):
            served = self.served(epoch)
            size = parse_checkpoint(text)[0].size
            if served is not None and size < parse_checkpoint(served)[0].size:
                return False
            if served is not None and _says_no_more(text, served):
                return True
            if self._replace(epoch, size, served, text):
                self._sweep(epoch, size)
                return True
        raise StoreUnavailable("others publish checkpoints of this log all the time")

    def served(self, epoch: Locked) -> str | None:
        """The text of the served checkpoint."""
        raw = self._tiles.get(layout.at(epoch.epoch, layout.CHECKPOINT))
        return None if raw is None else raw.decode()

    def _replace(self, epoch: Locked, size: int, served: str | None, text: str) -> bool:
        """Shows the text in place of what was served; False where that is not so any more."""
        self._hook("publish", False)
        self._tiles.put({layout.at(epoch.epoch, layout.history_path(size)): text.encode()})
        seen = None if served is None else served.encode()
        place = layout.at(epoch.epoch, layout.CHECKPOINT)
        replaced = self._tiles.replace(place, seen, text.encode())
        self._hook("publish", True)
        return replaced

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


def _says_no_more(text: str, served: str) -> bool:
    """Whether it is the served checkpoint, without a signature that this lacks."""
    note, shown = parse_note(text), parse_note(served)
    return note.body == shown.body and set(note.signatures) <= set(shown.signatures)


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
