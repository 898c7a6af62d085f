"""That no event stands in a log twice, with eight bytes of memory a leaf."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from cahier_auditor.findings import Finding
from cahier_auditor.places import LeafReader, Span
from cahier_auditor.source import Source
from cahier_record.events import decode_leaf

ONCE = "an event is in the log once"
SUSPECTS_MAX = 200_000
"""Ids held to tell twins from strangers: chance makes as many among thirty million leaves."""


def doubled(source: Source, told: Sequence[tuple[Span, array[int]]]) -> Iterator[Finding]:
    """Leaves whose id stood there before, in any epoch; told: fingerprints of all ids by span.

    Two fingerprints that are equal are looked up, so that no chance makes a finding.
    """
    suspects = _repeated(told)
    seen: dict[str, str] = {}
    for span, ids in told:
        leaves = LeafReader(source, span.place)
        for index, one in enumerate(ids[: span.kept]):
            if one not in suspects:
                continue
            leaf_id = _id_of(leaves.leaf(index))
            if leaf_id is None:
                continue
            if leaf_id in seen:
                found = f"{leaf_id} stands at {seen[leaf_id]} already"
                yield Finding(span.place.label, index, ONCE, found)
            elif len(seen) < SUSPECTS_MAX:
                seen[leaf_id] = f"leaf {index} of {span.place.label}"
            else:
                found = "too many ids end alike to tell whether one stands there twice"
                yield Finding(span.place.label, index, ONCE, found)
                return


def _repeated(told: Sequence[tuple[Span, array[int]]]) -> set[int]:
    """The fingerprints that occur more than once. numpy sorts them where they lie."""
    total = sum(span.kept for span, _ in told)
    if total < 2:
        return set()
    import numpy

    joined = numpy.concatenate(
        [numpy.frombuffer(ids, dtype=numpy.int64)[: span.kept] for span, ids in told if ids]
    )
    joined.sort()
    return {int(one) for one in joined[1:][joined[1:] == joined[:-1]]}


def _id_of(raw: bytes | None) -> str | None:
    try:
        return decode_leaf(raw or b"").id
    except ValueError:
        return None
