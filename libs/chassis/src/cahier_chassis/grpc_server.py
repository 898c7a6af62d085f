"""A service's gRPC server: grpc.aio with health, reflection, limits and one wrapper per method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from cahier_chassis.grpc_calls import CallPolicy, MethodCaller
from cahier_chassis.tokens import TokenVerifier

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
METADATA_BYTES_MAX = 16 * 1024
CONCURRENT_CALLS_MAX = 4_096
DEADLINE_S_MAX = 30.0
DRAIN_S_MAX = 5.0

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    # Two processes on one port would share the calls: never on a store with one writer.
    ("grpc.so_reuseport", 0),
)

Adder = Callable[[Any], None]


class GrpcServer:
    """Serves the methods that the adders register, under one policy.

    adders: functions that take a server, for example
    `lambda server: add_BudgetServiceServicer_to_server(servicer, server)`.
    anonymous, untraced: method names; ballots are untraced. Unary methods only.
    """

    def __init__(
        self,
        service: str,
        adders: Collection[Adder],
        verifier: TokenVerifier,
        *,
        anonymous: Collection[str] = (),
        untraced: Collection[str] = (),
        deadline_s_max: float = DEADLINE_S_MAX,
    ) -> None:
        policy = CallPolicy(
            domain=f"{service}.cahier",
            verifier=verifier,
            anonymous=frozenset(anonymous),
            untraced=frozenset(untraced),
            deadline_s_max=deadline_s_max,
        )
        self._registry = _Registry(policy)
        for add in adders:
            add(self._registry)
        self._registry.refuse_unknown(policy)
        self._health: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> int:
        """Listens and returns the port taken; raises RuntimeError when it is not free."""
        self._server = grpc.aio.server(
            options=OPTIONS, maximum_concurrent_rpcs=CONCURRENT_CALLS_MAX
        )
        self._server.add_generic_rpc_handlers(tuple(self._registry.handlers))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)  # type: ignore[no-untyped-call]
        names = [*self._registry.services, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, self._server)  # type: ignore[no-untyped-call]
        await self.set_serving(False)
        self.port = self._server.add_insecure_port(f"{host}:{port}")
        await self._server.start()
        return self.port

    async def set_serving(self, serving: bool) -> None:
        """What grpc.health.v1 answers, for the server and for each of its services."""
        status = health_pb2.HealthCheckResponse
        for name in ("", *self._registry.services):
            await self._health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def stop(self, drain_s: float = DRAIN_S_MAX) -> None:
        """Takes no more calls, lets those at work finish for `drain_s` seconds, then cancels."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(drain_s)


class _Registry:
    """Stands in for a server where generated code registers, and wraps every method."""

    def __init__(self, policy: CallPolicy) -> None:
        self._policy = policy
        self._methods: set[str] = set()
        self.services: list[str] = []
        self.handlers: list[grpc.GenericRpcHandler] = []

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        self.services.append(service)
        self._methods.update(handlers)
        wrapped = {name: self._wrap(service, name, each) for name, each in handlers.items()}
        handler = grpc.method_handlers_generic_handler(service, wrapped)  # type: ignore[no-untyped-call]
        self.handlers.append(handler)

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Generated code hands over the same methods twice; the other way is the readable one."""

    def refuse_unknown(self, policy: CallPolicy) -> None:
        unknown = (policy.anonymous | policy.untraced) - self._methods
        if unknown:
            raise ValueError(f"no such methods: {', '.join(sorted(unknown))}")

    def _wrap(self, service: str, name: str, handler: Any) -> Any:
        if handler.request_streaming or handler.response_streaming:
            raise ValueError(f"{service}/{name} streams; this server serves unary methods only")
        caller = MethodCaller(
            service, name, handler.unary_unary, handler.request_deserializer, self._policy
        )
        return grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]
            caller.__call__,
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )
