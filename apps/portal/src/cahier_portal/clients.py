"""The services behind the site: a gRPC channel to each, and one way to ask each of them."""

from __future__ import annotations

from typing import Any

from cahier_chassis.grpc_client import ServiceChannel
from cahier_contracts.budget.v1 import budget_service_pb2_grpc
from cahier_contracts.consultation.v1 import consultation_service_pb2_grpc
from cahier_contracts.identity.v1 import identity_service_pb2_grpc
from cahier_contracts.notifications.v1 import notifications_service_pb2_grpc
from cahier_contracts.reporting.v1 import reporting_service_pb2_grpc
from cahier_kernel.errors import NotServed

READ_TIMEOUT_S = 3.0
WRITE_TIMEOUT_S = 10.0
LONG_TIMEOUT_S = 30.0
# Opening every ballot of a large election takes its time.
_READS = ("Get", "List", "Explain", "WhatIf")
_LONG = frozenset({"CountBallots", "OpenVoting", "CloseVoting", "WhatIf"})


class Service:
    """One service: its name, which is also the audience of its tokens, and its methods."""

    def __init__(self, name: str, address: str, stub: type[Any]) -> None:
        self.name = name
        self._channel = ServiceChannel(address, timeout_s=WRITE_TIMEOUT_S)
        self._stub = stub(self._channel)

    async def ask(self, request: Any, *, token: str = "", idempotency_key: str = "") -> Any:
        """Sends a request to the method that it is named after and returns the response.

        Raises DomainError with the service's own code, field and rule; kind UNAVAILABLE when the
        service is away. Reads are repeated for READ_TIMEOUT_S; nothing waits longer than
        LONG_TIMEOUT_S.
        """
        method = type(request).DESCRIPTOR.name.removesuffix("Request")
        call = getattr(self._stub, method)
        return await call(
            request, token=token, idempotency_key=idempotency_key, timeout_s=_timeout_s(method)
        )

    async def close(self) -> None:
        """Ends the connection."""
        await self._channel.close()


_STUBS: dict[str, type[Any]] = {
    "identity": identity_service_pb2_grpc.IdentityServiceStub,
    "consultation": consultation_service_pb2_grpc.ConsultationServiceStub,
    "budget": budget_service_pb2_grpc.BudgetServiceStub,
    "reporting": reporting_service_pb2_grpc.ReportingServiceStub,
    "notifications": notifications_service_pb2_grpc.NotificationsServiceStub,
}


class Services:
    """All services of the city that pages are made from. Reporting and notifications may lack."""

    def __init__(
        self,
        identity: str,
        consultation: str,
        budget: str,
        reporting: str = "",
        notifications: str = "",
    ) -> None:
        """Each argument is a service's host:port; "" for one that this city does not run."""
        self._running: dict[str, Service] = {}
        self.identity = self._connect("identity", identity)
        self.consultation = self._connect("consultation", consultation)
        self.budget = self._connect("budget", budget)
        for name, address in (("reporting", reporting), ("notifications", notifications)):
            if address:
                self._connect(name, address)

    def _connect(self, name: str, address: str) -> Service:
        self._running[name] = Service(name, address, _STUBS[name])
        return self._running[name]

    @property
    def names(self) -> frozenset[str]:
        """Names of the services that this city runs."""
        return frozenset(self._running)

    def by_name(self, name: str) -> Service | None:
        """The service of that name, if the city has it."""
        return self._running.get(name)

    def required(self, name: str) -> Service:
        """As `by_name`; raises NotServed where the city runs no such service."""
        found = self._running.get(name)
        if found is None:
            raise NotServed("service_not_run", f"this city does not run {name}")
        return found

    async def close(self) -> None:
        """Ends all connections."""
        for service in self._running.values():
            await service.close()


def is_read(request: Any) -> bool:
    """Whether a request only reads, so that it may be asked without saying who asks."""
    return str(type(request).DESCRIPTOR.name).startswith(_READS)


def _timeout_s(method: str) -> float:
    if method in _LONG:
        return LONG_TIMEOUT_S
    return READ_TIMEOUT_S if method.startswith(_READS) else WRITE_TIMEOUT_S
