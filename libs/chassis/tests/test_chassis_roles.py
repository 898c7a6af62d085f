"""A service's work split over processes, or done by several alike, on one PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from cahier_chassis import metrics
from cahier_chassis.bus import BusMeters, relay_outbox, run_own_projection
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.nats import connect
from cahier_chassis.roles import ALL_ROLES, Role, parse_roles
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.health import State
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.views import View
from cahier_ledger.model import (
    Append,
    NewEvent,
    PublicLeaf,
    StoredEvent,
    StoreUnavailable,
    StreamAppend,
)
from cahier_ledger.postgres.server import PostgresServer

SEEN = View("seen", ("seen",), "CREATE TABLE seen(seq INTEGER NOT NULL)")
_names = count(1)


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


def append(name: str, number: int) -> Append:
    kind = f"{name}.v1.thing.said"
    body = f'{{"data":{{}},"id":"leaf-{number}","svc":"{name}","t":"{kind}","v":1}}'
    public = PublicLeaf(f"leaf-{number}", kind, body.encode())
    event = NewEvent("echo.said", b"{}", public=public)
    return Append((StreamAppend(f"thing-{number}", 0, (event,)),))


def fold(db: Sql, event: StoredEvent) -> None:
    db.execute("INSERT INTO seen VALUES (?)", (event.seq,))


class Replica:
    """One process of the service, as a unit in this one."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.ticks = 0
        self.serving: asyncio.Task[None] | None = None

    async def start(self) -> Replica:
        self.serving = asyncio.create_task(self.unit.serve(self._wire))
        await until(lambda: not self.unit.health.failing())
        return self

    async def stop(self) -> None:
        self.unit.stop()
        if self.serving is not None:
            await self.serving

    async def _wire(self) -> None:
        unit = self.unit
        self.ledger = unit.stores.open_ledger()
        unit.on_close("ledger", self.ledger.close)
        self.views = unit.stores.open_views()
        self.views.declare(SEEN)
        self.projection = OwnProjection(self.ledger, self.views, SEEN, fold, observer=BusMeters())
        run_own_projection(unit, self.projection, self.ledger)
        relay_outbox(unit, self.ledger)
        unit.timer("due", self._tick, interval_s=0.05)
        unit.serve_grpc(GrpcServer(unit.name, [lambda _: None], unit.verifier()))

    async def _tick(self, now: datetime) -> None:
        self.ticks += 1

    def seen(self) -> list[int]:
        return [row[0] for row in self.views.fetch_all("SELECT seq FROM seen ORDER BY seq")]


@pytest.fixture
async def replica(
    tmp_path: Path, keys: SimpleNamespace, nats_server: NatsServer, postgres: PostgresServer
) -> AsyncIterator[Callable[..., Any]]:
    """`await replica(*roles)` starts one more process of the same service."""
    name = f"echo{next(_names)}"
    started: list[Replica] = []
    settings = ServiceSettings(
        city="demo",
        data_dir=tmp_path / "data",
        store_dsn=postgres.dsn,
        nats_url=nats_server.url,
        token_public_keys=keys.folder,
        log_level="error",
    )

    async def start(*roles: Role) -> Replica:
        started.append(Replica(Unit(settings, name, frozenset(roles) or ALL_ROLES)))
        return await started[-1].start()

    yield start
    for each in started:
        await each.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def value(name: str, **labels: str) -> float:
    found = metrics.REGISTRY.get_sample_value(name, labels)
    assert found is not None
    return found


async def in_stream(server: NatsServer, name: str, messages: int) -> None:
    """Waits until the stream holds that many messages, and sees that it gets no more."""
    client = await connect(server.url, "test")
    stream = client.jetstream()

    async def held() -> int:
        with contextlib.suppress(NotFoundError):
            return (await stream.stream_info(f"PUBLIC_{name.upper()}")).state.messages
        return 0

    async with asyncio.timeout(30):
        while await held() < messages:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    assert await held() == messages
    await client.close()


