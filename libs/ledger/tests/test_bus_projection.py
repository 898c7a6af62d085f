"""A view takes in every event once, in order, however the bus delivers and whoever dies."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from cahier_ledger.bus import projection as projection_module
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.health import BusObserver, Health, State
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.streams import declare_public_stream
from cahier_ledger.bus.views import View, ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, StoredEvent

STREAM = "PUBLIC_BUDGET"
SUBJECT = "cahier.testville.budget.v1.thing.thing_counted"
Appender = Callable[..., Append]

SEEN = View(
    name="seen",
    tables=("seen", "total"),
    schema="""
        CREATE TABLE seen(place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL);
        CREATE TABLE total(n INTEGER NOT NULL);
        INSERT INTO total VALUES (0)
    """,
)


def fold_public(db: Sql, message: PublicMessage) -> None:
    db.execute("INSERT INTO seen(id) VALUES (?)", (message.id,))
    db.execute("UPDATE total SET n = n + 1")


def fold_own(db: Sql, event: StoredEvent) -> None:
    db.execute("INSERT INTO seen(id) VALUES (?)", (f"leaf-{event.data.decode()}",))
    db.execute("UPDATE total SET n = n + 1")


def poisoned_at(poison: str) -> Callable[[Sql, PublicMessage], None]:
    def fold(db: Sql, message: PublicMessage) -> None:
        fold_public(db, message)
        if message.id == poison:
            raise KeyError("a field that this release needs")

    return fold


@pytest.fixture
def views(place: Any) -> Iterator[ViewDatabase]:
    database: ViewDatabase = place.open_views()
    yield database
    database.close()


@contextlib.asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def store(ledger: Ledger, make: Appender, numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, 500):
        some = range(first, min(first + 500, numbers.stop))
        results = await ledger.append_many([make(n) for n in some])
        assert not [result for result in results if isinstance(result, Exception)]


def seen(views: ViewDatabase) -> list[str]:
    rows = [row["id"] for row in views.fetch_all("SELECT id FROM seen ORDER BY place")]
    total = views.fetch_one("SELECT n FROM total")
    assert total is not None
    assert total["n"] == len(rows)
    return rows


def leaves(numbers: range) -> list[str]:
    return [f"leaf-{n}" for n in numbers]


async def publish(client: Client, *numbers: int) -> None:
    """Puts messages into the stream as no relay would: in any order, any number of times."""
    js = client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    for n in numbers:
        headers = {"Cahier-Seq": str(n), "ce-id": f"leaf-{n}", "ce-type": "budget.v1.a.b"}
        await js.publish(SUBJECT, b"{}", headers=headers)


def projection(client: Client, views: ViewDatabase, **more: Any) -> PublicProjection:
    fold = more.pop("fold", fold_public)
    view = more.pop("view", SEEN)
    return PublicProjection(client.jetstream(), STREAM, "portal-seen", views, view, fold, **more)


async def test_own_events_are_taken_in_once_across_restarts(
    bus_ledger: Ledger, views: ViewDatabase, bus_append: Appender
) -> None:
    await store(bus_ledger, bus_append, range(1, 1301))
    own = OwnProjection(bus_ledger, views, SEEN, fold_own)
    async with running(own):
        assert await own.wait_for(1300, 10)
    await store(bus_ledger, bus_append, range(1301, 1311))
    own = OwnProjection(bus_ledger, views, SEEN, fold_own)
    assert own.lag() == 1310
    async with running(own):
        assert await own.wait_for(1310, 10)
        assert own.health.state is State.RUNNING
    assert own.lag() == 0
    assert seen(views) == leaves(range(1, 1311))


async def test_own_projection_ends_with_its_ledger(
    bus_ledger: Ledger, views: ViewDatabase, bus_append: Appender
) -> None:
    own = OwnProjection(bus_ledger, views, SEEN, fold_own)
    task = asyncio.create_task(own.run())
    await store(bus_ledger, bus_append, range(1, 3))
    assert await own.wait_for(2, 30)
    await bus_ledger.close()
    await asyncio.wait_for(task, 30)


async def test_own_events_gather_unless_somebody_waits_for_them(
    bus_ledger: Ledger, bus_append: Appender, views: ViewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_module, "GATHER_S", 60.0)
    folded: list[int] = []

    class Counting(BusObserver):
        def projected(self, name: str, position: int, events: int) -> None:
            folded.append(events)

    projection = OwnProjection(bus_ledger, views, SEEN, fold_own, observer=Counting())
    async with running(projection):
        number = 0
        while await moved_to(projection, number):  # until it lets one wait for others
            number += 1
            await store(bus_ledger, bus_append, range(number - 1, number))
        await store(bus_ledger, bus_append, range(number, number + 4))
        assert await projection.wait_for(number + 4, 30)
    assert folded[-1] == 5


async def moved_to(projection: OwnProjection, position: int, timeout_s: float = 2.0) -> bool:
    """Whether the view gets there though nobody waits for it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while projection.position < position:  # noqa: ASYNC110 - to be told would be to wait
                await asyncio.sleep(0.01)
            return True
    return False


