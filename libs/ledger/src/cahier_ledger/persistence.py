"""The eventsourcing library's way into the ledger: its persistence module, with our guarantees.

The library models aggregates (decide, mutate, version, upcast); this module stores what they
decide in the same `events` table, through the same group commit, as everything else. Where the
library is lax, it is strict: a topic is never a Python path, events are written as typed JSON,
and they are type-checked when they are written and when they are read.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    ListenNotifySubscription,
    Mapper,
    MapperDeserialisationError,
    Notification,
    NotSupportedError,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    TrackingRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType, TopicError, register_topic, resolve_topic

from cahier_ledger import model
from cahier_ledger.codec import VERSION_FIELD, mark_version
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Append,
    Erasure,
    Idempotency,
    NewEvent,
    PublicLeaf,
    StoreUnavailable,
    StreamAppend,
    StreamConflict,
)
from cahier_ledger.postgres.opening import open_ledger
from cahier_ledger.texts import apart

PAGE = 1_000
_NO_TRACKING = "the ledger keeps no tracking records"
_KEYS = ("originator_id", "originator_version")


@dataclasses.dataclass(frozen=True, slots=True)
class Attachment:
    """What is stored beside one of an aggregate's events. private: fields kept as private texts."""

    recorded_at: str | None = None
    meta: bytes = b""
    public: PublicLeaf | None = None
    private: tuple[str, ...] = ()


def stream_name(aggregate_id: UUID) -> str:
    """The stream of an aggregate, e.g. for `Append.requires`."""
    return str(aggregate_id)


def explicit_topic(event_class: type[Any]) -> str:
    """The class's own TOPIC; raises TypeError where there is none, so that no path is stored."""
    topic = getattr(event_class, "TOPIC", None)
    if not isinstance(topic, str) or not topic or ":" in topic:
        raise TypeError(f"{event_class.__qualname__} has no explicit TOPIC")
    try:
        register_topic(topic, event_class)
    except TopicError as error:
        raise TypeError(f"TOPIC {topic!r} of {event_class.__qualname__}: {error}") from error
    return topic


class JsonTranscoder(Transcoder):
    """Plain JSON by msgspec: times as RFC 3339, UUIDs as text; types are the mapper's matter."""

    def encode(self, obj: Any) -> bytes:
        return msgspec.json.encode(obj)

    def decode(self, data: bytes) -> Any:
        return msgspec.json.decode(data)


class TypedMapper(Mapper[UUID]):
    """Maps events to typed JSON and back, checking every field against the class's annotations.

    to_stored_event raises TypeError for an event that could not be read back.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        event_class = type(domain_event)
        topic = explicit_topic(event_class)
        fields = {name: value for name, value in vars(domain_event).items() if name not in _KEYS}
        _aware(fields)
        body = msgspec.json.encode(fields)
        version = int(getattr(event_class, "class_version", 1))
        try:
            _fields_of(event_class).decode(body)
        except msgspec.MsgspecError as error:
            raise TypeError(f"{topic}: {error}") from error
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=topic,
            state=body if version == 1 else mark_version(body, version),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        try:
            return self._read(stored_event)
        except (msgspec.MsgspecError, TopicError, AttributeError, TypeError, ValueError) as error:
            raise MapperDeserialisationError(
                f"{stored_event.topic} at {stored_event.originator_id} version "
                f"{stored_event.originator_version} cannot be read: {error}"
            ) from error

    def _read(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        event_class = resolve_topic(stored_event.topic)
        fields = msgspec.json.decode(stored_event.state, type=dict[str, Any])
        version = fields.pop(VERSION_FIELD, 1)
        newest = int(getattr(event_class, "class_version", 1))
        if version > newest:
            raise ValueError(f"version {version}, this release reads up to {newest}")
        for step in range(version, newest):
            getattr(event_class, f"upcast_v{step}_v{step + 1}")(fields)
        state = _fields_of(event_class).convert(fields)
        state["originator_id"] = _as_uuid(stored_event.originator_id)
        state["originator_version"] = stored_event.originator_version
        event = object.__new__(event_class)
        object.__setattr__(event, "__dict__", state)
        return cast(DomainEventProtocol[UUID], event)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fields:
    """The stored fields of one event class, as a msgspec struct."""

    struct: type[msgspec.Struct]
    decode: Callable[[bytes], msgspec.Struct]

    def convert(self, fields: dict[str, Any]) -> dict[str, Any]:
        return msgspec.structs.asdict(msgspec.convert(fields, self.struct))


@functools.cache
def _fields_of(event_class: type[Any]) -> _Fields:
    hints = typing.get_type_hints(event_class)
    columns: list[Any] = []
    for item in dataclasses.fields(event_class):
        if item.name in _KEYS:
            continue
        if item.name == VERSION_FIELD:
            raise TypeError(f"{event_class.__qualname__}: a field `v` is the version's")
        default = item.default
        if default is dataclasses.MISSING:
            columns.append((item.name, hints[item.name]))
        else:
            columns.append((item.name, hints[item.name], default))
    struct = msgspec.defstruct(event_class.__name__, columns, kw_only=True)
    return _Fields(struct, msgspec.json.Decoder(struct).decode)


def _aware(fields: dict[str, Any]) -> None:
    timestamp = fields.get("timestamp")
    if timestamp is not None and timestamp.tzinfo is None:
        raise TypeError("an event's timestamp has no time zone")


def _as_uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


class LedgerRecorder(ApplicationRecorder):
    """The library's recorder on a Ledger. Thread-safe; never to be called on an event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def append(
        self,
        stored_events: Sequence[StoredEvent],
        attachments: Sequence[Attachment] = (),
        *,
        requires: tuple[tuple[str, int], ...] = (),
        idempotency: Idempotency | None = None,
        erases: tuple[Erasure, ...] = (),
        more: tuple[StreamAppend, ...] = (),
    ) -> model.Appended:
        """Stores events of any number of aggregates as one Append; raises as Ledger.append."""
        beside = attachments or [Attachment()] * len(stored_events)
        runs: list[tuple[str, int, list[NewEvent]]] = []
        for stored, extra in zip(stored_events, beside, strict=True):
            stream, version = str(stored.originator_id), stored.originator_version
            if not (runs and runs[-1][0] == stream and runs[-1][1] + len(runs[-1][2]) == version):
                runs.append((stream, version, []))
            event = NewEvent(
                stored.topic, stored.state, extra.meta, extra.recorded_at, extra.public
            )
            runs[-1][2].append(apart(event, extra.private))
        streams = tuple(
            StreamAppend(stream, first - 1, tuple(events)) for stream, first, events in runs
        )
        whole = Append((*streams, *more), requires, idempotency, erases)
        return self.ledger.append_blocking(whole)

    def insert_events(
        self, stored_events: Sequence[StoredEvent], tracking: object = None, **_: Any
    ) -> Sequence[int] | None:
        if tracking is not None:
            raise NotSupportedError(_NO_TRACKING)
        if not stored_events:
            return None
        try:
            return list(self.append(stored_events).seqs)
        except StreamConflict as error:
            raise IntegrityError(str(error)) from error
        except StoreUnavailable as error:
            raise OperationalError(str(error)) from error

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        found: list[StoredEvent] = []
        after = gt or 0
        wanted = None if desc else limit
        while wanted is None or len(found) < wanted:
            size = PAGE if wanted is None else min(PAGE, wanted - len(found))
            rows = self.ledger.read_stream(str(originator_id), after, size)
            found += [_stored(row) for row in rows if lte is None or row.version <= lte]
            if len(rows) < size or (lte is not None and rows[-1].version >= lte):
                break
            after = rows[-1].version
        return found[::-1][:limit] if desc else found

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        found: list[Notification] = []
        after = max(0, (start or 0) - 1) if inclusive_of_start else start or 0
        wanted = set(topics)
        while len(found) < limit:
            rows = self.ledger.read_all(after, PAGE)
            found += [
                _notification(row)
                for row in rows
                if (stop is None or row.seq <= stop) and (not wanted or row.type in wanted)
            ]
            if len(rows) < PAGE or (stop is not None and rows[-1].seq >= stop):
                break
            after = rows[-1].seq
        return found[:limit]

    def max_notification_id(self) -> int | None:
        return self.ledger.head_seq() or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return _LedgerSubscription(self, gt, topics)


