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
from contextvars import Context, ContextVar, copy_context
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
        self.ready: deque[Planned] = deque()

    def __repr__(self) -> str:
        return f"<{self.name}{'' if self.alive else ' (dead)'}>"


WORLD = Process("world")
PROCESS: ContextVar[Process] = ContextVar("simulated_process", default=WORLD)
"""Whose code is running; handed on to every task, timer and callback by its context."""


class Planned:
    """A callback that waits for its turn or its time: asyncio's Handle without its debugging.

    A run makes a few for each of its steps, so that they cost as much as what they call.
    """

    __slots__ = ("args", "callback", "context", "over", "when_s")

    def __init__(self, callback: Any, args: Any, context: Context, when_s: float = 0.0) -> None:
        self.callback = callback
        self.args = args
        self.context = context
        self.when_s = when_s
        self.over = False

    def cancel(self) -> None:
        self.over = True
        self.callback = self.args = None

    def cancelled(self) -> bool:
        return self.over

    def when(self) -> float:
        return self.when_s


class SimulatedLoop(asyncio.BaseEventLoop):
    """asyncio's loop with time, order and threads replaced; made for one run."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(f"order {seed}")
        self._now_s = 0.0
        self._runnable: list[Process] = []
        self._later: list[tuple[float, int, Planned]] = []
        self._timers = 0
        WORLD.ready.clear()
        self.steps = 0
        self.over = False
        self.connect: Callable[..., Any] | None = None
        self.run_thread: Callable[..., Any] | None = None

    def time(self) -> float:
        """Virtual seconds since the run began."""
        return self._now_s

    # -- what asyncio calls -------------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Planned:
        planned = Planned(callback, args, copy_context() if context is None else context)
        self._enqueue(planned)
        return planned

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Planned:
        context = copy_context() if context is None else context
        planned = Planned(callback, args, context, when)
        self._timers += 1
        heapq.heappush(self._later, (when, self._timers, planned))
        return planned

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Planned:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

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
        while not self._stopping:
            if not self._runnable:
                self._advance()
            if self._later and self._later[0][0] <= self._now_s:
                self._ring()
            if self._runnable:
                self._step()

    # -- how it goes on -----------------------------------------------------------------------

    def _enqueue(self, planned: Planned) -> None:
        process = planned.context.get(PROCESS, WORLD)
        if process.alive and not self.over:
            if not process.ready:
                self._runnable.append(process)
            process.ready.append(planned)

    def _step(self) -> None:
        self.steps += 1
        self._now_s += STEP_S  # Nothing takes no time; code that waits for a moment relies on it.
        if self.steps > STEPS_MAX:
            raise Runaway(f"{STEPS_MAX} steps at {self._now_s:.1f} s")
        runnable = self._runnable
        place = self._random.randrange(len(runnable)) if len(runnable) > 1 else 0
        process = runnable[place]
        planned = process.ready.popleft() if process.ready else None
        if not process.ready:
            runnable[place] = runnable[-1]
            runnable.pop()
        if planned is not None and not planned.over:
            _call(planned)

    def _advance(self) -> None:
        later = self._later
        while later and later[0][2].over:
            heapq.heappop(later)
        if not later:
            raise Runaway(f"nothing will ever happen again, at {self._now_s:.1f} s")
        self._now_s = max(self._now_s, later[0][0])
        if self._now_s > VIRTUAL_S_MAX:
            raise Runaway(f"{VIRTUAL_S_MAX} virtual seconds and no end")

    def _ring(self) -> None:
        later = self._later
        while later and later[0][0] <= self._now_s:
            planned = heapq.heappop(later)[2]
            if not planned.over:
                self._enqueue(planned)

    def bury(self, tasks: list[asyncio.Task[Any]]) -> None:
        """The run is over: ends what is still under way, whatever it says to that."""
        self.over = True
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            coroutine = task.get_coro()
            if not task.done() and isinstance(coroutine, Coroutine):
                with suppress(BaseException):
                    coroutine.close()
        self._later.clear()
        self._runnable.clear()

    def kill(self, process: Process) -> None:
        """Ends a process at once: what it had queued and planned is forgotten."""
        process.alive = False
        process.ready.clear()


def _call(planned: Planned) -> None:
    """Whatever a callback raises is its own affair, as in any loop that nobody listens to."""
    try:
        planned.context.run(planned.callback, *planned.args)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException:
        return
