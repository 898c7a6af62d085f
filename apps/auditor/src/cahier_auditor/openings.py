"""Epochs: how a log went on after its store had lost leaves, and what the new one says of it.

The first leaf of an epoch names the last checkpoint of the one before, how much of it was kept,
and what was lost. The loss is no finding, since everybody is told; a false account of it is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cahier_auditor.findings import Finding
from cahier_auditor.heads import Head
from cahier_auditor.places import LogPlace
from cahier_ledger.log.note import to_base64

OPENED = "a later epoch begins with the last checkpoint of the one before"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The data of `<service>.v1.log.epoch_opened`.

    kept: how many of the previous epoch's leaves go on to count. lost: their hashes in base64.
    """

    epoch: int
    previous_origin: str
    previous_size: int
    previous_root: str
    kept: int
    lost: tuple[str, ...] | int = ()
    reason: str = ""


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


def check_opening(place: LogPlace, opening: Opening, previous: Head | None) -> Iterator[Finding]:
    """Holds an opening against the checkpoint that it names."""
    if opening.epoch != place.epoch:
        yield _wrong(place, "epoch", opening.epoch, place.epoch)
    if not 0 <= opening.kept <= opening.previous_size:
        yield _wrong(place, "kept", opening.kept, f"0 to {opening.previous_size}")
    lost = opening.lost if isinstance(opening.lost, int) else len(opening.lost)
    if lost != opening.previous_size - opening.kept:
        yield _wrong(place, "number lost", lost, opening.previous_size - opening.kept)
    if previous is None:
        return
    signed = previous.checkpoint
    if opening.previous_origin != signed.origin:
        yield _wrong(place, "previous origin", opening.previous_origin, signed.origin)
    if opening.previous_size != signed.size:
        yield _wrong(place, "previous size", opening.previous_size, signed.size)
    if opening.previous_root != to_base64(signed.root):
        yield _wrong(place, "previous root", opening.previous_root, to_base64(signed.root))


def _wrong(place: LogPlace, what: str, found: object, expected: object) -> Finding:
    return Finding(place.label, 0, OPENED, f"{what} {found}", str(expected))
