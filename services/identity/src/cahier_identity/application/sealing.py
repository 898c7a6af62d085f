"""Seals what an event says of its person: only who holds that person's key can read it.

An event names its sealed fields in `SEALED`. The stream, the version, the event's type and the
field are bound to each value, so that nothing sealed can be moved elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import StoredEvent

from cahier_identity.application.ports import SubjectKeys
from cahier_ledger.persistence import JsonTranscoder, TypedMapper, explicit_topic, stream_name
from cahier_record.erasure import subject_digest


class SealingMapper(TypedMapper):
    """Writes and reads events as the ledger's mapper does, their sealed fields under a key.

    Values that older releases stored in clear are read as they are; those of an erased person
    read ERASED.
    """

    def __init__(self, keys: SubjectKeys) -> None:
        super().__init__(JsonTranscoder())
        self._keys = keys

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        return super().to_stored_event(_with(domain_event, self._keys.seal))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        return _with(super().to_domain_event(stored_event), self._keys.open)


def _with(
    event: DomainEventProtocol[UUID], turn: Callable[[str, str, str], str]
) -> DomainEventProtocol[UUID]:
    """A copy whose sealed fields are turned; the event itself when it has none."""
    names: tuple[str, ...] = getattr(event, "SEALED", ())
    if not names:
        return event
    person = event.originator_id
    place = (stream_name(person), str(event.originator_version), explicit_topic(type(event)))
    fields: dict[str, Any] = dict(vars(event))
    for name in names:
        context = "\0".join((*place, name))
        fields[name] = turn(subject_digest(str(person)), context, fields[name])
    copy = object.__new__(type(event))
    object.__setattr__(copy, "__dict__", fields)
    return copy
