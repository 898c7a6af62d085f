"""Group commit: all appends that wait at the same time go into one transaction.

A durable commit costs one fsync, whether it holds one event or a thousand. One thread takes
whatever has queued up while the last commit ran, so that the batch grows with the load and an
idle store answers at once. Where several callers shared the last commit, it waits GATHER_S for
more of them: on a quick disk it would otherwise fight the event loop for the interpreter over
batches of two or three. It knows nothing of SQL: an adapter hands in `commit_batch`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cahier_ledger.model import Append, Appended, LedgerClosed, StoreUnavailable
from cahier_ledger.planning import Outcome, check

_log = logging.getLogger(__name__)

QUEUE_APPENDS_MAX = 8_192
BATCH_APPENDS_MAX = 2_048
APPEND_MANY_MAX = 1_024
BLOCKING_WAIT_S_MAX = 60.0
GATHER_S = 0.01
"""A busy store may take this much longer to answer; `benchmarks ballots` says what it saves."""

CommitBatch = Callable[[Sequence[Append]], list[Outcome]]
OnBatch = Callable[[int, int, float], None]


@dataclass(slots=True, eq=False)
class _Item:
    """What one caller waits for: its appends, then their outcomes."""

    appends: Sequence[Append]
    loop: asyncio.AbstractEventLoop | None = None
    future: asyncio.Future[list[Outcome]] | None = None
    done: threading.Event | None = None
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class Counters:
    """Totals since the ledger was opened, for whoever meters it."""

    batches: int = 0
    appends: int = 0
    refused: int = 0
    events: int = 0
    seconds: float = 0.0


class GroupCommitter:
    """One writer thread behind one bounded queue. Thread-safe.

    commit_batch: stores a batch in one transaction and answers each append; called on the writer
    thread alone. If it raises, the whole batch is answered with StoreUnavailable.
    on_batch(n_appends, n_events, seconds): called on the writer thread after each batch.
    """

    def __init__(self, commit_batch: CommitBatch, *, on_batch: OnBatch | None = None) -> None:
        self._commit_batch = commit_batch
        self._on_batch = on_batch
        self._queue: deque[_Item] = deque()
        self._queued = 0
        self._room_wanted: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._changed = threading.Condition()
        self._closing = False
        self._crowded = False
        self.counters = Counters()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Appends in the queue."""
        return self._queued

    async def submit(self, appends: Sequence[Append]) -> list[Outcome]:
        """Outcomes in order. Waits while the queue is full. Raises LedgerClosed, or as `check`."""
        _check_all(appends)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        item = _Item(appends, loop=loop, future=future)
        while (room := self._offer(item, loop)) is not None:
            await room
        return await future

    def submit_blocking(self, appends: Sequence[Append]) -> list[Outcome]:
        """As submit, for worker threads; raises RuntimeError on an event loop's thread."""
        if _on_event_loop():
            raise RuntimeError("a blocking append on an event loop; use asyncio.to_thread")
        _check_all(appends)
        item = _Item(appends, done=threading.Event())
        deadline = time.monotonic() + BLOCKING_WAIT_S_MAX
        with self._changed:
            while not self._closing and self._is_full(len(appends)):
                if not self._changed.wait(deadline - time.monotonic()):
                    raise StoreUnavailable("the store's queue stayed full")
            self._push(item)
        if item.done is None or not item.done.wait(max(0.0, deadline - time.monotonic())):
            raise StoreUnavailable("the store did not answer in time")
        return item.outcomes

    def close(self) -> None:
        """Takes no more, finishes what was taken, ends the thread. May be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _offer(self, item: _Item, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None] | None:
        with self._changed:
            if self._closing or not self._is_full(len(item.appends)):
                self._push(item)
                return None
            room: asyncio.Future[None] = loop.create_future()
            self._room_wanted.append((loop, room))
            return room

    def _is_full(self, more: int) -> bool:
        return self._queued > 0 and self._queued + more > QUEUE_APPENDS_MAX

    def _push(self, item: _Item) -> None:
        if self._closing:
            raise LedgerClosed
        self._queue.append(item)
        self._queued += len(item.appends)
        self._changed.notify_all()

    def _run(self) -> None:
        while self._wait_for_work():
            if self._crowded:
                time.sleep(GATHER_S)
            items = self._take()
            self._crowded = len(items) > 1
            batch = [append for item in items for append in item.appends]
            self._answer(items, self._commit(batch))
        self._wake_all_for_room()

    def _wait_for_work(self) -> bool:
        """False once the queue is empty and nothing more may come."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            return bool(self._queue)

    def _take(self) -> list[_Item]:
        with self._changed:
            items: list[_Item] = []
            size = 0
            while self._queue and size + len(self._queue[0].appends) <= BATCH_APPENDS_MAX:
                item = self._queue.popleft()
                size += len(item.appends)
                items.append(item)
            self._queued -= size
            self._changed.notify_all()
        self._wake_all_for_room()
        return items

    def _commit(self, batch: list[Append]) -> list[Outcome]:
        started = time.perf_counter()
        try:
            outcomes = self._commit_batch(batch)
        except Exception as error:
            _log.exception("a batch failed")
            why = f"the store failed: {type(error).__name__}"
            outcomes = [StoreUnavailable(why) for _ in batch]
        self._count(outcomes, time.perf_counter() - started)
        return outcomes

    def _count(self, outcomes: list[Outcome], seconds: float) -> None:
        stored = [outcome for outcome in outcomes if isinstance(outcome, Appended)]
        n_events = sum(len(outcome.seqs) for outcome in stored)
        counters = self.counters
        counters.batches += 1
        counters.appends += len(stored)
        counters.refused += len(outcomes) - len(stored)
        counters.events += n_events
        counters.seconds += seconds
        if self._on_batch is None:
            return
        try:
            self._on_batch(len(outcomes), n_events, seconds)
        except Exception:
            _log.exception("the batch hook failed")

    def _answer(self, items: list[_Item], outcomes: list[Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Item]] = {}
        start = 0
        for item in items:
            item.outcomes = outcomes[start : start + len(item.appends)]
            start += len(item.appends)
            if item.done is not None:
                item.done.set()
            elif item.loop is not None:
                by_loop.setdefault(item.loop, []).append(item)
        for loop, group in by_loop.items():
            with suppress(RuntimeError):  # The loop was closed: its callers are gone.
                loop.call_soon_threadsafe(_settle, group)

    def _wake_all_for_room(self) -> None:
        with self._changed:
            wanted, self._room_wanted = self._room_wanted, []
        by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        for loop, room in wanted:
            by_loop.setdefault(loop, []).append(room)
        for loop, rooms in by_loop.items():
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_make_room, rooms)


def _check_all(appends: Sequence[Append]) -> None:
    if not 0 < len(appends) <= APPEND_MANY_MAX:
        raise ValueError(f"1 to {APPEND_MANY_MAX} appends at once, not {len(appends)}")
    for append in appends:
        check(append)


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _settle(group: list[_Item]) -> None:
    for item in group:
        if item.future is not None and not item.future.done():
            item.future.set_result(item.outcomes)


def _make_room(rooms: list[asyncio.Future[None]]) -> None:
    for room in rooms:
        if not room.done():
            room.set_result(None)
