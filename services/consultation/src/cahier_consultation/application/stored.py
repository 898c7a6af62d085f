"""How private events are stored and read back, whichever of the two ways they came in.

Aggregates' events are typed by the ledger's mapper, supports' and comments' by its codec. Every
topic here has a golden file that a test reads for ever.
"""

from __future__ import annotations

from uuid import UUID

from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import StoredEvent as AggregateRow

from cahier_chassis.erasing import Confirmed, Ordered, TextsErased, register_erasing
from cahier_consultation.domain.process import Process
from cahier_consultation.domain.proposal import Proposal
from cahier_consultation.domain.voices import CommentAdded, Supported, SupportWithdrawn
from cahier_ledger.codec import Codec
from cahier_ledger.model import StoredEvent
from cahier_ledger.persistence import JsonTranscoder, TypedMapper

VoiceEvent = Supported | SupportWithdrawn | CommentAdded
ErasingEvent = Ordered | TextsErased | Confirmed
AggregateEvent = CanMutateAggregate[UUID]

CODEC = Codec()
register_erasing(CODEC, "consultation")
for _struct in (Supported, SupportWithdrawn, CommentAdded):
    CODEC.register(_struct.TOPIC, _struct)

_MAPPER = TypedMapper(JsonTranscoder())


def mapper() -> TypedMapper:
    """How aggregates' events are written."""
    return _MAPPER


def aggregate_topics() -> dict[str, type[AggregateEvent]]:
    """Every event class of every aggregate, by topic."""
    return {
        event.TOPIC: event  # type: ignore[attr-defined]
        for aggregate in (Process, Proposal)
        for name, event in vars(aggregate).items()
        if isinstance(event, type) and issubclass(event, CanMutateAggregate) and name != "Event"
    }


def read(stored: StoredEvent) -> VoiceEvent | ErasingEvent | AggregateEvent:
    """The event as the domain knows it; raises when it cannot be read, whatever the reason."""
    if stored.type in CODEC.topics:
        event: VoiceEvent | ErasingEvent = CODEC.decode(stored.type, stored.data)  # type: ignore[assignment]
        return event
    row = AggregateRow(UUID(stored.stream), stored.version, stored.type, stored.data)
    told: AggregateEvent = _MAPPER.to_domain_event(row)  # type: ignore[assignment]
    return told
