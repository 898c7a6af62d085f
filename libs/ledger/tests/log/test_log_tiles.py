from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.log import merkle
from cahier_ledger.log.tiles import (
    BrokenTile,
    Tile,
    TileNodes,
    grow,
    tile_at,
    tile_path,
    tiles_at,
    tiles_grown,
)


class Shelf:
    """Tiles in memory, by name."""

    def __init__(self) -> None:
        self.tiles: dict[Tile, bytes] = {}
        self.reads = 0

    def read(self, level: int, number: int, width: int) -> bytes:
        self.reads += 1
        return self.tiles[Tile(level, number, width)]

    def grow(self, size: int, hashes: Sequence[bytes]) -> None:
        self.tiles.update(list(grow(self.read, size, hashes)))


def test_paths_are_those_of_the_specification() -> None:
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(0, 1234, 5) == "tile/0/x001/234.p/5"
    assert tile_path(63, 0, 1) == "tile/63/000.p/1"
    assert Tile(1, 999).path == "tile/1/999"
    for wrong in ((64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)):
        with pytest.raises(ValueError):
            tile_path(*wrong)


def test_the_specifications_tree_of_70000_has_its_tiles() -> None:
    tiles = list(tiles_at(70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile for tile in tiles if tile.level == 0][-1] == Tile(0, 273, 112)
    assert [tile for tile in tiles if tile.level] == [
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert list(tiles_at(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_at(0)) == []


@given(st.lists(st.integers(0, 900), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_grown_tree_has_every_tile_and_the_nodes_of_its_leaves(steps: list[int]) -> None:
    shelf, size = Shelf(), 0
    hashes = merkle.leaf_hashes([str(n).encode() for n in range(sum(steps))])
    for step in steps:
        before = set(shelf.tiles)
        written = [tile for tile, _ in grow(shelf.read, size, hashes[size : size + step])]
        assert written == list(tiles_grown(size, size + step))
        shelf.grow(size, hashes[size : size + step])
        size += step
        assert set(tiles_at(size)) <= set(shelf.tiles)
        assert before <= set(shelf.tiles)
    nodes = TileNodes(shelf.read, size)
    assert merkle.root_at(size, nodes) == merkle.root_of(hashes)
    for index in range(0, size, 37):
        proof = merkle.inclusion_proof(index, size, nodes)
        merkle.check_inclusion(hashes[index], index, size, proof, merkle.root_of(hashes))


def test_every_node_of_a_tree_is_read_from_its_tiles(log_tree: Any) -> None:
    tree = log_tree(600)
    shelf = Shelf()
    shelf.grow(0, tree.hashes)
    nodes = TileNodes(shelf.read, 600)
    for level in range(10):
        for index in range(600 >> level):
            assert nodes(level, index) == tree.read(level, index)
        with pytest.raises(BrokenTile):
            nodes(level, 600 >> level)


def test_a_tile_is_read_once_while_it_stays_in_the_cache(log_tree: Any) -> None:
    tree = log_tree(600)
    shelf = Shelf()
    shelf.grow(0, tree.hashes)
    shelf.reads = 0
    nodes = TileNodes(shelf.read, 600)
    for index in range(600):
        merkle.inclusion_proof(index, 600, nodes)
    assert shelf.reads == len(list(tiles_at(600)))
    small = TileNodes(shelf.read, 600, tiles_max=1)
    assert small(0, 0) == tree.hashes[0]
    assert small(0, 300) == tree.hashes[300]
    assert small(0, 1) == tree.hashes[1]
    assert shelf.reads == len(list(tiles_at(600))) + 3


def test_one_cache_serves_several_sizes_and_never_the_wrong_one(log_tree: Any) -> None:
    tree = log_tree(600)
    shelf, nodes = Shelf(), TileNodes(lambda *tile: shelf.read(*tile), 0)
    for size in range(0, 600, 30):
        shelf.grow(size, tree.hashes[size : size + 30])
        nodes = nodes.at(size + 30)
        assert merkle.root_at(size + 30, nodes) == tree.root(size + 30)
    assert merkle.root_at(60, nodes.at(60)) == tree.root(60)
    with pytest.raises(BrokenTile):
        nodes.at(60)(0, 60)


def test_a_tile_of_another_length_is_refused(log_tree: Any) -> None:
    shelf = Shelf()
    shelf.grow(0, log_tree(300).hashes)
    for tile in list(shelf.tiles):
        good = shelf.tiles[tile]
        for broken in (good[:-1], good + b"x", b"", good + good[:32]):
            shelf.tiles[tile] = broken
            with pytest.raises(BrokenTile, match=tile.path):
                TileNodes(shelf.read, 300)(8 * tile.level, 256 * tile.number)
        shelf.tiles[tile] = good
    shelf.tiles[Tile(0, 1, 44)] = b"short"
    with pytest.raises(BrokenTile):
        shelf.grow(300, log_tree(1).hashes)


def test_a_tree_has_no_other_tiles_than_its_own() -> None:
    assert tile_at(0, 1, 300) == Tile(0, 1, 44)
    for level, number in ((0, 2), (1, 1), (2, 0), (0, -1)):
        with pytest.raises(BrokenTile):
            tile_at(level, number, 300)
