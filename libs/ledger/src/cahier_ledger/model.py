"""What is handed to the event store and what comes back: plain values, no behaviour, no I/O.

A command becomes one Append. It is stored whole or not at all: its private events, the final
public bytes that go with them, their disclosures and the answer kept for a repeated request.
"""

from __future__ import annotations

from dataclasses import dataclass

from cahier_kernel.errors import AlreadyExists, Conflict, DomainError, Kind, TooLarge, Unavailable

LEAF_BYTES_MAX = 65_535
EVENT_BYTES_MAX = 1 << 20
STREAM_NAME_BYTES_MAX = 200
APPEND_EVENTS_MAX = 1_000

LOG_STREAM = "log"
"""The stream of what the public log says of itself; its version counts the epochs opened."""
EPOCH_OPENED = "log.epoch_opened"
"""The one private event that is the ledger's own; behind `<service>.v1.` also the public type."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """An erasable value whose salted digest stands in a public leaf (SD-JWT, RFC 9901).

    salt: 32 random bytes.
    """

    name: str
    salt: bytes
    value: str


@dataclass(frozen=True, slots=True)
class PublicLeaf:
    """The final public bytes of one event, made once and only copied from then on.

    id: the leaf's, the CloudEvents and the receipt's id; unique in its ledger.
    type: the public type, e.g. `budget.v1.ballot.ballot_cast`.
    leaf: RFC 8785 JSON, at most LEAF_BYTES_MAX bytes.
    """

    id: str
    type: str
    leaf: bytes
    disclosures: tuple[Disclosure, ...] = ()


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A private event to store.

    type: an explicit topic, never a Python path.
    data: the codec's bytes, at most EVENT_BYTES_MAX.
    meta: JSON beside the event (traceparent, ...) or nothing; always nothing for ballots.
    recorded_at: RFC 3339, or None where no time may be kept (ballots).
    texts: (name, value) of private texts, kept apart; made by `texts.apart`.
    """

    type: str
    data: bytes
    meta: bytes = b""
    recorded_at: str | None = None
    public: PublicLeaf | None = None
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """Events for one stream. expected_version: the version it has now; 0 = it is new."""

    stream: str
    expected_version: int
    events: tuple[NewEvent, ...]


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The answer of a command under the key its caller chose; digest: of the request's body."""

    key: str
    digest: bytes
    response: bytes


@dataclass(frozen=True, slots=True)
class Erasure:
    """Texts to delete for good, with their salts: those of a leaf, or of an event's own place.

    id: the leaf's, or `texts.place_of` the event. inside: names of further fields to blank where
    an older release stored the event with its texts inside; what the leaf discloses is blanked
    there without being named.
    """

    id: str
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Append:
    """All that one command stores, atomically.

    requires: (stream, version) pairs that must still hold though nothing is appended to them,
    e.g. a ballot requires its election's stream unchanged.
    erases: texts that are deleted with it, whose events were stored before.
    """

    streams: tuple[StreamAppend, ...]
    requires: tuple[tuple[str, int], ...] = ()
    idempotency: Idempotency | None = None
    erases: tuple[Erasure, ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """Numbers of the stored events in the order handed in; public_seqs: of those with a leaf."""

    seqs: tuple[int, ...]
    public_seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A private event as stored. seq: gapless from 1; version: gapless from 1 in its stream."""

    seq: int
    stream: str
    version: int
    type: str
    data: bytes
    meta: bytes
    recorded_at: str | None


@dataclass(frozen=True, slots=True)
class PublicRow:
    """A public leaf as stored. public_seq: gapless from 1; seq, meta: of its private event."""

    public_seq: int
    seq: int
    id: str
    leaf: bytes
    meta: bytes = b""


@dataclass(frozen=True, slots=True)
class Heads:
    """The last numbers given out; 0 in an empty store."""

    seq: int
    public_seq: int


class LedgerError(DomainError):
    """An append was refused or failed. Only StoreUnavailable leaves its outcome open."""


class StreamConflict(LedgerError, Conflict):
    """A stream is not at the version that the append expected or required."""

    kind = Kind.CONFLICT

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        self.stream = stream
        self.expected = expected
        self.actual = actual
        super().__init__("stream_conflict", f"stream is at version {actual}, expected {expected}")


class IdempotencyConflict(LedgerError, AlreadyExists):
    """An answer is already kept under this key: `recall` it and compare digests."""

    kind = Kind.ALREADY_EXISTS

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__("idempotency_key_used", "the idempotency key has been used")


class DuplicateLeaf(LedgerError, AlreadyExists):
    """A public leaf with this id is already in the ledger."""

    kind = Kind.ALREADY_EXISTS

    def __init__(self, leaf_id: str) -> None:
        self.leaf_id = leaf_id
        super().__init__("leaf_id_used", "a public event with this id is already in the log")


class LeafTooLarge(LedgerError, TooLarge):
    """A public leaf would exceed LEAF_BYTES_MAX."""

    kind = Kind.TOO_LARGE

    def __init__(self, size: int) -> None:
        super().__init__(
            "leaf_too_large",
            f"a public event is at most {LEAF_BYTES_MAX} bytes",
            size=size,
            limit=LEAF_BYTES_MAX,
        )


class AppendTooLarge(LedgerError, TooLarge):
    """An event, a stream's name or the number of events is over its limit."""

    kind = Kind.TOO_LARGE

    def __init__(self, what: str, size: int, limit: int) -> None:
        super().__init__(
            "append_too_large", f"{what} is at most {limit}", what=what, size=size, limit=limit
        )


class StoreUnavailable(LedgerError, Unavailable):
    """The store could not answer (disk full, I/O error, closing): try again.

    The append may or may not have been stored. The stream's version and the idempotency key
    keep a second try from storing it twice.
    """

    kind = Kind.UNAVAILABLE

    def __init__(self, reason: str) -> None:
        super().__init__("store_unavailable", reason)


class LedgerClosed(StoreUnavailable):
    """The ledger has been closed: no more appends, no more commits to wait for."""

    def __init__(self) -> None:
        super().__init__("the ledger is closed")
