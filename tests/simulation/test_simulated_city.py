"""Two hundred lives of a city under faults, ten thousand of them in the long run.

A failing seed is repeated, with its story, by `python -m tests.simulation --seed N`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.city import City
from tests.simulation.loop import PROCESS, WORLD, Planned, SimulatedLoop
from tests.simulation.promises import Broken, check
from tests.simulation.run import quiet_logs, run_seed
from tests.simulation.story import Story

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 200
SEEDS_SLOW = 10_000
SEEDS_A_SLOW_TEST = 100
SEED_WITH_A_STOP = 9
"""In it a service with several reactions is told to stop; they end in one order."""


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_every_promise_holds_with_seed(seed: int) -> None:
    """One test a seed: a life that fails does not hide the others."""
    run_seed(seed)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("first", range(SEEDS + 1, SEEDS_SLOW + 1, SEEDS_A_SLOW_TEST))
def test_every_promise_holds_in_the_long_run_from_seed(first: int) -> None:
    for seed in range(first, min(first + SEEDS_A_SLOW_TEST, SEEDS_SLOW + 1)):
        run_seed(seed)


def test_a_seed_is_one_run_whatever_python_hashes() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--first", "2", "--count", "1"],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        .stdout.rpartition("\n")[0]
        .rpartition("\n")[0]
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1
    assert told.pop().count("holds") == 1


def test_a_seed_is_one_run_whatever_ran_before(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[list[str]] = []
    enqueue = SimulatedLoop._enqueue

    def enqueue_and_tell(loop: SimulatedLoop, planned: Planned) -> None:
        process = planned.context.get(PROCESS, WORLD)
        runs[-1].append(f"{loop.time():.9f} {process.name} {_called(planned.callback)}")
        enqueue(loop, planned)

    monkeypatch.setattr(SimulatedLoop, "_enqueue", enqueue_and_tell)
    for _ in range(2):
        runs.append([])
        run_seed(SEED_WITH_A_STOP)
    first, second = runs
    assert len(first) > 10_000
    assert first == second


def _called(callback: Any) -> str:
    """What a callback is, without where in memory it lies."""
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        return str(getattr(task.get_coro(), "__qualname__", ""))
    return str(getattr(callback, "__qualname__", type(callback).__name__))


SPOILING = {
    "an acknowledged event is lost": (
        "DELETE FROM public WHERE public_seq = (SELECT max(public_seq) FROM public)"
    ),
    "a leaf is not what the stream holds": (
        "UPDATE public SET leaf = CAST(CAST(leaf AS TEXT) || ' ' AS BLOB) WHERE public_seq = 1"
    ),
    "a number is missing": "DELETE FROM public WHERE public_seq = 2",
    "a text is missing": "DELETE FROM disclosures WHERE id = (SELECT min(id) FROM disclosures)",
    "a stream has a gap": "DELETE FROM events WHERE version = 2",
}


@pytest.mark.parametrize("sql", SPOILING.values(), ids=SPOILING)
def test_a_spoilt_store_does_not_pass(sql: str, tmp_path: Path) -> None:
    with quiet_logs(), City(7, tmp_path) as city:
        story = Story(city)
        city.machine.run(story.run())
        city.machine.run(city.calm_down())
        check(city, story.told)
        city.rows("budget", sql)
        with pytest.raises(Broken):
            check(city, story.told)


def test_forgetting_a_vote_does_not_pass(tmp_path: Path) -> None:
    with quiet_logs(), City(8, tmp_path) as city:
        story = Story(city)
        city.machine.run(story.run())
        city.machine.run(city.calm_down())
        vote = next(each for each in story.told.votes.values() if each.acknowledged)
        vote.acknowledged.append((1,))
        with pytest.raises(Broken, match="votes stand as their voters were told"):
            check(city, story.told)


def test_a_view_that_lags_behind_its_log_does_not_pass(tmp_path: Path) -> None:
    with quiet_logs(), City(9, tmp_path) as city:
        story = Story(city)
        city.machine.run(story.run())
        city.machine.run(city.calm_down())
        city.rows("consultation", "UPDATE proposals SET supports = supports + 1", "views.db")
        with pytest.raises(Broken, match="views show what the log says"):
            check(city, story.told)