class _LedgerSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """Woken by commits instead of polling."""

    def __init__(self, recorder: LedgerRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._end = recorder.ledger.subscribe(lambda heads: self._has_been_notified.set())
        self._has_been_notified.set()

    def stop(self) -> None:
        if hasattr(self, "_end"):
            self._end()
        super().stop()


def _id(stream: str) -> UUID | str:
    try:
        return UUID(stream)
    except ValueError:  # A stream that is no aggregate's, such as a ballot's.
        return stream


def _stored(row: model.StoredEvent) -> StoredEvent:
    return StoredEvent(_id(row.stream), row.version, row.type, row.data)


def _notification(row: model.StoredEvent) -> Notification:
    return Notification(_id(row.stream), row.version, row.type, row.data, row.seq)


class Factory(InfrastructureFactory[TrackingRecorder]):
    """The library's entry: `PERSISTENCE_MODULE=cahier_ledger.persistence`, and where the store is.

    That is `LEDGER_PATH=...`, a SQLite file, or `LEDGER_DSN=...` and `LEDGER_SCHEMA=...`.
    Neither tracking nor process recorders: projections keep their positions in their own views.
    """

    LEDGER_PATH = "LEDGER_PATH"
    LEDGER_DSN = "LEDGER_DSN"
    LEDGER_SCHEMA = "LEDGER_SCHEMA"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._recorder = LedgerRecorder(self._open())

    def _open(self) -> Ledger:
        dsn, schema = self.env.get(self.LEDGER_DSN), self.env.get(self.LEDGER_SCHEMA)
        if dsn and schema:
            return open_ledger(dsn, schema)
        path = self.env.get(self.LEDGER_PATH)
        if not path:
            raise OperationalError(f"neither {self.LEDGER_PATH} nor {self.LEDGER_DSN} is set")
        return Ledger.open(path)

    def transcoder(self) -> Transcoder:
        return JsonTranscoder()

    def mapper(
        self,
        transcoder: Transcoder | None = None,
        mapper_class: type[Mapper[Any]] | None = None,
    ) -> Mapper[Any]:
        return TypedMapper(transcoder or self.transcoder())

    def aggregate_recorder(self, purpose: str = "events") -> LedgerRecorder:
        if purpose != "events":
            raise NotSupportedError("snapshots are not stored in the ledger")
        return self._recorder

    def application_recorder(self) -> ApplicationRecorder:
        return self._recorder

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> TrackingRecorder:
        raise NotSupportedError(_NO_TRACKING)

    def process_recorder(self) -> ProcessRecorder:
        raise NotSupportedError(_NO_TRACKING)

    def close(self) -> None:
        self._recorder.ledger.close_blocking()
