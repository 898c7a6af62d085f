"""Wakes whoever tails the store after each commit: relays and projections wait, nobody polls."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cahier_ledger.model import Heads, LedgerClosed

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Waiter:
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Heads]
    seq: int | None
    public_seq: int | None

    def is_passed_by(self, heads: Heads) -> bool:
        if self.seq is not None and heads.seq > self.seq:
            return True
        return self.public_seq is not None and heads.public_seq > self.public_seq


class Tail:
    """The heads as this process knows them, and who waits for them to move. Thread-safe."""

    def __init__(self, heads: Heads) -> None:
        self._heads = heads
        self._lock = threading.Lock()
        self._waiters: dict[_Waiter, None] = {}  # woken in the order in which they came
        self._subscribers: list[Callable[[Heads], None]] = []
        self._closed = False

    @property
    def heads(self) -> Heads:
        return self._heads

    def advance(self, heads: Heads) -> None:
        """Called after a commit, here or in another process; wakes each loop once.

        Heads that are already known change nothing: news may come twice and late.
        """
        with self._lock:
            if heads.seq <= self._heads.seq:
                return
            self._heads = heads
            passed = [waiter for waiter in self._waiters if waiter.is_passed_by(heads)]
            for waiter in passed:
                del self._waiters[waiter]
            subscribers = list(self._subscribers)
        _wake(passed, heads)
        for wake in subscribers:
            try:
                wake(heads)
            except Exception:
                _log.exception("a subscriber to commits failed")

    def subscribe(self, wake: Callable[[Heads], None]) -> Callable[[], None]:
        with self._lock:
            self._subscribers.append(wake)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._subscribers.remove(wake)

        return unsubscribe

    async def wait(
        self, *, seq: int | None = None, public_seq: int | None = None, timeout_s: float | None
    ) -> Heads:
        """The heads once either has passed its number, or after timeout_s whatever they are.

        Raises LedgerClosed once closed.
        """
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop, loop.create_future(), seq, public_seq)
        with self._lock:
            if self._closed:
                raise LedgerClosed
            if waiter.is_passed_by(self._heads):
                return self._heads
            self._waiters[waiter] = None
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter.future
        except TimeoutError:
            return self._heads
        finally:
            with self._lock:
                self._waiters.pop(waiter, None)

    def close(self) -> None:
        """Ends every wait with LedgerClosed."""
        with self._lock:
            self._closed = True
            waiters, self._waiters = list(self._waiters), {}
            self._subscribers.clear()
        _wake(waiters, None)


def _wake(waiters: list[_Waiter], heads: Heads | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.loop, []).append(waiter)
    for loop, group in by_loop.items():
        with suppress(RuntimeError):  # The loop was closed: nobody waits there any more.
            loop.call_soon_threadsafe(_resolve, group, heads)


def _resolve(group: list[_Waiter], heads: Heads | None) -> None:
    for waiter in group:
        if waiter.future.done():
            continue
        if heads is None:
            waiter.future.set_exception(LedgerClosed())
        else:
            waiter.future.set_result(heads)
