"""Asks helper processes to explain counts and to count again, each question within a bound.

Explanations and readers' questions have a helper each: a long explanation keeps nobody waiting
who only wonders what another envelope would have given.
"""

from __future__ import annotations

import asyncio

from cahier_budget.adapters.helper import Helper
from cahier_budget.adapters.reckoning_worker import (
    FRAME_BYTES_MAX,
    Question,
    Refusal,
    Reply,
    decode_reply,
    encode,
)
from cahier_kernel import errors
from cahier_kernel.errors import DomainError, FailedPrecondition, Unavailable
from cahier_record.budget.explanation import Explanation
from cahier_record.budget.what_if import Change, OtherOutcome

EXPLAIN_S_MAX = 900.0
WHAT_IF_S_MAX = 6.0
WAITING_MAX = 8
"""Questions that may wait for the helper; each further one is sent away."""
_MODULE = "cahier_budget.adapters.reckoning_worker"
_KINDS = {
    each.kind.value: each
    for each in (errors.Invalid, errors.NotFound, errors.FailedPrecondition, errors.TooLarge)
}


class ReckoningProcesses:
    """ports.Reckoning; belongs to one event loop. Starts its helpers at the first question."""

    def __init__(self, what_if_s_max: float = WHAT_IF_S_MAX) -> None:
        self._explaining = _Asking(EXPLAIN_S_MAX)
        self._wondering = _Asking(what_if_s_max)

    async def explain(self, key: str, counted: bytes) -> Explanation:
        """As the port says."""
        reply = await self._explaining.ask(key, counted, None)
        if reply.explanation is None:
            raise _lost()
        return reply.explanation

    async def what_if(self, key: str, counted: bytes, change: Change) -> OtherOutcome:
        """As the port says."""
        reply = await self._wondering.ask(key, counted, change)
        if reply.outcome is None:
            raise _lost()
        return reply.outcome

    async def close(self) -> None:
        """Ends the helpers."""
        await self._explaining.close()
        await self._wondering.close()


class _Asking:
    """One helper, which is asked one question at a time and killed when it takes too long."""

    def __init__(self, seconds_max: float) -> None:
        self._helper = Helper(_MODULE, FRAME_BYTES_MAX)
        self._seconds_max = seconds_max
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def ask(self, key: str, counted: bytes, change: Change | None) -> Reply:
        """Raises the refusal, `reckoning_too_long`, or Unavailable `reckoning_busy`."""
        if self._waiting >= WAITING_MAX:
            raise Unavailable("reckoning_busy", "others are asking; try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                reply = await self._within_bound(key, counted, change)
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            raise _lost() from error
        finally:
            self._waiting -= 1
        if reply.refusal is not None:
            raise _refused(reply.refusal)
        return reply

    async def close(self) -> None:
        await self._helper.close()

    async def _within_bound(self, key: str, counted: bytes, change: Change | None) -> Reply:
        try:
            async with asyncio.timeout(self._seconds_max):
                reply = decode_reply(await self._helper.ask(encode(Question(key, b"", change))))
                if reply == Reply():
                    question = encode(Question(key, counted, change))
                    reply = decode_reply(await self._helper.ask(question))
                return reply
        except TimeoutError:
            await self._helper.kill()
            raise FailedPrecondition(
                "reckoning_too_long",
                f"counting this took longer than {self._seconds_max:g} s and was given up",
            ) from None


def _refused(refusal: Refusal) -> DomainError:
    made = _KINDS.get(refusal.kind, errors.Invalid)
    return made(refusal.code, refusal.rule, field=refusal.field, **refusal.params)


def _lost() -> Unavailable:
    return Unavailable("reckoning_lost", "the helper process ended; try again")
