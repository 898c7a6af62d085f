"""How the long-running parts of the bus say that they are well, waiting, or in need of a person.

Nothing here depends on a metrics library: whoever runs a part hands in a BusObserver and turns
its calls into metrics and alarms.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

BACKOFF_FIRST_S = 0.05
BACKOFF_MAX_S = 2.0


class State(Enum):
    """What a relay, projection or reaction is doing."""

    STARTING = "starting"
    RUNNING = "running"
    STALLED = "stalled"  # something is missing or down; it tries again by itself
    STANDBY = "standby"  # another process does it; this one takes over when that one ends
    STOPPED = "stopped"  # it will not go on until a person has acted


@dataclass(frozen=True, slots=True)
class Health:
    """A part's state and, unless it runs, the reason in one line (never personal data)."""

    state: State = State.STARTING
    reason: str = ""

    @property
    def is_well(self) -> bool:
        """Whether the part's work is done, here or in another process."""
        return self.state in (State.RUNNING, State.STANDBY)


class BusObserver:
    """Hooks for metrics and alarms; every method does nothing until it is overridden.

    All are called on the event loop and must return at once.
    """

    def relayed(self, service: str, relayed: int, head: int) -> None:
        """The stream now holds everything up to public_seq `relayed`; the store has `head`."""

    def projected(self, name: str, position: int, events: int) -> None:
        """A view has taken in `events` more and stands at `position`."""

    def handled(self, name: str, attempt: int) -> None:
        """A reaction handled an event at its `attempt`-th delivery (1 = the first)."""

    def failed(self, name: str, attempt: int) -> None:
        """A reaction's handler failed at its `attempt`-th delivery."""

    def health_changed(self, name: str, health: Health) -> None:
        """A part's state or reason changed; STALLED and STOPPED deserve an alarm."""


class Watched:
    """Keeps a part's health and tells the log and the observer when it changes."""

    def __init__(self, name: str, observer: BusObserver, log: logging.Logger) -> None:
        self.name = name
        self.health = Health()
        self._observer = observer
        self._log = log

    def running(self) -> None:
        self._change(Health(State.RUNNING), logging.INFO)

    def standby(self) -> None:
        self._change(Health(State.STANDBY), logging.INFO)

    def stalled(self, reason: str) -> None:
        self._change(Health(State.STALLED, reason), logging.WARNING)

    def stopped(self, reason: str) -> None:
        self._change(Health(State.STOPPED, reason), logging.ERROR)

    def _change(self, health: Health, level: int) -> None:
        if health == self.health:
            return
        self.health = health
        self._log.log(level, "%s is %s %s", self.name, health.state.value, health.reason)
        self._observer.health_changed(self.name, health)


def backoff_s(first_s: float = BACKOFF_FIRST_S, max_s: float = BACKOFF_MAX_S) -> Iterator[float]:
    """Waiting times that double from first_s up to max_s, without end."""
    wait_s = first_s
    while True:
        yield wait_s
        wait_s = min(wait_s * 2, max_s)


class Plain(Exception):
    """An error whose text is our own and quotes nothing: it may be shown as it is."""


def whence(error: BaseException) -> str:
    """An error's kind and place, without its text, which may quote what people wrote.

    Of a Plain error the text is told; of the system's and SQLite's what their codes mean.
    """
    if isinstance(error, Plain):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    meaning = _meaning(error) or _meaning(error.__cause__)
    return f"{type(error).__name__}{place}{meaning}"


def _meaning(error: BaseException | None) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return f": {os.strerror(error.errno)}"
    if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorname"):
        return f": {error.sqlite_errorname}"
    return ""


def heed_cancel() -> None:
    """Raises CancelledError if the current task has been cancelled but has not noticed.

    `asyncio.wait_for` of Python 3.11, which nats-py waits with, swallows a cancellation that
    meets its result; a loop that does not look would then go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
