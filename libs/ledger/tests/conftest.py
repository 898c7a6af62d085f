"""Real servers and stores for the bus's tests; nothing here imitates our own code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from cahier_ledger.bus.server import NatsServer
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend


@pytest.fixture
def nats_broker(tmp_path: Path) -> Iterator[NatsServer]:
    """A running nats-server that a test may kill and start again."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


async def _ignore(_: object) -> None:
    """Disconnections are what these tests are about."""


@pytest.fixture
async def nats_client(nats_broker: NatsServer) -> AsyncIterator[Client]:
    """A client that reconnects for as long as the test lasts."""
    client = await nats.connect(
        nats_broker.url,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
        error_cb=_ignore,
    )
    yield client
    await asyncio.wait_for(client.close(), 10)


@pytest.fixture
async def bus_ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """An empty event store of a service called `budget`."""
    ledger = Ledger.open(tmp_path / "events.db")
    yield ledger
    await ledger.close()


@pytest.fixture
def bus_append() -> Callable[..., Append]:
    """Makes an append of one new stream with one public event, number `n`."""

    def make(n: int, *, at: str | None = "2026-03-01T10:00:00.000Z", pad: int = 0) -> Append:
        leaf: dict[str, object] = {"data": {"n": n, "pad": "x" * pad}, "id": f"leaf-{n}"}
        leaf |= {"svc": "budget", "t": "budget.v1.thing.thing_counted", "v": 1}
        if at is not None:
            leaf["at"] = at
        raw = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
        meta = json.dumps({"traceparent": f"00-{n:032x}-{n:016x}-01"}).encode()
        public = PublicLeaf(f"leaf-{n}", "budget.v1.thing.thing_counted", raw)
        event = NewEvent("thing.counted", str(n).encode(), meta, at, public)
        return Append((StreamAppend(f"thing-{n}", 0, (event,)),))

    return make
