"""Real servers and stores for the bus's tests; nothing here imitates our own code."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import nats
import psycopg
import pytest
from nats.aio.client import Client

from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend
from cahier_ledger.postgres.connections import connect
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.postgres.opening import open_ledger
from cahier_ledger.postgres.server import PostgresServer

_numbers = count(1)


@dataclass(frozen=True)
class Place:
    """Where one test's service keeps its things: files, or schemas of a PostgreSQL.

    failure: what the database's driver raises when the disk or the server fails.
    """

    folder: Path
    dsn: str | None
    schema: str
    failure: type[Exception]

    def open_ledger(self, **options: Any) -> Ledger:
        if self.dsn is None:
            return Ledger.open(self.folder / "ledger.db", **options)
        return open_ledger(self.dsn, self.schema, **options)

    def open_views(self) -> ViewDatabase:
        if self.dsn is None:
            return ViewDatabase(self.folder / "v" / "views.db")
        return ViewDatabase(PostgresDatabase(self.dsn, f"{self.schema}_views", durable=False))

    def delete_views(self) -> None:
        if self.dsn is None:
            shutil.rmtree(self.folder / "v")
        else:
            with connect(self.dsn, "public") as connection:
                connection.execute(f'DROP SCHEMA "{self.schema}_views" CASCADE')

    def open_inbox(self, schema: str = "") -> Inbox:
        if self.dsn is None:
            return Inbox(self.folder / "i" / "inbox.db", schema)
        return Inbox(PostgresDatabase(self.dsn, f"{self.schema}_inbox", durable=True), schema)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests that do not break it; each uses a schema of its own."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), sync=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    """An empty folder."""
    return Place(tmp_path, None, "", sqlite3.OperationalError)


@pytest.fixture
def postgres_place(postgres_server: PostgresServer, tmp_path: Path) -> Place:
    """A name of schemas that nobody has used."""
    name = f"service_{next(_numbers)}"
    return Place(tmp_path, postgres_server.dsn, name, psycopg.OperationalError)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty place, once on each database."""
    place: Place = request.getfixturevalue(f"{request.param}_place")
    return place


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
async def bus_ledger(place: Place) -> AsyncIterator[Ledger]:
    """An empty event store of a service called `budget`."""
    ledger = place.open_ledger()
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
