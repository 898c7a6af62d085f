"""Loads and saves a service's aggregates, and publishes what they decided in the same append.

A command on an aggregate is: get, decide (the aggregate's own method), save. Saving stores the
private events, the public leaves that `publish` maps them to, and the kept answer, atomically.
Everything here blocks: asyncio callers run it by `asyncio.to_thread`.

An aggregate of ours looks like this. `BaseAggregate` rather than `Aggregate`, since it makes no
ids of its own and adds no `Created` event without a topic (the library refuses an aggregate with
a TOPIC as long as any of its events, inherited ones too, has none):

    class Proposal(BaseAggregate[UUID]):
        TOPIC = "consultation.proposal"

        class Event(AggregateEvent):
            pass

        class Submitted(Event, AggregateCreated):
            TOPIC = "consultation.proposal.submitted"
            title: str

        class Withdrawn(Event):
            TOPIC = "consultation.proposal.withdrawn"

        @classmethod
        def submit(cls, *, id: UUID, title: str, now: datetime) -> "Proposal":
            return cls._create(cls.Submitted, id=id, timestamp=now, title=title)

        def withdraw(self, *, now: datetime) -> None:
            self.trigger_event(self.Withdrawn, timestamp=now)

Fields that the public event discloses under the same name are kept apart, where they can be erased
(module texts); so are the text fields that an event names in `PRIVATE = ("email",)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanMutateAggregate

from cahier_kernel.clock import to_rfc3339
from cahier_kernel.errors import NotFound
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Appended,
    Erasure,
    Idempotency,
    PublicLeaf,
    StreamAppend,
    StreamConflict,
)
from cahier_ledger.persistence import (
    Attachment,
    JsonTranscoder,
    LedgerRecorder,
    TypedMapper,
    stream_name,
)

__all__ = [
    "AggregateNotFound",
    "Aggregates",
    "Publication",
    "retry_on_conflict",
    "stream_name",
]

A = TypeVar("A", bound=BaseAggregate[UUID])
T = TypeVar("T")

CONFLICT_ATTEMPTS = 3

DomainEvent = CanMutateAggregate[UUID]


@dataclass(frozen=True, slots=True)
class Publication:
    """The public event that a private one is told as. id: None for a fresh one."""

    type: str
    data: Mapping[str, Any]
    disclosures: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None


Publish = Callable[[DomainEvent, UUID], Publication | None]


class AggregateNotFound(NotFound):
    """No aggregate of that class has that id."""


def _no_trace() -> bytes:
    return b""


class Aggregates:
    """The repository of one service's aggregates. Thread-safe; blocking.

    service: the leaf's `svc`. publish: maps each private event to a public one or None.
    new_event_id: a fresh id for a public event. trace: JSON meta of the current request.
    mapper: how events are written and read; without one as plain typed JSON.
    """

    def __init__(
        self,
        ledger: Ledger,
        service: str,
        publish: Publish,
        new_event_id: Callable[[], str],
        trace: Callable[[], bytes] = _no_trace,
        mapper: TypedMapper | None = None,
    ) -> None:
        self._ledger = ledger
        self._recorder = LedgerRecorder(ledger)
        self._mapper = mapper or TypedMapper(JsonTranscoder())
        self._service = service
        self._publish = publish
        self._new_event_id = new_event_id
        self._trace = trace

    def get(self, cls: type[A], id: UUID, *, code: str | None = None) -> A:
        """The aggregate as of now.

        Raises AggregateNotFound with `code`, by default `<last word of TOPIC>_not_found`.
        """
        aggregate: Any = None
        for event in self.events(id):
            aggregate = event.mutate(aggregate)
        if not isinstance(aggregate, cls):
            name = str(getattr(cls, "TOPIC", cls.__name__)).rpartition(".")[2].lower()
            raise AggregateNotFound(code or f"{name}_not_found", f"there is no such {name}")
        return aggregate

    def events(self, id: UUID) -> list[Any]:
        """What has happened to one aggregate, oldest first; [] when there is none."""
        return [self._mapper.to_domain_event(row) for row in self._recorder.select_events(id)]

    def version(self, id: UUID) -> int:
        """The aggregate's version in the store; 0 = there is none. Much quicker than `get`."""
        return self._ledger.stream_version(stream_name(id))

    def save(
        self,
        *aggregates: BaseAggregate[UUID],
        requires: tuple[tuple[str, int], ...] = (),
        idempotency: Idempotency | None = None,
        erases: tuple[Erasure, ...] = (),
        more: tuple[StreamAppend, ...] = (),
    ) -> Appended:
        """Stores all pending events of all the aggregates, or none.

        In the same append: `erases` texts, and events of `more` streams that are no aggregates'.

        Raises StreamConflict (a kernel Conflict) when one of them, or a stream in `requires`,
        has moved on: reload and decide again, see retry_on_conflict. The pending events are
        dropped only once they are stored, so that saving twice never silently stores nothing.
        Raises TypeError for an event without an explicit TOPIC or with fields of a wrong type.
        """
        pending = [event for aggregate in aggregates for event in aggregate.pending_events]
        if not pending and not more and idempotency is None:
            return Appended((), ())
        meta = self._trace()
        appended = self._recorder.append(
            [self._mapper.to_stored_event(event) for event in pending],
            [self._attachment(event, meta) for event in pending],
            requires=requires,
            idempotency=idempotency,
            erases=erases,
            more=more,
        )
        for aggregate in aggregates:
            aggregate.collect_events()
        return appended

    def _attachment(self, event: DomainEvent, meta: bytes) -> Attachment:
        private = getattr(event, "PRIVATE", ())
        return Attachment(to_rfc3339(event.timestamp), meta, self._leaf(event), private)

    def _leaf(self, event: DomainEvent) -> PublicLeaf | None:
        told = self._publish(event, event.originator_id)
        if told is None:
            return None
        return make_leaf(
            self._service,
            told.type,
            told.id or self._new_event_id(),
            event.timestamp,
            told.data,
            told.disclosures,
        )


def retry_on_conflict(load_decide_save: Callable[[], T], *, attempts: int = CONFLICT_ATTEMPTS) -> T:
    """Runs it again, from loading on, when somebody else was faster; then raises StreamConflict."""
    for _ in range(attempts - 1):
        try:
            return load_decide_save()
        except StreamConflict:
            continue
    return load_decide_save()