async def test_of_two_alike_one_relays_and_projects_and_the_other_takes_over(
    replica: Any, nats_server: NatsServer
) -> None:
    first, second = await replica(), await replica()
    name = first.unit.name
    await asyncio.gather(
        *(each.ledger.append(append(name, n)) for n, each in enumerate((first, second) * 20))
    )
    await in_stream(nats_server, name, 40)
    assert await second.projection.wait_for(40, 30)
    assert second.seen() == list(range(1, 41))
    assert first.projection.health.state is State.RUNNING
    assert second.projection.health.state is State.STANDBY
    assert second.unit.health.degraded() == first.unit.health.degraded() == {}
    await first.stop()
    await second.ledger.append(append(name, 100))
    await in_stream(nats_server, name, 41)
    assert await second.projection.wait_for(41, 30)
    assert second.projection.health.state is State.RUNNING
    assert second.seen() == list(range(1, 42))


async def test_timers_tick_in_one_process_at_a_time(replica: Any) -> None:
    first, second = await replica(), await replica()
    await until(lambda: first.ticks > 2)
    assert second.ticks == 0
    await first.stop()
    ticks = first.ticks
    await until(lambda: second.ticks > 2)
    assert first.ticks == ticks


async def test_each_role_does_its_part_and_no_other(replica: Any, nats_server: NatsServer) -> None:
    api = await replica(Role.API)
    name = api.unit.name
    project = await replica(Role.PROJECT)
    await api.ledger.append_many([append(name, n) for n in range(10)])
    assert await api.projection.wait_for(10, 30), "the caller sees what it did"
    assert api.seen() == list(range(1, 11))
    assert api.projection.health.state is State.STANDBY
    assert project.unit.ports().keys() == {"http"}
    assert api.unit.ports().keys() == {"http", "grpc"}
    assert api.ticks == project.ticks == 0
    relay = await replica(Role.RELAY)
    await in_stream(nats_server, name, 10)
    react = await replica(Role.REACT)
    await until(lambda: react.ticks > 2)
    assert relay.ticks == api.ticks == 0


async def test_a_unit_whose_server_goes_away_says_so_and_goes_on_when_it_is_back(
    replica: Any, postgres: PostgresServer, nats_server: NatsServer
) -> None:
    unit = await replica()
    name = unit.unit.name
    await unit.ledger.append(append(name, 1))
    await asyncio.to_thread(postgres.kill)
    await until(lambda: f"projection {SEEN.name}" in unit.unit.health.failing())
    assert math.isnan(value("cahier_projection_lag_events", projection=SEEN.name))
    with pytest.raises(StoreUnavailable):
        await unit.ledger.append(append(name, 2))
    postgres.start()  # on this thread, with which it would die
    await until(lambda: not unit.unit.health.failing())
    await unit.ledger.append(append(name, 3))
    await in_stream(nats_server, name, 2)
    assert await unit.projection.wait_for(2, 10)
    assert unit.seen() == [1, 2]
    ticks = unit.ticks
    await until(lambda: unit.ticks > ticks)


def test_roles_are_named_one_or_several() -> None:
    assert parse_roles("all") == ALL_ROLES
    assert parse_roles("api") == {Role.API}
    assert parse_roles("relay,project") == {Role.RELAY, Role.PROJECT}
    with pytest.raises(ValueError, match="cook"):
        parse_roles("api,cook")


MAIN = """
import sys
from cahier_chassis.process import main
from cahier_chassis.settings import ServiceSettings
from pydantic_settings import SettingsConfigDict

class EchoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ECHO_")

async def bootstrap(unit, settings):
    raise OSError("not here")

sys.exit(main("echo", EchoSettings, bootstrap))
"""


def run_main(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    given = {"CITY": "demo", "DATA_DIR": str(folder), "NATS_URL": "x", "TOKEN_PUBLIC_KEYS": "x"}
    environment = {f"ECHO_{name}": value for name, value in {**given, **settings}.items()}
    return subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_roles_are_refused_without_postgres(tmp_path: Path) -> None:
    done = run_main(tmp_path, "--role", "relay")
    assert done.returncode == 2
    assert done.stderr == "roles are split on PostgreSQL only: set ECHO_STORE_DSN\n"


def test_the_store_is_migrated_by_a_job_any_number_of_times(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    for applied in ("1", "0"):
        done = run_main(tmp_path, "--migrate", STORE_DSN=postgres.dsn)
        assert (done.returncode, f'"files": {applied}' in done.stderr) == (0, True), done.stderr


def test_a_migration_that_finds_no_server_says_so_without_the_password(tmp_path: Path) -> None:
    done = run_main(tmp_path, "--migrate", STORE_DSN="postgresql://a:secret@127.0.0.1:1/city")
    assert done.returncode == 2
    assert "127.0.0.1:1/city" in done.stderr
    assert "secret" not in done.stderr
