"""The words behind public events' digests, as far as they still stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError, Kind
from cahier_kernel.texts import ERASED
from cahier_portal.clients import Services
from cahier_portal.publiclog import Entry

REQUESTS: Mapping[str, type[Any]] = {
    "identity": identity.GetDisclosuresRequest,
    "consultation": consultation.GetDisclosuresRequest,
    "budget": budget.GetDisclosuresRequest,
    "reporting": reporting.GetDisclosuresRequest,
    "notifications": notifications.GetDisclosuresRequest,
}
"""How each service is asked for the texts of one of its events."""


class Texts:
    """The texts of one event. Some may be gone: a leaf tells how many there were, not which."""

    def __init__(self, found: Mapping[str, str], digests: int) -> None:
        self._found = dict(found)
        self._some_gone = len(self._found) < digests

    def get(self, name: str) -> str:
        """The text, "" where the event had none of that name, ERASED where it may be gone."""
        return self._found.get(name, ERASED if self._some_gone else "")


class Disclosed:
    """Asks the services for texts, for one page: each event is asked for once."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def of(self, entry: Entry) -> Texts:
        """The texts of an entry; raises DomainError while the service is away."""
        digests = len(entry.leaf.digests)
        service = self._services.by_name(entry.service)
        if not digests or service is None:
            return Texts({}, digests)
        try:
            answer = await service.ask(REQUESTS[service.name](event_id=entry.id))
        except DomainError as error:
            if error.kind is Kind.UNAVAILABLE:
                raise
            return Texts({}, digests)
        return Texts({each.name: each.value for each in answer.disclosures}, digests)
