"""A unit forgets what it kept for repeated commands, by itself, and outlives a round that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from cahier_chassis import retention
from cahier_chassis.retention import bound_kept_answers
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, Idempotency, NewEvent, StreamAppend


class Clock:
    """Weeks pass from reading to reading."""

    now_s = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        type(self).now_s += timedelta(days=8)
        return self.now_s


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_unit_forgets_old_answers_even_after_a_round_that_failed(
    tmp_path: Path, keys: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FIRST_AFTER_S", 0.05)
    monkeypatch.setattr(retention, "EVERY_S", 0.05)
    monkeypatch.setattr(retention, "SystemClock", Clock)
    settings = ServiceSettings(
        city="demo",
        data_dir=tmp_path / "data",
        nats_url="nats://127.0.0.1:1",
        token_public_keys=keys.folder,
        log_level="error",
    )
    rounds: list[str] = []

    def failing_first(unit: Unit) -> int:
        rounds.append("begun")
        if len(rounds) == 1:
            raise OSError("the disk is full")
        return tidy(unit)

    tidy = retention.tidy
    monkeypatch.setattr(retention, "tidy", failing_first)
    unit = Unit(settings, "echo")
    ledgers: list[Ledger] = []

    async def wire() -> None:
        ledgers.append(unit.stores.open_ledger())
        unit.on_close("ledger", ledgers[0].close)
        event = StreamAppend("thing", 0, (NewEvent("echo.said", b"{}"),))
        await ledgers[0].append(Append((event,), idempotency=Idempotency("k", b"d", b"r")))
        bound_kept_answers(unit)

    serving = asyncio.create_task(unit.serve(wire))
    await until(lambda: bool(ledgers) and len(rounds) > 1)
    await until(lambda: ledgers[0].recall("k") is None)
    assert ledgers[0].head_seq() == 1
    unit.stop()
    await serving
