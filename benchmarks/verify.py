"""How long an auditor's whole check of a log takes, against merely hashing the same leaves.

A signed log of ballots is made once. *Raw* is SHA-256 of each leaf with its prefix byte, in memory,
in one process: the least that anybody must do who checks a log. *Root* adds the tree's nodes.
`cahier-audit verify` reads the bundle from disk, checks SHA256SUMS, hashes leaves and nodes,
compares every tile, judges every leaf (form, schema, ballot id, twice or not), older checkpoints
and signatures; it is a process of its own, its start counted.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.memory import MIB
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_kernel import base64url
from cahier_kernel.ids import derived_uuid
from cahier_ledger.leaves import canonical_json
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.entries import read_entries
from cahier_ledger.log.growth import Files, Growth
from cahier_ledger.log.merkle import leaf_hashes, parents
from cahier_ledger.log.note import Vkey
from cahier_ledger.sealing import sealed_size

AUDIT = Path(sys.executable).parent / "cahier-audit"
ORIGIN = "bench.cahier.localhost/tlog/budget"
ELECTION = "018f3a00-0000-7000-8000-000000000001"
SEALED_BYTES = sealed_size(64)
PAGE = 1 << 16
SAMPLE_S = 0.1
TARGET = 4.0
MEMORY_MIB_MAX = 300


@dataclass
class Rounds:
    """Seconds by round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report(f"verify: a log of {sizes.replayed:,} ballots")
    bundle = folder / "bundle"
    make_bundle(bundle, sizes.replayed)
    jobs = min(len(os.sched_getaffinity(0)), 4)
    names = ("raw", "root", "verify, one process", f"verify, {jobs} processes")
    rounds = {name: Rounds() for name in names}
    peaks: dict[str, list[int]] = {name: [] for name in names[2:]}
    for _ in range(sizes.rounds):
        _hash_all(bundle, rounds["raw"], rounds["root"])
        for name, count in zip(names[2:], (1, jobs), strict=True):
            peaks[name].append(_verify(bundle, count, rounds[name]))
    _tell(report, sizes, rounds, {name: max(found) for name, found in peaks.items()})
    return report


def _tell(report: Report, sizes: Sizes, rounds: dict[str, Rounds], peaks: dict[str, int]) -> None:
    report.table(
        ("seconds (median of rounds)", "wall", "CPU", "leaves a second, wall", "memory, MiB"),
        [
            (
                name,
                *(median(found.wall), median(found.cpu)),
                *(sizes.replayed / median(found.wall), peaks.get(name, 0) / MIB or "-"),
            )
            for name, found in rounds.items()
        ],
    )
    raw, root = rounds["raw"], rounds["root"]
    for name, peak in peaks.items():
        found = rounds[name]
        report.ratio(f"{name}, to raw, wall", ratio_of(found.wall, raw.wall), at_most=TARGET)
        report.ratio(f"{name}, to raw, CPU", ratio_of(found.cpu, raw.cpu))
        report.ratio(f"{name}, to root, wall", ratio_of(found.wall, root.wall))
        report.ratio(f"{name}, peak memory in MiB", peak / MIB, at_most=MEMORY_MIB_MAX)


def ballot_leaves(count: int) -> Iterator[list[bytes]]:
    """Leaves as budget writes them, in pages."""
    for start in range(0, count, PAGE):
        yield [_ballot_leaf(number) for number in range(start, min(start + PAGE, count))]


def _ballot_leaf(number: int) -> bytes:
    credential = base64url.encode(hashlib.sha256(b"voter %d" % number).digest())
    data = {
        "election": ELECTION,
        "electorate": "all",
        "scheme": "confidential",
        "credential": credential,
        "sequence": 1,
        "sealed": base64url.encode(os.urandom(SEALED_BYTES)),
    }
    leaf_id = str(derived_uuid("ballot", ELECTION, credential, "1"))
    head = {"v": 1, "svc": "budget", "t": "budget.v1.ballot.ballot_cast", "id": leaf_id}
    return canonical_json({**head, "data": data})


def make_bundle(bundle: Path, count: int) -> None:
    """A signed log with its tiles, ten older checkpoints, and SHA256SUMS."""
    growth, home = Growth(), bundle / "tlog/budget"
    key = Ed25519PrivateKey.generate()
    vkey = Vkey.of(ORIGIN, key.public_key().public_bytes_raw())

    def signed() -> str:
        checkpoint = Checkpoint(ORIGIN, growth.size, growth.root())
        return sign_checkpoint(checkpoint, [(vkey, key.sign)])

    for page in ballot_leaves(count):
        _write(home, growth.take(page))
        _write(bundle / "checkpoints/budget", {str(growth.size): signed().encode()})
    _write(home, growth.partial_files())
    _write(home, {"checkpoint": signed().encode(), "key": f"{vkey}\n".encode()})
    files = sorted(file for file in bundle.rglob("*") if file.is_file())
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(bundle)}\n"
        for file in files
    )
    (bundle / "SHA256SUMS").write_text("".join(lines))


def _write(home: Path, files: Files) -> None:
    for path, content in files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)


def _hash_all(bundle: Path, raw: Rounds, root: Rounds) -> None:
    """Hashes pages that were read outside the time that is taken."""
    seconds = {"raw": [0.0, 0.0], "nodes": [0.0, 0.0]}
    leaves = read_entries(bundle / "tlog/budget")
    while page := list(islice(leaves, PAGE)):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        row = leaf_hashes(page)
        _add(seconds["raw"], wall_s, cpu_s)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        while len(row) > 1:
            row = parents(row)
        _add(seconds["nodes"], wall_s, cpu_s)
    raw.wall.append(seconds["raw"][0])
    raw.cpu.append(seconds["raw"][1])
    root.wall.append(seconds["raw"][0] + seconds["nodes"][0])
    root.cpu.append(seconds["raw"][1] + seconds["nodes"][1])


def _add(seconds: list[float], wall_s: float, cpu_s: float) -> None:
    seconds[0] += time.perf_counter() - wall_s
    seconds[1] += time.process_time() - cpu_s


def _verify(bundle: Path, jobs: int, rounds: Rounds) -> int:
    """Runs the command; answers the most bytes that its processes held together (PSS)."""
    before, started_s = os.times(), time.perf_counter()
    audit = subprocess.Popen(
        [AUDIT, "verify", bundle, "--jobs", str(jobs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    peak = 0
    while audit.poll() is None:
        peak = max(peak, _held(audit.pid))
        time.sleep(SAMPLE_S)
    wall_s, after = time.perf_counter() - started_s, os.times()
    if audit.returncode:
        raise RuntimeError(f"the log does not verify: {audit.stderr and audit.stderr.read()}")
    rounds.wall.append(wall_s)
    rounds.cpu.append(
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return peak


def _held(pid: int) -> int:
    """Bytes of a process and its helpers, what they share counted once."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_full_info().pss for one in family)
    except psutil.Error:
        return 0
