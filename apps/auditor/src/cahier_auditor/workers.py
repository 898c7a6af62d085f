"""Spreads an audit over a machine's processors: hashing and judging leaves need no order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

from cahier_auditor.findings import CannotAudit
from cahier_auditor.source import Source, open_source

JOBS_MAX = 4
"""Each process takes about 40 MB; so the memory of an audit has a bound."""
AHEAD = 2
"""Tasks that wait for each process: enough to keep it busy, few enough to hold no results."""

Task = TypeVar("Task")
Result = TypeVar("Result")

_source: list[Source] = []


def default_jobs() -> int:
    """A process for each processor that this one may use, up to JOBS_MAX."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), JOBS_MAX)
    return min(os.cpu_count() or 1, JOBS_MAX)  # macOS does not tell.


class Workers:
    """Runs tasks on a source, in this process or in several; results come in order.

    Use as a context manager. The work must be a module's function, tasks and results values.
    """

    def __init__(self, source: Source, jobs: int) -> None:
        self._source = source
        self._jobs = jobs if source.parallel else 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def map(
        self, work: Callable[[Source, Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]:
        """Takes tasks as they are needed. Raises what the work raises; CannotAudit where a
        process died."""
        rest = iter(tasks)
        first = list(islice(rest, 2))
        if self._jobs == 1 or len(first) < 2:
            for task in chain(first, rest):
                yield work(self._source, task)
            return
        pool = self._started()
        waiting: deque[Future[Result]] = deque()
        try:
            for task in chain(first, rest):
                waiting.append(pool.submit(_run, work, task))
                if len(waiting) > self._jobs * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise CannotAudit("a process of the audit died (out of memory?)") from None

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            places = (self._source.place,)
            self._pool = ProcessPoolExecutor(self._jobs, initializer=_begin, initargs=places)
        return self._pool


def _begin(place: str) -> None:
    _source[:] = [open_source(place)]


def _run(work: Callable[[Source, Task], Result], task: Task) -> Result:
    return work(_source[0], task)
