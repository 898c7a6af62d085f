"""Whole units as processes: started, asked, stopped, orphaned, and broken on purpose."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cahier_chassis.errors import ServiceError
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.unit import HEALTH_POLL_S
from cahier_ledger.bus.server import NatsServer

UNIT = """
import asyncio, os, sys
import grpc
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.logs import get_logger
from cahier_chassis.process import run
from cahier_chassis.settings import ServiceSettings
from google.protobuf.wrappers_pb2 import StringValue
from pydantic_settings import SettingsConfigDict

LOG = get_logger("unit")
MODE = os.environ.get("MODE", "")

class EchoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ECHO_")

def step(name):
    async def take():
        LOG.info(name)
    return take

async def say(request, context):
    LOG.info("handling")
    await asyncio.sleep(float(request.value or 0))
    LOG.info("handled")
    return request

def add(server):
    handlers = {"Say": grpc.unary_unary_rpc_method_handler(
        say, StringValue.FromString, StringValue.SerializeToString)}
    server.add_registered_method_handlers("cahier.echo.v1.EchoService", handlers)

async def tick(now):
    await asyncio.sleep(0)

async def background():
    if MODE == "dies":
        await asyncio.sleep(0.3)
        raise RuntimeError("broken")
    if MODE == "ends":
        return
    try:
        await asyncio.Event().wait()
    finally:
        LOG.info("task_ended")

async def stuck():
    await asyncio.sleep(60)

async def boom():
    raise OSError("cannot")

async def bootstrap(unit, settings):
    if MODE == "refuses":
        raise OSError("no disk")
    unit.on_close("ledger", step("ledger_closed"))
    unit.serve_grpc(GrpcServer("echo", [add], unit.verifier()))
    unit.timer("due", tick, interval_s=0.05)
    unit.spawn("background", background)
    if MODE == "stuck":
        unit.drain("stuck", stuck)
        unit.drain("boom", boom)
    unit.drain("relay", step("relay_drained"))
    await unit.nats()
    unit.on_close("view", step("view_closed"))

sys.exit(run("echo", EchoSettings, bootstrap))
"""


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


class Process:
    """One running unit; stopped at the end whatever the test did."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.script = folder / "unit.py"
        self.script.write_text(UNIT)
        self.run_file = folder / "run.json"
        self.log_file = folder / "unit.log"
        self.environment = os.environ | environment | {"ECHO_RUN_FILE": str(self.run_file)}
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        with self.log_file.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, str(self.script)], env=self.environment | environment, stderr=log
            )

    def wait(self, timeout_s: float = 60) -> int:
        assert self.popen is not None
        return self.popen.wait(timeout_s)

    def signal(self, number: int) -> None:
        assert self.popen is not None
        self.popen.send_signal(number)

    def ports(self) -> dict[str, int]:
        self.until(self.run_file.exists)
        found: dict[str, int] = json.loads(self.run_file.read_text())
        return found

    def until(self, condition: Callable[[], Any], timeout_s: float = 40) -> Any:
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError(self.log_file.read_text())

    def events(self) -> list[str]:
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line)["event"] for line in lines]

    def ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports()['http']}/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def unit(tmp_path: Path, keys: SimpleNamespace, nats_server: NatsServer) -> Iterator[Process]:
    process = Process(
        tmp_path,
        {
            "ECHO_CITY": "demo",
            "ECHO_DATA_DIR": str(tmp_path / "data"),
            "ECHO_NATS_URL": nats_server.url,
            "ECHO_TOKEN_PUBLIC_KEYS": str(keys.folder),
        },
    )
    yield process
    if process.popen is not None and process.popen.poll() is None:
        process.popen.kill()
        process.popen.wait(10)


def serving(unit: Process) -> bool:
    """What grpc.health.v1 says."""
    with grpc.insecure_channel(f"127.0.0.1:{unit.ports()['grpc']}") as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def say(port: int, token: str, seconds: str = "") -> str:
    channel = ServiceChannel(f"127.0.0.1:{port}", token=lambda: token)
    method = channel.unary_unary(
        "/cahier.echo.v1.EchoService/Say", StringValue.SerializeToString, StringValue.FromString
    )
    try:
        answer = await method(StringValue(value=seconds))
    finally:
        await channel.close()
    return str(answer.value)


