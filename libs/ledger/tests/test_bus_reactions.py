"""A reaction acts on each event once, tries again when it fails, and tells a person in the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.aio.client import Client

from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.dead import (
    NoSuchDeadLetter,
    RedriveFailed,
    count_dead,
    dismiss,
    list_dead,
    redrive,
    show_dead,
)
from cahier_ledger.bus.health import BusObserver, State
from cahier_ledger.bus.inbox import AlreadyDone, Inbox
from cahier_ledger.bus.reactions import Delivery, Handler, Reaction, Reactions
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.streams import declare_dead_stream, declare_public_stream
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Append,
    Idempotency,
    IdempotencyConflict,
    NewEvent,
    StoreUnavailable,
    StreamAppend,
)

STREAM = "PUBLIC_BUDGET"
OPENED = "budget.v1.election.election_opened"
CLOSED = "budget.v1.election.election_closed"
SCHEMA = "CREATE TABLE IF NOT EXISTS mails(event_id TEXT NOT NULL)"


@pytest.fixture
def inbox(place: Any) -> Iterator[Inbox]:
    inbox: Inbox = place.open_inbox(SCHEMA)
    yield inbox
    inbox.close()


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the messages of one fetch are handed on within more than a millisecond."""
    monkeypatch.setattr("cahier_ledger.bus.reactions.GATHER_S", 0.02)


@contextlib.asynccontextmanager
async def reacting(
    broker: NatsServer, inbox: Inbox, reaction: Reaction, observer: BusObserver | None = None
) -> AsyncIterator[Reactions]:
    faststream = NatsBroker(
        broker.url,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
        graceful_timeout=1.0,
        logger=None,
    )
    reactions = Reactions(faststream, inbox, "testville", observer=observer)
    reactions.add(reaction)
    task = asyncio.create_task(reactions.run())
    try:
        yield reactions
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)


async def publish(client: Client, *numbers: int, event_type: str = OPENED) -> None:
    js = client.jetstream()
    await declare_public_stream(js, "budget", "testville")
    for n in numbers:
        headers = {"Cahier-Seq": str(n), "ce-id": f"leaf-{n}", "ce-type": event_type}
        await js.publish(f"cahier.testville.{event_type}", b"{}", headers=headers)


async def until(true: Callable[[], Any], timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.02)


