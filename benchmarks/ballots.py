"""Ballots accepted over gRPC: the service against the plain eventsourcing path, in rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import raw
from benchmarks.election import (
    Ballot,
    BallotPress,
    OpenElection,
    importer_token,
    issuer_of,
    make_election,
)
from benchmarks.load import BATCH, Measured, cast_in_batches, cast_one_by_one
from benchmarks.processes import Server, serving
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_ledger.bus.server import NatsServer

UNARY_TARGET = 2.5
BATCHED_TARGET = 20.0
UNARY_WAYS = {
    "64": "64 callers",
    "256": "256 callers",
    "voters": "64 callers, a new voter's token each time",
}


@dataclass
class Variant:
    """One way of handing ballots in to one of the servers, and what each round measured."""

    name: str
    run: Callable[[list[Ballot]], Measured]
    ballots: int
    rounds: list[Measured] = field(default_factory=list)

    @property
    def wall(self) -> list[float]:
        return [each.per_wall_s for each in self.rounds]

    @property
    def cpu(self) -> list[float]:
        return [each.per_cpu_s for each in self.rounds]


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report("ballots: accepted over gRPC, one service process")
    with ExitStack() as stack:
        variants = _variants(stack, folder, sizes)
        press = BallotPress(variants.election, issuer_of(variants.election))
        for number in range(sizes.rounds + 1):
            for variant in variants.all:
                measured = variant.run(press.print(variant.ballots))
                if number:  # The first round warms up.
                    variant.rounds.append(measured)
    raws = raw.measure(folder, sizes)
    _tell(report, variants, raws)
    return report


@dataclass
class _Variants:
    election: OpenElection
    plain: dict[str, Variant]
    service: dict[str, Variant]
    relayed: dict[str, Variant]

    @property
    def all(self) -> list[Variant]:
        """Interleaved: each way on all servers before the next way."""
        return [
            side[way] for way in self.plain for side in (self.plain, self.service, self.relayed)
        ]


def _variants(stack: ExitStack, folder: Path, sizes: Sizes) -> _Variants:
    election = make_election(folder / "service")
    issuer = issuer_of(election)
    tokens = [importer_token(issuer, f"booth {number}") for number in range(256)]
    plain = stack.enter_context(serving(election.copy(folder / "plain"), "benchmarks.plain"))
    relayed_election = election.copy(folder / "relayed")
    broker = stack.enter_context(_broker(folder))
    service = stack.enter_context(serving(election))
    relayed = stack.enter_context(serving(relayed_election, nats_url=broker.url))
    return _Variants(
        election,
        _ways("plain path", plain, tokens, sizes.plain_ballots, sizes.plain_ballots),
        _ways("service", service, tokens, sizes.unary_ballots, sizes.batched_ballots),
        _ways("service, relaying", relayed, tokens, sizes.unary_ballots, sizes.batched_ballots),
    )


@contextmanager
def _broker(folder: Path) -> Iterator[NatsServer]:
    broker = NatsServer(folder / "nats")
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def _ways(
    name: str, server: Server, tokens: list[str], unary: int, batched: int
) -> dict[str, Variant]:
    def settled(measure: Callable[[list[Ballot]], Measured]) -> Callable[..., Measured]:
        def run(ballots: list[Ballot]) -> Measured:
            measured = measure(ballots)
            server.wait_until_calm()
            return measured

        return run

    return {
        "64": Variant(
            f"{name}, unary, 64 callers",
            settled(lambda b: cast_one_by_one(server, b, callers=64, tokens=tokens[:64])),
            unary,
        ),
        "256": Variant(
            f"{name}, unary, 256 callers",
            settled(lambda b: cast_one_by_one(server, b, callers=256, tokens=tokens)),
            unary,
        ),
        "voters": Variant(
            f"{name}, unary, 64 callers, a new voter's token each time",
            settled(lambda b: cast_one_by_one(server, b, callers=64)),
            unary,
        ),
        "batched": Variant(
            f"{name}, calls of {BATCH}",
            settled(lambda ballots: cast_in_batches(server, ballots, tokens[0])),
            batched,
        ),
    }


def _tell(report: Report, variants: _Variants, raws: raw.RawRates) -> None:
    report.table(
        ("ballots a second (median of rounds)", "wall", "server CPU"),
        [
            (each.name, median(each.wall), median(each.cpu))
            for side in (variants.plain, variants.service, variants.relayed)
            for each in side.values()
        ],
    )
    for side, what in ((variants.service, ""), (variants.relayed, ", relaying")):
        for way, says in UNARY_WAYS.items():
            ours, theirs, target = side[way], variants.plain[way], UNARY_TARGET
            name = f"unary at {says}{what}, to the plain path"
            report.ratio(f"{name}, wall", ratio_of(ours.wall, theirs.wall), at_least=target)
            report.ratio(f"{name}, server CPU", ratio_of(ours.cpu, theirs.cpu), at_least=target)
        ours, theirs = side["batched"], variants.plain["64"]
        name = f"calls of {BATCH}{what}, to the plain path's unary at 64"
        report.ratio(f"{name}, wall", ratio_of(ours.wall, theirs.wall), at_least=BATCHED_TARGET)
        report.ratio(f"{name}, server CPU", ratio_of(ours.cpu, theirs.cpu), at_least=BATCHED_TARGET)
    report.say("")
    raws.tell(report, variants.service["batched"].wall, variants.service["64"].wall)
