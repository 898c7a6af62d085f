"""One contract for every place that a log's files may lie in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cahier_ledger.log.storage import FolderTiles, TileStore


def test_what_was_put_is_there_whole(tile_store: TileStore) -> None:
    assert tile_store.get("1/tile/0/000") is None
    tile_store.put({"1/tile/0/000": b"\0" * 8192, "1/checkpoint": "é\n".encode()})
    assert tile_store.get("1/tile/0/000") == b"\0" * 8192
    assert tile_store.get("1/checkpoint") == "é\n".encode()


def test_a_file_is_replaced(tile_store: TileStore) -> None:
    tile_store.put({"1/checkpoint": b"one"})
    tile_store.put({"1/checkpoint": b"two"})
    tile_store.put({"1/checkpoint": b"two"})
    assert tile_store.get("1/checkpoint") == b"two"


def test_a_folder_beside_a_file_of_like_name_is_another_path(tile_store: TileStore) -> None:
    tile_store.put({"1/tile/0/000.p/5": b"five", "1/tile/0/000": b"full"})
    assert tile_store.get("1/tile/0/000.p/5") == b"five"
    assert tile_store.get("1/tile/0/000.p") is None
    assert tile_store.get("1/checkpoint/5") is None


def test_files_are_listed_by_folder(tile_store: TileStore) -> None:
    paths = {f"1/checkpoints/{n}" for n in range(1_205)}
    tile_store.put(dict.fromkeys(paths | {"1/checkpoint", "10/checkpoints/1"}, b"x"))
    assert set(tile_store.list("1/checkpoints")) == paths
    assert list(tile_store.list("2")) == []


def test_deleted_files_are_gone_and_missing_ones_do_no_harm(tile_store: TileStore) -> None:
    tile_store.put({"1/tile/0/000.p/5": b"x", "1/tile/0/000.p/6": b"y"})
    tile_store.delete(["1/tile/0/000.p/5", "1/tile/0/000.p/4", "2/nothing"])
    assert list(tile_store.list("1")) == ["1/tile/0/000.p/6"]


def test_a_folder_takes_no_path_that_leads_out_of_it(tmp_path: Path) -> None:
    store = FolderTiles(tmp_path / "tlog")
    for path in ("../events.db", "/etc/passwd", "1/../../x"):
        with pytest.raises(ValueError, match="not a path"):
            store.get(path)


def test_half_written_files_are_not_listed(tmp_path: Path) -> None:
    store = FolderTiles(tmp_path / "tlog")
    store.put({"1/tile/0/000": b"x"})
    (tmp_path / "tlog/1/tile/0/001.77-1.new").write_bytes(b"half")
    assert list(store.list("1")) == ["1/tile/0/000"]


def test_a_file_is_replaced_by_whoever_saw_what_is_there(tile_store: TileStore) -> None:
    assert not tile_store.replace("1/checkpoint", b"zero", b"one")
    assert tile_store.replace("1/checkpoint", None, b"one")
    assert not tile_store.replace("1/checkpoint", None, b"other")
    assert not tile_store.replace("1/checkpoint", b"zero", b"other")
    assert tile_store.get("1/checkpoint") == b"one"
    assert tile_store.replace("1/checkpoint", b"one", b"two")
    assert tile_store.get("1/checkpoint") == b"two"
    assert list(tile_store.list("1")) == ["1/checkpoint"]


def test_of_many_that_saw_the_same_one_replaces_it(
    tile_store: TileStore, same_tiles: Callable[[], TileStore]
) -> None:
    """Each has a store of its own on the same place, as processes have."""
    stores = [same_tiles() for _ in range(4)]
    tile_store.put({"1/checkpoint": b"0"})

    def count_up(store: TileStore) -> int:
        done = 0
        while done < 25:
            seen = store.get("1/checkpoint") or b""
            done += store.replace("1/checkpoint", seen, b"%d" % (int(seen) + 1))
        return done

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(count_up, stores)) == [25] * 4
    assert tile_store.get("1/checkpoint") == b"100"
