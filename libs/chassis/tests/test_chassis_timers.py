"""Timers on a clock that jumps, and actions that fail."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cahier_chassis import metrics
from cahier_chassis.timers import Timer
from cahier_kernel.clock import ManualClock

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


async def test_a_jump_of_the_clock_is_seen_at_the_next_tick() -> None:
    clock, seen = ManualClock(START), asyncio.Event()

    async def action(now: datetime) -> None:
        if now >= LATER:
            seen.set()

    timer = Timer("due", clock, action, interval_s=0.01)
    running = asyncio.create_task(timer.run())
    await asyncio.sleep(0.05)
    assert not seen.is_set()
    clock.set(LATER)
    async with asyncio.timeout(10):
        await seen.wait()
        timer.stop()
        await running


async def test_a_failing_action_is_counted_and_tried_again() -> None:
    attempts = 0
    done = asyncio.Event()

    async def action(now: datetime) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise OSError("disk full")
        done.set()

    timer = Timer("failing", ManualClock(START), action, interval_s=0.01)
    running = asyncio.create_task(timer.run())
    async with asyncio.timeout(10):
        await done.wait()
        timer.stop()
        await running
    errors = metrics.REGISTRY.get_sample_value("cahier_timer_errors_total", {"timer": "failing"})
    assert errors == 2


async def test_stopping_finishes_the_action_at_work_and_begins_no_other() -> None:
    began, finished = 0, 0

    async def action(now: datetime) -> None:
        nonlocal began, finished
        began += 1
        await asyncio.sleep(0.1)
        finished += 1

    timer = Timer("slow", ManualClock(START), action, interval_s=0.01)
    running = asyncio.create_task(timer.run())
    await asyncio.sleep(0.05)
    timer.stop()
    await running
    assert (began, finished) == (1, 1)


@pytest.mark.parametrize("interval_s", [0, -1, 1.5])
def test_an_interval_over_a_second_would_miss_a_jump(interval_s: float) -> None:
    async def action(now: datetime) -> None: ...

    with pytest.raises(ValueError, match="interval_s"):
        Timer("due", ManualClock(START), action, interval_s=interval_s)
