"""The last traces that passed through a process, kept in memory for whoever develops.

With it a developer sees one click's way through all units without running a collector. Only ids,
names, times and whether a span failed are kept: attributes are left out, so that what they hold
cannot become readable here by accident.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode

from cahier_chassis.health import Answer
from cahier_kernel.clock import to_rfc3339

TRACES_MAX = 50
SPANS_A_TRACE_MAX = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FinishedSpan:
    """One span. parent_id: "" for the first of a trace. started_at: RFC 3339, machine's time."""

    span_id: str
    parent_id: str
    name: str
    started_at: str
    duration_us: int
    failed: bool


class RecentTraces(SpanProcessor):
    """The last TRACES_MAX traces of which a span ended here, each of at most SPANS_A_TRACE_MAX.

    Safe for threads, as spans end in any of them.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._lock = Lock()
        self._traces: OrderedDict[str, list[FinishedSpan]] = OrderedDict()

    def on_end(self, span: ReadableSpan) -> None:
        """Keeps a span; when there are too many traces, the one quiet for longest leaves."""
        context = span.get_span_context()
        if context is None:
            return
        trace_id, kept = f"{context.trace_id:032x}", _finished(span, context.span_id)
        with self._lock:
            spans = self._traces.setdefault(trace_id, [])
            self._traces.move_to_end(trace_id)
            if len(spans) < SPANS_A_TRACE_MAX:
                spans.append(kept)
            if len(self._traces) > TRACES_MAX:
                self._traces.popitem(last=False)

    def answer(self) -> Answer:
        """The health page /traces: JSON, the trace that ended last comes first."""
        with self._lock:
            traces = [
                {"trace_id": trace_id, "spans": [asdict(span) for span in spans]}
                for trace_id, spans in reversed(self._traces.items())
            ]
        body = {"unit": self._unit, "traces": traces}
        return 200, "application/json", json.dumps(body).encode()


def _finished(span: ReadableSpan, span_id: int) -> FinishedSpan:
    started_ns = span.start_time or 0
    return FinishedSpan(
        span_id=f"{span_id:016x}",
        parent_id=f"{span.parent.span_id:016x}" if span.parent else "",
        name=span.name,
        started_at=to_rfc3339(_EPOCH + timedelta(microseconds=started_ns // 1_000)),
        duration_us=((span.end_time or started_ns) - started_ns) // 1_000,
        failed=span.status.status_code is StatusCode.ERROR,
    )
