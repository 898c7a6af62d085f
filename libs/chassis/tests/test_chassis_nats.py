"""The NATS connection against a real server that dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cahier_chassis import nats
from cahier_chassis.nats import NOT_CONNECTED, connect, connected, jetstream
from cahier_ledger.bus.server import NatsServer


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_it_connects_under_its_name_and_speaks_jetstream(nats_server: NatsServer) -> None:
    client = await connect(nats_server.url, "demo-echo")
    assert connected(client)() == ""
    assert client.options["name"] == "demo-echo"
    assert (await jetstream(client).account_info()).streams == 0
    await client.close()
    assert connected(client)() == NOT_CONNECTED


async def test_it_reconnects_by_itself_after_the_server_was_killed(
    nats_server: NatsServer,
) -> None:
    client = await connect(nats_server.url, "demo-echo")
    check = connected(client)
    nats_server.kill()
    await until(lambda: check() == NOT_CONNECTED)
    nats_server.start()
    await until(lambda: check() == "")
    assert (await jetstream(client).account_info()).streams == 0
    await client.close()


async def test_it_waits_for_a_server_that_starts_later(nats_server: NatsServer) -> None:
    url = nats_server.url
    nats_server.kill()
    connecting = asyncio.create_task(connect(url, "demo-echo"))
    await asyncio.sleep(0.5)
    assert not connecting.done()
    nats_server.start()
    async with asyncio.timeout(30):
        client = await connecting
    assert client.is_connected
    await client.close()


async def test_it_says_that_the_server_is_away_and_back_not_each_attempt_between(
    nats_server: NatsServer,
) -> None:
    url = nats_server.url
    nats_server.kill()
    with capture_logs() as logs:
        connecting = asyncio.create_task(connect(url, "demo-echo"))
        await asyncio.sleep(5 * nats.RECONNECT_WAIT_S)
        nats_server.start()
        client = await connecting
        nats_server.kill()
        await until(lambda: not client.is_connected)
        await asyncio.sleep(5 * nats.RECONNECT_WAIT_S)
        nats_server.start()
        await until(lambda: client.is_connected)
        await until(lambda: len(logs) == 4)
        await client.close()
    assert [log["event"] for log in logs] == ["nats_away", "nats_back"] * 2
    assert all(log["reason"] for log in logs[::2])


async def test_a_server_that_stays_away_is_recalled_now_and_then(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats, "REMIND_EVERY_S", 2 * nats.RECONNECT_WAIT_S)
    url = nats_server.url
    nats_server.kill()
    with capture_logs() as logs:
        connecting = asyncio.create_task(connect(url, "demo-echo"))
        await until(lambda: len(logs) == 3)
        connecting.cancel()
    assert [log["event"] for log in logs] == ["nats_away", "nats_still_away", "nats_still_away"]
