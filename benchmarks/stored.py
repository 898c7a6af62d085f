"""Does a store that holds a million ballots take the next one as readily as an empty one?"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import raw
from benchmarks.election import BallotPress, importer_token, issuer_of, make_election
from benchmarks.load import BATCH, Measured, cast_in_batches, cast_one_by_one
from benchmarks.prefill import fill
from benchmarks.processes import Server, serving
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes

UNARY_TARGET = 0.85


@dataclass
class Store:
    """A service on a store of some size, and a bare table of that size beside it."""

    size: int
    server: Server
    bare: Path
    unary: list[Measured] = field(default_factory=list)
    batched: list[Measured] = field(default_factory=list)
    inserts: list[Measured] = field(default_factory=list)


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report("stored: the same with many ballots stored already")
    empty = make_election(folder / "made")
    issuer = issuer_of(empty)
    token = importer_token(issuer)
    press = BallotPress(empty, issuer)
    with ExitStack() as stack:
        stores = []
        for size in sizes.stored:
            election = empty.copy(folder / f"with-{size}")
            bare = folder / f"bare-{size}.db"
            shutil.copyfile(fill(election, size), bare)
            stores.append(Store(size, stack.enter_context(serving(election)), bare))
        for number in range(sizes.rounds + 1):
            _round(stores, press, token, sizes, number)
    _tell(report, stores)
    return report


def _round(stores: list[Store], press: BallotPress, token: str, sizes: Sizes, number: int) -> None:
    one_by_one = press.print(sizes.unary_ballots)
    in_batches = press.print(sizes.batched_ballots, tokens=False)
    rows = raw.ballot_appends("bare", number * sizes.raw_ballots, sizes.raw_ballots)
    for measure, name in (
        (lambda store: cast_one_by_one(store.server, one_by_one, callers=64), "unary"),
        (lambda store: cast_in_batches(store.server, in_batches, token), "batched"),
        (lambda store: raw.insert_raw(store.bare, rows), "inserts"),
    ):
        for store in stores:
            measured = measure(store)
            store.server.wait_until_calm()
            if number:  # The first round warms up.
                getattr(store, name).append(measured)


def _tell(report: Report, stores: list[Store]) -> None:
    report.table(
        (
            "ballots stored",
            "unary, wall",
            "unary, CPU",
            f"calls of {BATCH}, wall",
            f"calls of {BATCH}, CPU",
            "bare inserts, wall",
            "bare inserts, CPU",
        ),
        [
            (
                f"{store.size:,}",
                *(
                    value
                    for rounds in (store.unary, store.batched, store.inserts)
                    for value in (
                        median(each.per_wall_s for each in rounds),
                        median(each.per_cpu_s for each in rounds),
                    )
                ),
            )
            for store in stores
        ],
    )
    first = stores[0]
    for store in stores[1:]:
        name = f"with {store.size:,} stored, to {first.size:,}"
        for rounds, target in (("unary", UNARY_TARGET), ("batched", None), ("inserts", None)):
            ours, empty = getattr(store, rounds), getattr(first, rounds)
            for clock in ("wall", "cpu"):
                report.ratio(
                    f"{rounds} {name}, {clock}",
                    ratio_of(
                        [getattr(each, f"per_{clock}_s") for each in ours],
                        [getattr(each, f"per_{clock}_s") for each in empty],
                    ),
                    at_least=target,
                )
