"""Ballots accepted over gRPC with the service's store on PostgreSQL, against SQLite."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.election import BallotPress, importer_token, issuer_of, make_election
from benchmarks.load import BATCH, Measured, cast_in_batches, cast_one_by_one
from benchmarks.processes import Server, serving
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_ledger.postgres.server import PostgresServer

WAYS = ("unary, 64 callers", "unary, 256 callers", f"calls of {BATCH}")


@dataclass
class Store:
    """A service on one kind of store, with ballots for its own election."""

    name: str
    server: Server
    press: BallotPress
    token: str
    rounds: dict[str, list[Measured]] = field(default_factory=dict)

    def measure(self, way: str, sizes: Sizes, *, keep: bool) -> None:
        measured = self._measurers(sizes)[way]()
        self.server.wait_until_calm()
        if keep:
            self.rounds.setdefault(way, []).append(measured)

    def _measurers(self, sizes: Sizes) -> dict[str, Callable[[], Measured]]:
        def unary(callers: int) -> Measured:
            return cast_one_by_one(
                self.server, self.press.print(sizes.unary_ballots), callers=callers
            )

        def batched() -> Measured:
            ballots = self.press.print(sizes.batched_ballots, tokens=False)
            return cast_in_batches(self.server, ballots, self.token)

        return dict(zip(WAYS, (lambda: unary(64), lambda: unary(256), batched), strict=True))

    def wall(self, way: str) -> list[float]:
        return [each.per_wall_s for each in self.rounds[way]]

    def cpu(self, way: str) -> list[float]:
        return [each.per_cpu_s for each in self.rounds[way]]


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report("postgres: ballots accepted over gRPC, by the store")
    with ExitStack() as stack:
        database = PostgresServer(folder / "postgres")
        database.start()
        stack.callback(database.stop)
        stores = [
            _store(stack, "SQLite", folder / "sqlite", None),
            _store(stack, "PostgreSQL", folder / "on-postgres", database.dsn),
        ]
        for number in range(sizes.rounds + 1):
            for way in WAYS:
                for store in stores:
                    store.measure(way, sizes, keep=number > 0)
    report.table(
        ("ballots a second (median of rounds)", "wall", "service CPU"),
        [
            (f"{store.name}, {way}", median(store.wall(way)), median(store.cpu(way)))
            for store in stores
            for way in WAYS
        ],
    )
    sqlite, postgres = stores
    for way in WAYS:
        report.ratio(
            f"PostgreSQL to SQLite, {way}, wall", ratio_of(postgres.wall(way), sqlite.wall(way))
        )
        report.ratio(
            f"PostgreSQL to SQLite, {way}, CPU", ratio_of(postgres.cpu(way), sqlite.cpu(way))
        )
    report.say("", "CPU is the service's alone; PostgreSQL's own processes come on top.")
    return report


def _store(stack: ExitStack, name: str, folder: Path, dsn: str | None) -> Store:
    election = make_election(folder, dsn)
    environment = {"BUDGET_STORE_DSN": dsn} if dsn else {}
    server = stack.enter_context(serving(election, environment=environment))
    issuer = issuer_of(election)
    return Store(name, server, BallotPress(election, issuer), importer_token(issuer))
