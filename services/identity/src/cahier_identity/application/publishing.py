"""What of identity's events becomes public: that it happened, to a pseudonym. Nothing else.

The pseudonym is made for identity's log alone, so the log counts residents but names none and
joins with no other log. There is nothing to disclose, hence nothing to erase.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cahier_identity.application.ports import Secrets
from cahier_identity.domain.census import RollLoaded
from cahier_identity.domain.resident import Resident
from cahier_ledger.aggregates import DomainEvent, Publication
from cahier_ledger.leaves import make_leaf
from cahier_ledger.model import PublicLeaf
from cahier_record.events import PublicEvent
from cahier_record.identity import events as public

SERVICE = "identity"
LOG = "identity-log"


class Publishing:
    """Maps private events to public ones."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def publish(self, event: DomainEvent, aggregate_id: UUID) -> Publication | None:
        """The public event that a private one is told as; None for those that stay private."""
        told = self._told(event, self._secrets.pseudonym(str(aggregate_id), LOG))
        if told is None:
            return None
        return Publication(told.TYPE, told.data(), id=getattr(event, "event_id", None))

    def roll_leaf(self, event: RollLoaded, now: datetime) -> PublicLeaf:
        """The leaf of a census load: how many rows of which district."""
        told = public.CensusRollLoaded(
            rows=event.rows, districts=event.districts, counts=event.counts
        )
        return make_leaf(SERVICE, told.TYPE, event.event_id, now, told.data())

    def _told(self, event: DomainEvent, resident: str) -> PublicEvent | None:
        match event:
            case Resident.Created():
                return public.ResidentRegistered(resident=resident)
            case Resident.Imported():
                return public.ResidentRegistered(resident=resident, imported=True)
            case Resident.ResidenceProved(district=district):
                return public.ResidenceProved(resident=resident, district=district)
            case Resident.RoleGranted(role=role):
                return public.RoleGranted(resident=resident, role=role)
            case Resident.RoleRevoked(role=role):
                return public.RoleRevoked(resident=resident, role=role)
            case _:
                return None
