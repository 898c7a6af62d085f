"""Compares the logs of two sources: where two copies of one city's history part."""

from __future__ import annotations

from collections.abc import Iterator

from cahier_auditor.findings import Finding
from cahier_auditor.leaves import sized
from cahier_auditor.places import LogPlace, read_bundle
from cahier_auditor.progress import Progress
from cahier_auditor.source import Source
from cahier_auditor.verify import places_of
from cahier_ledger.log.entries import ENTRIES_PER_BUNDLE

SAME = "both sources hold the same leaf"
BOTH = "both sources hold the log"
NO_MORE = "no leaf"


def diff(one: Source, other: Source, progress: Progress) -> Iterator[Finding]:
    """The first leaf that differs in each log; raises CannotAudit where one cannot be read.

    A source that ends earlier differs at the leaf that it lacks.
    """
    for service in sorted({*one.services(), *other.services()}):
        left, right = _logs(one, service), _logs(other, service)
        for label in sorted({*left, *right}):
            if label not in left or label not in right:
                lacking = other.place if label in left else one.place
                yield Finding(label, None, BOTH, f"{lacking} has none")
                continue
            yield from _first(one, left[label], other, right[label], progress)
    progress.clear()


def _logs(source: Source, service: str) -> dict[str, LogPlace]:
    """By label with the epoch, which a source of one epoch leaves out."""
    if service not in source.services():
        return {}
    return {
        f"{service}/{place.epoch}" if place.epoch > 1 else service: sized(source, place)
        for place in places_of(source, service)
    }


def _first(
    one: Source, left: LogPlace, other: Source, right: LogPlace, progress: Progress
) -> Iterator[Finding]:
    for number in range(max(left.bundles, right.bundles)):
        progress.tell(left.label, number * ENTRIES_PER_BUNDLE, max(left.size, right.size))
        ours = read_bundle(one, left, number) if number < left.bundles else []
        theirs = read_bundle(other, right, number) if number < right.bundles else []
        if ours == theirs:
            continue
        same = sum(1 for _ in _common(ours, theirs))
        told = [_told(leaves, same) for leaves in (ours, theirs)]
        index = number * ENTRIES_PER_BUNDLE + same
        found = f"{one.place} has {told[0]}, {other.place} has {told[1]}"
        yield Finding(left.label, index, SAME, found)
        return


def _common(ours: list[bytes], theirs: list[bytes]) -> Iterator[bytes]:
    for left, right in zip(ours, theirs, strict=False):
        if left != right:
            return
        yield left


def _told(leaves: list[bytes], at: int) -> str:
    if at >= len(leaves):
        return NO_MORE
    text = leaves[at].decode(errors="replace")
    return text if len(text) <= 300 else text[:300] + "..."
