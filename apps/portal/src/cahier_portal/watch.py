"""How each unit of a development city fares, read from its own doors at the moment of asking."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from cahier_chassis.health import Health

TIMEOUT_S = 2.0
BYTES_MAX = 8 * 1024 * 1024
TRACES_SHOWN = 20
_PACKAGE = re.compile(r"^cahier\.[a-z]+\.v[0-9]+\.")
DEPTH_MAX = 6
T = TypeVar("T")

# A unit's answer on one of its paths, or None when it gives none.
Doors = Callable[[str], "Answer | None"]
# No proxy stands between units of one machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Answer:
    """What a unit's health door said."""

    status: int
    body: bytes


@dataclass
class Numbers:
    """A unit's own figures: counters since its start, gauges as of now."""

    up_s: float = 0.0
    appended: float = 0.0
    outbox_lag: float | None = None
    projections: dict[str, float] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    dead_letters: float | None = None
    calls: float = 0.0
    errors: float = 0.0

    @property
    def appended_per_s(self) -> float:
        """Mean since the unit's start."""
        return self.appended / self.up_s if self.up_s > 0 else 0.0


@dataclass(frozen=True)
class UnitState:
    """state: ready, degraded, not_ready or away. reasons: what fails or is missing, by check."""

    name: str
    state: str
    reasons: dict[str, str]
    numbers: Numbers | None


class SpanShown(msgspec.Struct):
    """A span as a unit keeps it, and where it stands in its trace."""

    span_id: str
    parent_id: str
    name: str
    started_at: str
    duration_us: int
    failed: bool
    unit: str = ""
    depth: int = 0

    @property
    def label(self) -> str:
        """Its name without the package that all methods of a service share."""
        return _PACKAGE.sub("", self.name)


class _Trace(msgspec.Struct):
    trace_id: str
    spans: list[SpanShown]


class _Traces(msgspec.Struct):
    traces: list[_Trace]


class _Ready(msgspec.Struct):
    failing: dict[str, str] = {}
    degraded: dict[str, str] = {}


@dataclass(frozen=True)
class TraceShown:
    """One click's way through the units, each span after its parent."""

    trace_id: str
    spans: list[SpanShown]


class UnitWatch:
    """Asks all units at once. addresses: base URL of each unit's health doors, by its name."""

    def __init__(self, addresses: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._addresses = dict(addresses)
        self._now = now

    @property
    def is_on(self) -> bool:
        """Whether this city tells how its units fare."""
        return bool(self._addresses)

    async def look(self, own: Health) -> tuple[list[UnitState], list[TraceShown]]:
        """The state of every unit, the portal's `own` last, and the last traces. Never raises
        for a unit that is away; waits for none longer than TIMEOUT_S a door."""
        doors: dict[str, Doors] = {
            name: lambda path, base=base: _fetch(base + path)  # type: ignore[misc]
            for name, base in self._addresses.items()
        }
        doors["portal"] = lambda path: _own_answer(own, path)
        seen = await asyncio.gather(
            *(asyncio.to_thread(self._look_at, name, door) for name, door in doors.items())
        )
        spans: dict[str, list[SpanShown]] = {}
        for _, traces in seen:
            for trace in traces:
                spans.setdefault(trace.trace_id, []).extend(trace.spans)
        return [state for state, _ in seen], last_traces(spans)

    def _look_at(self, name: str, door: Doors) -> tuple[UnitState, list[_Trace]]:
        ready = door("/readyz")
        if ready is None:
            return UnitState(name, "away", {}, None), []
        said = _decoded(ready, _Ready) or _Ready()
        state = "not_ready" if ready.status != 200 else "degraded" if said.degraded else "ready"
        metrics = door("/metrics")
        numbers = read_numbers(metrics.body.decode(), self._now()) if metrics else None
        return (
            UnitState(name, state, {**said.failing, **said.degraded}, numbers),
            _traces(name, door("/traces")),
        )


def read_numbers(text: str, now: datetime) -> Numbers:
    """A unit's figures from its metrics page (Prometheus text); unknown metrics are left out."""
    numbers = Numbers()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            _take(numbers, sample.name, sample.labels, sample.value, now)
    return numbers


def _take(
    numbers: Numbers, name: str, labels: Mapping[str, str], value: float, now: datetime
) -> None:
    match name:
        case "process_start_time_seconds":
            numbers.up_s = max(0.0, now.timestamp() - value)
        case "cahier_ledger_events_appended_total":
            numbers.appended += value
        case "cahier_outbox_lag_events":
            numbers.outbox_lag = value
        case "cahier_projection_lag_events":
            numbers.projections[labels.get("projection", "")] = value
        case "cahier_projection_stopped" if value:
            numbers.stopped.add(labels.get("projection", ""))
        case "cahier_dead_letters":
            numbers.dead_letters = value
        case "cahier_grpc_requests_total" | "cahier_http_requests_total":
            numbers.calls += value
        case "cahier_grpc_errors_total" | "cahier_http_errors_total":
            numbers.errors += value


def last_traces(spans_of: Mapping[str, Sequence[SpanShown]]) -> list[TraceShown]:
    """The TRACES_SHOWN traces that began last, newest first, each in the order of its calls."""
    begun = sorted(
        (min(span.started_at for span in spans), trace_id)
        for trace_id, spans in spans_of.items()
        if spans
    )
    shown = [
        TraceShown(trace_id, _in_order(spans_of[trace_id]))
        for _, trace_id in reversed(begun[-TRACES_SHOWN:])
    ]
    return [trace for trace in shown if trace.spans]


def _in_order(spans: Sequence[SpanShown]) -> list[SpanShown]:
    known = {span.span_id for span in spans}
    children: dict[str, list[SpanShown]] = {}
    for span in sorted(spans, key=lambda each: each.started_at, reverse=True):
        children.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)
    ordered: list[SpanShown] = []
    waiting = [(span, 0) for span in children.pop("", [])]
    while waiting:
        span, depth = waiting.pop()
        span.depth = min(depth, DEPTH_MAX)
        ordered.append(span)
        waiting += [(child, depth + 1) for child in children.pop(span.span_id, [])]
    return ordered


def _traces(unit: str, answer: Answer | None) -> list[_Trace]:
    held = _decoded(answer, _Traces) if answer and answer.status == 200 else None
    for trace in held.traces if held else []:
        for span in trace.spans:
            span.unit = unit
    return held.traces if held else []


def _decoded(answer: Answer, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError:
        return None


def _fetch(url: str) -> Answer | None:
    try:
        with _OPENER.open(url, timeout=TIMEOUT_S) as answer:
            return Answer(answer.status, answer.read(BYTES_MAX))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(BYTES_MAX))
    except OSError:
        return None


def _own_answer(own: Health, path: str) -> Answer | None:
    found = own.answer(path)
    return Answer(found[0], found[2]) if found else None
