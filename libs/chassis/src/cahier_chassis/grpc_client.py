"""Calls to services: token, deadline, trace, repetition and errors, without any in the caller.

A ServiceChannel stands where generated stubs expect a channel. Their methods then take `token=`,
`idempotency_key=`, `timeout_s=`, `repeat=` and `trace=`, and raise ServiceError, a DomainError with
the service's own code, field and rule.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import grpc

from cahier_chassis.calls import require_key
from cahier_chassis.errors import from_rpc_error
from cahier_chassis.grpc_server import MESSAGE_BYTES_MAX
from cahier_chassis.telemetry import TRACEPARENT, current_traceparent

TIMEOUT_S_DEFAULT = 10.0
ATTEMPTS_MAX = 200
"""More than fit into any deadline in use: it is the deadline that ends the repetition."""
PAUSE_S_FIRST = 0.05
PAUSE_S_MAX = 1.0
READ_PREFIXES = ("Get", "List")

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # A service that was restarted is found again at once.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_http_proxy", 0),
)

TokenSource = Callable[[], str]


class ServiceChannel:
    """One service's address, with what every call to it has.

    token: called for each call, gives an access token or "". timeout_s: deadline of a call, its
    repetitions included.
    """

    def __init__(
        self,
        target: str,
        *,
        token: TokenSource = lambda: "",
        timeout_s: float = TIMEOUT_S_DEFAULT,
    ) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        self.token = token
        self.timeout_s = timeout_s

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool = False,
    ) -> UnaryMethod:
        """What generated stubs call for each of their methods."""
        call = self._channel.unary_unary(method, request_serializer, response_deserializer)
        return UnaryMethod(self, method, call)

    async def close(self) -> None:
        """Cancels what is at work and closes the connection."""
        await self._channel.close()


class UnaryMethod:
    """One method of one service."""

    def __init__(self, channel: ServiceChannel, method: str, call: Any) -> None:
        self._channel = channel
        self._call = call
        self._reads = method.rpartition("/")[2].startswith(READ_PREFIXES)

    async def __call__(
        self,
        request: Any,
        *,
        token: str | None = None,
        idempotency_key: str = "",
        timeout_s: float | None = None,
        repeat: bool | None = None,
        trace: bool = True,
    ) -> Any:
        """The answer; raises ServiceError, and Invalid for a key that no service would take.

        An UNAVAILABLE call is repeated within its deadline, at most ATTEMPTS_MAX times, when it
        reads (`Get...`, `List...`), when it has an idempotency key, or when `repeat` says that it
        is naturally idempotent. `trace=False` keeps the trace's id out of the call (ballots).
        """
        repeats = bool(idempotency_key) or self._reads if repeat is None else repeat
        require_key(idempotency_key)
        metadata = self._metadata(token, idempotency_key, trace)
        deadline_s = time.monotonic() + (timeout_s or self._channel.timeout_s)
        attempt = 0
        while True:
            attempt += 1
            left_s = deadline_s - time.monotonic()
            try:
                return await self._call(request, timeout=max(left_s, 0.001), metadata=metadata)
            except grpc.aio.AioRpcError as error:
                pause_s = _pause_s(attempt)
                again = repeats and error.code() is grpc.StatusCode.UNAVAILABLE
                in_time = time.monotonic() + pause_s < deadline_s
                if not (again and in_time and attempt < ATTEMPTS_MAX):
                    raise from_rpc_error(error) from None
            await asyncio.sleep(pause_s)

    def _metadata(
        self, token: str | None, idempotency_key: str, trace: bool
    ) -> tuple[tuple[str, str], ...]:
        bearer = self._channel.token() if token is None else token
        metadata = {
            "authorization": f"Bearer {bearer}" if bearer else "",
            "idempotency-key": idempotency_key,
            TRACEPARENT: (current_traceparent() if trace else "") or "",
        }
        return tuple((name, value) for name, value in metadata.items() if value)


def _pause_s(attempt: int) -> float:
    # Jitter needs no secret randomness: it only keeps callers from coming back all at once.
    pause_s: float = min(PAUSE_S_FIRST * 2 ** (attempt - 1), PAUSE_S_MAX)
    return pause_s * random.uniform(0.5, 1.0)
