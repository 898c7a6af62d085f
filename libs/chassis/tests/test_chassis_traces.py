"""The last traces of a process: bounded, without attributes, served only where it is asked for."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cahier_chassis.settings import ServiceSettings
from cahier_chassis.telemetry import configure_telemetry, continue_trace, span
from cahier_chassis.traces import SPANS_A_TRACE_MAX, TRACES_MAX, RecentTraces
from cahier_chassis.unit import Unit

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def recent() -> RecentTraces:
    traces = RecentTraces("echo")
    configure_telemetry("echo", processors=[traces])
    return traces


def told(traces: RecentTraces) -> list[dict[str, Any]]:
    status, content_type, body = traces.answer()
    assert (status, content_type) == (200, "application/json")
    found: list[dict[str, Any]] = json.loads(body)["traces"]
    return found


def test_a_trace_is_told_by_names_ids_and_times_alone(recent: RecentTraces) -> None:
    with suppress(RuntimeError), continue_trace(PARENT, "plan", person="Ann"):
        with span("store", text="Ann"):
            pass
        raise RuntimeError("Ann")
    (trace,) = told(recent)
    store, plan = trace["spans"]
    assert trace["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert plan["parent_id"] == "b7ad6b7169203331"
    assert (store["name"], store["parent_id"]) == ("store", plan["span_id"])
    assert (store["failed"], plan["failed"]) == (False, True)
    assert plan["duration_us"] >= store["duration_us"] >= 0
    assert plan["started_at"] <= store["started_at"]
    assert plan["started_at"].endswith("Z")
    assert "Ann" not in json.dumps(trace)


def test_the_trace_that_ended_last_comes_first_and_the_oldest_leaves(recent: RecentTraces) -> None:
    for number in range(TRACES_MAX):
        with continue_trace(None, f"click {number}"):
            pass
    with continue_trace(None, "last"):
        pass
    names = [trace["spans"][0]["name"] for trace in told(recent)]
    assert len(names) == TRACES_MAX
    assert names[:2] == ["last", f"click {TRACES_MAX - 1}"]
    assert names[-1] == "click 1"


def test_a_long_trace_keeps_its_first_spans(recent: RecentTraces) -> None:
    with span("click"):
        for number in range(SPANS_A_TRACE_MAX + 5):
            with span(f"step {number}"):
                pass
    (trace,) = told(recent)
    assert [each["name"] for each in trace["spans"]] == [
        f"step {number}" for number in range(SPANS_A_TRACE_MAX)
    ]


def test_spans_may_end_in_any_thread(recent: RecentTraces) -> None:
    def work(number: int) -> None:
        with continue_trace(PARENT, f"work {number}"):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(80)))
    (trace,) = told(recent)
    assert len(trace["spans"]) == 80


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_unit_shows_its_traces_only_where_it_is_told_to_keep_them(
    keeps: bool, tmp_path: Path
) -> None:
    settings = ServiceSettings(
        city="demo",
        data_dir=tmp_path,
        nats_url="nats://127.0.0.1:9",
        token_public_keys=tmp_path,
        keep_traces=keeps,
    )
    unit = Unit(settings, "echo")
    with continue_trace(None, "click"):
        pass
    answer = unit.health.answer("/traces")
    await unit.close()
    assert (answer is not None) is keeps
    if answer:
        body = json.loads(answer[2])
        assert body["unit"] == "cahier-echo"
        assert body["traces"][0]["spans"][0]["name"] == "click"