async def test_public_events_are_taken_in_once_across_restarts(
    bus_ledger: Ledger, nats_client: Client, views: ViewDatabase, bus_append: Appender
) -> None:
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        for first in (1, 801):
            await store(bus_ledger, bus_append, range(first, first + 800))
            public = projection(nats_client, views)
            async with running(public):
                assert await public.wait_for(first + 799, 10)
    assert seen(views) == leaves(range(1, 1601))


async def test_events_reach_the_view_as_the_relay_sent_them(
    bus_ledger: Ledger, nats_client: Client, views: ViewDatabase, bus_append: Appender
) -> None:
    got: list[PublicMessage] = []
    public = projection(nats_client, views, fold=lambda _, message: got.append(message))
    async with running(Relay(bus_ledger, nats_client, "budget", "testville"), public):
        await store(bus_ledger, bus_append, range(1, 2))
        assert await public.wait_for(1, 10)
    row = bus_ledger.read_public(0, 1)[0]
    trace = "00-00000000000000000000000000000001-0000000000000001-01"
    assert got == [PublicMessage(1, "leaf-1", "budget.v1.thing.thing_counted", row.leaf, trace)]


async def test_projection_waits_for_a_stream_that_does_not_exist_yet(
    bus_ledger: Ledger, nats_client: Client, views: ViewDatabase, bus_append: Appender
) -> None:
    public = projection(nats_client, views)
    async with running(public):
        await asyncio.sleep(0.3)
        assert public.health.state is State.STALLED
        assert "does not exist yet" in public.health.reason
        await store(bus_ledger, bus_append, range(1, 4))
        async with running(Relay(bus_ledger, nats_client, "budget", "testville")):
            assert await public.wait_for(3, 10)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([1, 1, 2, 2, 2, 3], id="doubled"),
        pytest.param([1, 2, 3, 1, 4, 2, 5], id="late"),
        pytest.param([2, 1, 4, 3, 6, 5], id="swapped"),
        pytest.param([6, 5, 4, 3, 2, 1], id="reversed"),
        pytest.param(random.Random(11).sample(range(1, 31), 30) * 2, id="shuffled twice"),
    ],
)
async def test_disorder_changes_nothing(
    order: list[int], nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, *order)
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(max(order), 30)
    assert seen(views) == leaves(range(1, max(order) + 1))


async def test_an_event_that_is_missing_is_waited_for(
    nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, 1, 2, 4, 5)
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(2, 10)
        assert not await public.wait_for(3, 0.5)
        assert public.health.state is State.STALLED
        await publish(nats_client, 3)
        assert await public.wait_for(5, 20)
    assert seen(views) == leaves(range(1, 6))


async def test_a_message_that_is_no_event_is_passed_over(
    nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, 1)
    js = nats_client.jetstream()
    await js.publish(SUBJECT, b"hello")
    await js.publish(SUBJECT, b"{}", headers={"Cahier-Seq": "two", "ce-id": "x", "ce-type": "x"})
    await publish(nats_client, 2)
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(2, 10)
    assert seen(views) == ["leaf-1", "leaf-2"]


async def test_positions_are_cahier_seqs_not_the_streams_own(
    nats_client: Client, views: ViewDatabase
) -> None:
    js = nats_client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    for _ in range(40):
        await js.publish(SUBJECT, b"noise")
    await publish(nats_client, *range(1, 21))
    for expected in (20, 25):
        public = projection(nats_client, views)
        async with running(public):
            assert await public.wait_for(expected, 10)
            assert public.position == expected
        await publish(nats_client, *range(21, 26))
    assert seen(views) == leaves(range(1, 26))


async def test_a_stream_that_was_made_anew_is_entered_at_the_right_place(
    nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, *range(1, 11))
    first = projection(nats_client, views)
    async with running(first):
        assert await first.wait_for(10, 10)
    await nats_client.jetstream().delete_stream(STREAM)
    await publish(nats_client, *range(8, 16))
    again = projection(nats_client, views)
    async with running(again):
        assert await again.wait_for(15, 10)
    assert seen(views) == leaves(range(1, 16))


async def test_a_deleted_consumer_is_made_again(nats_client: Client, views: ViewDatabase) -> None:
    await publish(nats_client, 1, 2, 3)
    js = nats_client.jetstream()
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(3, 10)
        await js.delete_consumer(STREAM, "portal-seen")
        await publish(nats_client, 4, 5)
        assert await public.wait_for(5, 15)
    assert seen(views) == leaves(range(1, 6))


async def test_a_consumer_that_stands_elsewhere_is_put_right(
    nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, *range(1, 11))
    js = nats_client.jetstream()
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(10, 10)
        await js.delete_consumer(STREAM, "portal-seen")
        await publish(nats_client, 11, 12)
        late = ConsumerConfig(durable_name="portal-seen", opt_start_seq=13)
        await js.add_consumer(STREAM, late, deliver_policy="by_start_sequence")
        assert await public.wait_for(12, 15)
    assert seen(views) == leaves(range(1, 13))


