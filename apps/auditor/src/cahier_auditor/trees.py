"""Recomputes a log's tree from its leaves in one pass and holds every tile and root against it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cahier_auditor.chunks import (
    CHUNK_LEAVES,
    ChunkResult,
    ChunkTask,
    check_chunk,
    check_tile,
    top_of,
)
from cahier_auditor.findings import Finding, Findings
from cahier_auditor.judging import Erasure, Vote
from cahier_auditor.places import LogPlace
from cahier_auditor.progress import Progress
from cahier_auditor.source import Source
from cahier_auditor.workers import Workers
from cahier_ledger.log.entries import BrokenBundle, decode_bundle, encode_bundle
from cahier_ledger.log.merkle import EMPTY_ROOT, HASH_BYTES, Frontier
from cahier_ledger.log.tiles import HASHES_PER_TILE, BrokenTile, tile_at

ROOT = "the leaves lead to the checkpoint's root"
GOES_ON = "a log goes on to its end: a tile is missing"
NO_OTHER = "a log has no other tiles than those of its tree"
OLD_PARTIAL = "an older partial tile is the beginning of the present one"
_TILE = re.compile(
    r"tile/(?P<level>entries|\d{1,2})/(?P<number>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?"
)


@dataclass
class Tree:
    """What one pass over a log's files found.

    roots: recomputed, by the sizes that were asked for, as far as leaves are there. The rest: as in
    Judged.
    """

    findings: Findings = field(default_factory=Findings)
    roots: dict[int, bytes] = field(default_factory=dict)
    ids: array[int] = field(default_factory=lambda: array("q"))
    with_texts: int = 0
    shown: array[int] = field(default_factory=lambda: array("q"))
    erasures: list[Erasure] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)


def check_tree(
    source: Source,
    place: LogPlace,
    sizes: Iterable[int],
    workers: Workers,
    progress: Progress,
) -> Tree:
    """Reads the log once; sizes: those whose root is wanted, none above the place's.

    The last leaves to be read are those of the chunk where a tile is missing first: a log may claim
    any size, and what is not there has no end.
    """
    tree = Tree()
    wanted = sorted({*sizes, place.size})
    if wanted[0] == 0:
        tree.roots[0] = EMPTY_ROOT
    tops: list[bytes] = []
    chunks = Frontier()
    for number, result in enumerate(workers.map(check_chunk, _tasks(place, wanted))):
        _gather(tree, result)
        start = chunks.peaks
        if len(result.row) == HASHES_PER_TILE:
            tops.append(result.top())
            chunks.append(tops[-1])
        for cut, peaks in result.peaks.items():
            joined = chunks.peaks if cut % CHUNK_LEAVES == 0 else start + peaks
            tree.roots[cut] = Frontier(cut, joined).root()
        read = min((number + 1) * CHUNK_LEAVES, place.size)
        progress.tell(place.label, read, place.size)
        if not result.is_whole and read < place.size:
            found = f"the {place.size - read} leaves from {read} on were not looked at"
            tree.findings.add(Finding(place.label, None, GOES_ON, found))
            break
    else:
        _check_upper_tiles(source, place, tops, tree.findings)
    if source.can_list:
        tree.findings.extend(_other_tiles(source, place))
    return tree


def _tasks(place: LogPlace, cuts: list[int]) -> Iterator[ChunkTask]:
    at = 0
    for number in range(-(-place.size // CHUNK_LEAVES)):
        first, last = number * CHUNK_LEAVES, (number + 1) * CHUNK_LEAVES
        while at < len(cuts) and cuts[at] <= first:
            at += 1
        end = at
        while end < len(cuts) and cuts[end] <= last:
            end += 1
        yield ChunkTask(place, number, tuple(cuts[at:end]))
        at = end


def _gather(tree: Tree, result: ChunkResult) -> None:
    judged = result.judged
    tree.findings.extend(judged.findings)
    tree.ids.extend(judged.ids)
    tree.with_texts += judged.with_texts
    tree.shown.extend(judged.shown)
    tree.erasures.extend(judged.erasures)
    tree.votes.extend(judged.votes)


def _check_upper_tiles(
    source: Source, place: LogPlace, row: list[bytes], findings: Findings
) -> None:
    level = 2
    while row:
        above = []
        for at in range(0, len(row), HASHES_PER_TILE):
            held = row[at : at + HASHES_PER_TILE]
            check_tile(source, place, level, at // HASHES_PER_TILE, held, findings)
            if len(held) == HASHES_PER_TILE:
                above.append(top_of(held))
        level, row = level + 1, above


def _other_tiles(source: Source, place: LogPlace) -> Iterator[Finding]:
    """Files that no tree of this size has, and older partial ones that do not fit the present."""
    for path in source.below(f"{place.folder}/tile"):
        match = _TILE.fullmatch(path.removeprefix(f"{place.folder}/"))
        if match is None:
            yield Finding(place.label, None, NO_OTHER, "it is no tile", file=path)
            continue
        entries = match["level"] == "entries"
        level = 0 if entries else int(match["level"])
        number = int(match["number"].replace("x", "").replace("/", ""))
        width = int(match["width"] or HASHES_PER_TILE)
        try:
            present = tile_at(level, number, place.size)
        except BrokenTile as error:
            yield Finding(place.label, None, NO_OTHER, str(error), file=path)
            continue
        whole = place.entries_path(number) if entries else place.tile_path(*present)
        if width > present.width:
            found = f"it holds {width} where the tree has {present.width}"
            yield Finding(place.label, None, NO_OTHER, found, file=path)
        elif path != whole and not _begins(source, path, whole, width, entries=entries):
            yield Finding(place.label, None, OLD_PARTIAL, "it differs", file=path)


def _begins(source: Source, path: str, whole: str, width: int, *, entries: bool) -> bool:
    part, present = source.read(path), source.read(whole)
    if part is None or present is None:
        return False
    if not entries:
        return part == present[: width * HASH_BYTES]
    try:
        return part == encode_bundle(decode_bundle(present)[:width])
    except BrokenBundle:
        return False
