"""How fast ballots become a result, against pabutools, which must find the same winners first.

Every count runs in a process of its own and is measured in that process's CPU seconds, from the
ballots in memory to the winners; reading is measured apart. The peer counts in exact fractions,
with equal ballots grouped, which suits it best. Where it does not end within a stated time, that
time is its lower bound, and no result is compared. Ties go by id, and `add1` stops at the first
exhaustive outcome, since that is what the peer knows.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from benchmarks.sizes import FULL, QUICK, TINY, Sizes
from benchmarks.tally_election import write_election

ROOT = Path(__file__).resolve().parents[1]
REAL_ELECTIONS = ROOT.parent / "shared" / "data" / "pabulib"
RULES = ("greedy", "mes", "add1", "phragmen")
LARGE_VOTERS = 10_000
TARGETS = {"add1": 100, "greedy": 20, "mes": 20, "phragmen": 20}
TIMED_OUT = (-24, -9)  # SIGXCPU, or SIGKILL a second later
LEAST_S = 0.2
"""What ends sooner is done again and again, so that the clock's ticks do not show."""
NEAR_LINEAR = 2.0  # time for each voter, the most to the fewest


@dataclass(frozen=True)
class Scale:
    """voters, projects of the generated election; peer_s: CPU seconds that the peer is given.

    real: real elections beside it; growing: numbers of voters for time against voters.
    """

    voters: int
    projects: int
    peer_s: int
    real: tuple[str, ...]
    growing: tuple[int, ...]


