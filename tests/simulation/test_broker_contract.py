"""The simulated broker answers as nats-server does: each rule runs against both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from cahier_ledger.bus.server import nats_server
from tests.simulation.machine import BROKER_URL, Machine

Scenario = Callable[[Client], Coroutine[Any, Any, None]]
Run = Callable[[Scenario], None]


async def _with_client(url: str, scenario: Scenario) -> None:
    client = await nats.connect(url)
    try:
        await scenario(client)
    finally:
        await client.close()


@pytest.fixture(params=["simulated", "nats-server"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a scenario on a fresh broker of either kind."""

    def simulated(scenario: Scenario) -> None:
        with Machine(1) as machine:
            machine.start_broker()
            machine.run(_with_client(BROKER_URL, scenario))

    def real(scenario: Scenario) -> None:
        with nats_server(tmp_path / "nats") as server:
            asyncio.run(_with_client(server.url, scenario))

    return simulated if request.param == "simulated" else real


STREAM = StreamConfig(
    name="PUBLIC_TEST",
    subjects=["cahier.town.test.v1.>"],
    deny_delete=True,
    deny_purge=True,
    allow_atomic=True,
    allow_direct=True,
)
SUBJECT = "cahier.town.test.v1.thing.happened"


async def publish(client: Client, count: int, **headers: str) -> None:
    for _ in range(count):
        await client.jetstream().publish(SUBJECT, b"body", headers=headers or None)


async def send_batch(client: Client, name: str, expected: int, ids: list[str]) -> Any:
    """An atomic batch as the relay writes it."""
    js = client.jetstream(timeout=2.0)
    for place, message_id in enumerate(ids, 1):
        headers = {
            "Nats-Batch-Id": name,
            "Nats-Batch-Sequence": str(place),
            "Nats-Msg-Id": message_id,
            "Cahier-Seq": message_id,
        }
        if place == 1:
            headers["Nats-Expected-Last-Sequence"] = str(expected)
        if place == len(ids):
            headers["Nats-Batch-Commit"] = "1"
            return await js.publish(SUBJECT, message_id.encode(), headers=headers)
        await client.publish(SUBJECT, message_id.encode(), headers=headers)
    return None


async def pull(client: Client, durable: str = "reader", **config: Any) -> Any:
    js = client.jetstream()
    await js.add_consumer(
        "PUBLIC_TEST",
        ConsumerConfig(name=durable, durable_name=durable, ack_wait=1.0, **config),
    )
    return await js.pull_subscribe_bind(durable, "PUBLIC_TEST")


async def last_seq(client: Client) -> int:
    return int((await client.jetstream().stream_info("PUBLIC_TEST")).state.last_seq)


