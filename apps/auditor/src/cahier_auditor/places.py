"""Where the files of one log stand: a service's present log, or an older epoch of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from cahier_auditor.findings import CannotAudit
from cahier_auditor.source import Source
from cahier_ledger.log.entries import (
    ENTRIES_FOLDER,
    ENTRIES_PER_BUNDLE,
    BrokenBundle,
    bundle_path,
    decode_bundle,
)
from cahier_ledger.log.tiles import tile_path


@dataclass(frozen=True)
class LogPlace:
    """One log of a source. label: its name in findings. folder: of its files in a bundle.

    epoch: from 1. size: leaves by its checkpoint. kept: how many of them still count, or None for
    all: texts of the others went with their store, and their ids may have come again.
    """

    service: str
    label: str
    folder: str
    epoch: int = 1
    size: int = 0
    kept: int | None = None

    def sized(self, size: int) -> LogPlace:
        return replace(self, size=size)

    def width(self, number: int) -> int:
        """Entries of a bundle (or hashes of a level 0 tile) in a log of this size."""
        return min(ENTRIES_PER_BUNDLE, self.size - number * ENTRIES_PER_BUNDLE)

    @property
    def bundles(self) -> int:
        """How many entry bundles there are, the last perhaps partial."""
        return -(-self.size // ENTRIES_PER_BUNDLE)

    def entries_path(self, number: int) -> str:
        return f"{self.folder}/{ENTRIES_FOLDER}/{bundle_path(number, self.width(number))}"

    def tile_path(self, level: int, number: int, width: int) -> str:
        return f"{self.folder}/{tile_path(level, number, width)}"


@dataclass(frozen=True)
class Span:
    """The leaves of a log that count in its service's history.

    base: how many public events came before, in earlier epochs. kept: how many of this log's
    leaves count: all, or those that the next epoch's first leaf says were not lost.
    """

    place: LogPlace
    base: int
    kept: int


class LeafReader:
    """Single leaves of a log by index; keeps a few bundles."""

    def __init__(self, source: Source, place: LogPlace) -> None:
        def read(number: int) -> list[bytes]:
            return read_bundle(source, place, number)

        self._bundle = lru_cache(4)(read)
        self._size = place.size

    def leaf(self, index: int) -> bytes | None:
        """None where the log has no such leaf, or its file is broken."""
        if not 0 <= index < self._size:
            return None
        try:
            return self._bundle(index // ENTRIES_PER_BUNDLE)[index % ENTRIES_PER_BUNDLE]
        except CannotAudit:
            return None


def read_bundle(source: Source, place: LogPlace, number: int) -> list[bytes]:
    """The leaves of one bundle; raises CannotAudit where it is missing or broken."""
    return bundle_of(place, number, source.read(place.entries_path(number)))


def bundle_of(place: LogPlace, number: int, raw: bytes | None) -> list[bytes]:
    """The leaves in a bundle's bytes; raises CannotAudit where there are none or they break."""
    path = place.entries_path(number)
    if raw is None:
        raise CannotAudit(f"{path} is missing")
    try:
        leaves = decode_bundle(raw)
    except BrokenBundle as error:
        raise CannotAudit(f"{path}: {error}") from None
    if len(leaves) != place.width(number):
        raise CannotAudit(f"{path}: {len(leaves)} entries where {place.width(number)} belong")
    return leaves
