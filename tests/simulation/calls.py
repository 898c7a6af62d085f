"""Calls to services over a network that loses, delays and repeats requests and answers.

`ask` is one attempt and may leave open what has become of it; `insist` repeats a call under one
idempotency key until there is an answer or a refusal, as a patient client does.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

import grpc

from cahier_chassis.errors import ServiceError, from_rpc_error
from cahier_kernel.errors import Kind
from tests.simulation.loop import Process
from tests.simulation.machine import Machine
from tests.simulation.node import Abort, CallContext, Node

ATTEMPTS_MAX = 400
OPEN_KINDS = (Kind.UNAVAILABLE, Kind.CONFLICT)


class GaveUp(Exception):
    """A patient client's patience is over: the city does not recover."""


@dataclass
class Weather:
    """How calls fare: probabilities, and mean delays in virtual seconds."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    repeat_request: float = 0.0
    delay: float = 0.0
    delay_s_mean: float = 2.0
    timeout_s: float = 5.0


@dataclass
class Outcome:
    """answer: a message, or None for a refusal. unsure: an earlier attempt may still take effect,
    or may have taken effect though the last was refused."""

    answer: Any = None
    refusal: ServiceError | None = None
    unsure: bool = False


class Channel:
    """Everybody's way to every service."""

    def __init__(self, machine: Machine, nodes: dict[str, Node], seed: int) -> None:
        self._machine = machine
        self._nodes = nodes
        self._random = random.Random(f"calls {seed}")
        self._under_way: dict[asyncio.Future[Any], Process] = {}
        self._keys = 0
        self.weather = Weather()
        self.asked = 0
        self.in_vain: Callable[[], str] = lambda: ""

    def new_key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"

    def lost(self, process: Process) -> None:
        """A process has died: callers see their connections break."""
        for future, to in list(self._under_way.items()):
            if to is process and not future.done():
                self._later(_fail, future, unavailable("the connection broke"))

    async def insist(
        self, service: str, method: str, request: Any, answer_type: Any, token: str, key: str = ""
    ) -> Outcome:
        """Until it is answered or refused for good; raises GaveUp."""
        unsure = False
        for attempt in range(ATTEMPTS_MAX):
            if reason := self.in_vain():
                raise GaveUp(reason)
            try:
                answer = await self.ask(service, method, request, answer_type, token, key)
                return Outcome(answer, None, unsure)
            except ServiceError as error:
                if error.kind not in OPEN_KINDS and error.code != "internal":
                    return Outcome(None, error, unsure)
                unsure = unsure or error.kind is not Kind.CONFLICT
            await asyncio.sleep(self._random.uniform(0.05, min(0.2 * 2**attempt, 3.0)))
        raise GaveUp(f"{service} {method}: no answer to {ATTEMPTS_MAX} attempts")

    async def ask(
        self, service: str, method: str, request: Any, answer_type: Any, token: str, key: str = ""
    ) -> Any:
        """One attempt. Raises ServiceError."""
        self.asked += 1
        loop, weather = self._machine.loop, self.weather
        future: asyncio.Future[Any] = loop.create_future()
        metadata = [("authorization", f"Bearer {token}")] if token else []
        metadata += [("idempotency-key", key)] if key else []
        path = f"/cahier.{service}.v1.{service.title()}Service/{method}"
        body = request.SerializeToString()
        ends_s = loop.time() + weather.timeout_s
        copies = 1 + self._happens(weather.repeat_request)
        for _ in range(copies):
            if not self._happens(weather.lose_request):
                context = CallContext(metadata, ends_s, loop.time)
                self._later(self._arrive, self._nodes[service], path, body, context, future)
        timer = loop.call_later(weather.timeout_s, _fail, future, unavailable("timed out"))
        try:
            raw = await future
        finally:
            timer.cancel()
            self._under_way.pop(future, None)
        return answer_type.FromString(raw)

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    def _later(self, call: Any, *arguments: Any) -> None:
        delay_s = self._machine.network.latency_s()
        if self._happens(self.weather.delay):
            delay_s += self._random.expovariate(1 / self.weather.delay_s_mean)
        self._machine.loop.call_later(delay_s, call, *arguments)

    def _arrive(
        self, node: Node, path: str, body: bytes, context: CallContext, future: Any
    ) -> None:
        server = node.server
        if server is None:
            self._later(_fail, future, unavailable("connection refused"))
            return
        self._under_way[future] = node.process
        here = copy_context()
        loop = self._machine.loop

        def answered(result: Any, error: ServiceError | None) -> None:
            if not self._happens(self.weather.lose_answer):
                if error is None:
                    self._later(_succeed, future, result)
                else:
                    self._later(_fail, future, error)

        async def serve() -> None:
            method = server.method(path)
            try:
                answer = await method.unary_unary(body, context)
            except Abort as abort:
                error = grpc.aio.AioRpcError(
                    abort.code,
                    grpc.aio.Metadata(),
                    grpc.aio.Metadata(*abort.metadata),
                    abort.details,
                )
                loop.call_soon(answered, None, from_rpc_error(error), context=here)
            else:
                raw = method.response_serializer(answer)
                loop.call_soon(answered, raw, None, context=here)

        task = loop.create_task(serve(), context=node.context.copy())
        server.watch(task)
        left_s = context.time_remaining()
        if left_s > 0:
            # As gRPC does when the caller's deadline passes.
            loop.call_later(left_s, task.cancel, context=node.context.copy())


def unavailable(rule: str) -> ServiceError:
    """A transport's failure: what has become of the call is open."""
    status = grpc.StatusCode.UNAVAILABLE
    return ServiceError(Kind.UNAVAILABLE, "grpc_unavailable", rule, status=status)


def _succeed(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
