"""Every stored leaf stands in its service's stream once, in order, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable

import pytest
from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError

from cahier_ledger.bus.health import State
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.streams import StreamDiffers, declare_public_stream
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append

STREAM = "PUBLIC_BUDGET"
SUBJECT = "cahier.testville.budget.v1.thing.thing_counted"
Appender = Callable[..., Append]


@contextlib.asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def store(ledger: Ledger, make: Appender, numbers: range) -> None:
    for first in range(numbers.start, numbers.stop, 500):
        some = range(first, min(first + 500, numbers.stop))
        results = await ledger.append_many([make(n) for n in some])
        assert not [result for result in results if isinstance(result, Exception)]


async def stream_seqs(client: Client) -> list[int]:
    """The Cahier-Seq of every message of the stream, in the stream's order."""
    js = client.jetstream()
    info = await js.stream_info(STREAM)
    subscription = await js.pull_subscribe(SUBJECT, stream=STREAM)
    seqs: list[int] = []
    while len(seqs) < info.state.messages:
        for message in await subscription.fetch(500, timeout=30):
            seqs.append(int((message.headers or {}).get("Cahier-Seq", "0")))
            await message.ack()
    await subscription.unsubscribe()
    return seqs


async def message_at(client: Client, seq: int) -> RawStreamMsg:
    return await client.jetstream().get_msg(STREAM, seq)


