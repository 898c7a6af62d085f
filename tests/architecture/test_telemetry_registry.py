"""What is emitted and what telemetry/ declares are the same, both ways."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.metrics import MetricWrapperBase

from cahier_chassis import metrics
from cahier_chassis.errors import ServiceError
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.telemetry import configure_telemetry
from cahier_chassis.tokens import TokenVerifier

ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for top in ("libs", "services", "apps")
    for file in (ROOT / top).glob("*/src/**/*.py")
    if "cahier_contracts" not in file.parts
]
DECLARES_A_METRIC = re.compile(r"\bprometheus_client\b(?!\.parser)")
OPENS_A_SPAN = re.compile(r"\bstart_(as_current_)?span\(")
SERVICE = "cahier.echo.v1.EchoService"


def register(name: str, kind: str) -> dict[str, dict[str, Any]]:
    entries = tomllib.loads((ROOT / "telemetry" / name).read_text("utf-8"))[kind]
    by_name = {entry["name"]: entry for entry in entries}
    assert len(by_name) == len(entries), "a name stands twice"
    return by_name


def declared_in_code() -> dict[str, dict[str, Any]]:
    found = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            suffix = "_total" if metric._type == "counter" else ""
            found[metric._name + suffix] = {
                "type": metric._type,
                "labels": list(metric._labelnames),
                "help": metric._documentation,
            }
    return found


def test_every_metric_stands_in_the_register_and_the_other_way_round() -> None:
    registered = {
        name: {key: entry[key] for key in ("type", "labels", "help")}
        for name, entry in register("metrics.toml", "metric").items()
    }
    assert registered == declared_in_code()


def test_every_metric_has_a_unit_that_its_name_agrees_with() -> None:
    for name, entry in register("metrics.toml", "metric").items():
        assert entry["unit"], name
        assert name.startswith("cahier_"), name
        stem = name.removesuffix("_total")
        assert (entry["unit"] == "seconds") == stem.endswith("_seconds"), name
        assert (entry["type"] == "counter") == name.endswith("_total"), name


def test_every_registered_metric_is_exposed() -> None:
    text = metrics.exposition().decode()
    for name, entry in register("metrics.toml", "metric").items():
        assert f"# TYPE {name} {entry['type']}\n" in text


def test_metrics_are_declared_in_one_module_only() -> None:
    home = ROOT / "libs/chassis/src/cahier_chassis/metrics.py"
    assert home in SOURCES
    strays = [
        file for file in SOURCES if file != home and DECLARES_A_METRIC.search(file.read_text())
    ]
    assert strays == []


def test_spans_are_opened_in_one_module_only() -> None:
    home = ROOT / "libs/chassis/src/cahier_chassis/telemetry.py"
    assert OPENS_A_SPAN.search(home.read_text())
    strays = [file for file in SOURCES if file != home and OPENS_A_SPAN.search(file.read_text())]
    assert strays == []


def test_every_attribute_of_a_registered_span_is_registered_and_the_other_way_round() -> None:
    used = {
        attribute
        for entry in register("spans.toml", "span").values()
        for attribute in entry["attributes"]
    }
    attributes = register("spans.toml", "attribute")
    assert used == set(attributes)
    assert all(entry["unit"] and entry["help"] for entry in attributes.values())


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    configure_telemetry("echo", processors=[SimpleSpanProcessor(exporter)])
    yield exporter
    exporter.shutdown()


@pytest.fixture
async def channel() -> AsyncIterator[ServiceChannel]:
    """A running service of two methods: one answers, one breaks."""

    async def say(request: StringValue, context: Any) -> StringValue:
        return request

    async def fail(request: StringValue, context: Any) -> StringValue:
        raise RuntimeError(request.value)

    def add(server: Any) -> None:
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method, StringValue.FromString, StringValue.SerializeToString
            )
            for name, method in {"Say": say, "Fail": fail}.items()
        }
        server.add_registered_method_handlers(SERVICE, handlers)

    verifier = TokenVerifier({}, audience="echo", issuer="demo")
    server = GrpcServer("echo", [add], verifier, anonymous={"Say", "Fail"})
    port = await server.start("127.0.0.1", 0)
    channel = ServiceChannel(f"127.0.0.1:{port}")
    yield channel
    await channel.close()
    await server.stop(0.2)


async def test_the_spans_of_grpc_calls_are_as_registered(
    channel: ServiceChannel, spans: InMemorySpanExporter
) -> None:
    for name in ("Say", "Fail"):
        call = channel.unary_unary(
            f"/{SERVICE}/{name}", StringValue.SerializeToString, StringValue.FromString
        )
        with contextlib.suppress(ServiceError):
            await call(StringValue(value="x"))
    entry = register("spans.toml", "span")["{rpc.service}/{rpc.method}"]
    emitted = spans.get_finished_spans()
    assert [span.name for span in emitted] == [f"{SERVICE}/Say", f"{SERVICE}/Fail"]
    assert {span.kind.name for span in emitted} == {entry["kind"]}
    names = {name for span in emitted for name in (span.attributes or {})}
    assert names == set(entry["attributes"])
