"""Background tasks that somebody notices: a task that ends unasked takes its unit down.

A supervisor outside then starts the unit again from its log: simpler and safer than repairing a
half-alive process from within.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from cahier_chassis.logs import get_logger

_LOG = get_logger(__name__)

Work = Callable[[], Coroutine[Any, Any, Any]]


class Supervisor:
    """Runs named tasks; `died` is set when one ends before `release`, and `dead` names it."""

    def __init__(self) -> None:
        self.died = asyncio.Event()
        self.dead = ""
        self._tasks: dict[asyncio.Task[Any], str] = {}
        self._released = False

    def start(self, name: str, work: Work) -> None:
        """Runs `work()` in a task."""
        task = asyncio.create_task(work(), name=name)
        self._tasks[task] = name
        task.add_done_callback(self._on_done)

    def release(self) -> None:
        """From now on tasks may end."""
        self._released = True

    async def finish(self, names: Collection[str]) -> None:
        """Waits until the tasks of these names have ended."""
        tasks = [task for task, name in self._tasks.items() if name in names]
        if tasks:
            await asyncio.wait(tasks)

    async def cancel(self) -> None:
        """Cancels all tasks and waits until they have ended."""
        self.release()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        name = self._tasks.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is None and self._released:
            return
        _LOG.error("task_died", task=name, exc_info=error)
        if not self._released:
            self.dead = self.dead or name
            self.died.set()
