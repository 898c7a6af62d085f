"""Sets whose order follows from the run, not from where in memory their members lie.

By default it follows from a member's address, which depends on what ran before: subscribers and
tasks that are stopped together would end in another order each time that a seed is repeated.
"""

from __future__ import annotations

import asyncio
from typing import Any


class NumberedTask(asyncio.Task[Any]):
    """A task of the simulated loop, with its number for its hash."""

    def __init__(self, number: int, coroutine: Any, **options: Any) -> None:
        self.number = number  # First, for asyncio puts a new task into a set.
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self.number


class InOrder(list[Any]):
    """What FastStream needs of a weak set of subscribers."""

    def add(self, member: Any) -> None:
        self.append(member)
