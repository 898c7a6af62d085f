"""An event loop whose time is made up and whose order follows from a seed.

Each simulated process has a queue of its own, first in, first out, as asyncio promises; which
process goes next is drawn. When nobody can go on, time jumps to the next timer. A process that
has crashed never runs again: not its callbacks, not its `finally` blocks.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

STEPS_MAX = 1_000_000
STEP_S = 1e-6
VIRTUAL_S_MAX = 7_200.0


class Runaway(Exception):
    """A run takes more steps or more virtual time than any should: something spins or hangs."""


class Process:
    """One life of a simulated process; a restart is another one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.ready: deque[asyncio.Handle] = deque()

    def __repr__(self) -> str:
        return f"<{self.name}{'' if self.alive else ' (dead)'}>"


WORLD = Process("world")
PROCESS: ContextVar[Process] = ContextVar("simulated_process", default=WORLD)
"""Whose code is running; handed on to every task, timer and callback by its context."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """asyncio's loop with time, order and threads replaced; made for one run."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(f"order {seed}")
        self._now_s = 0.0
        self._runnable: list[Process] = []
        WORLD.ready.clear()
        self.steps = 0
        self.over = False
        self.connect: Callable[..., Any] | None = None
        self.run_thread: Callable[..., Any] | None = None

    def time(self) -> float:
        """Virtual seconds since the run began."""
        return self._now_s

    # -- what asyncio calls -------------------------------------------------------------------

    def _call_soon(
        self, callback: Any, args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    def call_soon_threadsafe(
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        if self.run_thread is None:
            raise RuntimeError("no threads in this simulation")
        return self.run_thread(func, *args)

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        if self.connect is None:
            raise OSError("no network in this simulation")
        return await self.connect(protocol_factory, host, port)

    def _process_events(self, event_list: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """Nobody sleeps in a selector, so nobody is woken."""

    def _run_once(self) -> None:
        if not self._runnable:
            self._advance()
        self._ring()
        if self._runnable:
            self._step()

    # -- how it goes on -----------------------------------------------------------------------

    def _enqueue(self, handle: asyncio.Handle) -> None:
        process = handle._context.get(PROCESS, WORLD)
        if process.alive and not self.over:
            if not process.ready:
                self._runnable.append(process)
            process.ready.append(handle)

    def _step(self) -> None:
        self.steps += 1
        self._now_s += STEP_S  # Nothing takes no time; code that waits for a moment relies on it.
        if self.steps > STEPS_MAX:
            raise Runaway(f"{STEPS_MAX} steps at {self._now_s:.1f} s")
        runnable = self._runnable
        place = self._random.randrange(len(runnable)) if len(runnable) > 1 else 0
        process = runnable[place]
        handle = process.ready.popleft() if process.ready else None
        if not process.ready:
            runnable[place] = runnable[-1]
            runnable.pop()
        if handle is not None and not handle._cancelled and process.alive:
            handle._run()

    def _advance(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        if not self._scheduled:
            raise Runaway(f"nothing will ever happen again, at {self._now_s:.1f} s")
        self._now_s = max(self._now_s, self._scheduled[0]._when)
        if self._now_s > VIRTUAL_S_MAX:
            raise Runaway(f"{VIRTUAL_S_MAX} virtual seconds and no end")

    def _ring(self) -> None:
        while self._scheduled and self._scheduled[0]._when <= self._now_s:
            handle = heapq.heappop(self._scheduled)
            handle._scheduled = False
            if not handle._cancelled:
                self._enqueue(handle)

    def bury(self, tasks: list[asyncio.Task[Any]]) -> None:
        """The run is over: ends what is still under way, whatever it says to that."""
        self.over = True
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = task.get_coro()
            if not task.done() and isinstance(coroutine, Coroutine):
                with suppress(BaseException):
                    coroutine.close()
        self._scheduled.clear()
        self._runnable.clear()

    def kill(self, process: Process) -> None:
        """Ends a process at once: what it had queued and planned is forgotten."""
        process.alive = False
        process.ready.clear()
