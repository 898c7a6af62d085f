"""Health and metrics over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from cahier_chassis import metrics
from cahier_chassis.health import Health, HealthApp, HttpServer


@pytest.fixture
async def health() -> AsyncIterator[Any]:
    health = Health()
    server = HttpServer(HealthApp(health))
    port = await server.start("127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield health, client
    await server.stop()


async def test_ready_only_while_every_check_passes_and_names_those_that_fail(health: Any) -> None:
    checks, client = health
    reason = ""
    checks.add_check("store", lambda: "")
    checks.add_check("nats", lambda: reason)
    assert (await client.get("/readyz")).status_code == 200
    reason = "not connected"
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    failing = {"nats": "not connected"}
    assert answer.json() == {"status": "not ready", "failing": failing, "degraded": {}}


async def test_what_commands_do_not_need_is_named_while_it_is_missing_but_ready_it_is(
    health: Any,
) -> None:
    checks, client = health
    reason = "not connected"
    checks.add_degradation("nats", lambda: reason)
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    degraded = {"nats": "not connected"}
    assert answer.json() == {"status": "ready", "failing": {}, "degraded": degraded}
    reason = ""
    assert (await client.get("/readyz")).json()["degraded"] == {}


async def test_a_check_that_raises_does_not_pass(health: Any) -> None:
    checks, client = health
    checks.add_degradation("mail", lambda: [][0])
    assert (await client.get("/readyz")).json()["degraded"] == {"mail": "check failed"}
    checks.add_check("broken", lambda: [][0])
    assert (await client.get("/readyz")).json()["failing"] == {"broken": "check failed"}


async def test_alive_even_when_not_ready(health: Any) -> None:
    checks, client = health
    checks.add_check("nats", lambda: "not connected")
    assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_prometheus_text(health: Any) -> None:
    _, client = health
    before = metrics.REGISTRY.get_sample_value("cahier_ledger_events_appended_total") or 0
    metrics.meter_commit(2, 3, 0.01)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f"cahier_ledger_events_appended_total {before + 3}" in answer.text
    assert "process_resident_memory_bytes" in answer.text


async def test_an_answer_does_not_wait_for_acknowledgements() -> None:
    accepted: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for connection in server._server.server_state.connections:
            accepted.append(connection.transport.get_extra_info("socket"))
        await HealthApp(Health())(scope, receive, send)

    server = HttpServer(app)
    port = await server.start("127.0.0.1", 0)
    async with httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{port}/healthz")
        (connection,) = accepted
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await server.stop()


async def test_another_path_is_not_found(health: Any) -> None:
    assert (await health[1].get("/admin")).status_code == 404


async def test_a_taken_port_is_an_error() -> None:
    first, second = HttpServer(HealthApp(Health())), HttpServer(HealthApp(Health()))
    port = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await second.start("127.0.0.1", port)
    await second.stop()
    await first.stop()


async def test_stopping_lets_the_request_at_work_finish() -> None:
    started = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        await asyncio.sleep(0.2)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"finished"})

    server = HttpServer(slow)
    port = await server.start("127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        at_work = asyncio.create_task(client.get("/"))
        await started.wait()
        await server.stop()
        assert (await at_work).text == "finished"


async def test_paths_below_a_prefix_go_to_the_application_that_is_mounted_there(
    health: Any,
) -> None:
    checks, client = health

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    checks.mount("/history", echo)
    assert (await client.get("/history/a/b")).text == "/history/a/b"
    assert (await client.get("/historyless")).status_code == 404
    assert (await client.get("/healthz")).status_code == 200
