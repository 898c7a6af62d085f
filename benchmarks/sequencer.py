"""How fast committed events reach the public log, and how long their receipts take.

*Carried* is all that the sequencer does: read the store, hash, write bundles and tiles, sync them,
sign, move the lock row, publish. It stands against *raw*, SHA-256 over the same leaves, and against
*read*, the same rows read from the same store. The delay is taken from the moment that a commit is
durable to the moment that the served checkpoint reaches its event, at 1,000 events a second.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_ledger.ledger import Ledger
from cahier_ledger.log.keeping import LogKeeper
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.sequencer import Sequencer
from cahier_ledger.log.storage import FolderTiles
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend

LEAF_BYTES = 480
"""About what a ballot's leaf takes."""
LEAVES_A_BALLOT_OF_REPLAY = 10
EVENTS_PER_S = 1_000
APPENDS_PER_S = 100
APPEND_EVENTS = 500
LEAVES_TARGET = 5_000.0
PACES = (("as `cahier up`", 0.25, 1.0), ("hurried", 0.05, 0.25))


class Key:
    """An Ed25519 key in memory."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """The signature."""
        return self._key.sign(message)


@dataclass(frozen=True)
class Timed:
    """A piece of work on a number of leaves."""

    leaves: int
    wall_s: float
    cpu_s: float

    @property
    def per_wall_s(self) -> float:
        """Leaves a second."""
        return self.leaves / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        """Leaves a second of one core."""
        return self.leaves / self.cpu_s


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the tables and the ratios."""
    leaves = max(500, sizes.replayed // LEAVES_A_BALLOT_OF_REPLAY)
    report = Report(f"sequencer: {leaves:,} leaves of {LEAF_BYTES} bytes into the public log")
    ledger = Ledger.open(folder / "events.db")
    _fill(ledger, leaves)
    _tell_throughput(report, ledger, folder, leaves, sizes.rounds)
    ledger.close_blocking()
    for name, batch_s, checkpoint_s in PACES:
        place = folder / name.replace("`", "")
        place.mkdir()
        delays = asyncio.run(_delays(place, sizes.mails * 5, batch_s, checkpoint_s))
        _tell_delays(report, name, delays, checkpoint_s)
    return report


def _tell_throughput(
    report: Report, ledger: Ledger, folder: Path, leaves: int, rounds: int
) -> None:
    work: dict[str, Callable[[int], object]] = {
        "raw hashlib": lambda _: _hash(ledger),
        "read from the store": lambda _: _read(ledger),
        "carried into the log": lambda number: _carry(ledger, folder / f"log-{number}"),
    }
    timed: dict[str, list[Timed]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, do in work.items():
            one = _timed(leaves, partial(do, number))
            if number:
                timed[name].append(one)
    report.table(
        ("leaves a second (median of rounds)", "wall", "CPU"),
        [
            (name, median(t.per_wall_s for t in each), median(t.per_cpu_s for t in each))
            for name, each in timed.items()
        ],
    )
    carried = [each.per_cpu_s for each in timed["carried into the log"]]
    for other in ("raw hashlib", "read from the store"):
        against = [each.per_cpu_s for each in timed[other]]
        report.ratio(f"carried into the log, to {other}, CPU", ratio_of(carried, against))
    report.ratio(
        "leaves carried a second of one core, to 5,000",
        median(carried) / LEAVES_TARGET,
        at_least=1.0,
    )
    report.say("")


def _tell_delays(report: Report, name: str, delays: list[float], checkpoint_s: float) -> None:
    cuts = quantiles(delays, n=100)
    report.table(
        (f"from commit to receipt, {EVENTS_PER_S:,} events a second, {name}", "ms"),
        [("p50", cuts[49] * 1000), ("p99", cuts[98] * 1000), ("longest", max(delays) * 1000)],
    )
    for percentile in (50, 99):
        report.ratio(
            f"p{percentile} delay {name}, to the time between checkpoints",
            cuts[percentile - 1] / checkpoint_s,
        )
    report.say("")


def _events(first: int, count: int) -> tuple[NewEvent, ...]:
    return tuple(
        NewEvent(
            "thing.counted",
            b"{}",
            public=PublicLeaf(
                f"leaf-{number}",
                "budget.v1.thing.thing_counted",
                b'{"id":"leaf-%d"}' % number + b" " * (LEAF_BYTES - 20),
            ),
        )
        for number in range(first, first + count)
    )


def _fill(ledger: Ledger, leaves: int) -> None:
    for first in range(0, leaves, APPEND_EVENTS):
        count = min(APPEND_EVENTS, leaves - first)
        append = StreamAppend(f"s{first}", 0, _events(first, count))
        ledger.append_blocking(Append((append,)))


def _pages(ledger: Ledger) -> list[list[bytes]]:
    pages, after = [], 0
    while rows := ledger.read_public(after, 1_000):
        pages.append([row.leaf for row in rows])
        after = rows[-1].public_seq
    return pages


_kept: list[bytes] = []


def _hash(ledger: Ledger) -> None:
    if not _kept:
        _kept.extend(leaf for page in _pages(ledger) for leaf in page)
    for leaf in _kept:
        hashlib.sha256(leaf).digest()


def _read(ledger: Ledger) -> None:
    _pages(ledger)


def _parts(ledger: Ledger, folder: Path) -> tuple[Sequencer, Publisher]:
    tiles = FolderTiles(folder / "tlog")
    locks = open_locks(str(folder / "locks" / "budget.db"))
    sequencer = Sequencer("budget", "a.example/tlog/budget", ledger, tiles, locks, [Key()])
    return sequencer, Publisher(tiles)


def _carry(ledger: Ledger, folder: Path) -> None:
    sequencer, publisher = _parts(ledger, folder)
    sequencer.begin()
    while sequencer.take_in():
        pass
    row = sequencer.seal()
    if row is not None:
        publisher.publish(row, row.checkpoint)


def _timed(leaves: int, work: Callable[[], object]) -> Timed:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    work()
    return Timed(leaves, time.perf_counter() - wall_s, max(1e-6, time.process_time() - cpu_s))


async def _delays(folder: Path, events: int, batch_s: float, checkpoint_s: float) -> list[float]:
    """Seconds from each commit to its receipt."""
    ledger = Ledger.open(folder / "events.db")
    sequencer, publisher = _parts(ledger, folder)
    keeper = LogKeeper(sequencer, publisher, ledger, batch_s=batch_s, checkpoint_s=checkpoint_s)
    keeping = asyncio.create_task(keeper.run())
    committed: list[float] = []
    watching = asyncio.create_task(_watch(keeper, committed, events))
    each, pause_s = EVENTS_PER_S // APPENDS_PER_S, 1 / APPENDS_PER_S
    next_s = time.monotonic()
    for first in range(0, events, each):
        await ledger.append(Append((StreamAppend(f"s{first}", 0, _events(first, each)),)))
        committed += [time.monotonic()] * each
        next_s += pause_s
        await asyncio.sleep(max(0.0, next_s - time.monotonic()))
    delays = await watching
    keeping.cancel()
    await asyncio.wait((keeping,))
    await ledger.close()
    return delays


async def _watch(keeper: LogKeeper, committed: list[float], events: int) -> list[float]:
    delays: list[float] = []
    while len(delays) < events:
        published, now_s = min(keeper.published, len(committed)), time.monotonic()
        delays += [now_s - moment for moment in committed[len(delays) : published]]
        await asyncio.sleep(0.002)
    return delays