async def until_dead(client: Client, count: int, timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while await count_dead(client.jetstream()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def restart(broker: NatsServer, client: Client) -> None:
    before = client.stats["reconnects"]
    broker.kill()
    broker.start()
    await until(lambda: client.stats["reconnects"] > before and client.is_connected)


def mails(inbox: Inbox) -> list[str]:
    return [row[0] for row in inbox.fetch_all("SELECT event_id FROM mails ORDER BY 1")]


async def send_mail(delivery: Delivery) -> None:
    def effect(db: Sql) -> None:
        db.execute("INSERT INTO mails VALUES (?)", (delivery.message.id,))

    await delivery.write(effect)


def failing_first(times: int, attempts: list[int]) -> Handler:
    async def handle(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) <= times:
            raise ConnectionError("the mail server is gone")
        await send_mail(delivery)

    return handle


def reaction(handle: Handler, **more: Any) -> Reaction:
    more.setdefault("delays_s", (0.1, 0.1))
    return Reaction("notifications-opened", "budget", handle, **more)


async def test_each_event_of_the_chosen_types_is_acted_on_once(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await publish(nats_client, 1, 2)
    await publish(nats_client, 3, event_type=CLOSED)
    async with reacting(nats_broker, inbox, reaction(send_mail, types=(OPENED,))):
        await publish(nats_client, 4)
        await until(lambda: len(mails(inbox)) == 3)
        await asyncio.sleep(0.3)
    assert mails(inbox) == ["leaf-1", "leaf-2", "leaf-4"]


async def test_a_reaction_from_the_first_misses_nothing_in_a_database_put_back_from_a_backup(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    def put_back(db: Sql) -> None:
        db.execute("DELETE FROM mails WHERE event_id = ?", ("leaf-2",))
        db.execute("DELETE FROM inbox WHERE event_id = ?", ("leaf-2",))

    await publish(nats_client, 1, 2)
    faithful = reaction(send_mail, from_the_first=True)
    async with reacting(nats_broker, inbox, faithful):
        await until(lambda: len(mails(inbox)) == 2)
    inbox.do("backup", "put back", put_back)
    async with reacting(nats_broker, inbox, faithful):
        await publish(nats_client, 3)
        await until(lambda: len(mails(inbox)) == 3)
    assert mails(inbox) == ["leaf-1", "leaf-2", "leaf-3"]


async def test_a_doubled_event_is_acted_on_once(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await publish(nats_client, 1, 1, 2, 1)
    async with reacting(nats_broker, inbox, reaction(send_mail)):
        await until(lambda: len(mails(inbox)) == 2)
        await asyncio.sleep(0.3)
    assert mails(inbox) == ["leaf-1", "leaf-2"]


async def test_a_handler_is_called_once_for_a_doubled_event(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    called: list[str] = []

    async def handle(delivery: Delivery) -> None:
        called.append(delivery.message.id)

    await publish(nats_client, 1, 1, 2, 1)
    async with reacting(nats_broker, inbox, reaction(handle)):
        await until(lambda: inbox.done("notifications-opened", "leaf-2"))
        await asyncio.sleep(0.3)
    assert called == ["leaf-1", "leaf-2"]


async def test_a_redelivered_event_is_acted_on_once(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await publish(nats_client, 1, 2)
    async with reacting(nats_broker, inbox, reaction(send_mail)):
        await until(lambda: len(mails(inbox)) == 2)
    await nats_client.jetstream().delete_consumer(STREAM, "notifications-opened")
    async with reacting(nats_broker, inbox, reaction(send_mail)):
        await publish(nats_client, 3)
        await until(lambda: len(mails(inbox)) == 3)
    assert mails(inbox) == ["leaf-1", "leaf-2", "leaf-3"]


async def test_a_failure_is_tried_again_after_its_delay(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    told: list[tuple[str, int]] = []

    class Meter(BusObserver):
        def failed(self, name: str, attempt: int) -> None:
            told.append(("failed", attempt))

        def handled(self, name: str, attempt: int) -> None:
            told.append(("handled", attempt))

    attempts: list[int] = []
    await publish(nats_client, 1)
    slow = reaction(failing_first(2, attempts), delays_s=(0.6, 0.1, 0.1))
    began = asyncio.get_running_loop().time()
    async with reacting(nats_broker, inbox, slow, Meter()):
        await until(lambda: mails(inbox))
        await until(lambda: len(told) == 3)
    assert asyncio.get_running_loop().time() - began > 0.7
    assert attempts == [1, 2, 3]
    assert told == [("failed", 1), ("failed", 2), ("handled", 3)]
    assert await count_dead(nats_client.jetstream()) == 0


async def test_an_absence_of_the_store_uses_up_no_delivery(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if len(attempts) <= 4:
            raise StoreUnavailable("the server is away")
        await send_mail(delivery)

    await publish(nats_client, 1, 2)
    async with reacting(nats_broker, inbox, reaction(handle, delays_s=())):
        await until(lambda: len(mails(inbox)) == 2)
    assert attempts == [1, 1, 1, 1, 1, 1]
    assert await count_dead(nats_client.jetstream()) == 0


async def test_an_effect_that_fails_half_way_leaves_nothing(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> None:
        def effect(db: Sql) -> None:
            db.execute("INSERT INTO mails VALUES (?)", (delivery.message.id,))
            attempts.append(delivery.attempt)
            if len(attempts) == 1:
                raise ValueError("half way")

        await delivery.write(effect)

    await publish(nats_client, 1)
    async with reacting(nats_broker, inbox, reaction(handle)):
        await until(lambda: len(attempts) == 2)
        await until(lambda: mails(inbox))
    assert mails(inbox) == ["leaf-1"]


async def test_an_append_under_the_deliverys_key_happens_once(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox, bus_ledger: Ledger
) -> None:
    attempts: list[int] = []

    async def handle(delivery: Delivery) -> None:
        event = NewEvent("project.added", delivery.message.id.encode())
        append = Append(
            (StreamAppend(f"project-{delivery.message.id}", 0, (event,)),),
            idempotency=Idempotency(delivery.key, b"", b""),
        )
        with contextlib.suppress(IdempotencyConflict):
            await bus_ledger.append(append)
        attempts.append(delivery.attempt)
        if delivery.attempt == 1:
            raise OSError("died after the append, before the inbox")

    await publish(nats_client, 1)
    async with reacting(nats_broker, inbox, reaction(handle)):
        await until(lambda: len(attempts) == 2)
        await until(lambda: inbox.done("notifications-opened", "leaf-1"))
    assert bus_ledger.head_seq() == 1
    kept = bus_ledger.recall("reaction/notifications-opened/leaf-1")
    assert kept is not None


async def test_used_up_deliveries_become_a_dead_letter_that_can_be_redriven(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    js = nats_client.jetstream()
    await declare_dead_stream(js)
    attempts: list[int] = []
    await publish(nats_client, 1)
    async with reacting(nats_broker, inbox, reaction(failing_first(4, attempts))):
        await until_dead(nats_client, 1)
        assert attempts == [1, 2, 3]
        (letter,) = await list_dead(js)
        assert (letter.stream, letter.consumer) == (STREAM, "notifications-opened")
        assert (letter.stream_seq, letter.deliveries) == (1, 3)
        shown, event = await show_dead(js, letter.number)
        assert shown == letter
        assert event is not None
        assert event.id == "leaf-1"
        with pytest.raises(RedriveFailed, match=r"Error at test_bus_reactions\.py:\d+$"):
            await redrive(nats_client, "testville", letter.number)
        assert await list_dead(js) == [letter]
        assert await redrive(nats_client, "testville", letter.number) == letter
        assert await count_dead(js) == 0
        assert mails(inbox) == ["leaf-1"]
        with pytest.raises(NoSuchDeadLetter):
            await redrive(nats_client, "testville", letter.number)
    assert attempts == [1, 2, 3, 0, 0]
    assert (await js.stream_info(STREAM)).state.messages == 1


async def test_one_failing_event_does_not_hold_up_the_others(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await declare_dead_stream(nats_client.jetstream())

    async def handle(delivery: Delivery) -> None:
        if delivery.message.id == "leaf-2":
            raise ValueError("never")
        await send_mail(delivery)

    await publish(nats_client, 1, 2, 3, 4)
    async with reacting(nats_broker, inbox, reaction(handle, delays_s=(0.5, 0.5))):
        await until(lambda: len(mails(inbox)) == 3)
        await until_dead(nats_client, 1)
    assert mails(inbox) == ["leaf-1", "leaf-3", "leaf-4"]


class Together:
    """Handles many at once, and notes what it was given. failing: ids that it does not handle."""

    def __init__(self, inbox: Inbox, failing: tuple[str, ...] = (), error: str = "") -> None:
        self.batches: list[list[str]] = []
        self.singly: list[tuple[str, int]] = []
        self._inbox, self._failing, self._error = inbox, failing, error

    async def many(self, deliveries: Sequence[Delivery]) -> list[Exception | None]:
        self.batches.append([delivery.message.id for delivery in deliveries])
        if self._error:
            raise ValueError(self._error)
        return [self._failure(delivery.message.id) for delivery in deliveries]

    async def one(self, delivery: Delivery) -> None:
        self.singly.append((delivery.message.id, delivery.attempt))
        failure = self._failure(delivery.message.id)
        if failure is not None:
            raise failure

    def _failure(self, id: str) -> Exception | None:
        return ValueError(id) if id in self._failing else None

    def done(self) -> list[str]:
        rows = self._inbox.fetch_all("SELECT event_id FROM inbox ORDER BY event_id")
        return [row[0] for row in rows]


def leaves(*numbers: int) -> list[str]:
    return [f"leaf-{n}" for n in numbers]


async def test_events_that_have_gathered_are_handled_together_each_once_in_order(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    handler = Together(inbox)
    await publish(nats_client, 1, 2, 2, 1, 3, 4)
    both = reaction(handler.one, handle_many=handler.many)
    async with reacting(nats_broker, inbox, both):
        await until(lambda: len(handler.done()) == 4)
        await asyncio.sleep(0.3)
    assert handler.batches == [leaves(1, 2, 3, 4)]
    assert handler.singly == []
    info = await nats_client.jetstream().consumer_info(STREAM, "notifications-opened")
    assert (info.num_ack_pending, info.num_pending) == (0, 0)


async def test_an_event_that_fails_among_others_fails_alone_and_keeps_their_order(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await declare_dead_stream(nats_client.jetstream())
    handler = Together(inbox, failing=("leaf-2",))
    await publish(nats_client, 1, 2, 3, 4)
    both = reaction(handler.one, handle_many=handler.many)
    async with reacting(nats_broker, inbox, both):
        await until_dead(nats_client, 1)
    assert handler.batches == [leaves(1, 2, 3, 4)]
    assert handler.singly == [("leaf-2", 1), ("leaf-2", 2), ("leaf-2", 3)]
    assert handler.done() == leaves(1, 3, 4)


async def test_a_batch_that_fails_as_a_whole_is_handled_one_by_one_in_order(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    handler = Together(inbox, error="all of it")
    await publish(nats_client, 1, 2, 3)
    both = reaction(handler.one, handle_many=handler.many)
    async with reacting(nats_broker, inbox, both):
        await until(lambda: len(handler.done()) == 3)
    assert handler.singly == [("leaf-1", 1), ("leaf-2", 1), ("leaf-3", 1)]


async def test_what_was_done_before_is_not_given_to_a_batch(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    handler = Together(inbox)
    inbox.do("notifications-opened", "leaf-2")
    await publish(nats_client, 1, 2, 3)
    both = reaction(handler.one, handle_many=handler.many)
    async with reacting(nats_broker, inbox, both):
        await until(lambda: len(handler.done()) == 3)
    assert handler.batches == [leaves(1, 3)]


async def test_a_stop_gives_back_at_once_what_was_fetched_and_not_handled(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    begun = asyncio.Event()

    async def stuck(delivery: Delivery) -> None:
        begun.set()
        await asyncio.sleep(60)

    await publish(nats_client, 1, 2, 3)
    async with reacting(nats_broker, inbox, reaction(stuck, delays_s=(0.1,) * 5)):
        await asyncio.wait_for(begun.wait(), 15)
    async with reacting(nats_broker, inbox, reaction(send_mail, delays_s=(0.1,) * 5)):
        await until(lambda: len(mails(inbox)) == 3, 10)


async def test_events_that_wait_for_a_slow_one_are_not_given_to_another_process(
    nats_broker: NatsServer,
    nats_client: Client,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cahier_ledger.bus.reactions.ACK_WAIT_S", 1.5)
    attempts: list[tuple[str, int]] = []

    async def slow(delivery: Delivery) -> None:
        attempts.append((delivery.message.id, delivery.attempt))
        await asyncio.sleep(0.6)

    await publish(nats_client, 1, 2, 3, 4)
    async with reacting(nats_broker, inbox, reaction(slow)):
        await until(lambda: attempts)
        async with reacting(nats_broker, inbox, reaction(slow)):
            await until(lambda: inbox.done("notifications-opened", "leaf-4"))
    assert attempts == [(id, 1) for id in leaves(1, 2, 3, 4)]


def test_the_inbox_notes_many_and_says_which_it_knows(inbox: Inbox) -> None:
    inbox.do("mail", "leaf-1")
    inbox.do_all("mail", leaves(1, 2, 3))
    inbox.do_all("mail", [])
    assert inbox.those_done("mail", leaves(1, 3, 4)) == set(leaves(1, 3))
    assert inbox.those_done("other", leaves(1)) == set()
    assert inbox.those_done("mail", []) == set()


async def test_redriving_without_the_reaction_keeps_the_letter(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    js = nats_client.jetstream()
    await declare_dead_stream(js)
    await publish(nats_client, 1)
    async with reacting(nats_broker, inbox, reaction(failing_first(99, []), delays_s=())):
        await until_dead(nats_client, 1)
    (letter,) = await list_dead(js)
    with pytest.raises(RedriveFailed, match="is not running"):
        await redrive(nats_client, "testville", letter.number)
    assert await count_dead(js) == 1
    await dismiss(js, letter.number)
    assert await list_dead(js) == []


async def test_dead_letters_outlive_the_broker_and_are_listed_in_pages(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    js = nats_client.jetstream()
    assert await count_dead(js) == 0
    assert await list_dead(js) == []
    await declare_dead_stream(js)
    await declare_dead_stream(js)
    await publish(nats_client, 1, 2, 3)
    async with reacting(nats_broker, inbox, reaction(failing_first(99, []), delays_s=())):
        await until_dead(nats_client, 3)
    await restart(nats_broker, nats_client)
    first = await list_dead(js, limit=2)
    rest = await list_dead(js, after=first[-1].number)
    assert sorted(letter.stream_seq for letter in (*first, *rest)) == [1, 2, 3]


async def test_reactions_outlive_the_broker_and_their_consumer(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    async with reacting(nats_broker, inbox, reaction(send_mail)) as reactions:
        await until(lambda: reactions.health()["notifications-opened"].state is State.STALLED)
        await publish(nats_client, 1)
        await until(lambda: len(mails(inbox)) == 1)
        await restart(nats_broker, nats_client)
        await publish(nats_client, 2)
        await until(lambda: len(mails(inbox)) == 2, 40)
        await nats_client.jetstream().delete_consumer(STREAM, "notifications-opened")
        await publish(nats_client, 3)
        await until(lambda: len(mails(inbox)) == 3, 40)
        assert reactions.health()["notifications-opened"].state is State.RUNNING
    assert mails(inbox) == ["leaf-1", "leaf-2", "leaf-3"]


async def test_a_strangers_message_is_passed_over(
    nats_broker: NatsServer, nats_client: Client, inbox: Inbox
) -> None:
    await publish(nats_client, 1)
    await nats_client.jetstream().publish(f"cahier.testville.{OPENED}", b"hello")
    await publish(nats_client, 2)
    async with reacting(nats_broker, inbox, reaction(send_mail)):
        await until(lambda: len(mails(inbox)) == 2)
    info = await nats_client.jetstream().consumer_info(STREAM, "notifications-opened")
    assert info.num_ack_pending == 0


def test_the_inbox_survives_reopening_and_refuses_a_second_time(place: Any) -> None:
    inbox = place.open_inbox(SCHEMA)
    inbox.do("mail", "leaf-1")
    inbox.close()
    inbox.close()
    inbox = place.open_inbox(SCHEMA)
    assert inbox.done("mail", "leaf-1")
    assert not inbox.done("mail", "leaf-2")
    assert not inbox.done("other", "leaf-1")
    with pytest.raises(AlreadyDone):
        inbox.do("mail", "leaf-1", lambda db: db.execute("INSERT INTO mails VALUES ('x')"))
    assert mails(inbox) == []
    inbox.close()
