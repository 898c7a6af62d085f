"""The floor: the same rows by raw batched SQLite inserts, and by the ledger without gRPC."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.election import OpenElection, credential_of
from benchmarks.load import BATCH, Measured
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_budget.application.stored import BallotWriter
from cahier_budget.domain.ballots import ballot_stream
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, StreamAppend
from cahier_ledger.planning import EventRow, PublicTuple
from cahier_ledger.sealing import sealed_size

GROUP = 8
"""Calls of BATCH that share a transaction: as many as there are callers in the gRPC rounds."""


@dataclass(frozen=True)
class RawRates:
    """Ballots a second: rows by raw inserts, and through the ledger alone."""

    inserts: list[Measured]
    ledger: list[Measured]

    def tell(self, report: Report, batched: Sequence[float], unary: Sequence[float]) -> None:
        inserts = [each.per_wall_s for each in self.inserts]
        ledger = [each.per_wall_s for each in self.ledger]
        report.table(
            ("the same rows without gRPC or sealing, a second", "wall", "CPU"),
            [
                (
                    f"raw SQLite inserts, {GROUP * BATCH} ballots a transaction",
                    median(inserts),
                    median(each.per_cpu_s for each in self.inserts),
                ),
                (
                    f"the ledger alone, {GROUP} x append_many of {BATCH}",
                    median(ledger),
                    median(each.per_cpu_s for each in self.ledger),
                ),
            ],
        )
        report.ratio("the ledger alone, to raw inserts, wall", ratio_of(ledger, inserts))
        report.ratio(
            f"calls of {BATCH} over gRPC, to raw inserts, wall", median(batched) / median(inserts)
        )
        report.ratio("unary at 64 callers, to raw inserts, wall", median(unary) / median(inserts))


def measure(folder: Path, sizes: Sizes) -> RawRates:
    """Interleaved rounds on two files of the same schema."""
    raw_file, ledger_file = folder / "raw.db", folder / "ledger.db"
    Ledger.open(raw_file).close_blocking()
    rates = RawRates([], [])
    for number in range(sizes.rounds + 1):
        appends = ballot_appends("raw", number * sizes.raw_ballots, sizes.raw_ballots)
        inserted = insert_raw(raw_file, appends)
        appended = asyncio.run(_append(ledger_file, appends))
        if number:
            rates.inserts.append(inserted)
            rates.ledger.append(appended)
    return rates


def ballot_appends(
    name: str, first: int, count: int, election: OpenElection | None = None
) -> list[Append]:
    """Ballots of random credentials as budget appends them; their seals are random bytes."""
    election = election or OpenElection(Path(), "0" * 36, "", 64)
    writer = BallotWriter(election.id)
    appends = []
    for number in range(first, first + count):
        credential = credential_of(f"{name} {number}")
        envelope = election.envelope(credential, os.urandom(sealed_size(election.size_bytes)))
        stream = ballot_stream(election.id, credential)
        appends.append(Append((StreamAppend(stream, 0, (writer.event(envelope),)),)))
    return appends


def rows_of(
    appends: Sequence[Append], seq: int, public_seq: int
) -> tuple[list[EventRow], list[PublicTuple]]:
    """The rows that the ledger would write after these numbers."""
    events: list[EventRow] = []
    public: list[PublicTuple] = []
    for number, append in enumerate(appends, 1):
        (part,) = append.streams
        (event,) = part.events
        events.append((seq + number, part.stream, 1, event.type, event.data, b"", None))
        if event.public is not None:
            public.append((public_seq + number, seq + number, event.public.id, event.public.leaf))
    return events, public


def connect_raw(file: Path) -> sqlite3.Connection:
    """A connection as durable as the ledger's, with a cache as large."""
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def insert_raw(file: Path, appends: Sequence[Append], *, group: int = GROUP * BATCH) -> Measured:
    """Inserts the rows, `group` ballots a transaction, nothing checked or read."""
    connection = connect_raw(file)
    seq = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
    public_seq = connection.execute("SELECT coalesce(max(public_seq), 0) FROM public").fetchone()[0]
    events, public = rows_of(appends, seq, public_seq)
    started_s, cpu_s = time.perf_counter(), time.process_time()
    for at in range(0, len(events), group):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?)", events[at : at + group])
        connection.executemany("INSERT INTO public VALUES(?,?,?,?)", public[at : at + group])
        connection.execute("COMMIT")
    measured = Measured(len(events), time.perf_counter() - started_s, time.process_time() - cpu_s)
    connection.close()
    return measured


async def _append(file: Path, appends: Sequence[Append]) -> Measured:
    ledger = Ledger.open(file)
    batches = iter([appends[at : at + BATCH] for at in range(0, len(appends), BATCH)])

    async def caller() -> None:
        for batch in batches:
            await ledger.append_many(batch)

    started_s, cpu_s = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(GROUP):
            group.create_task(caller())
    measured = Measured(len(appends), time.perf_counter() - started_s, time.process_time() - cpu_s)
    await ledger.close()
    return measured