async def test_relay_copies_every_leaf_once_in_order(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await store(bus_ledger, bus_append, range(1, 1201))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    assert relay.lag() == 1200
    async with running(relay):
        assert await relay.drain(10)
        await store(bus_ledger, bus_append, range(1201, 1203))
        assert await relay.drain(10)
        assert relay.health.state is State.RUNNING
    assert relay.lag() == 0
    assert await stream_seqs(nats_client) == list(range(1, 1203))


async def test_message_carries_the_leaf_and_cloudevents_headers(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await store(bus_ledger, bus_append, range(1, 2))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(10)
    message = await message_at(nats_client, 1)
    assert message.subject == SUBJECT
    assert message.data == bus_ledger.read_public(0, 1)[0].leaf
    assert message.headers is not None
    assert dict(message.headers) == {
        "Nats-Expected-Last-Sequence": "0",
        "Nats-Expected-Stream": STREAM,
        "Nats-Msg-Id": "budget-1",
        "Cahier-Seq": "1",
        "ce-specversion": "1.0",
        "ce-id": "leaf-1",
        "ce-type": "budget.v1.thing.thing_counted",
        "ce-source": "/cahier/testville/budget",
        "ce-time": "2026-03-01T10:00:00.000Z",
        "content-type": "application/json",
        "traceparent": "00-00000000000000000000000000000001-0000000000000001-01",
    }


async def test_a_batch_carries_the_same_headers_and_bodies(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await store(bus_ledger, bus_append, range(1, 4))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(10)
    for n in (1, 2, 3):
        message = await message_at(nats_client, n)
        assert message.subject == SUBJECT
        assert message.data == bus_ledger.read_public(n - 1, 1)[0].leaf
        assert message.headers is not None
        assert message.headers["Nats-Batch-Sequence"] == str(n)
        assert message.headers["Nats-Msg-Id"] == f"budget-{n}"
        assert message.headers["Cahier-Seq"] == str(n)
        assert message.headers["ce-id"] == f"leaf-{n}"
        assert message.headers["traceparent"].startswith(f"00-{n:032x}")


async def test_leaf_without_a_time_goes_out_without_time_and_trace(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await bus_ledger.append(bus_append(1, at=None))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(10)
    headers = (await message_at(nats_client, 1)).headers
    assert headers is not None
    assert "ce-time" not in headers
    assert "traceparent" not in headers


async def test_largest_leaves_pass(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await bus_ledger.append_many([bus_append(n, pad=65_000) for n in range(1, 201)])
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(20)
    assert await stream_seqs(nats_client) == list(range(1, 201))


async def test_relay_goes_on_where_the_stream_ends(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    for first in (1, 41, 81):
        relay = Relay(bus_ledger, nats_client, "budget", "testville")
        await store(bus_ledger, bus_append, range(first, first + 40))
        async with running(relay):
            assert await relay.drain(10)
    assert await stream_seqs(nats_client) == list(range(1, 121))


async def test_broker_killed_three_times_loses_and_doubles_nothing(
    bus_ledger: Ledger, nats_broker: NatsServer, nats_client: Client, bus_append: Appender
) -> None:
    chance = random.Random(2026)
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    total = interrupted = 0
    async with running(relay):
        for _ in range(3):
            writing = asyncio.create_task(
                store(bus_ledger, bus_append, range(total + 1, total + 4001))
            )
            total += 4000
            assert await relay.wait_relayed(total - chance.randint(1500, 3500), 20)
            await asyncio.to_thread(nats_broker.kill)
            interrupted += relay.lag() > 0 or not writing.done()
            await asyncio.sleep(0.1)
            await writing
            nats_broker.start()
        assert await relay.drain(60)
    assert interrupted == 3
    assert await stream_seqs(nats_client) == list(range(1, total + 1))


async def test_relay_cancelled_at_any_moment_is_followed_without_loss(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    chance = random.Random(7)
    await store(bus_ledger, bus_append, range(1, 6001))
    for _ in range(8):
        async with running(Relay(bus_ledger, nats_client, "budget", "testville")):
            await asyncio.sleep(chance.uniform(0.005, 0.06))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(20)
    assert await stream_seqs(nats_client) == list(range(1, 6001))


async def test_two_relays_of_one_service_double_nothing(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    relays = [Relay(bus_ledger, nats_client, "budget", "testville") for _ in range(2)]
    async with running(relays[0]), running(relays[1]):
        for first in range(1, 2001, 100):
            await store(bus_ledger, bus_append, range(first, first + 100))
        assert await relays[0].drain(20)
        assert await relays[1].drain(20)
    assert await stream_seqs(nats_client) == list(range(1, 2001))


async def test_a_late_batch_is_refused_even_when_duplicates_are_forgotten(
    bus_ledger: Ledger,
    nats_client: Client,
    bus_append: Appender,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cahier_ledger.bus.streams.DUPLICATE_WINDOW_S", 0.1)
    await store(bus_ledger, bus_append, range(1, 11))
    late = Relay(bus_ledger, nats_client, "budget", "testville")
    late._reconnects = 0
    await late._find_place()
    other = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(other):
        assert await other.drain(10)
    await asyncio.sleep(0.5)
    for rows in (bus_ledger.read_public(0, 10), bus_ledger.read_public(0, 1)):
        with pytest.raises(APIError, match="wrong last sequence"):
            await late._relay(rows)
    assert await stream_seqs(nats_client) == list(range(1, 11))


async def test_a_stream_that_was_lost_is_filled_again_from_the_start(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        await store(bus_ledger, bus_append, range(1, 11))
        assert await relay.drain(10)
        await nats_client.jetstream().delete_stream(STREAM)
        await store(bus_ledger, bus_append, range(11, 16))
        assert await relay.wait_relayed(15, 10)
    assert await stream_seqs(nats_client) == list(range(1, 16))


async def test_strangers_and_late_copies_do_not_mislead_the_relay(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    await store(bus_ledger, bus_append, range(1, 11))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert await relay.drain(10)
        late = await message_at(nats_client, 3)
        await nats_client.jetstream().publish(
            SUBJECT, late.data or b"", headers={"Cahier-Seq": "3", "ce-id": "leaf-3"}
        )
        await nats_client.jetstream().publish(SUBJECT, b"a stranger")
        await store(bus_ledger, bus_append, range(11, 16))
        assert await relay.drain(10)
    again = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(again):
        await store(bus_ledger, bus_append, range(16, 18))
        assert await again.drain(10)
    assert await stream_seqs(nats_client) == [*range(1, 11), 3, 0, *range(11, 18)]


async def test_relay_refuses_a_stream_that_is_ahead_of_the_store(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    js = nats_client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    await js.publish(SUBJECT, b"{}", headers={"Cahier-Seq": "1", "ce-id": "leaf-1"})
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        await asyncio.sleep(0.5)
        assert relay.health.state is State.STALLED
        assert "restored from a backup" in relay.health.reason
        await store(bus_ledger, bus_append, range(1, 5))
        await asyncio.sleep(0.3)
    assert (await js.stream_info(STREAM)).state.messages == 1


async def test_relay_refuses_a_stream_with_another_history(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    js = nats_client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    await js.publish(SUBJECT, b"{}", headers={"Cahier-Seq": "1", "ce-id": "leaf-1"})
    await store(bus_ledger, bus_append, range(1, 5))
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        assert not await relay.drain(0.5)
        assert "differ at public_seq 1" in relay.health.reason


async def test_stream_of_another_shape_is_not_changed(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    js = nats_client.jetstream()
    await js.add_stream(name=STREAM, subjects=["cahier.testville.budget.v1.>"], max_age=60)
    with pytest.raises(StreamDiffers, match="max_age"):
        await declare_public_stream(js, "budget", "testville")
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        await store(bus_ledger, bus_append, range(1, 5))
        assert not await relay.drain(0.5)
        assert relay.health.state is State.STALLED
    assert (await js.stream_info(STREAM)).config.max_age == 60


async def test_nobody_deletes_from_or_purges_a_public_stream(nats_client: Client) -> None:
    js = nats_client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    await declare_public_stream(js, "budget", "testville")
    await js.publish(SUBJECT, b"{}")
    with pytest.raises(APIError):
        await js.delete_msg(STREAM, 1)
    with pytest.raises(APIError):
        await js.purge_stream(STREAM)
    info = await js.stream_info(STREAM)
    assert info.state.messages == 1
    assert info.config.max_age == 0
    assert info.config.max_msgs == info.config.max_bytes == -1


async def test_relay_without_a_broker_stalls_and_comes_back(
    bus_ledger: Ledger, nats_broker: NatsServer, nats_client: Client, bus_append: Appender
) -> None:
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay):
        await store(bus_ledger, bus_append, range(1, 2))
        assert await relay.drain(5)
        nats_broker.kill()
        await store(bus_ledger, bus_append, range(2, 5))
        assert not await relay.drain(1)
        assert relay.health.state is State.STALLED
        assert relay.lag() == 3
        nats_broker.start()
        assert await relay.drain(20)
        assert relay.health.state is State.RUNNING
    assert await stream_seqs(nats_client) == [1, 2, 3, 4]


async def test_relay_ends_when_the_ledger_is_closed(
    bus_ledger: Ledger, nats_client: Client, bus_append: Appender
) -> None:
    relay = Relay(bus_ledger, nats_client, "budget", "testville")
    async with running(relay) as task:
        await store(bus_ledger, bus_append, range(1, 4))
        assert await relay.drain(5)
        await bus_ledger.close()
        await asyncio.wait_for(task, 30)
