"""All that identity holds on a person, for that person."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from cahier_chassis.holdings import HeldItem
from cahier_identity.domain.resident import Resident
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.ids import require_uuid
from cahier_ledger.aggregates import AggregateNotFound, Aggregates

_LEFT_OUT = frozenset({"originator_id", "originator_version", "timestamp", "event_id"})
_SECRET = "password_hash"


class Exporting:
    """Reads the resident's own events: what is stored is what is shown."""

    def __init__(self, aggregates: Aggregates) -> None:
        self._aggregates = aggregates

    async def held(self, subject_id: str) -> list[HeldItem]:
        """In order of time. Raises Invalid `id_malformed` and NotFound `resident_not_found`."""
        person = require_uuid(subject_id, "subject_id")
        events = await asyncio.to_thread(self._aggregates.events, person)
        if not events or not isinstance(events[0], Resident.Created | Resident.Imported):
            raise AggregateNotFound("resident_not_found", "there is no such resident")
        return [
            HeldItem(
                kind=str(getattr(event, "TOPIC", "")).rpartition(".")[2],
                id=str(person),
                event_id=str(getattr(event, "event_id", "")),
                at=to_rfc3339(event.timestamp),
                values=dict(_values(event)),
            )
            for event in events
        ]


def _values(event: Any) -> Iterator[tuple[str, str]]:
    """A password's hash is said to be there, and not shown."""
    for name, value in vars(event).items():
        if name not in _LEFT_OUT:
            yield name, "(argon2id)" if name == _SECRET else str(value)
