"""What wraps each gRPC method: who calls, until when, how it is traced, counted and refused.

One wrapper made at registration instead of a chain of interceptors: ballots pass here by the
thousand, and each layer of grpc.aio's interceptors costs them. It parses the request itself, so
that a stranger's body is not even parsed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.trace import SpanKind

from cahier_chassis import metrics
from cahier_chassis.calls import CURRENT_CALL, Call
from cahier_chassis.errors import DETAILS_KEY, STATUS_OF_KIND, to_status
from cahier_chassis.logs import get_logger
from cahier_chassis.telemetry import TRACEPARENT, continue_trace
from cahier_chassis.tokens import Claims, TokenVerifier
from cahier_kernel.errors import DomainError, Invalid, Unauthenticated, Unavailable

_BEARER = "Bearer "
_LOG = get_logger(__name__)


class DeadlineExceeded(Unavailable):
    """The handler took longer than the server lets any call take."""

    def __init__(self, limit_s: float) -> None:
        super().__init__("deadline_exceeded", "the call took too long", limit_s=limit_s)


Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[Any, Context], Awaitable[Any]]
Parse = Callable[[bytes], Any]


@dataclass(frozen=True)
class CallPolicy:
    """How the methods of one service are called.

    domain: ErrorInfo.domain. anonymous: methods that need no token. untraced: methods that leave
    no trace (ballots). deadline_s_max: bound on every call, whatever the caller asks for.
    """

    domain: str
    verifier: TokenVerifier
    anonymous: frozenset[str]
    untraced: frozenset[str]
    deadline_s_max: float


class MethodCaller:
    """Calls one unary method's handler under the policy."""

    def __init__(
        self, service: str, method: str, handle: Handler, parse: Parse, policy: CallPolicy
    ) -> None:
        self._path = f"/{service}/{method}"
        self._handle = handle
        self._parse = parse
        self._policy = policy
        self._verify = policy.verifier.verify
        self._anonymous = method in policy.anonymous
        self._traced = method not in policy.untraced
        self._span_name = f"{service}/{method}"
        self._attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        self._count = metrics.GRPC_REQUESTS.labels(self._path).inc
        self._observe = metrics.GRPC_DURATION.labels(self._path).observe

    async def __call__(self, body: bytes, context: Context) -> Any:
        """The method's answer; a refusal ends the call with its google.rpc.Status."""
        started_s = time.perf_counter()
        try:
            answer = await self._answer(body, context)
        except asyncio.CancelledError:
            self._done(started_s, "CANCELLED")
            raise
        except Exception as error:
            refusal, status = self._refusal(error)
            self._done(started_s, status.name)
            await self._refuse(context, refusal, status)
        self._done(started_s)
        return answer

    async def _answer(self, body: bytes, context: Context) -> Any:
        token = key = traceparent = ""
        for name, value in context.invocation_metadata() or ():
            if name == "authorization":
                token = str(value)
            elif name == "idempotency-key":
                key = str(value)
            elif name == TRACEPARENT:
                traceparent = str(value)
        CURRENT_CALL.set(Call(self._path, self._claims(token), key))
        if not self._traced:
            return await self._in_time(body, context)
        with continue_trace(
            traceparent or None, self._span_name, SpanKind.SERVER, **self._attributes
        ):
            return await self._in_time(body, context)

    def _claims(self, authorization: str) -> Claims | None:
        if not authorization:
            if self._anonymous:
                return None
            raise Unauthenticated("token_missing", "the call needs an access token")
        if not authorization.startswith(_BEARER):
            raise Unauthenticated("token_malformed", "authorization is not `Bearer TOKEN`")
        return self._verify(authorization[7:])

    async def _in_time(self, body: bytes, context: Context) -> Any:
        try:
            request = self._parse(body)
        except DecodeError:
            raise Invalid("request_malformed", "the body is not the method's message") from None
        remaining_s = context.time_remaining()
        if remaining_s is not None and remaining_s <= self._policy.deadline_s_max:
            # gRPC itself cancels this call when the caller's deadline passes.
            return await self._handle(request, context)
        try:
            async with asyncio.timeout(self._policy.deadline_s_max) as limit:
                return await self._handle(request, context)
        except TimeoutError:
            if limit.expired():
                raise DeadlineExceeded(self._policy.deadline_s_max) from None
            raise

    def _refusal(self, error: Exception) -> tuple[DomainError, grpc.StatusCode]:
        if isinstance(error, DeadlineExceeded):
            return error, grpc.StatusCode.DEADLINE_EXCEEDED
        if isinstance(error, DomainError):
            return error, STATUS_OF_KIND[error.kind]
        _LOG.error("call_failed", method=self._path, exc_info=error)
        unexplained = DomainError("internal", "the service failed; its log says why")
        return unexplained, grpc.StatusCode.INTERNAL

    async def _refuse(self, context: Context, error: DomainError, status: grpc.StatusCode) -> None:
        details = to_status(error, self._policy.domain)
        details.code = status.value[0]
        metadata = ((DETAILS_KEY, details.SerializeToString()),)
        await context.abort(status, details.message, metadata)

    def _done(self, started_s: float, status: str = "") -> None:
        self._count()
        self._observe(time.perf_counter() - started_s)
        if status:
            metrics.GRPC_ERRORS.labels(self._path, status).inc()
