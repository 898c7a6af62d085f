"""Threads that take turns at drawn moments: the same seed, the same races.

While a simulation runs, `threading`'s locks, conditions, events and threads are these, so that
the ledger's writer thread, `asyncio.to_thread` and every lock run as they are. A thread is a
greenlet of the loop's thread; it hands over only where it blocks or reaches for the disk, and
comes back after a drawn delay.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import greenlet

from tests.simulation.loop import PROCESS, Planned, SimulatedLoop

START_S_MEAN = 0.0004
RESUME_S_MEAN = 0.0002


class Stuck(Exception):
    """Code on the event loop waits for a thread that will not go on: a deadlock."""


class ProcessDied(BaseException):
    """Raised into a thread at the moment in which its process dies."""


class Worker:
    """One simulated thread."""

    def __init__(self, threads: Threads, run: Callable[[], Any]) -> None:
        self._threads = threads
        self._run = run
        self._context = contextvars.copy_context()
        self._greenlet = greenlet.greenlet(self._main, parent=threads.hub)
        self._greenlet.gr_context = contextvars.copy_context()
        self._wake: Planned | None = None
        self.finished = False
        self.waiters: list[Worker] = []

    def wake(self, mean_s: float = RESUME_S_MEAN) -> None:
        """Lets it go on after a drawn delay."""
        self.wake_in(self._threads.random.expovariate(1 / mean_s))

    def wake_in(self, delay_s: float) -> None:
        """Lets it go on after exactly this time, unless it does so before."""
        loop = self._threads.loop
        if self.finished:
            return
        if self._wake is not None:
            if self._wake.when() <= loop.time() + delay_s:
                return
            self._wake.cancel()
        self._wake = loop.call_later(delay_s, self.resume, context=self._context)

    @property
    def is_on_its_way(self) -> bool:
        return self._wake is not None

    def resume(self) -> None:
        """Goes on now, until it blocks again or ends; called from the loop's own greenlet."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        threads = self._threads
        before, threads.current = threads.current, self
        asyncio._set_running_loop(None)
        try:
            self._greenlet.switch()
        finally:
            asyncio._set_running_loop(threads.loop)
            threads.current = before

    def block(self) -> None:
        """Hands over; comes back when somebody wakes it."""
        self._threads.hub.switch()

    def end(self) -> None:
        """Raises GreenletExit where it stands, until it is over."""
        while not self.finished and not self._greenlet.dead:
            before, self._threads.current = self._threads.current, self
            try:
                self._greenlet.throw()
            finally:
                self._threads.current = before
            if not self._greenlet:  # It had not begun.
                break

    def _main(self) -> None:
        try:
            self._run()
        except (ProcessDied, greenlet.GreenletExit):
            pass
        except Exception as error:
            self._threads.crashed.append(error)
        finally:
            self.finished = True
            for waiter in self.waiters:
                waiter.wake()


