"""A running city's doors as importers and the demo use them: gRPC, tokens and the dev clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from cahier_chassis.grpc_client import ServiceChannel
from cahier_cli.city import CityError, CityFolder
from cahier_cli.token import make_token
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub
from cahier_contracts.consultation.v1.consultation_service_pb2_grpc import ConsultationServiceStub
from cahier_contracts.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from cahier_contracts.notifications.v1.notifications_service_pb2_grpc import (
    NotificationsServiceStub,
)
from cahier_contracts.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from cahier_kernel.clock import from_rfc3339, to_rfc3339
from cahier_kernel.errors import DomainError, Unavailable

TOKEN_RENEWED_S = 120
CALL_TIMEOUT_S = 30.0
PATIENCE_S = 60.0
PAUSE_S = 0.05

Answer = TypeVar("Answer")


class TokenSource:
    """Operator tokens of one role, signed anew before the last one ends."""

    def __init__(self, folder: CityFolder, role: str) -> None:
        self._folder, self._role = folder, role
        self._token, self._made_s = "", float("-inf")

    def __call__(self) -> str:
        if time.monotonic() - self._made_s > TOKEN_RENEWED_S:
            self._token = make_token(self._folder, self._role, f"operator:{self._role}")
            self._made_s = time.monotonic()
        return self._token


class Doors:
    """Stubs of one running city: `staff` and `importer` name the role that each call has."""

    def __init__(self, folder: CityFolder) -> None:
        """Raises CityError when no city runs on the folder."""
        running = folder.running()
        self.portal: str = running["portal"]
        addresses: dict[str, str] = running["grpc"]
        staff, importer = TokenSource(folder, "staff"), TokenSource(folder, "importer")
        self._channels: list[ServiceChannel] = []
        self._http = httpx.AsyncClient(trust_env=False, timeout=CALL_TIMEOUT_S)
        self.identity: Any = self._stub(IdentityServiceStub, addresses["identity"], importer)
        self.proposers: Any = self._stub(
            ConsultationServiceStub, addresses["consultation"], importer
        )
        self.consultation: Any = self._stub(
            ConsultationServiceStub, addresses["consultation"], staff
        )
        self.reporters: Any = self._stub(ReportingServiceStub, addresses["reporting"], importer)
        self.reporting: Any = self._stub(ReportingServiceStub, addresses["reporting"], staff)
        self.budget: Any = self._stub(BudgetServiceStub, addresses["budget"], staff)
        self.booth: Any = self._stub(BudgetServiceStub, addresses["budget"], importer)
        self.notifications: Any = self._stub(
            NotificationsServiceStub, addresses["notifications"], staff
        )

    def _stub(self, stub: Callable[[Any], Any], address: str, token: TokenSource) -> Any:
        channel = ServiceChannel(address, token=token, timeout_s=CALL_TIMEOUT_S)
        self._channels.append(channel)
        return stub(channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()
        for channel in self._channels:
            await channel.close()

    async def settable_clock(self) -> datetime | None:
        """The city's time, or None where its clock cannot be set; raises Unavailable."""
        answer = await self._clock("GET")
        return None if answer.is_error else from_rfc3339(answer.json()["now"])

    async def set_clock(self, now: datetime) -> None:
        """Sets the city's clock; raises CityError where it was started without --dev-clock,
        Unavailable while the portal is away."""
        answer = await self._clock("POST", {"now": to_rfc3339(now)})
        if answer.is_error:
            raise CityError(f"the city's clock cannot be set (HTTP {answer.status_code})")

    async def _clock(self, method: str, body: dict[str, str] | None = None) -> httpx.Response:
        try:
            return await self._http.request(method, f"{self.portal}/dev/clock", json=body)
        except httpx.HTTPError as error:
            raise Unavailable("portal_away", "the portal does not answer; try again") from error


async def patiently(
    call: Callable[[], Awaitable[Answer]], *codes: str, for_s: float = PATIENCE_S
) -> Answer:
    """Repeats a call that is refused with one of `codes` for so long, then lets the refusal out.

    For what has to travel through a log first: a date that a timer sees, a decision that a
    sibling must hear of.
    """
    deadline_s = time.monotonic() + for_s
    while True:
        try:
            return await call()
        except DomainError as error:
            if error.code not in codes or time.monotonic() > deadline_s:
                raise
        await asyncio.sleep(PAUSE_S)
