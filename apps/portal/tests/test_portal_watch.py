"""How units fare: read from real doors, a broken one, none at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cahier_chassis.health import Health
from cahier_portal.watch import TRACES_SHOWN, SpanShown, UnitWatch, last_traces, read_numbers

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
METRICS = f"""
# TYPE process_start_time_seconds gauge
process_start_time_seconds {NOW.timestamp() - 200}
# TYPE cahier_ledger_events_appended_total counter
cahier_ledger_events_appended_total 50
# TYPE cahier_outbox_lag_events gauge
cahier_outbox_lag_events 3
# TYPE cahier_projection_lag_events gauge
cahier_projection_lag_events{{projection="own"}} 7
cahier_projection_lag_events{{projection="other"}} 0
# TYPE cahier_projection_stopped gauge
cahier_projection_stopped{{projection="own"}} 1
cahier_projection_stopped{{projection="other"}} 0
# TYPE cahier_dead_letters gauge
cahier_dead_letters 2
# TYPE cahier_grpc_requests_total counter
cahier_grpc_requests_total{{method="A"}} 10
cahier_grpc_requests_total{{method="B"}} 5
# TYPE cahier_grpc_errors_total counter
cahier_grpc_errors_total{{method="A",status="NOT_FOUND"}} 4
"""


def span(trace_start: int, id: str, parent: str = "") -> SpanShown:
    at = f"2026-11-22T12:00:{trace_start:02d}.000Z"
    return SpanShown(id, parent, f"name {id}", at, 1_000, failed=False)


def test_figures_are_read_from_a_units_metrics() -> None:
    numbers = read_numbers(METRICS, NOW)
    assert numbers.appended == 50
    assert numbers.appended_per_s == 0.25
    assert numbers.outbox_lag == 3
    assert numbers.projections == {"own": 7, "other": 0}
    assert numbers.stopped == {"own"}
    assert numbers.dead_letters == 2
    assert (numbers.calls, numbers.errors) == (15, 4)


def test_what_a_unit_does_not_measure_is_not_shown_as_nothing() -> None:
    numbers = read_numbers("", NOW)
    assert numbers.outbox_lag is None
    assert numbers.dead_letters is None
    assert numbers.appended_per_s == 0


def test_traces_are_put_together_from_all_units_each_span_after_its_parent() -> None:
    spans = [span(3, "c", "b"), span(1, "a"), span(2, "b", "a"), span(2, "lost", "elsewhere")]
    (trace,) = last_traces({"t": spans})
    assert [(each.span_id, each.depth) for each in trace.spans] == [
        ("a", 0),
        ("b", 1),
        ("c", 2),
        ("lost", 0),
    ]


def test_only_the_last_traces_are_shown_newest_first() -> None:
    many = {f"{number:02d}": [span(number, "a")] for number in range(40)}
    shown = [trace.trace_id for trace in last_traces(many)]
    assert shown == [f"{number:02d}" for number in range(39, 39 - TRACES_SHOWN, -1)]


def test_a_trace_whose_spans_name_each_other_as_parents_ends() -> None:
    assert last_traces({"t": [span(1, "a", "b"), span(2, "b", "a")]}) == []


class _Door(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, bytes]] = {}

    def do_GET(self) -> None:
        status, body = self.answers.get(self.path, (404, b"not found"))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    """A unit's health doors on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


async def test_units_that_are_away_degraded_or_not_ready_are_told_apart(door: str) -> None:
    ready = {"status": "ready", "failing": {}, "degraded": {"bus": "away"}}
    kept = {
        "span_id": "a",
        "parent_id": "",
        "name": "cahier.budget.v1.BudgetService/GetElection",
        "started_at": "2026-11-22T12:00:00.000Z",
        "duration_us": 5,
        "failed": True,
    }
    traces = {"unit": "x", "traces": [{"trace_id": "t", "spans": [kept]}]}
    _Door.answers = {
        "/readyz": (200, json.dumps(ready).encode()),
        "/metrics": (200, METRICS.encode()),
        "/traces": (200, json.dumps(traces).encode()),
    }
    watch = UnitWatch({"budget": door, "identity": "http://127.0.0.1:1"}, lambda: NOW)
    health = Health()
    health.add_check("site", lambda: "not yet")
    units, shown = await watch.look(health)
    assert [(unit.name, unit.state) for unit in units] == [
        ("budget", "degraded"),
        ("identity", "away"),
        ("portal", "not_ready"),
    ]
    assert units[0].reasons == {"bus": "away"}
    assert units[2].reasons == {"site": "not yet"}
    assert shown[0].spans[0].label == "BudgetService/GetElection"
    assert shown[0].spans[0].unit == "budget"


async def test_a_door_that_says_nonsense_breaks_nothing(door: str) -> None:
    _Door.answers = {"/readyz": (500, b"<html>"), "/metrics": (500, b""), "/traces": (200, b"[")}
    units, shown = await UnitWatch({"budget": door}, lambda: NOW).look(Health())
    assert units[0].state == "not_ready"
    assert shown == []
