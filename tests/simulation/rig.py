"""One part of the ledger on a simulated machine, run to its end while one chosen step fails.

A part is run once without faults, counting its steps: each statement of SQLite and each message
to the broker. Then it is run again for every step, and that step fails; the part tries again, or
is started again when its process has died, and must end in the very same state.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any

from tests.simulation.disk import Fault, Statement
from tests.simulation.loop import PROCESS, Process
from tests.simulation.machine import Machine
from tests.simulation.run import MEMORY

PART_S_MAX = 900.0
RESTART_S = 0.2
LOOK_EVERY_S = 0.25


class Part(ABC):
    """What is tried. `prepare` and `state` run outside of the process, without faults."""

    name = "part"

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder

    async def prepare(self) -> None:  # noqa: B027
        """What is there before the process starts; nothing, unless a part says otherwise."""

    @abstractmethod
    async def main(self) -> None:
        """The process, from its start; a later life begins here again."""

    @abstractmethod
    def is_done(self) -> bool:
        """Whether all has been done, read from outside."""

    @abstractmethod
    def state(self) -> Any:
        """All that must not depend on the faults."""


class Steps:
    """Counts steps, and spoils one of them."""

    def __init__(self, spoilt: int = -1, fault: Fault = Fault.NONE) -> None:
        self.names: list[str] = []
        self._spoilt = spoilt
        self._fault = fault
        self.active = False

    def of_disk(self, statement: Statement) -> Fault:
        if statement.process.name != "part" or statement.kind == "rollback":
            return Fault.NONE
        return self._take(f"{statement.file} {statement.kind}: {' '.join(statement.sql.split())}")

    def of_bus(self, machine: Machine, process: Process, subject: str) -> Fault:
        """As Session understands it: a death goes with a message that came or did not."""
        if process.name != "part":
            return Fault.NONE
        fault = self._take(f"broker: {subject}")
        if fault is Fault.DIED_BEFORE:
            machine.kill(process)
            return Fault.FAILED
        if fault is Fault.DIED_AFTER:
            machine.loop.call_soon(machine.kill, process)
            return Fault.NONE
        return fault

    def _take(self, name: str) -> Fault:
        if not self.active:
            return Fault.NONE
        self.names.append(name)
        return self._fault if len(self.names) - 1 == self._spoilt else Fault.NONE


def run_part(make: Callable[[Machine, Path], Part], steps: Steps) -> Any:
    """The state in which the part ends; raises TimeoutError when it does not."""
    where = MEMORY if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="cahier-faults-", dir=where))
    try:
        with Machine(1, judge=steps.of_disk) as machine:
            machine.bus_judge = partial(steps.of_bus, machine)
            machine.start_broker()
            return machine.run(_live(machine, make(machine, folder), steps))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _live(machine: Machine, part: Part, steps: Steps) -> Any:
    await part.prepare()
    steps.active = True
    world = copy_context()

    def start() -> None:
        process = Process("part")
        context = copy_context()
        context.run(PROCESS.set, process)
        task = machine.loop.create_task(_one_life(machine, part, process), context=context)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    def again(process: Process) -> None:
        machine.loop.call_later(RESTART_S, start, context=world)

    machine.on_death = again
    start()
    async with asyncio.timeout(PART_S_MAX):
        while not part.is_done():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY_S)
    steps.active = False
    machine.on_death = lambda process: None
    return part.state()


async def _one_life(machine: Machine, part: Part, process: Process) -> None:
    try:
        await part.main()
    finally:
        machine.kill(process)
