"""Whoever changes anything of a bundle, with or without its sums, is found out: by the thousand.

The bundle is made and signed once; each case changes one thing, verifies, and puts it back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cahier_auditor.findings import CannotAudit, Finding
from cahier_auditor.progress import Progress
from cahier_auditor.receipts import check
from cahier_auditor.source import open_source
from cahier_auditor.verify import verify
from cahier_ledger.log.entries import read_entries
from cahier_ledger.log.merkle import inclusion_proof, leaf_hashes, root_of
from cahier_ledger.log.proof import Receipt

SEED = 1789
CASES = 250
MANY = 5_000
Mutation = Callable[[bytes, Random], bytes]
Large = tuple[Any, Path]


def flip(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ (1 << random.randrange(8))]) + raw[at + 1 :]


def truncate(raw: bytes, random: Random) -> bytes:
    return raw[: random.randrange(len(raw))]


def drop(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw))
    return raw[:at] + raw[at + 1 + random.randrange(64) :]


def double(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw))
    end = at + 1 + random.randrange(64)
    return raw[:end] + raw[at:end] + raw[end:]


def reorder(raw: bytes, random: Random) -> bytes:
    size = random.choice((1, 8, 32))
    places = range(0, len(raw) - size + 1, size)
    if len(places) < 2:
        return flip(raw, random)
    one, two = sorted(random.sample(places, 2))
    first, second = raw[one : one + size], raw[two : two + size]
    return raw[:one] + second + raw[one + size : two] + first + raw[two + size :]


def insert(raw: bytes, random: Random) -> bytes:
    at = random.randrange(len(raw) + 1)
    return raw[:at] + random.randbytes(1 + random.randrange(8)) + raw[at:]


MUTATIONS: tuple[Mutation, ...] = (flip, flip, flip, truncate, drop, double, reorder, insert)


def findings(bundle: Path) -> list[Finding] | str:
    """Nothing at all is what no tampered bundle may come to."""
    try:
        return verify(open_source(str(bundle)), None, 1, Progress()).findings.kept
    except CannotAudit as refused:
        return str(refused)


@contextmanager
def changed(file: Path, content: bytes | None) -> Iterator[None]:
    """The file holds something else, or is gone, for a while."""
    honest = file.read_bytes()
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(honest)


def mutate(raw: bytes, random: Random) -> bytes:
    while True:
        other = random.choice(MUTATIONS)(raw, random)
        if other != raw and not only_signs_more(raw, other):
            return other


def only_signs_more(raw: bytes, other: bytes) -> bool:
    """Whether strangers' signatures were added to a note, which everybody has to ignore."""
    lines = raw.split(b"\n")
    rest = [line for line in other.split(b"\n") if line in lines or line[:3] != "—".encode()]
    return rest == lines


def files_of(bundle: Path) -> list[Path]:
    return sorted(file for file in bundle.rglob("*") if file.is_file())


def test_the_untouched_bundle_holds(large: Large) -> None:
    assert findings(large[1]) == []


def any_file(bundle: Path, cases: int) -> None:
    random, files = Random(SEED), files_of(bundle)
    for _ in range(cases):
        file = random.choice(files)
        content = None if random.random() < 0.1 else mutate(file.read_bytes(), random)
        with changed(file, content):
            assert findings(bundle), f"{file.relative_to(bundle)} was changed unnoticed"
    assert findings(bundle) == []


def resummed(bundle: Path, resum: Callable[[Path], None], cases: int) -> None:
    random, honest = Random(SEED + 1), (bundle / "SHA256SUMS").read_bytes()
    files = [file for file in files_of(bundle) if is_vouched_for(file.relative_to(bundle))]
    tried = 0
    while tried < cases:
        file = random.choice(files)
        raw = file.read_bytes()
        content = spoil(file.relative_to(bundle), raw, random)
        if content is not None and means_the_same(file, raw, content):
            continue
        tried += 1
        with changed(file, content):
            resum(bundle)
            assert findings(bundle), f"{file.relative_to(bundle)} was changed unnoticed"
    (bundle / "SHA256SUMS").write_bytes(honest)
    assert findings(bundle) == []


def is_vouched_for(path: Path) -> bool:
    """By a signature, rather than by SHA256SUMS alone (policy, schema)."""
    return path.parts[0] in ("tlog", "checkpoints", "disclosures", "policies")


