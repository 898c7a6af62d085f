"""The leaves of a log in order, a bundle at a time: all that is ever in memory."""

from __future__ import annotations

from collections.abc import Iterator

from cahier_auditor.findings import CannotAudit
from cahier_auditor.places import LogPlace, Span, bundle_of
from cahier_auditor.source import Source
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.entries import ENTRIES_PER_BUNDLE
from cahier_ledger.log.note import BadNote


def bundles(source: Source, place: LogPlace, upto: int) -> Iterator[tuple[int, list[bytes]]]:
    """Runs of leaves with the index of their first; raises CannotAudit where a file is broken."""
    numbers = range(-(-upto // ENTRIES_PER_BUNDLE))
    files = source.read_all(place.entries_path(number) for number in numbers)
    for number, raw in zip(numbers, files, strict=True):
        first = number * ENTRIES_PER_BUNDLE
        yield first, bundle_of(place, number, raw)[: upto - first]


def history(source: Source, spans: list[Span]) -> Iterator[tuple[int, Span, bytes]]:
    """A service's leaves in all epochs, each with how many came before it."""
    for span in spans:
        for first, leaves in bundles(source, span.place, span.kept):
            for index, raw in enumerate(leaves, span.base + first):
                yield index, span, raw


def sized(source: Source, place: LogPlace) -> LogPlace:
    """The log as long as its checkpoint says, unchecked; raises CannotAudit without one."""
    raw = source.read(f"{place.folder}/checkpoint")
    try:
        return place.sized(parse_checkpoint(raw or b"")[0].size)
    except BadNote as error:
        raise CannotAudit(f"{source.place}: {place.folder}/checkpoint: {error}") from None
