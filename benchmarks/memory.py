"""What each process of `cahier up` keeps in memory: at rest, and while ballots pour in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.city import open_city
from benchmarks.load import cast_in_batches, cast_one_by_one
from benchmarks.report import Report
from benchmarks.sizes import Sizes

SAMPLE_S = 0.1
MIB = 1 << 20


@dataclass
class Peak:
    """Bytes of one process: resident, and with what it shares divided by those who share it."""

    rss: int = 0
    pss: int = 0

    def note(self, process: psutil.Process) -> None:
        """Takes a sample; keeps the larger values."""
        try:
            full = process.memory_full_info()
        except psutil.Error:
            return
        self.rss = max(self.rss, full.rss)
        self.pss = max(self.pss, getattr(full, "pss", 0))


@dataclass
class Watch:
    """Samples processes by name until it is told to stop."""

    processes: dict[str, psutil.Process]
    peaks: dict[str, Peak] = field(default_factory=dict)

    def note(self) -> None:
        """One sample of each, and of the helpers that it has started."""
        for name, process in self.processes.items():
            self.peaks.setdefault(name, Peak()).note(process)
            for helper in process.children():
                self.peaks.setdefault(f"{name}, helper", Peak()).note(helper)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Samples in a thread while the block runs."""
        done = threading.Event()

        def sample() -> None:
            while not done.wait(SAMPLE_S):
                self.note()

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table."""
    report = Report("memory: each process of `cahier up`, MiB")
    with open_city(folder) as city:
        processes = {name: psutil.Process(pid) for name, pid in city.pids.items()}
        rest, load = Watch(processes), Watch(processes)
        rest.note()
        cast = 0
        with load.sampling():
            for _ in range(sizes.rounds):
                ballots = city.press.print(sizes.unary_ballots)
                cast += cast_one_by_one(city.budget, ballots, callers=256).ballots
                ballots = city.press.print(sizes.batched_ballots, tokens=False)
                cast += cast_in_batches(city.budget, ballots, city.importer_token).ballots
    pairs = {name: (rest.peaks.get(name, Peak()), under) for name, under in load.peaks.items()}
    report.table(
        ("unit", "RSS at rest", "PSS at rest", "RSS under load, peak", "PSS under load, peak"),
        [
            (name, *(value / MIB for value in (before.rss, before.pss, under.rss, under.pss)))
            for name, (before, under) in pairs.items()
        ],
    )
    report.say(f"Under load: {cast:,} ballots, by 256 callers one by one and in calls of 50.", "")
    report.ratio(
        "RSS of all units under load, to at rest",
        sum(under.rss for _, under in pairs.values())
        / sum(before.rss for before, _ in pairs.values()),
    )
    return report
