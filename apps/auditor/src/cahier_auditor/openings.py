"""Epochs: how a log went on after its store had lost leaves, and what the new one says of it.

The first leaf of an epoch names the last checkpoint of the one before, how much of it was kept,
and what was lost. The loss is no finding, since everybody is told; a false account of it is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from cahier_auditor.findings import Finding
from cahier_auditor.heads import Head
from cahier_auditor.places import LeafReader, LogPlace
from cahier_auditor.source import Source
from cahier_ledger.log.merkle import leaf_hash
from cahier_ledger.log.note import to_base64

OPENED = "a later epoch begins with the last checkpoint of the one before"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The data of `<service>.v1.log.epoch_opened`.

    previous_size, previous_root: what the previous epoch signed last. kept: how many of its leaves
    go on to count; kept_root: their root. lost: the others' hashes in base64, or their number.
    """

    epoch: int
    previous_origin: str
    previous_size: int
    previous_root: str
    kept: int
    kept_root: str
    lost: tuple[str, ...] | int

    @property
    def lost_count(self) -> int:
        return self.lost if isinstance(self.lost, int) else len(self.lost)


class _First(msgspec.Struct, frozen=True):
    t: str
    data: msgspec.Raw


def read_opening(place: LogPlace, leaf: bytes | None) -> Opening | Finding:
    """The first leaf of a later epoch; a finding where it is no opening."""
    try:
        first = msgspec.json.decode(leaf or b"", type=_First)
        if first.t != f"{place.service}.v1.log.epoch_opened":
            return Finding(place.label, 0, OPENED, f"it is {first.t}")
        return msgspec.json.decode(first.data, type=Opening)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Finding(place.label, 0, OPENED, str(error))


def check_opening(
    source: Source, place: LogPlace, opening: Opening, previous: Head, roots: Mapping[int, bytes]
) -> Iterator[Finding]:
    """Holds an opening against the log that it ends. roots: recomputed of that log, by size.

    The ended log is shown whole where somebody still had the lost leaves, else as far as it was
    kept; both are signed by it.
    """
    signed, kept = previous.checkpoint, opening.kept
    if not 0 <= kept <= min(opening.previous_size, signed.size):
        most = min(opening.previous_size, signed.size)
        yield Finding(place.label, 0, OPENED, f"kept {kept}", f"0 to {most}")
    expected: dict[str, tuple[object, object]] = {
        "epoch": (opening.epoch, place.epoch),
        "previous origin": (opening.previous_origin, signed.origin),
        "number lost": (opening.lost_count, opening.previous_size - kept),
        "root of what was kept": (opening.kept_root, _base64(roots.get(kept))),
    }
    if signed.size == opening.previous_size:
        expected["previous root"] = (opening.previous_root, to_base64(signed.root))
    elif signed.size != kept or not 0 <= kept < opening.previous_size:
        sizes = f"{opening.previous_size}, kept {kept}"
        expected["previous size"] = (sizes, signed.size)
    for what, (found, right) in expected.items():
        if found != right:
            yield Finding(place.label, 0, OPENED, f"{what} {found}", str(right))
    if signed.size == opening.previous_size and not isinstance(opening.lost, int):
        yield from _check_lost(source, place, opening.lost, previous.place, kept)


def account(place: LogPlace, opening: Opening, previous: Head) -> str:
    """What an epoch's first leaf says, in one line."""
    shown = previous.checkpoint.size == opening.previous_size
    lost = opening.lost_count
    where = "they are still in the old log" if shown else "nobody has them any more"
    return (
        f"{place.label}: began anew after {opening.previous_origin} at {opening.previous_size:,} "
        f"leaves; {opening.kept:,} were kept, {lost:,} were lost" + (f": {where}" if lost else "")
    )


def _check_lost(
    source: Source, place: LogPlace, lost: Sequence[str], ended: LogPlace, kept: int
) -> Iterator[Finding]:
    reader = LeafReader(source, ended)
    for at, told in enumerate(lost):
        leaf = reader.leaf(kept + at)
        right = "" if leaf is None else to_base64(leaf_hash(leaf))
        if told != right:
            found = f"lost leaf {kept + at} has the hash {told}"
            yield Finding(place.label, 0, OPENED, found, right)


def _base64(root: bytes | None) -> str:
    return "" if root is None else to_base64(root)
