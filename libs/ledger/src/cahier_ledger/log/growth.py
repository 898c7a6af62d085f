"""The right edge of a growing log, in memory: what the next leaves are added to.

Full tiles and bundles leave it as they are filled; partial ones are asked for when a checkpoint
is due, so that leaves between two checkpoints cost no files that nobody will ever read.
"""

from __future__ import annotations

from collections.abc import Sequence

from cahier_ledger.log.entries import ENTRIES_FOLDER, ENTRIES_PER_BUNDLE, bundle_path, encode_bundle
from cahier_ledger.log.merkle import Frontier, leaf_hashes
from cahier_ledger.log.tiles import (
    HASHES_PER_TILE,
    BrokenTile,
    ReadTile,
    Tile,
    TileNodes,
    grow,
    tile_at,
    tile_path,
)

Files = dict[str, bytes]
"""Contents by path below the log's folder."""


class Growth:
    """A log of `size` leaves that takes on more."""

    def __init__(self) -> None:
        """An empty log."""
        self.frontier = Frontier()
        self._edges: dict[tuple[int, int], bytes] = {}
        self._open_bundle: list[bytes] = []

    @classmethod
    def at(cls, size: int, read_tile: ReadTile, last_leaves: Sequence[bytes]) -> Growth:
        """A stored log as it stands at `size`.

        last_leaves: those behind the last full bundle. Raises BrokenTile where tiles are missing.
        """
        growth = cls()
        growth.frontier = Frontier.at(size, TileNodes(read_tile, size))
        growth._open_bundle = list(last_leaves)
        level = 0
        while hashes := size >> (8 * level):
            if hashes % HASHES_PER_TILE:
                edge = tile_at(level, hashes // HASHES_PER_TILE, size)
                growth._edges[edge.level, edge.number] = read_tile(*edge)
            level += 1
        return growth

    @property
    def size(self) -> int:
        return self.frontier.size

    def root(self) -> bytes:
        """Of all leaves so far."""
        return self.frontier.root()

    def take(self, leaves: Sequence[bytes]) -> Files:
        """Adds leaves; answers the bundles and tiles that they filled."""
        hashes = leaf_hashes(leaves)
        files = self._fill_bundles(leaves)
        edges: dict[tuple[int, int], bytes] = {}
        for tile, content in grow(self._edge, self.size, hashes):
            if tile.width == HASHES_PER_TILE:
                files[tile.path] = content
            else:
                edges[tile.level, tile.number] = content
        self._keep_edges(edges, self.size + len(hashes))
        self.frontier.extend(hashes)
        return files

    def partial_files(self) -> Files:
        """The bundle and the tiles at the right edge that are not full; never empty ones."""
        files = {
            Tile(level, number, len(content) // 32).path: content
            for (level, number), content in self._edges.items()
        }
        if self._open_bundle:
            path = bundle_path(self.size // ENTRIES_PER_BUNDLE, len(self._open_bundle))
            files[f"{ENTRIES_FOLDER}/{path}"] = encode_bundle(self._open_bundle)
        return files

    def _fill_bundles(self, leaves: Sequence[bytes]) -> Files:
        held = [*self._open_bundle, *leaves]
        first = self.size // ENTRIES_PER_BUNDLE
        full = len(held) // ENTRIES_PER_BUNDLE
        self._open_bundle = held[full * ENTRIES_PER_BUNDLE :]
        return {
            f"{ENTRIES_FOLDER}/{bundle_path(first + at)}": encode_bundle(
                held[at * ENTRIES_PER_BUNDLE : (at + 1) * ENTRIES_PER_BUNDLE]
            )
            for at in range(full)
        }

    def _edge(self, level: int, number: int, width: int) -> bytes:
        content = self._edges.get((level, number))
        if content is None:
            raise BrokenTile(f"{tile_path(level, number, width)} is not at the log's edge")
        return content

    def _keep_edges(self, grown: dict[tuple[int, int], bytes], size: int) -> None:
        """Those that are still partial in a tree of `size`: grown now, or as they were."""
        merged = {**self._edges, **grown}
        self._edges = {
            (level, number): content
            for (level, number), content in merged.items()
            if number == (size >> (8 * level)) // HASHES_PER_TILE
        }
