"""How private events are stored and read back. Every topic has a golden file that a test reads
for ever."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent as AggregateRow

from cahier_chassis.erasing import Confirmed, Ordered, TextsErased, register_erasing
from cahier_ledger.codec import Codec
from cahier_ledger.model import StoredEvent
from cahier_ledger.persistence import JsonTranscoder, TypedMapper
from cahier_reporting.domain.category import Category
from cahier_reporting.domain.report import Report

AggregateEvent = CanMutateAggregate[UUID]
ErasingEvent = Ordered | TextsErased | Confirmed

CODEC = Codec()
register_erasing(CODEC, "reporting")

_MAPPER = TypedMapper(JsonTranscoder())


def mapper() -> TypedMapper:
    """How aggregates' events are written."""
    return _MAPPER


def aggregate_topics() -> dict[str, type[AggregateEvent]]:
    """Every event class of every aggregate, by topic."""
    return {
        event.TOPIC: event  # type: ignore[attr-defined]
        for aggregate in (Category, Report)
        for name, event in vars(aggregate).items()
        if isinstance(event, type) and issubclass(event, CanMutateAggregate) and name != "Event"
    }


def read(stored: StoredEvent) -> AggregateEvent | ErasingEvent:
    """The event as the domain knows it; raises when it cannot be read, whatever the reason."""
    if stored.type in CODEC.topics:
        erasing: ErasingEvent = CODEC.decode(stored.type, stored.data)  # type: ignore[assignment]
        return erasing
    row = AggregateRow(UUID(stored.stream), stored.version, stored.type, stored.data)
    told: AggregateEvent = _MAPPER.to_domain_event(row)  # type: ignore[assignment]
    return told
