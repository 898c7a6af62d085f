"""`python -m cahier_ledger.bus`: what a deployment runs once beside its services."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nats
import pytest

from cahier_ledger.bus.server import NatsServer, nats_server
from cahier_ledger.bus.streams import DEAD_STREAM

LATE_S = 3.0
REFUSED = "nats://127.0.0.1:1"


def run(url: str, wait_s: float) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cahier_ledger.bus", "--url", url, "--wait-s", str(wait_s)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


async def streams(url: str) -> list[str]:
    client = await nats.connect(url)
    try:
        return [info.config.name or "" for info in await client.jetstream().streams_info()]
    finally:
        await client.close()


async def test_the_stream_of_dead_letters_is_declared_and_once_is_enough(tmp_path: Path) -> None:
    with nats_server(tmp_path) as server:
        assert [run(server.url, 10).returncode for _ in range(2)] == [0, 0]
        assert await streams(server.url) == [DEAD_STREAM]


async def test_a_stream_that_differs_is_told_and_left_alone(tmp_path: Path) -> None:
    with nats_server(tmp_path) as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name=DEAD_STREAM, subjects=["elsewhere"])
        await client.close()
        result = run(server.url, 10)
    assert result.returncode == 1
    assert "exists but differs" in result.stderr


def test_a_bus_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    server.start()
    server.stop()
    process = subprocess.Popen(
        [sys.executable, "-m", "cahier_ledger.bus", "--url", server.url, "--wait-s", "30"]
    )
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(LATE_S)
        server.start()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        server.stop()


def test_a_bus_that_never_comes_is_an_error_in_time() -> None:
    result = run(REFUSED, 0.5)
    assert result.returncode == 2
    assert "no bus within 0.5 s" in result.stderr