async def test_a_unit_serves_until_sigterm_then_stops_in_order_and_exits_0(
    unit: Process, token: str
) -> None:
    unit.start()
    ports = unit.ports()
    assert ports["pid"] == unit.popen.pid if unit.popen else False
    unit.until(unit.ready)
    at_work = asyncio.create_task(say(ports["grpc"], token, "0.5"))
    await asyncio.to_thread(unit.until, lambda: "handling" in unit.events())
    unit.signal(signal.SIGTERM)
    assert await at_work == "0.5"
    assert await asyncio.to_thread(unit.wait) == 0
    order = ["unit_running", "handling", "handled", "relay_drained", "task_ended"]
    order += ["view_closed", "ledger_closed", "unit_stopped"]
    assert [event for event in unit.events() if event in order] == order


@pytest.mark.parametrize("mode", ["dies", "ends"])
def test_a_background_task_that_ends_unasked_takes_the_unit_down_with_exit_1(
    unit: Process, mode: str
) -> None:
    unit.start(MODE=mode)
    assert unit.wait() == 1
    assert {"task_died", "relay_drained", "ledger_closed"} <= set(unit.events())
    assert unit.events().count("task_died") == 1


def test_steps_that_hang_or_fail_do_not_keep_the_others_from_running(unit: Process) -> None:
    unit.start(MODE="stuck")
    unit.ports()
    unit.signal(signal.SIGINT)
    began_s = time.monotonic()
    assert unit.wait() == 0
    assert time.monotonic() - began_s < 30
    assert unit.events().count("stop_step_failed") == 2
    assert {"relay_drained", "ledger_closed", "unit_stopped"} <= set(unit.events())


def test_a_bootstrap_that_fails_exits_2(unit: Process) -> None:
    unit.start(MODE="refuses")
    assert unit.wait() == 2


def test_a_bad_setting_is_named_without_its_value_and_exits_2(unit: Process) -> None:
    unit.start(ECHO_CITY="Not A City", ECHO_GRPC_PORT="many")
    assert unit.wait() == 2
    lines = [json.loads(line) for line in unit.log_file.read_text().splitlines()]
    assert [line["setting"] for line in lines] == ["ECHO_CITY", "ECHO_GRPC_PORT"]
    assert "Not A City" not in unit.log_file.read_text()


def test_a_taken_port_exits_2(unit: Process, tmp_path: Path) -> None:
    unit.start()
    taken = unit.ports()["grpc"]
    second = Process(tmp_path / "data", unit.environment)
    second.start(ECHO_GRPC_PORT=str(taken))
    assert second.wait() == 2


async def test_a_unit_that_loses_its_bus_serves_on_degraded_and_still_stops(
    unit: Process, nats_server: NatsServer, token: str
) -> None:
    unit.start()
    unit.until(unit.ready)
    url = f"http://127.0.0.1:{unit.ports()['http']}/readyz"
    degraded = {"nats": "not connected"}
    nats_server.kill()
    body = {"status": "ready", "failing": {}, "degraded": degraded}
    unit.until(lambda: httpx.get(url).json() == body)
    await asyncio.sleep(2 * HEALTH_POLL_S)
    assert serving(unit)
    assert unit.ready()
    assert await say(unit.ports()["grpc"], token, "0") == "0"
    nats_server.start()
    unit.until(lambda: httpx.get(url).json()["degraded"] == {})
    nats_server.kill()
    unit.signal(signal.SIGTERM)
    assert unit.wait() == 0


def test_a_unit_that_waits_for_its_bus_is_alive_and_stops_at_once(
    unit: Process, nats_server: NatsServer, tmp_path: Path
) -> None:
    nats_server.kill()
    unit.start(ECHO_HTTP_PORT="0")
    unit.until(lambda: "nats_away" in unit.events())
    assert not unit.run_file.exists()
    unit.signal(signal.SIGTERM)
    assert unit.wait(30) == 0


async def test_a_call_after_the_stop_is_unavailable(unit: Process, token: str) -> None:
    unit.start()
    port = unit.ports()["grpc"]
    unit.signal(signal.SIGTERM)
    await asyncio.to_thread(unit.wait)
    with pytest.raises(ServiceError, match="grpc_unavailable"):
        await say(port, token)
