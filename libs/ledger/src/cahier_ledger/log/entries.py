"""Entry bundles: the leaves of a public log as files (C2SP tlog-tiles, "Log Entries").

Each bundle holds 256 leaves, the last one perhaps fewer; a leaf is its length as a big-endian
uint16 and its bytes. Paths number bundles as tiles are numbered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from cahier_ledger.log.tiles import HASHES_PER_TILE, number_path
from cahier_ledger.model import LEAF_BYTES_MAX, LeafTooLarge

ENTRIES_PER_BUNDLE = HASHES_PER_TILE
ENTRIES_FOLDER = "tile/entries"
_LENGTH_BYTES = 2


class BrokenBundle(ValueError):
    """An entry bundle is missing, cut or too long; the text names the file and the rule."""


def bundle_path(number: int, width: int = ENTRIES_PER_BUNDLE) -> str:
    """Path of bundle `number` (from 0) below `tile/entries/`; width: entries in it, 1 to 256."""
    return number_path(number, width)


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """The bytes of one bundle; raises LeafTooLarge."""
    parts = []
    for leaf in leaves:
        if len(leaf) > LEAF_BYTES_MAX:
            raise LeafTooLarge(len(leaf))
        parts.append(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf)
    return b"".join(parts)


def decode_bundle(raw: bytes) -> list[bytes]:
    """The leaves of one bundle; raises BrokenBundle for bytes that are cut."""
    leaves, at, end = [], 0, len(raw)
    step = _LENGTH_BYTES + int.from_bytes(raw[:_LENGTH_BYTES], "big")
    if _is_even(raw, step):  # Ballots are all of one size; thrice as fast as one by one.
        return [raw[at : at + step - _LENGTH_BYTES] for at in range(_LENGTH_BYTES, end + 1, step)]
    try:
        while at < end:
            start = at + _LENGTH_BYTES
            at = start + (raw[at] << 8 | raw[at + 1])
            leaves.append(raw[start:at])
    except IndexError:
        raise BrokenBundle("the bundle ends within an entry") from None
    if at != end:
        raise BrokenBundle("the bundle ends within an entry")
    return leaves


def write_entries(log_folder: Path, leaves: Iterable[bytes]) -> int:
    """Writes a whole log's entry bundles below `log_folder`; answers how many leaves there were."""
    held: list[bytes] = []
    size = 0
    for leaf in leaves:
        held.append(leaf)
        size += 1
        if len(held) == ENTRIES_PER_BUNDLE:
            _write(log_folder, size // ENTRIES_PER_BUNDLE - 1, held)
            held = []
    if held:
        _write(log_folder, size // ENTRIES_PER_BUNDLE, held)
    return size


def read_entries(log_folder: Path) -> Iterator[bytes]:
    """The leaves below `log_folder`, in order; raises BrokenBundle at the first fault.

    Every bundle but the last must be full, and nothing may follow a partial one.
    """
    folder = log_folder / ENTRIES_FOLDER
    read, number = set(), 0
    while (file := folder / bundle_path(number)).is_file():
        yield from _read(file, ENTRIES_PER_BUNDLE)
        read.add(file)
        number += 1
    partial = sorted((folder / f"{bundle_path(number)}.p").glob("*"), key=lambda f: int(f.name))
    if partial:
        yield from _read(partial[-1], int(partial[-1].name))
        read.update(partial)
    if any(file.is_file() and file not in read for file in folder.rglob("*")):
        raise BrokenBundle(f"{folder / bundle_path(number)}: the bundle is missing")


def _is_even(raw: bytes, step: int) -> bool:
    """Whether all leaves are as long as the first."""
    count, rest = divmod(len(raw), step)
    return not rest and raw[::step] == raw[:1] * count and raw[1::step] == raw[1:2] * count


def _write(log_folder: Path, number: int, leaves: list[bytes]) -> None:
    file = log_folder / ENTRIES_FOLDER / bundle_path(number, len(leaves))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode_bundle(leaves))


def _read(file: Path, width: int) -> list[bytes]:
    try:
        leaves = decode_bundle(file.read_bytes())
    except BrokenBundle as error:
        raise BrokenBundle(f"{file}: {error}") from None
    if len(leaves) != width:
        raise BrokenBundle(f"{file}: {len(leaves)} entries where {width} belong")
    return leaves
