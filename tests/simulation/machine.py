"""The simulated machine: loop, threads, network, disk and broker of one run, from one seed."""

from __future__ import annotations

import asyncio
import gc
import math
import os
import random
import sys
import warnings
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from typing import Any, TypeVar

import anyio._backends._asyncio  # loaded late it would meet our threads
import anyio.to_thread
import faststream._internal.broker.registrator as registrator

from tests.simulation.broker import Broker, BusJudge, Chance, kindly
from tests.simulation.disk import Disk, Fault, Judge, Statement
from tests.simulation.jetstream import JetStream
from tests.simulation.loop import PROCESS, Process, SimulatedLoop
from tests.simulation.network import Network
from tests.simulation.numbered import InOrder, NumberedTask
from tests.simulation.threads import Patches, ProcessDied, Threads, simulated_threads

BROKER_HOST = "broker"
BROKER_URL = f"nats://{BROKER_HOST}:4222"

T = TypeVar("T")


def _kind_disk(statement: Statement) -> Fault:
    return Fault.NONE


class Machine:
    """Everything below the services. Use it as a context, then `run` one coroutine."""

    def __init__(
        self, seed: int, *, judge: Judge = _kind_disk, delay_s_max: float = math.inf
    ) -> None:
        self.seed = seed
        self.loop = SimulatedLoop(seed)
        self.threads = Threads(self.loop, seed)
        self.network = Network(self.loop, seed)
        self.chance = Chance(random.Random(f"deliveries {seed}"))
        self.bus = JetStream(self.loop.time, delay_s_max)
        self.broker: Broker | None = None
        self.bus_judge: BusJudge = kindly
        self.on_death: Callable[[Process], None] = lambda process: None
        self._broker_process: Process | None = None
        self.disk = Disk(judge, before=self.threads.preempt, die=self._die)
        self._random = random.Random(f"bytes {seed}")
        self._stack = ExitStack()
        self.tasks: list[asyncio.Task[Any]] = []
        self._made = 0

    def __enter__(self) -> Machine:
        gc.disable()
        gc.freeze()  # so that burying one run does not look through everything else
        self._stack.enter_context(simulated_threads(self.threads))
        self._stack.enter_context(self.disk.watched())
        patches = self._stack.enter_context(Patches())
        patches.set(os, "urandom", self._random.randbytes)
        patches.set(random, "_urandom", self._random.randbytes)
        patches.set(anyio.to_thread, "run_sync", self._run_sync)
        patches.set(registrator, "WeakSet", InOrder)
        random.seed(self.seed)
        self.loop.set_task_factory(self._make_task)
        self.loop.set_exception_handler(lambda loop, context: None)
        return self

    def __exit__(self, *error: object) -> None:
        with _silence():
            self.on_death = lambda process: None
            self.loop.bury(self.tasks)
            self.threads.bury()
            self.tasks.clear()
            self.network.connections.clear()
            self.broker = None
            self.disk.close_all()
            self._stack.close()
            self.loop.close()
            gc.collect()
        gc.unfreeze()
        gc.enable()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs until `main` is done; raises what it raises, and Runaway."""
        return self.loop.run_until_complete(main)

    # -- processes ----------------------------------------------------------------------------

    def kill(self, process: Process) -> None:
        """SIGKILL: no more instruction, its connections and files are closed by the system."""
        if process.alive:
            self.loop.kill(process)
            self.network.lose(process)
            self.disk.lose(process)
            self.on_death(process)

    def _die(self, process: Process) -> None:
        """The statement at work was the last: a thread stands still for ever, a task cannot."""
        self.kill(process)
        while self.threads.current is not None:
            self.threads.current.block()
        raise ProcessDied

    # -- the broker ---------------------------------------------------------------------------

    def start_broker(self) -> None:
        """Starts the server on what it stored before."""
        self._broker_process = Process("broker")
        context = copy_context()
        context.run(PROCESS.set, self._broker_process)
        self.broker = Broker(self.bus, self.chance, self.bus_judge)
        context.run(self.network.listen, BROKER_HOST, self.broker.accept)

    def kill_broker(self) -> None:
        """Ends the server: connections are cut, what it had only in memory is gone."""
        if self._broker_process is None:
            return
        self.network.close(BROKER_HOST)
        self.loop.kill(self._broker_process)
        self._broker_process = None
        self.broker = None
        for connection in list(self.network.connections):
            connection.cut()

    async def _run_sync(self, func: Callable[..., Any], *args: Any, **_: Any) -> Any:
        """anyio's way into a thread, which FastStream takes."""
        return await self.threads.submit(func, *args)

    # -- housekeeping -------------------------------------------------------------------------

    def _make_task(self, loop: Any, coroutine: Any, context: Any = None) -> asyncio.Task[Any]:
        """Keeps every task: a dead process's must not be collected, for that would run it on."""
        self._made += 1
        task = NumberedTask(self._made, coroutine, loop=loop, context=context)
        self.tasks.append(task)
        if len(self.tasks) > 5_000:
            self.tasks = [each for each in self.tasks if not each.done()]
        return task


@contextmanager
def _silence() -> Any:
    """What the dead say while they are buried is nobody's concern."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = before
