"""Relay and projections inside a unit, on a real store and a real NATS server."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from nats.js import JetStreamContext

from cahier_chassis import metrics
from cahier_chassis.bus import (
    BusMeters,
    relay_outbox,
    run_own_projection,
    run_public_projection,
)
from cahier_chassis.nats import connect
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.views import View, ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StoredEvent, StreamAppend

SEEN = View("seen", ("seen",), "CREATE TABLE seen (seq INTEGER PRIMARY KEY)")


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def unit(tmp_path: Path, keys: SimpleNamespace, nats_server: NatsServer) -> Unit:
    settings = ServiceSettings(
        city="demo",
        data_dir=tmp_path / "data",
        nats_url=nats_server.url,
        token_public_keys=keys.folder,
        log_level="error",
    )
    return Unit(settings, "echo")


def append(number: int) -> Append:
    leaf_id = f"leaf-{number}"
    body = f'{{"data":{{}},"id":"{leaf_id}","svc":"echo","t":"echo.v1.thing.said","v":1}}'
    public = PublicLeaf(leaf_id, "echo.v1.thing.said", body.encode())
    event = NewEvent("echo.said", b"{}", public=public)
    return Append((StreamAppend(f"thing-{number}", 0, (event,)),))


def fold(connection: sqlite3.Connection, event: StoredEvent) -> None:
    if event.seq == 3:
        raise ValueError("poison")
    connection.execute("INSERT INTO seen VALUES (?)", (event.seq,))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def value(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


async def test_what_is_committed_when_the_stop_comes_is_relayed_before_the_end(
    unit: Unit, nats_server: NatsServer
) -> None:
    ledger = Ledger.open(unit.settings.data_dir / "events.db")

    async def wire() -> None:
        unit.on_close("ledger", ledger.close)
        relay_outbox(unit, ledger)

    serving = asyncio.create_task(unit.serve(wire))
    await until(lambda: not unit.health.failing() and not unit.health.degraded())
    await ledger.append_many([append(number) for number in range(200)])
    unit.stop()
    await serving
    assert value("cahier_outbox_lag_events") == 0
    client = await connect(nats_server.url, "test")
    info = await client.jetstream().stream_info("PUBLIC_ECHO")
    await client.close()
    assert info.state.messages == 200


async def test_the_outbox_lag_grows_while_the_bus_is_away_and_commands_go_on(
    unit: Unit, nats_server: NatsServer
) -> None:
    nats_server.kill()
    ledger = Ledger.open(unit.settings.data_dir / "events.db")

    async def wire() -> None:
        unit.on_close("ledger", ledger.close)
        relay_outbox(unit, ledger)

    serving = asyncio.create_task(unit.serve(wire))
    await until(lambda: unit.health.degraded() == {"nats": "not connected"})
    await until(lambda: not unit.health.failing())
    await ledger.append(append(1))
    assert value("cahier_outbox_lag_events") == 1
    nats_server.start()
    await until(lambda: value("cahier_outbox_lag_events") == 0)
    await until(lambda: unit.health.degraded() == {})
    nats_server.kill()
    await until(lambda: unit.health.degraded().keys() == {"nats", "relay"})
    assert unit.health.failing() == {}
    unit.stop()
    await serving


async def test_an_event_that_stops_a_projection_makes_the_unit_not_ready(unit: Unit) -> None:
    ledger = Ledger.open(unit.settings.data_dir / "events.db")
    await ledger.append_many([append(1), append(2)])
    views = ViewDatabase(unit.settings.data_dir / "views.db")
    projection = OwnProjection(ledger, views, SEEN, fold, observer=BusMeters())

    async def wire() -> None:
        unit.on_close("ledger", ledger.close)
        run_own_projection(unit, projection, ledger)

    serving = asyncio.create_task(unit.serve(wire))
    await until(lambda: not unit.health.failing())
    assert projection.position == 2
    assert value("cahier_projection_stopped", projection="seen") in (None, 0)
    await ledger.append_many([append(3), append(4)])
    await until(lambda: bool(unit.health.failing()))
    assert unit.health.failing()["projection seen"].startswith("stopped")
    assert value("cahier_projection_stopped", projection="seen") == 1
    assert value("cahier_projection_lag_events", projection="seen") == 2
    unit.stop()
    await serving


def fold_public(connection: sqlite3.Connection, event: PublicMessage) -> None:
    if event.public_seq == 2:
        raise ValueError("poison")
    connection.execute("INSERT INTO seen VALUES (?)", (event.public_seq,))


def of_another_service(views: ViewDatabase, js: JetStreamContext) -> PublicProjection:
    return PublicProjection(
        js, "PUBLIC_ECHO", "echo-seen", views, SEEN, fold_public, observer=BusMeters()
    )


async def test_a_view_of_others_events_that_waits_degrades_and_one_that_is_stopped_fails(
    unit: Unit, nats_server: NatsServer, tmp_path: Path
) -> None:
    nats_server.kill()
    views = ViewDatabase(unit.settings.data_dir / "views.db")

    async def wire() -> None:
        run_public_projection(unit, "seen", partial(of_another_service, views))

    serving = asyncio.create_task(unit.serve(wire))
    await until(lambda: not unit.health.failing())
    assert unit.health.degraded() == {"nats": "not connected"}
    nats_server.start()
    await until(lambda: unit.health.degraded().keys() == {"projection seen"})
    assert unit.health.failing() == {}
    other = Ledger.open(tmp_path / "other.db")
    client = await connect(nats_server.url, "other")
    relaying = asyncio.create_task(Relay(other, client, "echo", "demo").run())
    await other.append(append(1))
    await until(lambda: views.position("seen") == 1)
    assert (unit.health.failing(), unit.health.degraded()) == ({}, {})
    await other.append(append(2))
    await until(lambda: "projection seen" in unit.health.failing())
    assert unit.health.failing()["projection seen"].startswith("stopped")
    assert unit.health.degraded() == {}
    unit.stop()
    await serving
    relaying.cancel()
    await client.close()
    await other.close()
