"""Decides, under the store's lock, which appends of a batch are stored and with which numbers.

Pure, so that every adapter numbers alike and the rules of a group commit can be tested without a
database: whole appends conflict, never some of their rows; later appends of a batch see what
earlier ones store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cahier_ledger.model import (
    APPEND_EVENTS_MAX,
    EVENT_BYTES_MAX,
    LEAF_BYTES_MAX,
    STREAM_NAME_BYTES_MAX,
    Append,
    Appended,
    AppendTooLarge,
    DuplicateLeaf,
    Erasure,
    Heads,
    IdempotencyConflict,
    LeafTooLarge,
    LedgerError,
    NewEvent,
    StreamAppend,
    StreamConflict,
)
from cahier_ledger.texts import place_of

Outcome = Appended | LedgerError

EventRow = tuple[int, str, int, str, bytes, bytes, str | None]
PublicTuple = tuple[int, int, str, bytes]
DisclosureRow = tuple[str, str, bytes, str]
IdempotencyRow = tuple[str, bytes, bytes]


@dataclass(slots=True)
class Known:
    """What the store says about the streams, keys and leaf ids that a batch names.

    heads: versions of the streams that exist; the others are at 0.
    """

    numbers: Heads
    heads: dict[str, int]
    keys: set[str]
    leaf_ids: set[str]


@dataclass(slots=True)
class Plan:
    """Rows to insert, in order, texts to erase then, and the answer to each append."""

    outcomes: list[Outcome] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    public: list[PublicTuple] = field(default_factory=list)
    disclosures: list[DisclosureRow] = field(default_factory=list)
    idempotency: list[IdempotencyRow] = field(default_factory=list)
    erases: list[Erasure] = field(default_factory=list)

    @property
    def stores_something(self) -> bool:
        return bool(self.events or self.idempotency)


def streams_of(batch: Iterable[Append]) -> set[str]:
    """Every stream whose head the batch depends on."""
    names = {part.stream for append in batch for part in append.streams}
    names.update(stream for append in batch for stream, _ in append.requires)
    return names


def keys_of(batch: Iterable[Append]) -> set[str]:
    """Every idempotency key in the batch."""
    return {append.idempotency.key for append in batch if append.idempotency is not None}


def leaf_ids_of(batch: Iterable[Append]) -> set[str]:
    """Every leaf id in the batch."""
    return {
        event.public.id
        for append in batch
        for part in append.streams
        for event in part.events
        if event.public is not None
    }


def plan(batch: Sequence[Append], known: Known) -> Plan:
    """Accepts or refuses each append in turn; `known` is brought up to date on the way."""
    result = Plan()
    for append in batch:
        refusal = _refusal(append, known)
        result.outcomes.append(refusal or _accept(append, known, result))
    return result


def _refusal(append: Append, known: Known) -> LedgerError | None:
    kept = append.idempotency
    if kept is not None and kept.key in known.keys:
        return IdempotencyConflict(kept.key)
    heads = known.heads
    for stream, version in append.requires:
        if heads.get(stream, 0) != version:
            return StreamConflict(stream, version, heads.get(stream, 0))
    return _stream_refusal(append.streams, known)


def _stream_refusal(parts: tuple[StreamAppend, ...], known: Known) -> LedgerError | None:
    own_heads: dict[str, int] = {}
    own_ids: set[str] = set()
    for part in parts:
        actual = own_heads.get(part.stream, known.heads.get(part.stream, 0))
        if actual != part.expected_version:
            return StreamConflict(part.stream, part.expected_version, actual)
        own_heads[part.stream] = actual + len(part.events)
        for event in part.events:
            if event.public is None:
                continue
            leaf_id = event.public.id
            if leaf_id in known.leaf_ids or leaf_id in own_ids:
                return DuplicateLeaf(leaf_id)
            own_ids.add(leaf_id)
    return None


def _accept(append: Append, known: Known, result: Plan) -> Appended:
    first = known.numbers
    seq, public_seq = first.seq, first.public_seq
    for part in append.streams:
        version = part.expected_version
        for event in part.events:
            seq += 1
            version += 1
            result.events.append(
                (seq, part.stream, version, event.type, event.data, event.meta, event.recorded_at)
            )
            if event.public is not None:
                public_seq += 1
                _publish(event, public_seq, seq, known, result)
            if event.texts:
                place = place_of(part.stream, version)
                result.disclosures += [(place, name, b"", value) for name, value in event.texts]
        known.heads[part.stream] = version
    if append.idempotency is not None:
        kept = append.idempotency
        known.keys.add(kept.key)
        result.idempotency.append((kept.key, kept.digest, kept.response))
    result.erases += append.erases
    known.numbers = Heads(seq, public_seq)
    return Appended(
        tuple(range(first.seq + 1, seq + 1)), tuple(range(first.public_seq + 1, public_seq + 1))
    )


def _publish(event: NewEvent, public_seq: int, seq: int, known: Known, result: Plan) -> None:
    leaf = event.public
    if leaf is None:
        return
    known.leaf_ids.add(leaf.id)
    result.public.append((public_seq, seq, leaf.id, leaf.leaf))
    for item in leaf.disclosures:
        result.disclosures.append((leaf.id, item.name, item.salt, item.value))


def check(append: Append) -> None:
    """Refuses, before it is queued, an append that could never be stored or would harm others.

    Raises AppendTooLarge, LeafTooLarge; TypeError or ValueError for a programming error (wrong
    types, no events, negative versions, text that is not Unicode), so that one caller's mistake
    never reaches the transaction it would share with its neighbours.
    """
    count = 0
    for part in append.streams:
        _check_stream(part.stream, part.expected_version)
        if not part.events:
            raise ValueError(f"no events for stream {part.stream!r}")
        count += len(part.events)
        for event in part.events:
            _check_event(event)
    if count > APPEND_EVENTS_MAX:
        raise AppendTooLarge("number of events in one append", count, APPEND_EVENTS_MAX)
    for stream, version in append.requires:
        _check_stream(stream, version)
    for erasure in append.erases:
        _check_text(erasure.id)
    kept = append.idempotency
    if kept is not None:
        _check_text(kept.key)
        _check_bytes(kept.digest, kept.response)
    elif count == 0:
        raise ValueError("an append without events or idempotency row")


def _check_stream(stream: str, version: int) -> None:
    size = _check_text(stream)
    if size > STREAM_NAME_BYTES_MAX:
        raise AppendTooLarge("bytes of a stream's name", size, STREAM_NAME_BYTES_MAX)
    if type(version) is not int or version < 0:
        raise ValueError(f"not a stream version: {version!r}")


def _check_event(event: NewEvent) -> None:
    _check_text(event.type)
    _check_bytes(event.data, event.meta)
    if event.recorded_at is not None:
        _check_text(event.recorded_at)
    size = len(event.data) + len(event.meta)
    for name, value in event.texts:
        size += _check_text(name) + _check_text(value, empty=True)
    if size > EVENT_BYTES_MAX:
        raise AppendTooLarge("bytes of an event", size, EVENT_BYTES_MAX)
    leaf = event.public
    if leaf is None:
        return
    _check_text(leaf.id)
    _check_bytes(leaf.leaf)
    if len(leaf.leaf) > LEAF_BYTES_MAX:
        raise LeafTooLarge(len(leaf.leaf))
    for item in leaf.disclosures:
        _check_text(item.name)
        _check_text(item.value, empty=True)
        _check_bytes(item.salt)


def _check_text(text: str, *, empty: bool = False) -> int:
    if type(text) is not str:
        raise TypeError(f"expected str, not {type(text).__name__}")
    size = len(text) if text.isascii() else len(text.encode())
    if not (size or empty):
        raise ValueError("empty text where a name is needed")
    return size


def _check_bytes(*values: bytes) -> None:
    for value in values:
        if type(value) is not bytes:
            raise TypeError(f"expected bytes, not {type(value).__name__}")
