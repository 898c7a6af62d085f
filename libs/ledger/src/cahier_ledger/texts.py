"""Erasable texts of private events: kept once, apart from the events, so that they can be erased.

What a leaf discloses, and what a private event alone knows (addresses, names), stands in the
ledger's `disclosures`; the event's data holds a mark in its place:

    {"~":{"<leaf id>":["body","title"],"@":["contact"]},"author":"..."}

says that `body` and `title` are disclosures of that leaf, and that `contact` is kept under the
event's own place (see place_of). Whoever reads an event from the store gets it whole again, with
ERASED where a text is gone. Events that hold their texts inside, as older releases wrote them,
read as they are. An event without texts costs one comparison of its first bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

import msgspec

from cahier_kernel.texts import ERASED
from cahier_ledger.model import NewEvent, StoredEvent

MARK = b'{"~":{'
PRIVATE = "@"
_MARK_START = len(MARK) - 1

FoundText = tuple[str, str, str]
"""(id of the leaf or place of the event, name, value)."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_marked_names = msgspec.json.Decoder(dict[str, tuple[str, ...]]).decode


def place_of(stream: str, version: int) -> str:
    """What the private texts of an event are kept under; no leaf has such an id."""
    return f"{stream}@{version}"


def apart(event: NewEvent, private: Collection[str] = ()) -> NewEvent:
    """The event with its texts taken out of its data.

    These are the fields that its leaf discloses under the same name and with the same value, and
    the fields named in `private`, which are text too. Raises ValueError for data that is no object
    and TypeError for a private field that is not text.
    """
    hidden = event.public.disclosures if event.public is not None else ()
    if not (hidden or private):
        return event
    fields = _fields(event.data)
    told = sorted(item.name for item in hidden if _text(fields.get(item.name)) == item.value)
    kept = {name: _private_text(fields[name]) for name in private if name in fields}
    mark: dict[str, Collection[str]] = {}
    if event.public is not None and told:
        mark[event.public.id] = told
    if kept:
        mark[PRIVATE] = sorted(kept)
    if not mark:
        return event
    rest = {name: raw for name, raw in fields.items() if name not in kept and name not in told}
    return replace(event, data=_marked(mark, rest), texts=tuple(sorted(kept.items())))


def filled(
    events: list[StoredEvent], find: Callable[[list[str]], Iterable[FoundText]]
) -> list[StoredEvent]:
    """The events with their texts in place. find: the texts kept under some ids; asked once."""
    marked = [(index, event) for index, event in enumerate(events) if event.data.startswith(MARK)]
    if not marked:
        return events
    wanted = [_wanted(event) for _, event in marked]
    ids = sorted({id for ids, _ in wanted for id in ids})
    values = {(id, name): value for id, name, value in find(ids)}
    whole = list(events)
    for (index, event), (names, rest) in zip(marked, wanted, strict=True):
        texts = {
            name: values.get((id, name), ERASED) for id, listed in names.items() for name in listed
        }
        whole[index] = replace(event, data=_whole(texts, rest))
    return whole


def redacted(data: bytes, names: Collection[str]) -> bytes:
    """An event's data with ERASED for those fields that hold a text inside, null for numbers."""
    if data.startswith(MARK):
        return data
    fields: dict[str, Any] = dict(_fields(data))
    blanks: dict[str, Any] = {}
    for name in fields.keys() & set(names):
        value = msgspec.json.decode(fields[name])
        if isinstance(value, str | int | float):
            blanks[name] = ERASED if isinstance(value, str) else None
    return msgspec.json.encode({**fields, **blanks}) if blanks else data


def _wanted(event: StoredEvent) -> tuple[dict[str, tuple[str, ...]], bytes]:
    """The names by the id they are kept under, and the data behind the mark."""
    end = event.data.index(b"}", _MARK_START) + 1
    names = _marked_names(event.data[_MARK_START:end])
    if PRIVATE in names:
        names[place_of(event.stream, event.version)] = names.pop(PRIVATE)
    return names, event.data[end:]


def _marked(mark: dict[str, Collection[str]], rest: dict[str, msgspec.Raw]) -> bytes:
    head = b'{"~":' + msgspec.json.encode(mark)
    if head.count(b"}") != 1:
        raise ValueError("no brace may stand in the id of a leaf or the name of a text")
    body = msgspec.json.encode(rest)
    return head + (b"}" if body == b"{}" else b"," + body[1:])


def _whole(texts: dict[str, str], rest: bytes) -> bytes:
    """Texts last: a version stands in front."""
    fields = msgspec.json.encode(texts)[1:]
    return b"{" + fields if rest == b"}" else b"{" + rest[1:-1] + b"," + fields


def _text(raw: msgspec.Raw | None) -> str | None:
    value = msgspec.json.decode(raw) if raw is not None else None
    return value if isinstance(value, str) else None


def _private_text(raw: msgspec.Raw) -> str:
    value = _text(raw)
    if value is None:
        raise TypeError("a private field that may be erased is text")
    return value
