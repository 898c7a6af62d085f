"""Timers: due transitions run on the city's clock, which tests and the demo may move.

A timer asks the clock again every interval of the machine's time, so that a jump of the clock is
seen at the next tick. What is due is decided by the action, from the log: a missed or repeated
tick changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from cahier_chassis import metrics
from cahier_chassis.logs import get_logger
from cahier_kernel.clock import Clock

INTERVAL_S_MAX = 1.0
RETRY_S_MAX = 30.0
_LOG = get_logger(__name__)

Action = Callable[[datetime], Awaitable[None]]


class Timer:
    """Calls `action(now)` every `interval_s` seconds, one call at a time.

    A failing action is logged, counted and tried again, each time twice as late, up to
    RETRY_S_MAX.
    """

    def __init__(
        self, name: str, clock: Clock, action: Action, *, interval_s: float = INTERVAL_S_MAX
    ) -> None:
        if not 0 < interval_s <= INTERVAL_S_MAX:
            raise ValueError(f"interval_s must be over 0 and at most {INTERVAL_S_MAX}")
        self.name = name
        self._clock = clock
        self._action = action
        self._interval_s = interval_s
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Ticks until `stop`; the action at work then is finished."""
        pause_s = self._interval_s
        while not self._stopping.is_set():
            worked = await self._tick()
            pause_s = self._interval_s if worked else min(pause_s * 2, RETRY_S_MAX)
            await self._pause(pause_s)

    def stop(self) -> None:
        """Ends `run` after the action at work."""
        self._stopping.set()

    async def _tick(self) -> bool:
        try:
            await self._action(self._clock.now())
        except Exception:
            _LOG.exception("timer_failed", timer=self.name)
            metrics.TIMER_ERRORS.labels(self.name).inc()
            return False
        return True

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            return
