"""Traces cross gRPC, stored events and headers; logs carry their ids and no personal data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cahier_chassis.errors import ServiceError
from cahier_chassis.logs import configure_logs, get_logger
from cahier_chassis.telemetry import (
    configure_telemetry,
    continue_trace,
    current_traceparent,
    span,
    trace_headers,
    trace_meta,
    traceparent_of,
)
from cahier_kernel.errors import NotFound


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_telemetry("echo", processors=[SimpleSpanProcessor(exporter)])
    yield exporter
    exporter.shutdown()


def trace_id(traceparent: str | None) -> str:
    return (traceparent or "").split("-")[1]


async def test_one_trace_goes_from_the_caller_through_grpc_and_the_store_to_a_consumer(
    serve: Any, spans: InMemorySpanExporter
) -> None:
    async def say(request: StringValue, context: Any) -> StringValue:
        return StringValue(value=trace_meta().decode())

    service = await serve({"Say": say})
    with span("click") as root:
        meta = (await service.call("Say")).encode()
    with continue_trace(traceparent_of(meta), "notify"):
        headers = trace_headers()
    expected = f"{root.get_span_context().trace_id:032x}"
    assert trace_id(headers["traceparent"]) == expected
    finished = {each.name: each for each in spans.get_finished_spans()}
    assert set(finished) == {"click", "cahier.echo.v1.EchoService/Say", "notify"}
    assert {f"{each.context.trace_id:032x}" for each in finished.values() if each.context} == {
        expected
    }
    server = finished["cahier.echo.v1.EchoService/Say"]
    assert server.kind is SpanKind.SERVER
    assert dict(server.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "cahier.echo.v1.EchoService",
        "rpc.method": "Say",
    }


async def test_an_untraced_method_leaves_no_span_and_no_trace_in_its_events(
    serve: Any, spans: InMemorySpanExporter
) -> None:
    seen = []

    async def cast(request: StringValue, context: Any) -> StringValue:
        seen.append((trace_meta(), trace_headers()))
        seen.append([name for name, _ in context.invocation_metadata() if "trace" in name])
        return request

    service = await serve({"Cast": cast}, untraced={"Cast"})
    with span("click"):
        await service.call("Cast", trace=False)
        await service.call("Cast")
    assert seen == [(b"", {}), [], (b"", {}), ["traceparent"]]
    assert [each.name for each in spans.get_finished_spans()] == ["click"]


async def test_a_refusal_is_noted_by_its_code_and_a_failure_by_its_type_alone(
    serve: Any, spans: InMemorySpanExporter
) -> None:
    async def refuse(request: StringValue, context: Any) -> StringValue:
        raise NotFound("proposal_not_found", "no proposal of Ann Example")

    async def fail(request: StringValue, context: Any) -> StringValue:
        raise RuntimeError("Ann Example")

    service = await serve({"Refuse": refuse, "Fail": fail})
    for name in ("Refuse", "Fail"):
        with pytest.raises(ServiceError):
            await service.call(name)
    refused, failed = spans.get_finished_spans()
    assert (refused.attributes or {})["error.type"] == "proposal_not_found"
    assert refused.status.status_code is StatusCode.UNSET
    assert (failed.attributes or {})["error.type"] == "RuntimeError"
    assert failed.status.status_code is StatusCode.ERROR
    assert "Ann" not in refused.to_json() + failed.to_json()


def test_outside_of_a_trace_there_is_nothing_to_carry_on() -> None:
    assert current_traceparent() is None
    assert trace_meta() == b""
    assert traceparent_of(b"") is None
    assert traceparent_of(b'{"other":1}') is None


@pytest.mark.parametrize("bad", ["", "rubbish", "00-0-0-00", "00-" + "0" * 32 + "-" + "0" * 16])
def test_a_malformed_traceparent_begins_a_new_trace(bad: str) -> None:
    configure_telemetry("echo")
    with span("other") as other, continue_trace(bad, "consume") as consume:
        assert consume.get_span_context().is_valid
        assert consume.get_span_context().trace_id != other.get_span_context().trace_id


@pytest.fixture
def log_lines() -> Iterator[Any]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs("echo", "info")
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def test_a_log_line_is_json_with_unit_time_and_trace_ids(log_lines: Any) -> None:
    configure_telemetry("echo")
    with span("work") as current:
        get_logger("cahier.test").info("ballots_opened", count=3)
    logging.getLogger("library").warning("slow %s", "disk")
    ours, theirs = log_lines()
    assert (ours["event"], ours["count"], ours["unit"]) == ("ballots_opened", 3, "echo")
    assert ours["trace_id"] == f"{current.get_span_context().trace_id:032x}"
    assert len(ours["span_id"]) == 16
    assert ours["time"].endswith("Z")
    assert (theirs["event"], theirs["level"], theirs["unit"]) == ("slow disk", "warning", "echo")
    assert "trace_id" not in theirs


def test_a_logged_exception_shows_where_it_came_from_and_nothing_of_the_data(
    log_lines: Any,
) -> None:
    email = "ann@example.org"
    try:
        int(email)
    except ValueError:
        get_logger("cahier.test").exception("failed")
    try:
        raise OSError("disk full")
    except OSError:
        logging.getLogger("library").exception("failed")
    quoting, plain = log_lines()
    assert quoting["error"] == "ValueError"
    assert "test_chassis_telemetry.py" in quoting["error_at"][0]
    assert email not in json.dumps(quoting)
    assert plain["error_message"] == "disk full"


def test_less_severe_lines_than_the_level_are_left_out(log_lines: Any) -> None:
    get_logger("cahier.test").debug("noise")
    assert log_lines() == []
