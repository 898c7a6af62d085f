"""A log whose files move from the folder into the store keeps its whole history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cahier_ledger.log import carrying
from cahier_ledger.log.carrying import carry_over
from cahier_ledger.log.storage import TileStore
from cahier_ledger.model import StoreUnavailable


async def grown(kept: Any) -> None:
    """A log of several checkpoints, with full and partial files."""
    for count in (1, 300, 20):
        await kept.say(count)
        kept.carry()


def contents(tiles: TileStore, *folders: str) -> dict[str, bytes | None]:
    return {path: tiles.get(path) for folder in folders for path in tiles.list(folder)}


async def test_all_files_are_in_the_store_and_the_log_goes_on(
    kept: Any, database_tiles: TileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "FILES_AT_ONCE", 3)
    await grown(kept)
    kept.tiles.put({"policies/abc": b"quorum none\n"})
    before = contents(kept.tiles, "1", "policies")
    assert carry_over(kept.tiles, database_tiles) == len(before)
    assert contents(database_tiles, "1", "policies") == before
    kept.tiles = database_tiles
    await kept.say(5)
    assert kept.carry() == 326
    row = kept.locks.current("budget")
    assert kept.served().history(row) == [0, 1, 301, 321, 326]


class Failing:
    """A store whose writes fail from the given one on."""

    def __init__(self, tiles: TileStore, writes: int) -> None:
        self._tiles, self._writes = tiles, writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tiles, name)

    def put(self, files: Mapping[str, bytes]) -> None:
        self._writes -= 1
        if self._writes < 0:
            raise StoreUnavailable("the disk is full")
        self._tiles.put(files)


async def test_who_was_stopped_in_between_begins_again(
    kept: Any, database_tiles: TileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "FILES_AT_ONCE", 2)
    await grown(kept)
    before = contents(kept.tiles, "1")
    for writes in range(len(before) // 2):
        with pytest.raises(StoreUnavailable):
            carry_over(kept.tiles, Failing(database_tiles, writes))  # type: ignore[arg-type]
        assert database_tiles.get("1/checkpoint") is None
    assert carry_over(kept.tiles, database_tiles) == len(before)
    assert contents(database_tiles, "1") == before


async def test_a_store_that_serves_a_log_takes_nothing_from_an_old_folder(
    kept: Any, database_tiles: TileStore
) -> None:
    await grown(kept)
    carry_over(kept.tiles, database_tiles)
    old = kept.tiles
    kept.tiles = database_tiles
    await kept.say(7)
    kept.carry()
    newest = database_tiles.get("1/checkpoint")
    assert carry_over(old, database_tiles) == 0
    assert database_tiles.get("1/checkpoint") == newest


async def test_a_folder_without_a_log_carries_nothing(kept: Any, database_tiles: TileStore) -> None:
    assert carry_over(kept.tiles, database_tiles) == 0
    assert list(database_tiles.list("1")) == []
