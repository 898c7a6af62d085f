"""Tiles: a Merkle tree as files of up to 256 hashes each (C2SP tlog-tiles, "Merkle Tree").

A tile of level L holds every eighth row of the tree: its hashes are nodes of level 8 * L. Full
tiles never change; a partial one is replaced by a wider one as the log grows. Whoever reads tiles
trusts none of them: roots and proofs made of them are checked against a signed checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cahier_ledger.log.merkle import HASH_BYTES, parents

HASHES_PER_TILE = 256
TILE_HEIGHT = 8
LEVEL_MAX = 63
TILES_CACHED = 1_024
"""Kept by default: 16 KB each with their inner nodes."""

ReadTile = Callable[[int, int, int], bytes]
"""(level, number, width) -> the tile's bytes. Raises what its store raises."""
_Rows = tuple[bytes, ...]


class BrokenTile(ValueError):
    """A tile is cut, too long or does not exist in a tree of that size; the text names it."""


class Tile(NamedTuple):
    """One tile's name: its level, its number from 0, and how many hashes it holds, 1 to 256."""

    level: int
    number: int
    width: int = HASHES_PER_TILE

    @property
    def path(self) -> str:
        return tile_path(*self)


def tile_path(level: int, number: int, width: int = HASHES_PER_TILE) -> str:
    """Path of a tile, such as `tile/0/x001/234.p/5`; raises ValueError out of range."""
    if not 0 <= level <= LEVEL_MAX:
        raise ValueError(f"no tile has level {level}")
    return f"tile/{level}/{number_path(number, width)}"


def number_path(number: int, width: int = HASHES_PER_TILE) -> str:
    """`x001/x234/067` for 1234067, with `.p/<width>` behind it below 256; ValueError otherwise."""
    if number < 0 or not 1 <= width <= HASHES_PER_TILE:
        raise ValueError(f"no tile has number {number} and width {width}")
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03d}")
    suffix = "" if width == HASHES_PER_TILE else f".p/{width}"
    return "/".join(groups) + suffix


def tile_at(level: int, number: int, size: int) -> Tile:
    """That tile as it is in a tree of `size` leaves; raises BrokenTile where there is none."""
    width = min(HASHES_PER_TILE, (size >> (TILE_HEIGHT * level)) - number * HASHES_PER_TILE)
    if number < 0 or width < 1:
        raise BrokenTile(f"a tree of {size} has no tile {number} of level {level}")
    return Tile(level, number, width)


def tiles_at(size: int) -> Iterator[Tile]:
    """All tiles of a tree of `size` leaves, by level and number."""
    return tiles_grown(0, size)


def tiles_grown(old: int, new: int) -> Iterator[Tile]:
    """The tiles of a tree of `new` leaves that one of `old` did not have, as wide as they are."""
    level = 0
    while hashes := new >> (TILE_HEIGHT * level):
        before = old >> (TILE_HEIGHT * level)
        if hashes > before:
            last = (hashes - 1) // HASHES_PER_TILE
            for number in range(before // HASHES_PER_TILE, last + 1):
                yield Tile(level, number, min(HASHES_PER_TILE, hashes - number * HASHES_PER_TILE))
        level += 1


def grow(read: ReadTile, size: int, hashes: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """The tiles to write, with their bytes, as a tree of `size` leaves takes on more.

    read: gives the partial tiles at the right edge of the old tree. hashes: of the new leaves.
    Level 0 comes first; of each tile only the last state comes. Raises BrokenTile.
    """
    level, row = 0, list(hashes)
    while row:
        before = size >> (TILE_HEIGHT * level)
        number, width = divmod(before, HASHES_PER_TILE)
        if width:
            edge = Tile(level, number, width)
            row = _hashes(_checked(read(*edge), edge)) + row
        above = []
        for at in range(0, len(row), HASHES_PER_TILE):
            chunk = row[at : at + HASHES_PER_TILE]
            yield Tile(level, number, len(chunk)), b"".join(chunk)
            number += 1
            if len(chunk) == HASHES_PER_TILE:
                above.append(_top(chunk))
        level, row = level + 1, above


class TileNodes:
    """The nodes of a tree read from its tiles: a ReadNode with a cache.

    Checks nothing but lengths: whoever uses the nodes verifies them by the root. A tile's inner
    nodes are hashed once and kept with it; the least recently used go. Safe for many threads.
    """

    def __init__(self, read_tile: ReadTile, size: int, *, tiles_max: int = TILES_CACHED) -> None:
        def expand(level: int, number: int, width: int) -> _Rows:
            return _rows(_checked(read_tile(level, number, width), Tile(level, number, width)))

        self.size = size
        self._rows_of: Callable[[int, int, int], _Rows] = lru_cache(tiles_max)(expand)

    def at(self, size: int) -> TileNodes:
        """The same tiles seen as a tree of another size; the cache is shared."""
        other = TileNodes.__new__(TileNodes)
        other.size = size
        other._rows_of = self._rows_of
        return other

    def __call__(self, level: int, index: int) -> bytes:
        """Raises BrokenTile where the tree of `size` leaves has no such complete subtree."""
        tile_level, row = divmod(level, TILE_HEIGHT)
        number, at = divmod(index << row, HASHES_PER_TILE)
        at >>= row
        nodes = self._rows_of(*tile_at(tile_level, number, self.size))[row]
        node = nodes[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        if not node:
            raise BrokenTile(f"a tree of {self.size} has no node {index} of level {level}")
        return node


def _checked(raw: bytes, tile: Tile) -> bytes:
    if len(raw) != tile.width * HASH_BYTES:
        raise BrokenTile(f"{tile.path}: {len(raw)} bytes where {tile.width} hashes belong")
    return raw


def _hashes(raw: bytes) -> list[bytes]:
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]


def _rows(raw: bytes) -> _Rows:
    """A tile's hashes and the rows of complete nodes above them, below the next tile's level."""
    rows, row = [raw], _hashes(raw)
    for _ in range(TILE_HEIGHT - 1):
        row = parents(row)
        rows.append(b"".join(row))
    return tuple(rows)


def _top(chunk: list[bytes]) -> bytes:
    for _ in range(TILE_HEIGHT):
        chunk = parents(chunk)
    return chunk[0]
