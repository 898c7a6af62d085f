"""With several processes behind one address, nobody is ever shown a log that goes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.lock import Locked
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.receipts import Receipts
from cahier_ledger.log.served import ServedLog
from cahier_ledger.log.storage import TileStore

Same = Callable[[], TileStore]


def size(log: ServedLog) -> int:
    found = log.get("checkpoint")
    return -1 if found is None else parse_checkpoint(found.body)[0].size


async def grow(kept: Any, count: int) -> Locked:
    """Signs that many more leaves, and publishes nothing."""
    await kept.say(count)
    sequencer = kept.sequencer()
    sequencer.begin()
    while sequencer.take_in():
        pass
    sealed = sequencer.seal()
    assert sealed is not None
    return sealed


async def test_who_asks_one_process_after_another_sees_it_grow(
    kept: Any, tile_store: TileStore, same_tiles: Same
) -> None:
    kept.tiles = tile_store
    logs = [ServedLog("budget", same_tiles(), kept.locks) for _ in range(3)]
    for wanted in (7, 270, 600):
        await kept.say(wanted - kept.ledger.public_head())
        # Each has just looked, and may believe that it knows.
        before = [size(log) for log in logs]
        assert len(set(before)) == 1
        kept.carry()
        assert [size(log) for log in logs] == [wanted] * 3


async def test_the_tiles_of_a_checkpoint_are_served_by_every_process(
    kept: Any, tile_store: TileStore, same_tiles: Same
) -> None:
    """Whoever got the checkpoint from one process asks another for its tiles, and for receipts."""
    kept.tiles = tile_store
    one, other = (ServedLog("budget", same_tiles(), kept.locks) for _ in range(2))
    await kept.say(3)
    kept.carry()
    assert other.get("tile/0/000.p/3") is not None
    await kept.say(2)
    kept.carry()
    assert size(one) == 5
    assert other.get("tile/0/000.p/5") is not None
    assert other.get("tile/entries/000.p/5") is not None
    assert other.get("tile/0/000.p/6") is None
    receipt = Receipts(kept.ledger, other).receipt_of("leaf-5")
    assert parse_checkpoint(receipt.checkpoint)[0].size == 5


async def test_who_publishes_late_puts_no_older_checkpoint_over_a_newer_one(
    kept: Any, tile_store: TileStore, same_tiles: Same
) -> None:
    """Its turn passed after it had looked: the next process has signed and shown more."""
    kept.tiles = tile_store
    kept.carry()
    older = await grow(kept, 3)
    newer = await grow(kept, 4)

    def overtaken(step: str, done: bool) -> None:
        if not done:
            assert Publisher(same_tiles()).publish(newer, newer.checkpoint)

    late = Publisher(tile_store, hook=overtaken)
    assert not late.publish(older, older.checkpoint)
    assert size(kept.served()) == 7
    assert kept.served().history(newer) == [0, 3, 7]


async def test_publishers_that_race_never_show_less(
    kept: Any, tile_store: TileStore, same_tiles: Same
) -> None:
    kept.tiles = tile_store
    kept.carry()
    rows = [await grow(kept, 1) for _ in range(24)]
    seen: list[int] = []
    done = threading.Event()

    def watch() -> None:
        log = ServedLog("budget", same_tiles(), kept.locks)
        while not done.is_set():
            seen.append(size(log))

    def publish(store: TileStore, mine: list[Locked]) -> None:
        publisher = Publisher(store)
        for row in mine:
            publisher.publish(row, row.checkpoint)
            time.sleep(0.001)

    watching = threading.Thread(target=watch)
    watching.start()
    writers = [
        threading.Thread(target=publish, args=(same_tiles(), rows[place::3])) for place in range(3)
    ]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    done.set()
    watching.join(60)
    assert seen == sorted(seen)
    assert size(kept.served()) == 24


async def test_who_is_always_overtaken_gives_up(kept: Any) -> None:
    """As where two witnesses' words come and go in turn; the keeper tries again later."""
    kept.carry()
    row = await grow(kept, 3)
    others = iter(range(1_000))

    def meddle(step: str, done: bool) -> None:
        if not done:
            shown = kept.tiles.get("1/checkpoint").decode().split("— ")[0]
            foreign = f"— witness{next(others)}.example " + "A" * 100 + "\n"
            kept.tiles.put({"1/checkpoint": (shown + foreign).encode()})

    with pytest.raises(Exception, match="all the time"):
        Publisher(kept.tiles, hook=meddle).publish(row, row.checkpoint)
