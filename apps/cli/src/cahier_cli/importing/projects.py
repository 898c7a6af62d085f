"""`cahier import projects`: a city's own table into an election, in an operator's name.

Every project is proposed for one resident without a name, whom the importer registers for the
election; all the rest staff do. Reading, refusing and carrying are the portal's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from cahier_cli.doors import Doors
from cahier_cli.importing.reading import Progress
from cahier_contracts.identity.v1 import identity_service_pb2 as identity_pb
from cahier_kernel.clock import SystemClock
from cahier_portal.importing.carrying import Plan, carry, plan_of

PROPOSER = "city"


class OperatorDoors:
    """A running city's doors as carrying knows them."""

    def __init__(self, doors: Doors, election_id: str) -> None:
        self._doors, self._election_id = doors, election_id
        self._proposer = ""

    async def propose(self, request: Any, key: str) -> Any:
        """Proposes for the election's nameless resident."""
        if not self._proposer:
            asked = identity_pb.ImportResidentsRequest(
                source=f"projects:{self._election_id}", references=[PROPOSER]
            )
            answer = await self._doors.identity.ImportResidents(asked, repeat=True)
            self._proposer = answer.resident_ids[0]
        request.on_behalf_of = self._proposer
        return await _method(self._doors.proposers, request)(request, idempotency_key=key)

    async def consultation(self, request: Any, key: str = "") -> Any:
        """As staff."""
        return await _method(self._doors.consultation, request)(request, idempotency_key=key)

    async def budget(self, request: Any, key: str = "") -> Any:
        """As staff."""
        return await _method(self._doors.budget, request)(request, idempotency_key=key)


async def import_projects(
    doors: Doors, election_id: str, raw: bytes, *, dry_run: bool, progress: Progress
) -> Plan:
    """The plan of a file, carried out unless `dry_run`; raises DomainError.

    A file that cannot be taken as a whole, or an election that takes no projects, changes nothing.
    """
    operator = OperatorDoors(doors, election_id)
    plan = await plan_of(operator, election_id, raw)
    if not dry_run:
        now = Timestamp()
        now.FromDatetime(await doors.settable_clock() or SystemClock().now())
        await carry(operator, plan, now, progress)
    return plan


def _method(stub: Any, request: Any) -> Callable[..., Any]:
    """The method that a request is named after."""
    found: Callable[..., Any] = getattr(stub, type(request).DESCRIPTOR.name.removesuffix("Request"))
    return found
