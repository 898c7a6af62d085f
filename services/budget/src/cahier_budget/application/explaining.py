"""Explains counts and counts again with a change, for whoever may see the result.

A count is read from the log when somebody first asks, in a thread, and kept for the next question;
what is made of it is worked out in a helper process and kept, too, as nothing changes then.
Explanations, which may take a core many seconds, are also kept beside the views, across starts.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

import msgspec

from cahier_budget.application.counting import HeldCount
from cahier_budget.application.ports import Explanations, Reckoning
from cahier_budget.application.queries import Queries, ResultAnswer
from cahier_chassis.tokens import Claims
from cahier_record.budget.explanation import Explanation
from cahier_record.budget.what_if import Change, OtherOutcome

COUNTS_MAX = 4
"""Counts in memory: some tens of bytes for each different ballot."""
EXPLANATIONS_MAX = 200
"""Explanations in memory: each some hundred bytes a project."""
OUTCOMES_MAX = 500
"""Answers to `what if`: each some ten bytes a project."""

ReadCount: TypeAlias = Callable[[UUID], HeldCount]
"""Reads a closed election's count from the log; blocking."""

T = TypeVar("T")


class _Kept(Generic[T]):
    """Answers that are worked out once: who asks meanwhile waits for the same one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._tasks: OrderedDict[str, asyncio.Task[T]] = OrderedDict()

    async def get(self, key: str, work_out: Callable[[], Awaitable[T]]) -> T:
        task = self._tasks.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._tasks[key] = asyncio.ensure_future(_as_task(work_out()))
        self._tasks.move_to_end(key)
        while len(self._tasks) > self._most:
            self._tasks.popitem(last=False)
        return await asyncio.shield(task)


async def _as_task(awaited: Awaitable[T]) -> T:
    return await awaited


class Explaining:
    """What may be asked of a count once its result may be seen."""

    def __init__(
        self,
        queries: Queries,
        read: ReadCount,
        reckoning: Reckoning,
        kept: Explanations,
    ) -> None:
        self._queries = queries
        self._read = read
        self._reckoning = reckoning
        self._kept = kept
        self._counts = _Kept[HeldCount](COUNTS_MAX)
        self._explanations = _Kept[Explanation](EXPLANATIONS_MAX)
        self._outcomes = _Kept[OtherOutcome](OUTCOMES_MAX)

    async def result(self, claims: Claims | None, election_id: str) -> Explanation:
        """Why the result is what it is; raises as Queries.result and Reckoning.explain do."""
        answer = await self._queries.result(claims, election_id)
        key = _key(answer)

        async def work_out() -> Explanation:
            found = await asyncio.to_thread(self._kept.find, key)
            if found is None:
                held = await self._count(answer)
                found = await self._reckoning.explain(key, held.encoded)
                await asyncio.to_thread(self._kept.keep, key, found)
            return found

        return await self._explanations.get(key, work_out)

    async def what_if(
        self, claims: Claims | None, election_id: str, change: Change
    ) -> OtherOutcome:
        """What a change would give; raises as Queries.result and Reckoning.what_if do."""
        answer = await self._queries.result(claims, election_id)
        key = _key(answer)

        async def work_out() -> OtherOutcome:
            held = await self._count(answer)
            return await self._reckoning.what_if(key, held.encoded, change)

        return await self._outcomes.get(key + _digest(change), work_out)

    async def count(self, claims: Claims | None, election_id: str) -> HeldCount:
        """The count behind the result; raises as Queries.result."""
        return await self._count(await self._queries.result(claims, election_id))

    async def _count(self, answer: ResultAnswer) -> HeldCount:
        return await self._counts.get(
            _key(answer), lambda: asyncio.to_thread(self._read, answer.election_id)
        )


def _key(answer: ResultAnswer) -> str:
    """Another for each count: a corrected one is explained anew."""
    return f"{answer.election_id} {_digest(answer.result)}"


def _digest(told: object) -> str:
    return sha256(msgspec.msgpack.encode(told)).hexdigest()
