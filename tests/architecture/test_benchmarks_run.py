"""The benchmarks run: each, at its smallest size, prints its ratios. No time is asserted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RATIO = re.compile(r"^- ratio: (.+) = (\d+\.\d+)", re.MULTILINE)

EXPECTED = {
    "ballots": [
        "unary at 64 callers, to the plain path, wall",
        "unary at 256 callers, to the plain path, server CPU",
        "calls of 50, to the plain path's unary at 64, wall",
        "calls of 50 over gRPC, to raw inserts, wall",
    ],
    "stored": [
        "unary with 500 stored, to 0, wall",
        "batched with 500 stored, to 0, cpu",
        "inserts with 500 stored, to 0, wall",
    ],
    "replay": [
        "typed fold of the private events, to a bare SELECT",
        "public leaves, folded and judged, to a bare SELECT",
    ],
    "log": [
        "leaves hashed, to raw hashlib",
        "time of a whole verification, to raw hashlib",
        "recent proofs cached, to naive",
    ],
    "sequencer": [
        "carried into the log, to raw hashlib, CPU",
        "leaves carried a second of one core, to 5,000",
        "p99 delay hurried, to the time between checkpoints",
    ],
    "verify": [
        "verify, one process, to raw, wall",
        "verify, one process, peak memory in MiB",
    ],
    "memory": ["RSS of all units under load, to at rest"],
    "mail": [
        "p99 to p50 at 200 events a second",
        "mails handed over a second, to events published",
    ],
    "pages": [
        "proposal list, to the bare page, wall",
        "budget page, to the bare page, CPU",
    ],
    "telemetry": ["traces made, to off, CPU", "traces made and sent, to off, wall"],
    "postgres": [
        "PostgreSQL to SQLite, unary, 64 callers, wall",
        "PostgreSQL to SQLite, calls of 50, CPU",
    ],
    "tally": [
        "add1, generated 200, pabutools to ours",
        "phragmen, generated 200, pabutools to ours",
        "mes, time for each voter, 400 voters to 200",
    ],
}


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )


QUICK = {"log", "replay", "verify"}
"""The others start servers or cities; with all of them the tests would take too long."""

NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in EXPECTED]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs_and_prints_its_ratios(name: str) -> None:
    ran = benchmarks(name, "--tiny")
    assert ran.returncode == 0, ran.stderr[-5_000:]
    ratios = dict(RATIO.findall(ran.stdout))
    assert [each for each in EXPECTED[name] if each not in ratios] == []
    assert all(float(value) > 0 for value in ratios.values())


def test_each_benchmark_is_listed_and_tried_here() -> None:
    listed = benchmarks("--list")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(EXPECTED)


def test_an_unknown_benchmark_is_refused_by_name() -> None:
    refused = benchmarks("sleep")
    assert refused.returncode == 2
    assert "sleep" in refused.stderr
