"""What a public log shows to everybody: its files by the address that they are served under.

`checkpoint`, `key`, `policy`, `policies/<SHA-256>`, `tile/...`, `checkpoints/<size>`, `epochs`;
below `<e>/` those of an earlier epoch. Tiles and what stands under its digest never change and may
be kept for a year, the checkpoint for seconds.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass

from cahier_ledger.log import layout
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint
from cahier_ledger.log.lock import Locked, LogLocks
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.policies import FOLDER as POLICIES
from cahier_ledger.log.policies import policy_digests, policy_text
from cahier_ledger.log.policy import Policy, PolicyLog
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import HASHES_PER_TILE, TILE_HEIGHT, TileNodes

IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "public, max-age=1"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
JSON = "application/json"
LOOK_AGAIN_S = 0.2
"""So long the list of epochs is believed without looking; a new one begins with all stopped."""
WALK_AGAIN_S = 1.0
"""So long the list of older checkpoints is believed: to make it takes a walk through a folder."""
SIZES_TOLD_MAX = 1_000_000
"""Sizes in that list, the latest: a checkpoint every ten seconds for some four months."""

_NUMBER = r"(?:x\d{3}/)*\d{3}(?:\.p/[1-9]\d{0,2})?"
_PATH = re.compile(
    r"(?:(?P<epoch>[1-9]\d{0,5})/)?"
    rf"(?P<file>checkpoint|key|policy|epochs|checkpoints(?:/(?:0|[1-9]\d{{0,18}}))?"
    rf"|policies(?:/[0-9a-f]{{64}})?"
    rf"|tile/(?:entries|\d|[1-5]\d|6[0-3])/{_NUMBER})",
    re.ASCII,
)
_TILE = re.compile(r"tile/(?P<level>entries|\d+)/(?P<number>.+?)(?:\.p/(?P<width>\d+))?")


@dataclass(frozen=True, slots=True)
class Served:
    """A file's content, its media type and how long it may be kept (Cache-Control)."""

    body: bytes
    content_type: str
    cache: str


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint as it is served."""

    epoch: Locked
    checkpoint: Checkpoint
    text: str


class ServedLog:
    """One service's log as its tile store holds it. Thread-safe; raises StoreUnavailable."""

    def __init__(
        self, service: str, tiles: TileStore, locks: LogLocks, policy: Policy | None = None
    ) -> None:
        """policy: what clients are told to hold the log to; without, its key stands alone."""
        self.service = service
        self._tiles = tiles
        self._locks = locks
        self._policy = policy
        self._lock = threading.Lock()
        self._epochs: tuple[float, list[Locked]] = (float("-inf"), [])
        self._published: dict[int, Published] = {}
        self._nodes: dict[int, TileNodes] = {}
        self._walking = threading.Lock()
        self._told: dict[int, tuple[float, bytes]] = {}

    def epochs(self) -> list[Locked]:
        """All epochs, oldest first, as they were at most LOOK_AGAIN_S ago; [] is looked up anew."""
        looked_s, epochs = self._epochs
        if epochs and time.monotonic() - looked_s < LOOK_AGAIN_S:
            return epochs
        epochs = self._locks.epochs(self.service)
        self._epochs = (time.monotonic(), epochs)
        return epochs

    def epoch(self, number: int | None = None) -> Locked | None:
        """One epoch by its number, or the current one."""
        epochs = self.epochs()
        if number is None:
            return epochs[-1] if epochs else None
        return next((each for each in epochs if each.epoch == number), None)

    def published(self, epoch: Locked) -> Published | None:
        """The epoch's served checkpoint, or None before the first.

        Read each time: whoever was shown a newer one by another process must not be shown an
        older one here.
        """
        raw = self._tiles.get(layout.at(epoch.epoch, layout.CHECKPOINT))
        if raw is None:
            return None
        held = self._published.get(epoch.epoch)
        if held is None or held.text.encode() != raw:
            text = raw.decode()
            held = Published(epoch, parse_checkpoint(text)[0], text)
            self._published[epoch.epoch] = held
        return held

    def nodes(self, epoch: Locked, size: int) -> TileNodes:
        """The epoch's tree at a size, for proofs; the cache is shared by all sizes."""
        with self._lock:
            nodes = self._nodes.get(epoch.epoch)
            if nodes is None:
                nodes = TileNodes(layout.tile_reader(self._tiles, epoch.epoch), size)
                self._nodes[epoch.epoch] = nodes
        return nodes.at(size)

    def get(self, path: str) -> Served | None:
        """The file at a path below the log's address, or None."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        epoch = self.epoch(int(match["epoch"]) if match["epoch"] else None)
        return None if epoch is None else self._file(epoch, match["file"])

    def history(self, epoch: Locked) -> list[int]:
        """Sizes of the epoch's published checkpoints, in order, all of them; walks the folder."""
        paths = self._tiles.list(layout.at(epoch.epoch, layout.CHECKPOINTS))
        return sorted(int(path.rpartition("/")[2]) for path in paths)

    def _file(self, epoch: Locked, path: str) -> Served | None:
        if path.startswith("tile/"):
            return self._tile(epoch, path)
        if path == layout.CHECKPOINT:
            published = self.published(epoch)
            return None if published is None else Served(published.text.encode(), TEXT, FRESH)
        if path == "key":
            return Served(epoch.vkeys.encode(), TEXT, FRESH)
        if path == "policy":
            return Served(bytes(self._policy_of(epoch)), TEXT, FRESH)
        if path.startswith(POLICIES):
            return self._older_policy(path.removeprefix(POLICIES).removeprefix("/"))
        if path == "epochs":
            return Served(self._epochs_json(), JSON, FRESH)
        if path == layout.CHECKPOINTS:
            return Served(self._sizes(epoch), TEXT, FRESH)
        raw = self._tiles.get(layout.at(epoch.epoch, path))
        # One that is older may yet gain cosignatures.
        return None if raw is None else Served(raw, TEXT, FRESH)

    def _sizes(self, epoch: Locked) -> bytes:
        """The latest SIZES_TOLD_MAX sizes, one a line, as they were some WALK_AGAIN_S ago.

        However many ask, one thread walks; the others get what was found last, or wait for it.
        """
        told = self._told.get(epoch.epoch)
        if told is not None and (_is_believed(told) or self._walking.locked()):
            return told[1]
        with self._walking:
            told = self._told.get(epoch.epoch)
            if told is None or not _is_believed(told):
                sizes = self.history(epoch)[-SIZES_TOLD_MAX:]
                told = (time.monotonic(), "".join(f"{size}\n" for size in sizes).encode())
                self._told[epoch.epoch] = told
        return told[1]

    def _tile(self, epoch: Locked, path: str) -> Served | None:
        if not self._reaches(epoch, leaves_below(path)):
            return None
        raw = layout.read_file(self._tiles, epoch.epoch, path)
        return None if raw is None else Served(raw, BYTES, IMMUTABLE)

    def _reaches(self, epoch: Locked, leaves: int) -> bool:
        """Whether the served checkpoint has so many leaves; since it never shrinks, it once had."""
        held = self._published.get(epoch.epoch)
        if held is None or held.checkpoint.size < leaves:
            held = self.published(epoch)
        return held is not None and held.checkpoint.size >= leaves

    def _policy_of(self, epoch: Locked) -> Policy:
        if self._policy is not None:
            return self._policy
        return Policy(tuple(PolicyLog(Vkey.parse(vkey)) for vkey in epoch.vkeys.split()))

    def _older_policy(self, digest: str) -> Served | None:
        """A policy that the log was once held to; without a digest, the list of theirs."""
        if not digest:
            listed = "".join(f"{each}\n" for each in policy_digests(self._tiles))
            return Served(listed.encode(), TEXT, FRESH)
        text = policy_text(self._tiles, digest)
        return None if text is None else Served(text, TEXT, IMMUTABLE)

    def _epochs_json(self) -> bytes:
        told = [
            {"epoch": each.epoch, "origin": each.origin, "base": each.base}
            for each in self.epochs()
        ]
        return json.dumps(told).encode()


def _is_believed(told: tuple[float, bytes]) -> bool:
    return time.monotonic() - told[0] < WALK_AGAIN_S


def leaves_below(path: str) -> int:
    """How many leaves a log must have for this tile or bundle to exist at this width."""
    match = _TILE.fullmatch(path)
    if match is None:
        raise ValueError(f"not a tile's path: {path!r}")
    level = 0 if match["level"] == "entries" else int(match["level"])
    number = int(match["number"].replace("x", "").replace("/", ""))
    width = int(match["width"] or HASHES_PER_TILE)
    return (number * HASHES_PER_TILE + width) << (TILE_HEIGHT * level)
