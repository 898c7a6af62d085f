"""The NATS connection against a real server that dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
