"""Callers that hand in prepared ballots over gRPC and wait for each answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from benchmarks.election import Ballot
from benchmarks.processes import Server
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub

BATCH = 50
BATCH_CALLERS = 8
CALL_S_MAX = 20.0


@dataclass(frozen=True)
class Measured:
    """Ballots accepted, and what they took: seconds of the wall clock and of the processor."""

    ballots: int
    wall_s: float
    cpu_s: float

    @property
    def per_wall_s(self) -> float:
        return self.ballots / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        return self.ballots / self.cpu_s


def cast_one_by_one(
    server: Server, ballots: Sequence[Ballot], *, callers: int, tokens: Sequence[str] = ()
) -> Measured:
    """Each caller hands in one ballot after the other.

    tokens: the callers' own, as booths have them; without, each ballot brings its voter's token.
    """
    bearers = [_bearer(token) for token in tokens] or [_bearer(each.token) for each in ballots]
    requests = [
        (pb.CastBallotRequest(ballot=each.message), bearers[place % len(bearers)])
        for place, each in enumerate(ballots)
    ]
    return asyncio.run(_measure(server, iter(requests), len(ballots), callers, _cast_one))


def cast_in_batches(
    server: Server, ballots: Sequence[Ballot], token: str, *, callers: int = BATCH_CALLERS
) -> Measured:
    """Each caller hands in BATCH ballots at a time with an importer's token."""
    requests = [
        (
            pb.CastBallotsRequest(ballots=[each.message for each in ballots[at : at + BATCH]]),
            _bearer(token),
        )
        for at in range(0, len(ballots), BATCH)
    ]
    return asyncio.run(_measure(server, iter(requests), len(ballots), callers, _cast_many))


def _bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


async def _measure(
    server: Server, requests: Iterator[Any], ballots: int, callers: int, cast: Any
) -> Measured:
    async with grpc.aio.insecure_channel(
        server.address, options=(("grpc.enable_http_proxy", 0),)
    ) as channel:
        stub = BudgetServiceStub(channel)
        await channel.channel_ready()
        cpu_s, started_s = server.cpu_s(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(_caller(stub, requests, cast))
        wall_s = time.perf_counter() - started_s
        return Measured(ballots, wall_s, max(server.cpu_s() - cpu_s, 1e-9))


async def _caller(stub: Any, requests: Iterator[Any], cast: Any) -> None:
    for request, metadata in requests:
        await cast(stub, request, metadata)


async def _cast_one(stub: Any, request: Any, metadata: Any) -> None:
    answer = await stub.CastBallot(request, metadata=metadata, timeout=CALL_S_MAX)
    if not answer.event_id:
        raise RuntimeError("a ballot was not accepted")


async def _cast_many(stub: Any, request: Any, metadata: Any) -> None:
    answer = await stub.CastBallots(request, metadata=metadata, timeout=CALL_S_MAX)
    for result in answer.results:
        if not result.event_id:
            raise RuntimeError(f"a ballot was refused: {result.error_code}")