class Threads:
    """All threads of one run."""

    def __init__(self, loop: SimulatedLoop, seed: int) -> None:
        self.loop = loop
        self.random = random.Random(f"threads {seed}")
        self.hub = greenlet.getcurrent()
        self.current: Worker | None = None
        self.crashed: list[Exception] = []
        self.preempt_chance = 0.0
        self._kept: list[Worker] = []
        loop.run_thread = self.submit

    def submit(self, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """The loop's executor: as many threads as there are calls."""
        future: asyncio.Future[Any] = self.loop.create_future()

        def run() -> None:
            try:
                result = func(*args)
            except Exception as error:
                self.loop.call_soon(_fail, future, error)
            else:
                self.loop.call_soon(_succeed, future, result)

        self.start(run)
        return future

    def start(self, run: Callable[[], Any]) -> Worker:
        """A new thread, which begins after a drawn delay."""
        worker = Worker(self, run)
        self._kept.append(worker)
        if len(self._kept) > 2_000:
            self._kept = [each for each in self._kept if not each.finished]
        worker.wake(START_S_MEAN)
        return worker

    def bury(self) -> None:
        """The run is over: ends all threads that never ended."""
        for worker in self._kept:
            worker.end()
        self._kept.clear()

    def preempt(self) -> None:
        """A moment at which another thread may come between."""
        worker = self.current
        if worker is not None and self.random.random() < self.preempt_chance:
            worker.wake()
            worker.block()

    def sleep(self, seconds: float) -> None:
        worker = self.current
        if worker is None:
            raise Stuck("time.sleep on the event loop")
        worker.wake_in(seconds)
        worker.block()


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


class Lock:
    """threading.Lock: contended, a thread waits in line; the event loop makes the owner hurry."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._held = False
        self._owner: Worker | None = None
        self._queue: list[Worker] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._held and not blocking:
            return False
        if self._held:
            self._wait()
        self._held = True
        self._owner = self._threads.current
        return True

    def _wait(self) -> None:
        worker = self._threads.current
        if worker is None:
            for _ in range(10_000):
                if not self._held:
                    return
                if self._owner is None or not self._owner.is_on_its_way:
                    raise Stuck("the event loop waits for a lock whose owner is blocked")
                self._owner.resume()
            raise Stuck("a lock is never let go")
        while self._held:
            self._queue.append(worker)
            worker.block()

    def release(self) -> None:
        if not self._held:
            raise RuntimeError("release unlocked lock")
        self._held = False
        self._owner = None
        if self._queue:
            self._queue.pop(0).wake()

    def locked(self) -> bool:
        return self._held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *error: object) -> None:
        self.release()


class RLock(Lock):
    """threading.RLock."""

    def __init__(self, threads: Threads) -> None:
        super().__init__(threads)
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._held and self._owner is self._threads.current:
            self._depth += 1
            return True
        if not super().acquire(blocking, timeout):
            return False
        self._depth = 1
        return True

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            super().release()


class Condition:
    """threading.Condition, for threads; the event loop may notify but not wait."""

    def __init__(self, threads: Threads, lock: Any = None) -> None:
        self._threads = threads
        self._lock = lock if lock is not None else Lock(threads)
        self._waiting: list[Worker] = []
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __enter__(self) -> bool:
        return bool(self._lock.acquire())

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        worker = self._threads.current
        if worker is None:
            raise Stuck("a condition is waited for on the event loop")
        self._waiting.append(worker)
        self._lock.release()
        if timeout is not None:
            worker.wake_in(timeout)
        worker.block()
        notified = worker not in self._waiting
        if not notified:
            self._waiting.remove(worker)
        self._lock.acquire()
        return notified

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        while not predicate():
            if not self.wait(timeout) and timeout is not None:
                return predicate()
        return True

    def notify(self, n: int = 1) -> None:
        for _ in range(min(n, len(self._waiting))):
            self._waiting.pop(0).wake()

    def notify_all(self) -> None:
        self.notify(len(self._waiting))


class Event:
    """threading.Event."""

    def __init__(self, threads: Threads) -> None:
        self._condition = Condition(threads)
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._condition.notify_all()

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            with self._condition:
                self._condition.wait(timeout)
        return self._set


class Thread:
    """threading.Thread as far as anybody here uses it."""

    def __init__(
        self,
        threads: Threads,
        target: Callable[..., Any],
        name: str = "",
        args: tuple[Any, ...] = (),
        daemon: bool | None = None,
    ) -> None:
        self._threads = threads
        self._run = lambda: target(*args)
        self._worker: Worker | None = None
        self.name = name
        self.daemon = daemon

    def start(self) -> None:
        self._worker = self._threads.start(self._run)

    def is_alive(self) -> bool:
        return self._worker is not None and not self._worker.finished

    def join(self, timeout: float | None = None) -> None:
        worker, me = self._worker, self._threads.current
        if worker is None or worker.finished:
            return
        if me is None:
            raise Stuck(f"the event loop joins the thread {self.name}")
        worker.waiters.append(me)
        me.block()


class Patches:
    """Attributes that are others while a simulation runs."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def set(self, target: Any, name: str, value: Any) -> None:
        self._before.append((target, name, getattr(target, name)))
        setattr(target, name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        while self._before:
            target, name, value = self._before.pop()
            setattr(target, name, value)


@contextmanager
def simulated_threads(threads: Threads) -> Iterator[None]:
    """`threading` and `time` as the simulation has them, until the block ends."""
    loop = threads.loop
    with Patches() as patches:
        patches.set(threading, "Lock", lambda: Lock(threads))
        patches.set(threading, "RLock", lambda: RLock(threads))
        patches.set(threading, "Condition", lambda lock=None: Condition(threads, lock))
        patches.set(threading, "Event", lambda: Event(threads))
        patches.set(threading, "Thread", lambda **options: Thread(threads, **options))
        for name in ("monotonic", "perf_counter"):
            patches.set(time, name, loop.time)
        patches.set(time, "time", lambda: EPOCH_S + loop.time())
        patches.set(time, "sleep", threads.sleep)
        yield


EPOCH_S = 1_772_366_400.0
"""Virtual time zero: 2026-03-01 12:00 UTC."""

__all__ = ["EPOCH_S", "PROCESS", "Patches", "ProcessDied", "Threads", "simulated_threads"]
