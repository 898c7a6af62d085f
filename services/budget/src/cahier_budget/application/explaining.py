"""Explains counted elections to whoever may see their results: once each, as nothing changes then.

An explanation opens all ballots and counts again many times, so it is worked out when somebody
first asks, in a thread of its own, and kept in memory for as long as there is room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias
from uuid import UUID

from cahier_budget.application.queries import Queries
from cahier_chassis.tokens import Claims
from cahier_record.budget.explanation import Explanation

KEPT_MAX = 200
"""Explanations in memory: each some hundred bytes a project."""

Explain: TypeAlias = Callable[[UUID], Explanation]
"""Explains a counted election from the log; blocking."""


class Explaining:
    """Who asks while an explanation is being worked out waits for the same one."""

    def __init__(self, queries: Queries, explain: Explain) -> None:
        self._queries = queries
        self._explain = explain
        self._kept: dict[UUID, asyncio.Task[Explanation]] = {}

    async def result(self, claims: Claims | None, election_id: str) -> Explanation:
        """Why the result is what it is; raises as Queries.result does."""
        answer = await self._queries.result(claims, election_id)
        task = self._kept.get(answer.election_id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._begin(answer.election_id)
        return await asyncio.shield(task)

    def _begin(self, id: UUID) -> asyncio.Task[Explanation]:
        while len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
        task = self._kept[id] = asyncio.create_task(asyncio.to_thread(self._explain, id))
        return task
