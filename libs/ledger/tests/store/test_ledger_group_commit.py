"""Group commit: batches that grow with the load, a bounded queue, one wake-up a batch."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from cahier_ledger import writer
from cahier_ledger.model import Append, Appended, LedgerClosed, StoreUnavailable
from cahier_ledger.planning import Outcome
from cahier_ledger.writer import GroupCommitter


class Disk:
    """Stores nothing but remembers the batches; slow as long as it is held."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.fails = False
        self.total = 0
        self.asked = 0

    def commit(self, batch: Sequence[Append]) -> list[Outcome]:
        self.asked += 1
        self.free.wait(10)
        self.batches.append(len(batch))
        if self.fails:
            raise ValueError("a mistake of our own")
        first = self.total + 1
        self.total += len(batch)
        return [Appended((first + n,), ()) for n in range(len(batch))]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def committer(disk):
    committer = GroupCommitter(disk.commit)
    yield committer
    disk.free.set()
    committer.close()


async def settle(condition) -> None:
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


@pytest.fixture
async def busy(committer, disk, append):
    """The writer is held in a commit, so that everything submitted now queues up."""
    disk.free.clear()
    plug = asyncio.create_task(committer.submit([append("plug")]))
    await settle(lambda: disk.asked == 1)
    yield
    await plug


@pytest.mark.usefixtures("busy")
async def test_appends_that_wait_at_the_same_time_share_a_transaction(committer, disk, append):
    tasks = [asyncio.create_task(committer.submit([append(f"s{n}")])) for n in range(100)]
    await settle(lambda: committer.waiting == 100)
    disk.free.set()
    outcomes = await asyncio.gather(*tasks)
    assert disk.batches == [1, 100]
    assert [outcome[0].seqs[0] for outcome in outcomes] == list(range(2, 102))


@pytest.mark.usefixtures("busy")
async def test_after_a_shared_commit_the_writer_lets_appends_gather(
    committer, disk, append, monkeypatch
):
    monkeypatch.setattr(writer, "GATHER_S", 0.5)
    shared = [asyncio.create_task(committer.submit([append(f"s{n}")])) for n in range(2)]
    await settle(lambda: committer.waiting == 2)
    disk.free.set()
    await asyncio.gather(*shared)
    first = asyncio.create_task(committer.submit([append("first")]))
    await asyncio.sleep(0.05)
    await asyncio.gather(first, committer.submit([append("second")]))
    assert disk.batches == [1, 2, 2]


async def test_a_lone_caller_is_answered_at_once(committer, disk, append, monkeypatch):
    monkeypatch.setattr(writer, "GATHER_S", 60.0)
    for n in range(3):
        many = [append(f"{n} {part}") for part in range(10)]
        await asyncio.wait_for(committer.submit(many), 30)
    assert disk.batches == [10, 10, 10]


@pytest.mark.usefixtures("busy")
async def test_a_batch_wakes_each_loop_once(committer, disk, append, monkeypatch):
    loop = asyncio.get_running_loop()
    calls: list[object] = []
    original = loop.call_soon_threadsafe

    def counting(callback, *args, **options):
        calls.append(callback)
        return original(callback, *args, **options)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    tasks = [asyncio.create_task(committer.submit([append(f"s{n}")])) for n in range(100)]
    await settle(lambda: committer.waiting == 100)
    disk.free.set()
    await asyncio.gather(*tasks)
    assert len(calls) == len(disk.batches) == 2


@pytest.mark.usefixtures("busy")
async def test_a_batch_has_a_limit(committer, disk, append, monkeypatch):
    monkeypatch.setattr(writer, "BATCH_APPENDS_MAX", 30)
    monkeypatch.setattr(writer, "APPEND_MANY_MAX", 10)
    many = [append(f"s{n}") for n in range(10)]
    tasks = [asyncio.create_task(committer.submit(many)) for _ in range(20)]
    await settle(lambda: committer.waiting == 200)
    disk.free.set()
    await asyncio.gather(*tasks)
    assert disk.batches == [1, *[30] * 6, 20]


async def test_a_full_queue_makes_callers_wait_and_loses_none(committer, disk, append, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE_APPENDS_MAX", 5)
    disk.free.clear()
    tasks = [asyncio.create_task(committer.submit([append(f"s{n}")])) for n in range(50)]
    threads = [
        asyncio.create_task(asyncio.to_thread(committer.submit_blocking, [append(f"t{n}")]))
        for n in range(3)
    ]
    await asyncio.sleep(0.05)
    assert committer.waiting <= 5
    disk.free.set()
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, *threads), 10)
    assert sorted(outcome[0].seqs[0] for outcome in outcomes) == list(range(1, 54))


async def test_a_blocking_caller_gives_up_in_time(committer, disk, append, monkeypatch):
    monkeypatch.setattr(writer, "BLOCKING_WAIT_S_MAX", 0.05)
    disk.free.clear()
    with pytest.raises(StoreUnavailable):
        await asyncio.to_thread(committer.submit_blocking, [append("a")])
    monkeypatch.setattr(writer, "QUEUE_APPENDS_MAX", 1)
    waiting = asyncio.create_task(committer.submit([append("b")]))
    await asyncio.sleep(0.01)
    with pytest.raises(StoreUnavailable, match="stayed full"):
        await asyncio.to_thread(committer.submit_blocking, [append("c")])
    disk.free.set()
    await waiting


async def test_a_mistake_of_the_adapter_answers_its_batch_and_no_other(committer, disk, append):
    disk.fails = True
    outcome = (await committer.submit([append("a")]))[0]
    assert isinstance(outcome, StoreUnavailable)
    disk.fails = False
    assert (await committer.submit([append("a")]))[0] == Appended((1,), ())


async def test_too_many_appends_at_once_are_refused(committer, append):
    with pytest.raises(ValueError, match="at once"):
        await committer.submit([append("a")] * (writer.APPEND_MANY_MAX + 1))
    with pytest.raises(ValueError, match="at once"):
        await committer.submit([])


async def test_closing_answers_who_waits_for_room(committer, disk, append, monkeypatch):
    monkeypatch.setattr(writer, "QUEUE_APPENDS_MAX", 1)
    disk.free.clear()
    tasks = [asyncio.create_task(committer.submit([append(f"s{n}")])) for n in range(5)]
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(asyncio.to_thread(committer.close))
    await asyncio.sleep(0.02)
    disk.free.set()
    await asyncio.wait_for(closing, 30)
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 30)
    stored = [outcome for outcome in outcomes if isinstance(outcome, list)]
    assert 1 <= len(stored) == disk.total
    assert all(isinstance(o, LedgerClosed) for o in outcomes if not isinstance(o, list))


async def test_batches_are_counted_and_told(open_store, append):
    told: list[tuple[int, int]] = []

    def on_batch(n_appends: int, n_events: int, seconds: float) -> None:
        told.append((n_appends, n_events))
        assert seconds > 0
        raise ValueError("a hook's own mistake")

    store = open_store(on_batch=on_batch)
    await store.append_many([append("a", 0, 3), append("a"), append("b")])
    assert told == [(3, 4)]
    counters = store.counters
    assert (counters.batches, counters.appends, counters.refused, counters.events) == (1, 2, 1, 4)
    assert store.waiting == 0
