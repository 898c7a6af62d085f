"""Strangers' requests cost a log little, however many come."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cahier_ledger.log import served as served_module
from cahier_ledger.log.served import WALK_AGAIN_S, ServedLog
from cahier_ledger.log.storage import FolderTiles


class WatchedTiles(FolderTiles):
    """Counts walks through a folder, and how many go on at once.

    slow_s: so long each takes. go_on: while it is not set they stand still.
    """

    slow_s = 0.0
    walks = 0
    at_once = 0
    at_once_max = 0

    def __init__(self, tiles: Any) -> None:
        super().__init__(tiles._root)
        self._counting = threading.Lock()
        self.go_on = threading.Event()
        self.go_on.set()

    def list(self, prefix: str) -> Iterator[str]:
        with self._counting:
            self.walks += 1
            self.at_once += 1
            self.at_once_max = max(self.at_once_max, self.at_once)
        time.sleep(self.slow_s)
        assert self.go_on.wait(30)
        yield from super().list(prefix)
        with self._counting:
            self.at_once -= 1


@pytest.fixture
async def watched(kept: Any) -> tuple[Any, WatchedTiles, ServedLog]:
    """A log with a published checkpoint, and its files watched."""
    await kept.say(3)
    kept.carry()
    tiles = WatchedTiles(kept.tiles)
    return kept, tiles, ServedLog("budget", tiles, kept.locks)


def sizes(log: ServedLog) -> list[int]:
    found = log.get("checkpoints")
    assert found is not None
    return [int(line) for line in found.body.splitlines()]


async def test_the_list_of_checkpoints_is_made_once_a_second(watched: Any) -> None:
    kept, tiles, log = watched
    first = [sizes(log) for _ in range(50)]
    assert first == [[0, 3]] * 50
    assert tiles.walks == 1
    await kept.say(2)
    kept.carry()
    await asyncio.sleep(WALK_AGAIN_S)
    assert sizes(log) == [0, 3, 5]
    assert tiles.walks == 2


async def test_many_who_ask_at_once_share_one_walk(watched: Any) -> None:
    _, tiles, log = watched
    tiles.slow_s = 0.2
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(lambda _: sizes(log), range(16))) == [[0, 3]] * 16
        assert (tiles.walks, tiles.at_once_max) == (1, 1)
        await asyncio.sleep(WALK_AGAIN_S)
        list(threads.map(lambda _: sizes(log), range(16)))
    assert (tiles.walks, tiles.at_once_max) == (2, 1)


async def test_nobody_waits_for_a_walk_while_an_older_list_is_there(watched: Any) -> None:
    _, tiles, log = watched
    sizes(log)
    await asyncio.sleep(WALK_AGAIN_S)
    tiles.go_on.clear()
    with ThreadPoolExecutor(1) as other:
        walking = other.submit(sizes, log)
        while not tiles.at_once:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        try:
            assert await asyncio.to_thread(sizes, log) == [0, 3]
            assert not walking.done()
        finally:
            tiles.go_on.set()
        assert walking.result() == [0, 3]


async def test_a_walk_that_failed_is_tried_again(
    watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, tiles, log = watched

    def broken(_: str) -> Iterator[str]:
        raise OSError("gone")

    monkeypatch.setattr(tiles, "list", broken)
    with pytest.raises(OSError, match="gone"):
        sizes(log)
    monkeypatch.undo()
    assert sizes(log) == [0, 3]


async def test_the_served_list_has_a_bound_and_a_bundle_has_all(
    watched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _, log = watched
    monkeypatch.setattr(served_module, "SIZES_TOLD_MAX", 1)
    assert sizes(log) == [3]
    assert log.history(kept.locks.current("budget")) == [0, 3]
