"""Whether a PostgreSQL that holds its connections still answers on them.

A server that is stopped, or a machine that hangs, breaks no connection: a query on it waits for
ever, and the server's own timeouts are part of what has stopped. So every wait is bounded here, on
the client's side; and once somebody has found the server silent, nobody else begins to wait for
it. Whoever listens for commits feels the pulse each second.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from functools import lru_cache
from typing import Any, Self, TypeVar

import psycopg

ANSWER_S_MAX = 30.0
"""Longest wait for an answer: longer than the server itself lets a statement wait for a lock."""
LOOK_S_MAX = 3.0
"""As long as an answer to the shortest question may take before the server counts as silent."""
STEP_S = 0.1

T = TypeVar("T")


class ServerSilent(psycopg.OperationalError):
    """The server did not answer in time; its connection is given up."""


class Pulse:
    """What this process knows of one server. Thread-safe: one flag, set and read."""

    def __init__(self) -> None:
        self._silent = False

    @property
    def silent(self) -> bool:
        """Whether it was found silent and has not answered since."""
        return self._silent

    def beat(self) -> None:
        """It answered, or its silence is not known any more."""
        self._silent = False

    def missed(self) -> None:
        """It holds connections and answers none."""
        self._silent = True

    def reason(self) -> str:
        """For people: why nothing can be read, or ""."""
        return "the database server does not answer" if self._silent else ""


@lru_cache(maxsize=256)
def pulse_of(dsn: str) -> Pulse:
    """The one Pulse of a server in this process."""
    return Pulse()


class BoundedConnection(psycopg.Connection[Any]):
    """A connection on which no wait is longer than `answer_s` seconds.

    heeds: gives up at once, too, when the server is found silent meanwhile. Raises ServerSilent.
    """

    answer_s: float = ANSWER_S_MAX
    heeds: Pulse | None = None

    def bounded(self, answer_s: float, heeds: Pulse | None) -> Self:
        """This connection, from now on with these bounds."""
        self.answer_s, self.heeds = answer_s, heeds
        return self

    def wait(self, gen: Any, interval: float = STEP_S, timeout: float | None = None) -> Any:
        try:
            return super().wait(self._watched(gen), min(interval, STEP_S), timeout)
        except ServerSilent:
            self.pgconn.finish()
            raise

    def _watched(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same waiting; whoever drives it comes by at least every STEP_S."""
        deadline_s = time.monotonic() + self.answer_s
        try:
            ready = yield next(gen)
            while True:
                if not ready and self._is_over(deadline_s):
                    raise ServerSilent("the server did not answer in time")
                ready = yield gen.send(ready)
        except StopIteration as done:
            value: T = done.value
            return value

    def _is_over(self, deadline_s: float) -> bool:
        return time.monotonic() > deadline_s or (self.heeds is not None and self.heeds.silent)
