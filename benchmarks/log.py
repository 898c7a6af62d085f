"""What the public log costs in hashing, against what Python's hashlib takes for the same leaves.

*Raw* is a list comprehension that does nothing but SHA-256 over each leaf. Everything else does
that and more: the leaves' hashes with their prefix, the root over them, and a whole verification
from entry bundles as an auditor streams them. Proofs are made from tiles in files: with the
tiles' inner nodes kept, as a service does, and hashing every tile afresh for each node.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.entries import ENTRIES_PER_BUNDLE, decode_bundle, encode_bundle
from cahier_ledger.log.merkle import Frontier, inclusion_proof, leaf_hashes
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.proof import Receipt, check_receipt
from cahier_ledger.log.tiles import TileNodes, grow, tile_path

BLOCK = 65_536
"""Leaves that differ; longer logs repeat them, so that memory is not what is measured."""
LEAF_BYTES = 480
"""About what a ballot's leaf takes."""
RECENT = 65_536
PROOFS = 2_000
PROOFS_NAIVE = 50
VERIFY_TARGET = 4.0
PROOF_TARGET = 10.0

Work = Callable[[], object]


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the tables and the ratios."""
    size = sizes.replayed
    report = Report(f"log: a public log of {size:,} leaves of {LEAF_BYTES} bytes")
    log = _Log(size)
    hashing = {
        "raw hashlib": log.raw,
        "leaves hashed": log.hash_leaves,
        "root of hashed leaves": log.root,
        "entry bundles read, hashed and folded to the root": log.verify,
    }
    rates = _rates(size, sizes.rounds, hashing)
    _tell_hashing(report, rates)
    log.write(folder)
    proofs = {
        "recent leaves, nodes cached": log.proofs(Random(1), recent=True),
        "any leaf, nodes cached": log.proofs(Random(2), recent=False),
        "any leaf, every tile hashed afresh": log.naive_proofs(Random(3)),
    }
    _tell_proofs(report, log, _rounds(sizes.rounds, proofs))
    return report


class _Log:
    """A log's leaves, its tiles once they are written, and the work on them."""

    def __init__(self, size: int) -> None:
        pad = "x" * (LEAF_BYTES - len(f'{{"n":"{0:012}"}}'))
        block = min(size, BLOCK)
        self.size = size
        self._leaves = [f'{{"n":"{n:012}{pad}"}}'.encode() for n in range(block)]
        self._hashes = leaf_hashes(self._leaves)
        self._bundles = [
            encode_bundle(self._leaves[at : at + ENTRIES_PER_BUNDLE])
            for at in range(0, block, ENTRIES_PER_BUNDLE)
        ]
        self._folder = Path()
        self._root = self._frontier(self._hashes).root()

    def raw(self) -> None:
        for count in self._blocks():
            sha256 = hashlib.sha256
            [sha256(leaf).digest() for leaf in self._leaves[:count]]

    def hash_leaves(self) -> None:
        for count in self._blocks():
            leaf_hashes(self._leaves[:count])

    def root(self) -> None:
        self._check(self._frontier(self._hashes))

    def verify(self) -> None:
        frontier = Frontier()
        for count in self._blocks():
            for bundle in self._bundles[: -(-count // ENTRIES_PER_BUNDLE)]:
                leaves = decode_bundle(bundle)
                frontier.extend(leaf_hashes(leaves[: self.size - frontier.size]))
        self._check(frontier)

    def write(self, folder: Path) -> None:
        """Writes the tiles below `folder`, as a sequencer does, in blocks."""
        self._folder = folder
        written = 0
        for count in self._blocks():
            for tile, raw in grow(self.read_tile, written, self._hashes[:count]):
                file = folder / tile.path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(raw)
            written += count

    def read_tile(self, level: int, number: int, width: int) -> bytes:
        return (self._folder / tile_path(level, number, width)).read_bytes()

    def proofs(self, random: Random, *, recent: bool) -> Callable[[], float]:
        """Makes proofs with a cache that stays, as a service's does; answers proofs a second."""
        nodes = TileNodes(self.read_tile, self.size, tiles_max=8_192)
        low = max(0, self.size - RECENT) if recent else 0
        return lambda: self._proof_rate(nodes, random, low, PROOFS)

    def naive_proofs(self, random: Random) -> Callable[[], float]:
        nodes = TileNodes(self.read_tile, self.size, tiles_max=0)
        return lambda: self._proof_rate(nodes, random, 0, PROOFS_NAIVE)

    def receipts_checked(self) -> float:
        """Receipts a second that a reader checks, with the log's signature."""
        private = Ed25519PrivateKey.generate()
        vkey = Vkey.of("bench.example/tlog/budget", private.public_key().public_bytes_raw())
        text = sign_checkpoint(Checkpoint(vkey.name, self.size, self._root), [(vkey, private.sign)])
        nodes = TileNodes(self.read_tile, self.size)
        receipt = str(Receipt(7, tuple(inclusion_proof(7, self.size, nodes)), text))
        started_s = time.process_time()
        for _ in range(PROOFS):
            check_receipt(receipt, self._leaves[7], [vkey])
        return PROOFS / (time.process_time() - started_s)

    def _proof_rate(self, nodes: TileNodes, random: Random, low: int, count: int) -> float:
        wanted = [random.randrange(low, self.size) for _ in range(count)]
        started_s = time.process_time()
        for index in wanted:
            inclusion_proof(index, self.size, nodes)
        return count / (time.process_time() - started_s)

    def _blocks(self) -> list[int]:
        block = len(self._leaves)
        return [min(block, self.size - at) for at in range(0, self.size, block)]

    def _frontier(self, hashes: list[bytes]) -> Frontier:
        frontier = Frontier()
        for count in self._blocks():
            frontier.extend(hashes[:count])
        return frontier

    def _check(self, frontier: Frontier) -> None:
        if frontier.root() != self._root or frontier.size != self.size:
            raise RuntimeError("another root than before")


def _rates(size: int, rounds: int, works: dict[str, Work]) -> dict[str, list[float]]:
    def timed(work: Work) -> Callable[[], float]:
        def rate() -> float:
            started_s = time.process_time()
            work()
            return size / (time.process_time() - started_s)

        return rate

    return _rounds(rounds, {name: timed(work) for name, work in works.items()})


def _rounds(rounds: int, works: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The rates of all works in turns, after one round that warms up."""
    rates: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            rate = work()
            if number:
                rates[name].append(rate)
    return rates


def _tell_hashing(report: Report, rates: dict[str, list[float]]) -> None:
    report.table(
        ("leaves a CPU second (median of rounds)", "rate"),
        [(name, median(each)) for name, each in rates.items()],
    )
    raw, leaves, root, verify = rates.values()
    report.ratio("leaves hashed, to raw hashlib", ratio_of(leaves, raw))
    report.ratio("root of hashed leaves, to raw hashlib", ratio_of(root, raw))
    report.ratio(
        "time of a whole verification, to raw hashlib",
        ratio_of(raw, verify),
        at_most=VERIFY_TARGET,
    )


def _tell_proofs(report: Report, log: _Log, rates: dict[str, list[float]]) -> None:
    report.say("")
    report.table(
        ("inclusion proofs a CPU second (median of rounds)", "rate"),
        [(name, median(each)) for name, each in rates.items()],
    )
    recent, cached, naive = rates.values()
    report.ratio("recent proofs cached, to naive", ratio_of(recent, naive), at_least=PROOF_TARGET)
    report.ratio("any proofs cached, to naive", ratio_of(cached, naive))
    report.say("", f"Apart: {log.receipts_checked():,.0f} receipts checked a CPU second.")
