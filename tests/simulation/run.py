"""One run: a seed makes a city, its people, its weather and its misfortunes, and judges the end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from tests.simulation.city import City
from tests.simulation.disk import Fault
from tests.simulation.people import Remembered
from tests.simulation.promises import Broken, check, view_rows
from tests.simulation.story import Story

Views = dict[str, dict[str, list[Any]]]

STORY_S_MAX = 3_600.0
REBUILT_EVERY = 4
"""Building all views again takes as long as the story: every fourth seed does."""
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Report:
    """What became of a run. digest: of everything that happened, in its order."""

    seed: int
    virtual_s: float
    steps: int
    calls: int
    lives: int
    acknowledged: int
    events: int
    digest: str
    trace: tuple[str, ...]


class RunFailed(AssertionError):
    """A run broke a promise or did not come to its end; the text ends with its trace."""


def run_seed(seed: int) -> Report:
    """Runs one seed in a folder of its own; raises RunFailed."""
    where = MEMORY if MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix=f"cahier-simulation-{seed}-", dir=where))
    try:
        with quiet_logs(), City(seed, folder) as city:
            story = Story(city)
            brew(city)
            try:
                city.machine.run(_live(city, story))
            except Exception as error:
                raise RunFailed(_told(city, error)) from error
            return _report(city, story.told)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Nobody reads what a thousand lives of services have to say."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        cache_logger_on_first_use=False,
    )
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.configure(**before)


def brew(city: City) -> None:
    """Draws which misfortunes this run has, and how hard they strike. Some runs have few."""
    draw = random.Random(f"weather {city.seed}")

    def sometimes(chance: float, low: float, high: float) -> float:
        value = draw.uniform(low, high)
        return value if draw.random() < chance else 0.0

    faults, weather, chance = city.faults, city.channel.weather, city.machine.chance
    faults.kill_every_s = sometimes(0.6, 3.0, 25.0)
    faults.stop_every_s = sometimes(0.3, 5.0, 40.0)
    faults.broker_every_s = sometimes(0.5, 5.0, 40.0)
    faults.cut_every_s = sometimes(0.5, 1.0, 15.0)
    faults.slow_every_s = sometimes(0.4, 5.0, 30.0)
    faults.forget_views = sometimes(0.3, 0.1, 0.5)
    faults.statement = {
        fault: sometimes(0.4, 0.0002, 0.004) for fault in Fault if fault is not Fault.NONE
    }
    weather.lose_request = sometimes(0.5, 0.01, 0.15)
    weather.lose_answer = sometimes(0.5, 0.01, 0.15)
    weather.repeat_request = sometimes(0.5, 0.01, 0.2)
    weather.delay = sometimes(0.5, 0.01, 0.2)
    weather.delay_s_mean = draw.uniform(0.5, 6.0)
    chance.lose = sometimes(0.4, 0.01, 0.1)
    chance.repeat = sometimes(0.4, 0.01, 0.3)
    chance.reorder = sometimes(0.4, 0.05, 0.8)
    city.post.away = sometimes(0.4, 0.05, 0.4)
    city.post.refuses = sometimes(0.4, 0.05, 0.4)
    city.post.drops = sometimes(0.4, 0.05, 0.4)
    city.machine.threads.preempt_chance = sometimes(0.8, 0.05, 0.5)
    city.curse.chance = sometimes(0.2, 0.02, 0.2)


async def _live(city: City, story: Story) -> None:
    unkind = asyncio.create_task(city.be_unkind())
    async with asyncio.timeout(STORY_S_MAX):
        await story.run()
    unkind.cancel()
    await asyncio.wait({unkind})
    await city.calm_down()
    check(city, story.told)
    if city.seed % REBUILT_EVERY == 0:
        shown = view_rows(city)
        await city.rebuild_views()
        if differences := list(_differences(shown, view_rows(city))):
            raise Broken(f"views equal their folds: {differences[:4]}")
    if city.machine.threads.crashed:
        raise Broken(f"a thread crashed: {city.machine.threads.crashed[:3]!r}")
    if city.unexplained:
        raise Broken(f"calls failed for no stated reason: {city.unexplained[:3]}")


def _differences(shown: Views, folded: Views) -> Iterator[str]:
    for service, tables in shown.items():
        for table, rows in tables.items():
            other = folded[service].get(table, [])
            if rows != other:
                only, new = set(rows) - set(other), set(other) - set(rows)
                yield f"{service} {table}: {only} was shown, {new} is folded"


def _report(city: City, told: Remembered) -> Report:
    machine = city.machine
    logs = sorted(
        f"{name} {row}"
        for name in city.nodes
        for row in city.rows(name, "SELECT seq, type, recorded_at FROM events ORDER BY seq")
    )
    happened = "\n".join([*city.trace, *logs, f"{machine.loop.steps} {machine.loop.time():.6f}"])
    return Report(
        seed=city.seed,
        virtual_s=machine.loop.time(),
        steps=machine.loop.steps,
        calls=city.channel.asked,
        lives=sum(node.lives for node in city.nodes.values()),
        acknowledged=len(told.acknowledged),
        events=len(logs),
        digest=hashlib.sha256(happened.encode()).hexdigest()[:16],
        trace=tuple(city.trace),
    )


def _told(city: City, error: Exception) -> str:
    return "\n".join([f"seed {city.seed}: {_one(error)}", *city.trace[-40:]])


def _one(error: BaseException) -> str:
    """An error's name and text; of a group, its members'."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_one(each) for each in error.exceptions)
    return f"{type(error).__name__}: {error}"