def spoil(path: Path, raw: bytes, random: Random) -> bytes | None:
    """A change that no erasure and no forgotten checkpoint explains."""
    if path.parts[0] in ("tlog", "policies") and random.random() < 0.1:
        return None
    if path.parts[0] == "checkpoints":  # The quorum is asked of few older checkpoints.
        witness = raw.rindex("— ".encode())
        return mutate(raw[:witness], random) + raw[witness:]
    return mutate(raw, random)


def means_the_same(file: Path, raw: bytes, content: bytes) -> bool:
    """Texts may be spaced otherwise, and one of several may have been erased."""
    if file.suffix != ".json":
        return False
    try:
        return all(text in json.loads(raw) for text in json.loads(content))
    except (ValueError, TypeError):
        return False


def test_no_change_of_any_file_passes(large: Large) -> None:
    any_file(large[1], CASES)


def test_no_change_passes_whose_sums_were_made_anew(
    large: Large, resum: Callable[[Path], None]
) -> None:
    resummed(large[1], resum, CASES)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_thousands_of_changes_are_found(large: Large, resum: Callable[[Path], None]) -> None:
    any_file(large[1], MANY)
    resummed(large[1], resum, MANY)


def rebuilt(leaves: list[bytes], random: Random) -> list[bytes]:
    """The log without, twice, in another order, or with another leaf."""
    log, at = list(leaves), random.randrange(len(leaves))
    match random.randrange(4):
        case 0:
            del log[at]
        case 1:
            log.insert(at, log[at])
        case 2:
            other = random.randrange(len(log))
            log[at], log[other] = log[other], log[at]
        case _:
            log[at] = mutate(log[at], random)
    return log


def test_no_other_log_fits_the_signature(large: Large, resum: Callable[[Path], None]) -> None:
    """Leaves are dropped, doubled, moved and altered, with all tiles and sums to match."""
    city, bundle = large
    random, leaves = Random(SEED + 2), list(read_entries(bundle / "tlog/reporting"))
    signed = {file: file.read_bytes() for file in files_of(bundle) if "tile" not in file.parts}
    for _ in range(60):
        log = rebuilt(leaves, random)
        if log == leaves:
            continue
        city.keys.sign(bundle, "reporting", log)
        for file, content in signed.items():
            file.write_bytes(content)
        resum(bundle)
        assert findings(bundle)
    restore(city, bundle, leaves, signed)


def restore(city: Any, bundle: Path, leaves: list[bytes], signed: dict[Path, bytes]) -> None:
    city.keys.sign(bundle, "reporting", leaves)
    for file in files_of(bundle):
        if "tile" not in file.parts and file not in signed:
            file.unlink()
    for file, content in signed.items():
        file.write_bytes(content)
    assert findings(bundle) == []


def receipt_of(city: Any, leaves: list[bytes], index: int, size: int) -> Receipt:
    hashes = leaf_hashes(leaves[:size])

    def read(level: int, number: int) -> bytes:
        return root_of(hashes[number << level : (number + 1) << level])

    checkpoint = city.keys.checkpoint(city.keys.origin("reporting"), hashes)
    return Receipt(index, tuple(inclusion_proof(index, size, read)), checkpoint)


def test_no_changed_receipt_passes(large: Large) -> None:
    city, bundle = large
    source, leaves = open_source(str(bundle)), list(read_entries(bundle / "tlog/reporting"))
    honest = str(receipt_of(city, leaves, 300, 500)).encode()
    assert not check(honest, None, source, None).findings
    random = Random(SEED + 3)
    for _ in range(CASES):
        other = mutate(honest, random)
        assert check(other, None, source, None).findings, f"{other!r}, not {honest!r}"


def test_a_receipt_of_another_leaf_or_index_does_not_pass(large: Large) -> None:
    city, bundle = large
    source, leaves = open_source(str(bundle)), list(read_entries(bundle / "tlog/reporting"))
    honest = receipt_of(city, leaves, 300, 500)
    moved = Receipt(301, honest.proof, honest.checkpoint)
    assert not check(str(honest).encode(), leaves[300], source, None).findings
    assert check(str(honest).encode(), leaves[301], source, None).findings
    assert check(str(moved).encode(), leaves[300], source, None).findings
