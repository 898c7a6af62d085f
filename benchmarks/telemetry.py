"""What traces cost a service: the same traced calls with telemetry off and on.

Off is OpenTelemetry's own switch (OTEL_SDK_DISABLED): no span is made. Made is the default of a
unit without a collector: spans give logs and events their trace ids. Metrics and logs are on in
all of them. The calls are reads of one election, about the cheapest there are: the share that
traces cost is at its largest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from benchmarks.election import OpenElection, make_election
from benchmarks.processes import Server, serving
from benchmarks.report import Report, ratio_of
from benchmarks.sizes import Sizes
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import BudgetServiceStub

CALLERS = 16
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Variant:
    """One service with its telemetry set in one way. Rates are calls a second, by round."""

    name: str
    server: Server
    per_wall: list[float] = field(default_factory=list)
    per_cpu: list[float] = field(default_factory=list)


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report(f"telemetry: calls of one service, {CALLERS} callers")
    election = make_election(folder / "election")
    with ExitStack() as stack:
        endpoint = stack.enter_context(_collector())
        ways = {
            "off": {"OTEL_SDK_DISABLED": "true"},
            "made": {},
            "made and kept": {"BUDGET_KEEP_TRACES": "1"},
            "made and sent": {"BUDGET_OTLP_ENDPOINT": endpoint},
        }
        variants = [
            Variant(name, stack.enter_context(_service(election, folder / name, environment)))
            for name, environment in ways.items()
        ]
        for number in range(sizes.rounds + 1):
            for variant in variants:
                asyncio.run(_measure(variant, election, sizes.calls, keep=number > 0))
    report.table(
        ("calls a second (median of rounds)", "wall", "server CPU"),
        [(f"traces {v.name}", median(v.per_wall), median(v.per_cpu)) for v in variants],
    )
    off, *others = variants
    for each in others:
        report.ratio(f"traces {each.name}, to off, wall", ratio_of(each.per_wall, off.per_wall))
        report.ratio(f"traces {each.name}, to off, CPU", ratio_of(each.per_cpu, off.per_cpu))
    return report


@contextmanager
def _service(election: OpenElection, folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    with serving(election.copy(folder), environment=environment) as server:
        yield server


class _Collector(TraceServiceServicer):
    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
        """Takes everything and keeps nothing."""
        return ExportTraceServiceResponse()


@contextmanager
def _collector() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    add_TraceServiceServicer_to_server(_Collector(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop(1).wait()


async def _measure(variant: Variant, election: OpenElection, calls: int, *, keep: bool) -> None:
    turns = iter(range(calls))
    options = (("grpc.enable_http_proxy", 0),)
    async with grpc.aio.insecure_channel(variant.server.address, options=options) as channel:
        stub = BudgetServiceStub(channel)
        await channel.channel_ready()
        cpu_s, started_s = variant.server.cpu_s(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(
                    _caller(stub, pb.GetElectionRequest(election_id=election.id), turns)
                )
        wall_s = time.perf_counter() - started_s
    if keep:
        variant.per_wall.append(calls / wall_s)
        variant.per_cpu.append(calls / max(variant.server.cpu_s() - cpu_s, 1e-9))


async def _caller(stub: Any, request: pb.GetElectionRequest, turns: Iterator[int]) -> None:
    for _ in turns:
        await stub.GetElection(request, metadata=(("traceparent", TRACEPARENT),), timeout=20)
