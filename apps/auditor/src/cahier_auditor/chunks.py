"""Checks a run of 65,536 leaves: their bundles, their tiles, each leaf, and the roots within.

A chunk is what one tile of level 1 stands for, so chunks can be checked in any order and process,
and what is left to do is to join their top hashes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from cahier_auditor.findings import Finding, Findings
from cahier_auditor.judging import Judge, Judged
from cahier_auditor.places import LogPlace
from cahier_auditor.source import Source
from cahier_ledger.log.entries import BrokenBundle, decode_bundle
from cahier_ledger.log.merkle import HASH_BYTES, Frontier, leaf_hashes, parents
from cahier_ledger.log.tiles import HASHES_PER_TILE, TILE_HEIGHT

CHUNK_BUNDLES = HASHES_PER_TILE
CHUNK_LEAVES = CHUNK_BUNDLES * HASHES_PER_TILE
IS_THERE = "every file of the log is there"
BUNDLE_WHOLE = "an entry bundle holds its leaves, whole"
TILE_WHOLE = "a tile holds its hashes, whole"
LEAF_IN_TILE = "a leaf has the hash that its tile holds"
TILE_IS_TREE = "a tile holds the hashes of the tree below it"
_NOTHING = bytes(HASH_BYTES)


@dataclass(frozen=True)
class ChunkTask:
    """number: of the chunk. cuts: sizes of the log whose root is asked for, each behind the
    chunk's first leaf and not behind its last, in order."""

    place: LogPlace
    number: int
    cuts: tuple[int, ...]


@dataclass
class ChunkResult:
    """row: top hashes of its full bundles. peaks: by cut, the peaks of the leaves up to there.

    is_whole: whether no tile of level 0 is missing.
    """

    judged: Judged
    is_whole: bool = True
    row: list[bytes] = field(default_factory=list)
    peaks: dict[int, tuple[bytes, ...]] = field(default_factory=dict)

    def top(self) -> bytes:
        """The root of a full chunk."""
        return top_of(self.row)


def check_chunk(source: Source, task: ChunkTask) -> ChunkResult:
    """Reads each file of the chunk once; what is broken is a finding, not an error."""
    return _Chunk(source, task).check()


class _Chunk:
    def __init__(self, source: Source, task: ChunkTask) -> None:
        self._source = source
        self._task = task
        self._place = task.place
        self._judge = Judge(source, task.place)
        self._frontier = Frontier()
        self._cuts = frozenset(task.cuts)
        self._rest = deque(task.cuts)
        self.result = ChunkResult(self._judge.judged)

    def check(self) -> ChunkResult:
        files = self._source.read_all(self._paths())
        for number in self._numbers():
            self._check_bundle(number, next(files), next(files))
        row, findings = self.result.row, self.result.judged.findings
        if row:
            check_tile(self._source, self._place, 1, self._task.number, row, findings)
        return self.result

    def _numbers(self) -> range:
        first = self._task.number * CHUNK_BUNDLES
        return range(first, min(first + CHUNK_BUNDLES, self._place.bundles))

    def _paths(self) -> Iterator[str]:
        for number in self._numbers():
            yield self._place.entries_path(number)
            yield self._place.tile_path(0, number, self._place.width(number))

    def _check_bundle(self, number: int, entries: bytes | None, tile: bytes | None) -> None:
        first = number * HASHES_PER_TILE
        width = self._place.width(number)
        leaves = self._leaves(number, entries)
        if leaves is None:
            hashes = _hashes_of(tile, width)
            self._judge.skip(first, width)
        else:
            self._judge.judge(first, leaves)
            hashes = leaf_hashes(leaves)
        if tile is None or len(tile) != width * HASH_BYTES:
            self._find_tile(number, tile)
        elif leaves is not None and b"".join(hashes) != tile:
            self._find_leaves(first, hashes, tile)
        self._cut_within(first, hashes)
        if width == HASHES_PER_TILE:
            top = top_of(hashes)
            self.result.row.append(top)
            self._frontier.append(top)
            if first + width in self._cuts:
                self.result.peaks[first + width] = self._frontier.peaks

    def _cut_within(self, first: int, hashes: list[bytes]) -> None:
        """Notes the peaks at the cuts within this bundle; at a full one's end they join."""
        while self._rest and self._rest[0] <= first + len(hashes):
            cut = self._rest.popleft()
            if cut - first < HASHES_PER_TILE:
                within = Frontier()
                within.extend(hashes[: cut - first])
                self.result.peaks[cut] = self._frontier.peaks + within.peaks

    def _leaves(self, number: int, entries: bytes | None) -> list[bytes] | None:
        path = self._place.entries_path(number)
        if entries is None:
            self._find(IS_THERE, "it is missing", path)
            return None
        try:
            leaves = decode_bundle(entries)
        except BrokenBundle as error:
            self._find(BUNDLE_WHOLE, str(error), path)
            return None
        if len(leaves) != self._place.width(number):
            expected = f"{self._place.width(number)} entries"
            self._find(BUNDLE_WHOLE, f"{len(leaves)} entries", path, expected)
            return None
        return leaves

    def _find_tile(self, number: int, tile: bytes | None) -> None:
        width = self._place.width(number)
        path = self._place.tile_path(0, number, width)
        if tile is None:
            self.result.is_whole = False
            self._find(IS_THERE, "it is missing", path)
        else:
            self._find(TILE_WHOLE, f"{len(tile)} bytes", path, f"{width * HASH_BYTES} bytes")

    def _find_leaves(self, first: int, hashes: list[bytes], tile: bytes) -> None:
        for index, (found, expected) in enumerate(
            zip(hashes, _hashes_of(tile, len(hashes)), strict=True), first
        ):
            if found != expected:
                finding = Finding(
                    self._place.label, index, LEAF_IN_TILE, found.hex(), expected.hex()
                )
                self.result.judged.findings.add(finding)

    def _find(self, rule: str, found: str, path: str, expected: str = "") -> None:
        finding = Finding(self._place.label, None, rule, found, expected, path)
        self.result.judged.findings.add(finding)


def check_tile(
    source: Source, place: LogPlace, level: int, number: int, row: list[bytes], findings: Findings
) -> None:
    """Compares a tile above level 0 with the hashes that it should hold: the row."""
    path = place.tile_path(level, number, len(row))
    tile = source.read(path)
    if tile is None:
        findings.add(Finding(place.label, None, IS_THERE, "it is missing", file=path))
    elif len(tile) != len(row) * HASH_BYTES:
        found, expected = f"{len(tile)} bytes", f"{len(row) * HASH_BYTES} bytes"
        findings.add(Finding(place.label, None, TILE_WHOLE, found, expected, path))
    elif tile != b"".join(row):
        held = _hashes_of(tile, len(row))
        at = next(at for at, one in enumerate(held) if one != row[at])
        found = f"{held[at].hex()} as hash {at}"
        findings.add(Finding(place.label, None, TILE_IS_TREE, found, row[at].hex(), path))


def _hashes_of(tile: bytes | None, width: int) -> list[bytes]:
    """The hashes that a tile claims; zeros where it claims none."""
    if tile is None or len(tile) != width * HASH_BYTES:
        return [_NOTHING] * width
    return [tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES)]


def top_of(row: list[bytes]) -> bytes:
    """The root of 256 hashes."""
    for _ in range(TILE_HEIGHT):
        row = parents(row)
    return row[0]