REAL = (
    "Poland_Warszawa_2017_Praga-Poludnie",
    "Poland_Wieliczka_2023_Green_Budget",
    "France_Toulouse_2022",
    "Poland_Swiecie_2023",
)
SCALES = {
    FULL: Scale(100_000, 130, 600, REAL, (10_000, 100_000, 1_000_000)),
    QUICK: Scale(20_000, 60, 120, ("Poland_Swiecie_2023",), (10_000, 40_000)),
    TINY: Scale(200, 8, 20, (), (200, 400)),
}


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the tables and the ratios."""
    scale = SCALES[sizes]
    report = Report(f"tally: {scale.voters:,} voters and {scale.projects} projects, and real ones")
    files = {
        f"generated {scale.voters:,}": write_election(
            folder / "large.pb", scale.voters, scale.projects
        )
    }
    files |= {name: REAL_ELECTIONS / f"{name}.pb" for name in scale.real}
    missing = [name for name, file in files.items() if not file.exists()]
    if missing:
        report.say(f"Not measured, for want of the files: {', '.join(missing)}.", "")
    measured = {
        (name, rule): (measure("ours", file, rule, scale.peer_s), measure_peer(file, rule, scale))
        for name, file in files.items()
        if file.exists()
        for rule in RULES
    }
    _tell(report, measured, scale)
    _grow(report, folder, scale)
    return report


@dataclass(frozen=True)
class Measured:
    """seconds: None where the time ran out. bytes_per_voter: memory for ballots and counting."""

    seconds: float | None
    reading_s: float = 0.0
    bytes_per_voter: float = 0.0
    voters: int = 0
    winners: tuple[str, ...] = ()


def measure_peer(file: Path, rule: str, scale: Scale) -> Measured:
    return measure("peer", file, rule, scale.peer_s)


def measure(who: str, file: Path, rule: str, limit_s: int) -> Measured:
    """One count in a process of its own that may use `limit_s` CPU seconds."""
    command = [sys.executable, "-m", "benchmarks.tally", who, str(file), rule]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1)),
    )
    if ran.returncode in TIMED_OUT:
        return Measured(None)
    if ran.returncode:
        raise RuntimeError(f"{who}, {file.name}, {rule}: {ran.stderr[-2000:]}")
    told = json.loads(ran.stdout)
    return Measured(**{**told, "winners": tuple(told["winners"])})


def _tell(
    report: Report, measured: dict[tuple[str, str], tuple[Measured, Measured]], scale: Scale
) -> None:
    rows, ratios, memory = [], [], []
    for (name, rule), (ours, peer) in measured.items():
        if ours.seconds is None:
            raise RuntimeError(f"{name}, {rule}: ours did not end within {scale.peer_s} s")
        bound = "" if peer.seconds is not None else "over "
        peer_s = peer.seconds if peer.seconds is not None else scale.peer_s
        if peer.seconds is not None and peer.winners != ours.winners:
            raise RuntimeError(f"{name}, {rule}: the winners differ from the peer's")
        rows.append((name, rule, ours.seconds, f"{bound}{peer_s:,.2f}", len(ours.winners)))
        ratios.append((name, rule, ours.voters, peer_s / max(ours.seconds, 1e-6), bound))
        memory.append((name, rule, ours.bytes_per_voter, peer.bytes_per_voter or "-"))
    report.table(("election", "rule", "ours, CPU s", "pabutools, CPU s", "winners"), rows)
    for name, rule, voters, ratio, bound in ratios:
        at_least = TARGETS[rule] if voters >= LARGE_VOTERS else None
        label = "pabutools, which did not end, to ours" if bound else "pabutools to ours"
        report.ratio(f"{rule}, {name}, {label}", ratio, at_least=at_least)
    report.say("")
    report.table(("memory, bytes a voter", "rule", "ours", "pabutools"), memory)
    first, (ours, peer) = next(iter(measured.items()))
    report.say(
        f"Reading {first[0]}: {ours.reading_s:.2f} CPU s, pabutools {peer.reading_s:.2f} CPU s.", ""
    )


def _grow(report: Report, folder: Path, scale: Scale) -> None:
    """Time against the number of voters, the same projects.

    The fewer voters there are, the more units of currency each holds and the more steps `add1`
    takes: its time is told, but is no measure of growth.
    """
    found: dict[int, dict[str, float]] = {}
    for voters in scale.growing:
        file = write_election(folder / f"{voters}.pb", voters, scale.projects)
        seconds = {rule: measure("ours", file, rule, 10 * scale.peer_s) for rule in RULES}
        found[voters] = {rule: each.seconds or 0.0 for rule, each in seconds.items()}
        file.unlink()
    report.table(
        ("ours, CPU s, by voters", *RULES),
        [
            (f"{voters:,}", *(f"{each[rule]:.4f}" for rule in RULES))
            for voters, each in found.items()
        ],
    )
    few, many = min(found), max(found)
    for rule in ("greedy", "mes", "phragmen"):
        growth = (found[many][rule] / many) / max(found[few][rule] / few, 1e-12)
        report.ratio(
            f"{rule}, time for each voter, {many:,} voters to {few:,}", growth, at_most=NEAR_LINEAR
        )


def _count_ours(file: Path, rule: str) -> tuple[int, float, Callable[[], list[str]]]:
    from cahier_record.budget.pabulib import profile_of, read
    from cahier_record.budget.tally import Terms, count

    started_s = time.process_time()
    profile = profile_of(read(file.read_bytes(), file.name))
    reading_s = time.process_time() - started_s
    completion = "add1" if rule == "add1" else "none"
    terms = Terms(completion=completion, stop="exhaustive", ties="lexicographic")
    name = "mes" if rule == "add1" else rule
    return profile.voters, reading_s, lambda: list(count(profile, name, terms).selected)


def _count_peer(file: Path, rule: str) -> tuple[int, float, Callable[[], list[str]]]:
    from pabutools.election import Cost_Sat, parse_pabulib
    from pabutools.fractions import frac
    from pabutools.rules import (
        greedy_utilitarian_welfare,
        method_of_equal_shares,
        sequential_phragmen,
    )

    started_s = time.process_time()
    instance, single = parse_pabulib(str(file))
    profile = single.as_multiprofile()
    reading_s = time.process_time() - started_s
    for too_dear in [each for each in instance if each.cost > instance.budget_limit]:
        instance.remove(too_dear)  # ours leaves them out before it counts
    counts: dict[str, Callable[[], Any]] = {
        "greedy": lambda: greedy_utilitarian_welfare(instance, profile, sat_class=Cost_Sat),
        "mes": lambda: method_of_equal_shares(instance, profile, sat_class=Cost_Sat),
        "add1": lambda: method_of_equal_shares(
            instance, profile, sat_class=Cost_Sat, voter_budget_increment=frac(1)
        ),
        "phragmen": lambda: sequential_phragmen(instance, profile),
    }
    return len(single), reading_s, lambda: [each.name for each in counts[rule]()]


def _import_all() -> None:
    """Modules are no memory of a voter's."""
    import pabutools.election
    import pabutools.rules  # noqa: F401

    import cahier_record.budget.pabulib
    import cahier_record.budget.tally  # noqa: F401


def main() -> None:
    """One measurement, for `measure`: who, which file, which rule."""
    who, file, rule = sys.argv[1:]
    prepare = _count_ours if who == "ours" else _count_peer
    _import_all()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    voters, reading_s, work = prepare(Path(file), rule)
    started_s, times = time.process_time(), 0
    while (seconds := time.process_time() - started_s) < LEAST_S or not times:
        winners, times = work(), times + 1
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    told = {
        "seconds": seconds / times,
        "reading_s": reading_s,
        "bytes_per_voter": grown / max(voters, 1),
        "voters": voters,
        "winners": sorted(winners),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
