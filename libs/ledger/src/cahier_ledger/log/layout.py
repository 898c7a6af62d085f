"""How the files of a service's log lie in its tile store, one folder an epoch.

`<epoch>/checkpoint`, `<epoch>/checkpoints/<size>`, `<epoch>/tile/...`; beside the epochs
`policies/<SHA-256>`. Partial tiles and bundles can be had from wider ones, so that old ones need
not be kept.
"""

from __future__ import annotations

import re

from cahier_ledger.log.entries import decode_bundle, encode_bundle
from cahier_ledger.log.merkle import HASH_BYTES
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import HASHES_PER_TILE, BrokenTile, ReadTile, tile_path

CHECKPOINT = "checkpoint"
CHECKPOINTS = "checkpoints"
_PARTIAL = re.compile(r"(?P<full>tile/(?P<kind>entries|\d{1,2})/.+)\.p/(?P<width>[1-9]\d{0,2})")


def at(epoch: int, path: str) -> str:
    """The path of an epoch's file in the tile store."""
    return f"{epoch}/{path}"


def history_path(size: int) -> str:
    """Where the checkpoint of that size is kept."""
    return f"{CHECKPOINTS}/{size}"


def split_partial(path: str) -> tuple[str, int] | None:
    """The full tile's path and the width, of a partial tile's path; None for others."""
    match = _PARTIAL.fullmatch(path)
    if match is None or not 1 <= int(match["width"]) < HASHES_PER_TILE:
        return None
    return match["full"], int(match["width"])


def read_file(tiles: TileStore, epoch: int, path: str) -> bytes | None:
    """A tile or bundle; a partial one is cut from a wider one where it was cleared away."""
    found = tiles.get(at(epoch, path))
    partial = split_partial(path)
    if found is not None or partial is None:
        return found
    full, width = partial
    wider = tiles.get(at(epoch, full)) or _widest(tiles, epoch, full, width)
    return None if wider is None else _first(wider, width, is_bundle="/entries/" in path)


def tile_reader(tiles: TileStore, epoch: int) -> ReadTile:
    """Reads hash tiles; raises BrokenTile where there is none."""

    def read(level: int, number: int, width: int) -> bytes:
        path = tile_path(level, number, width)
        content = read_file(tiles, epoch, path)
        if content is None:
            raise BrokenTile(f"{path} of epoch {epoch} is missing")
        return content

    return read


def _widest(tiles: TileStore, epoch: int, full: str, width: int) -> bytes | None:
    widths = [int(path.rpartition("/")[2]) for path in tiles.list(at(epoch, f"{full}.p"))]
    wider = [each for each in widths if each >= width]
    return tiles.get(at(epoch, f"{full}.p/{max(wider)}")) if wider else None


def _first(content: bytes, width: int, *, is_bundle: bool) -> bytes | None:
    if is_bundle:
        leaves = decode_bundle(content)
        return encode_bundle(leaves[:width]) if len(leaves) >= width else None
    cut = content[: width * HASH_BYTES]
    return cut if len(cut) == width * HASH_BYTES else None