def test_a_stream_is_made_once_and_never_changed_by_declaring_it(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        with pytest.raises(NotFoundError):
            await js.stream_info("PUBLIC_TEST")
        with pytest.raises(NoStreamResponseError):
            await publish(client, 1)
        await js.add_stream(STREAM)
        info = await js.add_stream(STREAM)
        assert (info.state.messages, info.state.last_seq) == (0, 0)
        with pytest.raises(APIError) as refused:
            await js.add_stream(STREAM.evolve(deny_purge=False, max_msgs=7))
        assert refused.value.err_code == 10058

    run(scenario)


def test_a_message_is_read_back_as_it_was_written(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        ack = await js.publish(SUBJECT, b"hello", headers={"Cahier-Seq": "1", "ce-id": "x"})
        assert (ack.stream, ack.seq, ack.duplicate) == ("PUBLIC_TEST", 1, None)
        found = await js.get_msg("PUBLIC_TEST", 1)
        assert (found.subject, found.seq, found.data) == (SUBJECT, 1, b"hello")
        assert found.headers == {"Cahier-Seq": "1", "ce-id": "x"}
        with pytest.raises(NotFoundError):
            await js.get_msg("PUBLIC_TEST", 2)
        await js.publish(SUBJECT, b"", headers={"Cahier-Seq": "2"})
        assert (await js.get_msg("PUBLIC_TEST", 2)).data in (None, b"")

    run(scenario)


def test_a_wrong_expected_sequence_stores_nothing(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 2)
        with pytest.raises(APIError) as refused:
            await publish(client, 1, **{"Nats-Expected-Last-Sequence": "1"})
        assert refused.value.err_code == 10071
        await publish(client, 1, **{"Nats-Expected-Last-Sequence": "2"})
        assert await last_seq(client) == 3

    run(scenario)


def test_a_known_message_id_is_acknowledged_but_not_stored_again(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        headers = {"Nats-Msg-Id": "test-1"}
        await js.publish(SUBJECT, b"once", headers=headers)
        again = await js.publish(SUBJECT, b"once", headers=headers)
        assert (again.duplicate, again.seq) == (True, 1)
        with pytest.raises(APIError) as refused:
            await js.publish(
                SUBJECT, b"once", headers={**headers, "Nats-Expected-Last-Sequence": "0"}
            )
        assert refused.value.err_code == 10071
        assert await last_seq(client) == 1

    run(scenario)


def test_a_batch_is_stored_whole_with_its_last_message(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 1)
        ack = await send_batch(client, "first", 1, ["2", "3", "4"])
        assert ack.seq == 4
        assert await last_seq(client) == 4
        found = [await client.jetstream().get_msg("PUBLIC_TEST", seq) for seq in (2, 3, 4)]
        assert [each.headers["Cahier-Seq"] for each in found] == ["2", "3", "4"]

    run(scenario)


def test_a_batch_that_expects_another_sequence_stores_nothing(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 1)
        with pytest.raises(APIError):
            await send_batch(client, "early", 0, ["1", "2"])
        with pytest.raises(APIError):
            await send_batch(client, "late", 5, ["1", "2"])
        assert await last_seq(client) == 1

    run(scenario)


def test_a_batch_sent_again_is_refused(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await send_batch(client, "first", 0, ["1", "2"])
        for name, expected in (("again", 0), ("and-again", 2)):
            with pytest.raises(APIError):
                await send_batch(client, name, expected, ["1", "2"])
        assert await last_seq(client) == 2

    run(scenario)


def test_a_batch_with_a_hole_is_abandoned(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream(timeout=2.0)
        await js.add_stream(STREAM)
        for place in (1, 3):
            headers = {"Nats-Batch-Id": "holey", "Nats-Batch-Sequence": str(place)}
            await client.publish(SUBJECT, b"part", headers=headers)
        last = {**headers, "Nats-Batch-Sequence": "4", "Nats-Batch-Commit": "1"}
        with pytest.raises((APIError, nats.errors.Error)):
            await js.publish(SUBJECT, b"part", headers=last)
        assert await last_seq(client) == 0

    run(scenario)


def test_a_consumer_begins_where_it_is_told_and_keeps_the_order(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 5)
        reader = await pull(
            client,
            ack_policy=AckPolicy.ALL,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=3,
        )
        messages = await reader.fetch(10, 0.5)
        assert [each.metadata.sequence.stream for each in messages] == [3, 4, 5]
        assert [each.metadata.num_delivered for each in messages] == [1, 1, 1]
        assert messages[0].subject == SUBJECT
        with pytest.raises(TimeoutError):
            await reader.fetch(10, 0.2)

    run(scenario)


def test_a_pull_waits_for_what_is_published_meanwhile(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        reader = await pull(client, ack_policy=AckPolicy.ALL)
        waiting = asyncio.create_task(reader.fetch(10, 5.0))
        await asyncio.sleep(0.1)
        await publish(client, 1)
        assert len(await waiting) == 1

    run(scenario)


def test_one_acknowledgement_stands_for_all_before_it(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 4)
        reader = await pull(client, ack_policy=AckPolicy.ALL)
        messages = await reader.fetch(4, 0.5)
        await messages[2].ack()
        await asyncio.sleep(1.3)
        again = await reader.fetch(4, 0.5)
        assert [each.metadata.sequence.stream for each in again] == [4]
        assert again[0].metadata.num_delivered == 2

    run(scenario)


def test_what_is_not_acknowledged_comes_again_and_a_refusal_waits_its_delay(run: Run) -> None:
    async def scenario(client: Client) -> None:
        await client.jetstream().add_stream(STREAM)
        await publish(client, 2)
        reader = await pull(client, ack_policy=AckPolicy.EXPLICIT)
        first, second = await reader.fetch(2, 0.5)
        await first.nak(delay=0.3)
        await second.ack()
        with pytest.raises(TimeoutError):
            await reader.fetch(2, 0.15)
        (again,) = await reader.fetch(1, 1.0)
        assert (again.metadata.sequence.stream, again.metadata.num_delivered) == (1, 2)
        await again.ack()
        with pytest.raises(TimeoutError):
            await reader.fetch(2, 1.3)

    run(scenario)


def test_filters_let_only_their_subjects_through(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        await js.publish("cahier.town.test.v1.thing.happened", b"")
        await js.publish("cahier.town.test.v1.other.happened", b"")
        reader = await pull(
            client,
            ack_policy=AckPolicy.EXPLICIT,
            filter_subjects=["cahier.town.test.v1.other.happened"],
        )
        messages = await reader.fetch(5, 0.5)
        assert [each.metadata.sequence.stream for each in messages] == [2]

    run(scenario)


def test_used_up_deliveries_are_noticed_once(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        await js.add_stream(
            StreamConfig(name="DEAD", subjects=["$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"])
        )
        await publish(client, 1)
        reader = await pull(client, ack_policy=AckPolicy.EXPLICIT, max_deliver=2)
        for _ in range(2):
            (message,) = await reader.fetch(1, 1.0)
            await message.nak()
        with pytest.raises(TimeoutError):
            await reader.fetch(1, 1.3)
        dead = await js.get_msg("DEAD", 1, subject="$JS.>", next=True)
        assert b'"stream_seq":1' in (dead.data or b"").replace(b" ", b"")
        assert (await js.stream_info("DEAD")).state.messages == 1
        await js.delete_msg("DEAD", 1)
        assert (await js.stream_info("DEAD")).state.messages == 0

    run(scenario)


def test_messages_of_a_public_stream_cannot_be_deleted(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        await publish(client, 1)
        with pytest.raises(APIError):
            await js.delete_msg("PUBLIC_TEST", 1)
        assert await last_seq(client) == 1

    run(scenario)


def test_a_consumer_deleted_under_its_reader_ends_the_pull(run: Run) -> None:
    async def scenario(client: Client) -> None:
        js = client.jetstream()
        await js.add_stream(STREAM)
        reader = await pull(client, ack_policy=AckPolicy.ALL)
        waiting = asyncio.create_task(reader.fetch(10, 5.0))
        await asyncio.sleep(0.1)
        await js.delete_consumer("PUBLIC_TEST", "reader")
        with suppress(nats.errors.Error, TimeoutError):
            assert await waiting == []
        with pytest.raises(nats.errors.Error):
            await reader.fetch(10, 1.0)
        with pytest.raises(NotFoundError):
            await js.consumer_info("PUBLIC_TEST", "reader")

    run(scenario)


def test_a_request_that_nobody_hears_is_told_so(run: Run) -> None:
    async def scenario(client: Client) -> None:
        with pytest.raises(nats.errors.NoRespondersError):
            await client.request("nobody.listens", b"", timeout=1.0)

    run(scenario)


def test_requests_and_answers_find_each_other(run: Run) -> None:
    async def scenario(client: Client) -> None:
        async def answer(message: Any) -> None:
            await message.respond(message.data.upper())

        await client.subscribe("ask.*", cb=answer)
        answered: Awaitable[Any] = client.request("ask.me", b"hello", timeout=1.0)
        assert (await answered).data == b"HELLO"

    run(scenario)
