"""Bugs that we plant to see whether they are noticed: `python -m tests.simulation.planted`.

A simulation that finds nothing may be looking away. Each bug is a small change to a copy of one
package, which a Python process of its own then runs instead of the real one; the sources stay as
they are. README.md tells after how many seeds each was noticed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.bugs import BUGS, ROOT, Bug

SEEDS_MAX = 200
SEED_S_MAX = 60


@dataclass(frozen=True)
class Found:
    """seed: the first that failed; None when none did. why: the promise that it broke."""

    seed: int | None
    why: str = ""


class NoLongerThere(Exception):
    """The place of a bug has changed: plant it anew."""


def plant(bug: Bug, folder: Path) -> None:
    """A copy of the package in `folder`, with the bug in it. Raises NoLongerThere."""
    copy = folder / bug.package.name
    shutil.copytree(bug.package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for change in bug.changes:
        file = copy / (ROOT / change.file).relative_to(bug.package)
        text = file.read_text("utf-8")
        if text.count(change.old) != 1:
            raise NoLongerThere(f"{bug.name}: {change.file} has not just one {change.old!r}")
        file.write_text(text.replace(change.old, change.new), "utf-8")


def hunt(bug: Bug, seeds: int = SEEDS_MAX) -> Found:
    """Runs seeds 1, 2, ... until one fails."""
    with tempfile.TemporaryDirectory(prefix="cahier-planted-") as folder:
        plant(bug, Path(folder))
        done = _run(folder, "-m", "tests.simulation", "--count", str(seeds), seeds=seeds)
    failed = re.search(r"^seed (\d+): (?!holds)(.*)$", done.stdout, re.MULTILINE)
    if failed is None and done.returncode:
        raise RuntimeError(f"{bug.name}: {done.stderr[-2_000:]}")
    return Found(int(failed[1]), failed[2]) if failed else Found(None)


def hunt_in_matrix(bug: Bug) -> bool:
    """Whether the fault matrix notices it."""
    with tempfile.TemporaryDirectory(prefix="cahier-planted-") as folder:
        plant(bug, Path(folder))
        matrix = "tests/simulation/test_fault_matrix.py"
        options = ("-q", "-x", "-p", "no:cacheprovider")
        return _run(folder, "-m", "pytest", matrix, *options, seeds=SEEDS_MAX).returncode == 1


def _run(folder: str, *command: str, seeds: int) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=seeds * SEED_S_MAX,
        check=False,
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help="at most so many a bug")
    parser.add_argument("--only", default="", help="bugs whose name holds this text")
    parser.add_argument("--matrix", action="store_true", help="ask the fault matrix, too")
    options = parser.parse_args()
    missed = 0
    for bug in BUGS:
        if options.only not in bug.name:
            continue
        found = hunt(bug, options.seeds)
        seen = f"seed {found.seed}: {found.why[:200]}" if found.seed else "not noticed"
        if options.matrix:
            seen += f"; fault matrix: {'notices it' if hunt_in_matrix(bug) else 'holds'}"
        missed += found.seed is None
        print(f"{bug.name} | {seen}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