async def test_a_poisonous_event_stops_the_view_before_it(
    nats_client: Client, views: ViewDatabase
) -> None:
    told: list[tuple[str, Health]] = []

    class Bell(BusObserver):
        def health_changed(self, name: str, health: Health) -> None:
            told.append((name, health))

    await publish(nats_client, *range(1, 8))
    public = projection(nats_client, views, fold=poisoned_at("leaf-5"), observer=Bell())
    async with running(public):
        assert await public.wait_for(4, 10)
        assert not await public.wait_for(5, 0.5)
        assert public.health.state is State.STOPPED
        assert re.fullmatch(
            r"event 5: KeyError at test_bus_projection\.py:\d+", public.health.reason
        )
    assert told[-1] == ("projection seen", public.health)
    assert seen(views) == leaves(range(1, 5))
    mended = projection(nats_client, views)
    async with running(mended):
        assert await mended.wait_for(7, 10)
    assert seen(views) == leaves(range(1, 8))


async def test_a_poisonous_own_event_stops_the_view_before_it(
    bus_ledger: Ledger, views: ViewDatabase, bus_append: Appender
) -> None:
    def fold(db: Sql, event: StoredEvent) -> None:
        fold_own(db, event)
        if event.seq == 3:
            db.execute("SELECT no_such_column FROM seen")

    await store(bus_ledger, bus_append, range(1, 6))
    own = OwnProjection(bus_ledger, views, SEEN, fold)
    async with running(own):
        assert await own.wait_for(2, 10)
        assert not await own.wait_for(3, 0.3)
        assert own.health.state is State.STOPPED
        assert re.match("event 3: (OperationalError|UndefinedColumn) at", own.health.reason)
    assert seen(views) == leaves(range(1, 3))


async def test_a_view_that_waits_says_why_without_an_errors_text(
    bus_ledger: Ledger, views: ViewDatabase, bus_append: Appender
) -> None:
    def fold(_: Sql, event: StoredEvent) -> None:
        error = sqlite3.OperationalError("ada@example.org")
        error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
        raise error

    await store(bus_ledger, bus_append, range(1, 2))
    own = OwnProjection(bus_ledger, views, SEEN, fold)
    async with running(own):
        async with asyncio.timeout(10):
            while own.health.state is not State.STALLED:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        said = own.health.reason
    assert re.fullmatch(r"OperationalError at test_bus_projection\.py:\d+: SQLITE_FULL", said)


async def test_a_deleted_view_is_built_again_from_the_start(
    nats_client: Client, place: Any
) -> None:
    await publish(nats_client, *range(1, 11))
    for _ in range(2):
        views = place.open_views()
        public = projection(nats_client, views)
        async with running(public):
            assert await public.wait_for(10, 10)
        assert seen(views) == leaves(range(1, 11))
        views.close()
        place.delete_views()


async def test_a_view_forgotten_while_it_runs_is_built_again(
    nats_client: Client, views: ViewDatabase
) -> None:
    await publish(nats_client, *range(1, 11))
    public = projection(nats_client, views)
    async with running(public):
        assert await public.wait_for(10, 10)
        views.forget(SEEN)
        await publish(nats_client, 11)
        assert await public.wait_for(11, 10)
    assert seen(views) == leaves(range(1, 12))


async def test_two_processes_on_one_view_do_not_count_twice(
    nats_client: Client, views: ViewDatabase, place: Any
) -> None:
    await publish(nats_client, *range(1, 101))
    other = place.open_views()
    first = projection(nats_client, views)
    second = PublicProjection(
        nats_client.jetstream(), STREAM, "portal-other", other, SEEN, fold_public
    )
    async with running(first, second):
        for n in range(101, 141):
            await publish(nats_client, n)
        assert await first.wait_for(140, 20)
        assert await second.wait_for(140, 20)
    other.close()
    assert seen(views) == leaves(range(1, 141))


async def test_broker_killed_while_views_follow_changes_nothing(
    bus_ledger: Ledger,
    nats_broker: NatsServer,
    nats_client: Client,
    views: ViewDatabase,
    bus_append: Appender,
) -> None:
    chance = random.Random(5)
    public = projection(nats_client, views)
    total = 0
    async with running(Relay(bus_ledger, nats_client, "budget", "testville"), public):
        for _ in range(3):
            writing = asyncio.create_task(
                store(bus_ledger, bus_append, range(total + 1, total + 1501))
            )
            total += 1500
            assert await public.wait_for(total - chance.randint(300, 1400), 30)
            await asyncio.to_thread(nats_broker.kill)
            await writing
            nats_broker.start()
        assert await public.wait_for(total, 60)
    assert seen(views) == leaves(range(1, total + 1))


async def test_projection_cancelled_at_any_moment_goes_on_exactly(
    nats_client: Client, views: ViewDatabase, bus_ledger: Ledger, bus_append: Appender
) -> None:
    chance = random.Random(3)
    await store(bus_ledger, bus_append, range(1, 3001))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(10)
        for _ in range(10):
            async with running(projection(nats_client, views)):
                await asyncio.sleep(chance.uniform(0.01, 0.08))
        public = projection(nats_client, views)
        async with running(public):
            assert await public.wait_for(3000, 20)
    assert seen(views) == leaves(range(1, 3001))
