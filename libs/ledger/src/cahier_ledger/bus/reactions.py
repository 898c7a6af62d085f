"""Acts on others' public events: policies, notifications. Each event at most once.

A delivery is acknowledged only after its effect is durable. A handler that fails is tried again
after growing delays; when the deliveries are used up the broker's notice goes to the DEAD stream,
where a person finds it (see dead.py). FastStream carries the subscriptions, so that they also
stand in the AsyncAPI page; it is told not to acknowledge anything by itself.

Events that have gathered are fetched together. A reaction that can handle many at once is given
them so, and pays for two durable commits a batch instead of two an event; whatever fails there is
handled one by one, as everything is for the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import nats.errors
from faststream.middlewares import AckPolicy as FastStreamAck
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from cahier_ledger.bus.dead import redrive_subject
from cahier_ledger.bus.envelope import PublicMessage, incoming
from cahier_ledger.bus.health import BusObserver, Health, Watched, backoff_s, heed_cancel, whence
from cahier_ledger.bus.inbox import AlreadyDone, Effect, Inbox
from cahier_ledger.bus.streams import NO_STREAM, public_stream, public_subject, public_subjects
from cahier_ledger.bus.views import is_passing

ACK_WAIT_S = 30.0
HANDLE_TIMEOUT_S = 25.0
DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0)
PULL_TIMEOUT_S = 5.0
"""A request that waits is lost with the broker's process: so long at most does its loss delay."""
WATCH_EVERY_S = 5.0
WATCH_EVERY_S_UNWELL = 2.0
"""Streams appear within seconds while a city starts; consumers vanish once in years."""
PENDING_MAX = 100
BATCH_MAX = 50
GATHER_S = 0.001
"""FastStream begins to hand on all messages of a fetch at once: they have arrived after this."""

log = logging.getLogger(__name__)


class Delivery:
    """One public event handed to a reaction's handler.

    message: the event. attempt: 1 for the first delivery; 0 when a person re-drives it.
    key: an idempotency key for what the handler appends to its own ledger; an
    IdempotencyConflict under it means that this was done before.
    """

    def __init__(self, message: PublicMessage, attempt: int, reaction: str, inbox: Inbox) -> None:
        self.message = message
        self.attempt = attempt
        self.key = f"reaction/{reaction}/{message.id}"
        self._reaction = reaction
        self._inbox = inbox

    async def write(self, effect: Effect) -> None:
        """Stores an effect in the inbox's database, together with the note that it is done.

        At most once a delivery, as the handler's last step. Raises AlreadyDone.
        """
        await asyncio.to_thread(self._inbox.do, self._reaction, self.message.id, effect)


Handler = Callable[[Delivery], Awaitable[None]]
ManyHandler = Callable[[Sequence[Delivery]], Awaitable[Sequence[Exception | None]]]


@dataclass(frozen=True, slots=True)
class Reaction:
    """What to do when a sibling has published something.

    name: of the durable consumer, unique in the stream, e.g. `budget-proposal_accepted`.
    service: whose public events. types: which of them; () = all.
    handle: may come twice for one event if the process dies in the middle, so its effect is
    either `delivery.write` or an append under `delivery.key`. At most HANDLE_TIMEOUT_S.
    delays_s: waits before the second, third, ... delivery; one delivery more than delays.
    handle_many: does for several events, in their order, what `handle` does for each, sooner: an
    append under each delivery's key, never `delivery.write`. Answers for each event why it was not
    handled, or None; an event that failed has left no trace, and is given to `handle` after the
    others. If it raises, all are.
    from_the_first: each process hears of all events again, from the stream's first, and the inbox
    drops what was done: so nothing is missing after a database was put back from a backup, whose
    broker remembers what was acknowledged. For rare events.
    """

    name: str
    service: str
    handle: Handler
    types: tuple[str, ...] = ()
    delays_s: tuple[float, ...] = field(default=DELAYS_S)
    handle_many: ManyHandler | None = None
    from_the_first: bool = False


class Reactions:
    """All reactions of one service on one FastStream broker, which it connects and stops."""

    def __init__(
        self, broker: NatsBroker, inbox: Inbox, city: str, *, observer: BusObserver | None = None
    ) -> None:
        """broker: not started; made with `max_reconnect_attempts=-1`."""
        self._broker = broker
        self._inbox = inbox
        self._city = city
        self._observer = observer or BusObserver()
        self._running: list[_Running] = []

    def add(self, reaction: Reaction) -> None:
        """Adds a reaction; before `run`."""
        self._running.append(
            _Running(reaction, self._broker, self._inbox, self._city, self._observer)
        )

    def health(self) -> dict[str, Health]:
        """Each reaction's health by its name."""
        return {each.reaction.name: each.watched.health for each in self._running}

    async def run(self) -> None:
        """Reacts until cancelled. Streams and consumers that are missing are waited for, made."""
        client = await self._broker.connect()
        try:
            while True:
                heed_cancel()
                for each in self._running:
                    await each.see_to_it(client)
                well = all(health.is_well for health in self.health().values())
                await asyncio.sleep(WATCH_EVERY_S if well else WATCH_EVERY_S_UNWELL)
        finally:
            # While the broker is away there is nobody to take leave of.
            with suppress(nats.errors.Error):
                await self._broker.stop()


@dataclass(slots=True)
class _Arrived:
    """A message that FastStream has handed on. message: None for a stranger's."""

    delivered: NatsMessage
    seq: int
    attempt: int
    message: PublicMessage | None
    answered: bool = False


class _Running:
    """A reaction, its subscriber and its consumer."""

    def __init__(
        self,
        reaction: Reaction,
        broker: NatsBroker,
        inbox: Inbox,
        city: str,
        observer: BusObserver,
    ) -> None:
        self.reaction = reaction
        self.watched = Watched(f"reaction {reaction.name}", observer, log)
        self._inbox = inbox
        self._city = city
        self._observer = observer
        self._stream = public_stream(reaction.service)
        self._config = self._consumer_config()
        self._begins_anew = reaction.from_the_first
        self._subscribed = False
        self._redrives = False
        self._arrived: list[_Arrived] = []
        self._turn = asyncio.Lock()
        self._subscriber = broker.subscriber(
            public_subjects(city, reaction.service),
            stream=JStream(self._stream, declare=False),
            durable=reaction.name,
            config=self._config,
            pull_sub=PullSub(batch_size=BATCH_MAX, timeout=PULL_TIMEOUT_S),
            ack_policy=FastStreamAck.MANUAL,
            decoder=_undecoded,
            title=reaction.name,
        )
        self._subscriber(self._deliver)

    def _consumer_config(self) -> ConsumerConfig:
        types = self.reaction.types
        subjects = [public_subject(self._city, each) for each in types]
        return ConsumerConfig(
            name=self.reaction.name,
            durable_name=self.reaction.name,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=len(self.reaction.delays_s) + 1,
            max_ack_pending=PENDING_MAX,
            filter_subjects=subjects or [public_subjects(self._city, self.reaction.service)],
        )

    async def see_to_it(self, client: Client) -> None:
        """Brings the consumer and the subscription into being, whatever has become of them."""
        try:
            if await self._has_consumer(client):
                await self._subscribe(client)
                self.watched.running()
        except (nats.errors.Error, TimeoutError, OSError) as error:
            self.watched.stalled(whence(error))

    async def _has_consumer(self, client: Client) -> bool:
        js = client.jetstream()
        try:
            if self._begins_anew:
                await js.delete_consumer(self._stream, self.reaction.name)
            await js.consumer_info(self._stream, self.reaction.name)
        except NotFoundError as error:
            if error.err_code == NO_STREAM:
                self.watched.stalled(f"stream {self._stream} does not exist yet")
                return False
            await js.add_consumer(self._stream, self._config)
        self._begins_anew = False
        return True

    async def _subscribe(self, client: Client) -> None:
        if not self._redrives:
            subject = redrive_subject(self._city, self._stream, self.reaction.name)
            await client.subscribe(subject, cb=self._redrive(client))
            self._redrives = True
        if not self._subscribed:
            await self._subscriber.start()
            self._subscribed = True

    async def _deliver(self, delivered: NatsMessage) -> None:
        """FastStream's handler: never raises, always answers the broker.

        It is called for all messages of a fetch at once; the first call answers for all of them.
        """
        raw = delivered.raw_message
        at = raw.metadata
        message = incoming(raw.headers, raw.data)
        arrived = _Arrived(delivered, at.sequence.stream, at.num_delivered or 1, message)
        self._arrived.append(arrived)
        async with self._turn:
            if arrived.answered:
                return
            await asyncio.sleep(GATHER_S)
            batch, self._arrived = self._arrived, []
            async with _kept(batch):
                await self._answer_all(sorted(batch, key=lambda each: each.seq))

    async def _answer_all(self, batch: Sequence[_Arrived]) -> None:
        if self.reaction.handle_many is not None and len(batch) > 1:
            await self._act_together(batch, self.reaction.handle_many)
        for each in batch:
            if not each.answered:
                await self._answer(each)

    async def _act_together(self, batch: Sequence[_Arrived], handle_many: ManyHandler) -> None:
        """Handles and answers as many as can be handled at once."""
        try:
            handled = await self._handled(batch, handle_many)
        except Exception as error:
            log.info("%s goes on one by one: %s", self.reaction.name, whence(error))
            return
        for each in batch:
            if each.message is not None and each.message.id in handled:
                await self._acknowledge(each)

    async def _handled(self, batch: Sequence[_Arrived], handle_many: ManyHandler) -> set[str]:
        """The ids of those events that are noted, durably, as done with, now or before."""
        name = self.reaction.name
        # An event that came twice is handled once.
        first = {each.message.id: each for each in reversed(batch) if each.message is not None}
        done = await asyncio.to_thread(self._inbox.those_done, name, list(first))
        fresh = [
            Delivery(each.message, each.attempt, name, self._inbox)
            for each in sorted(first.values(), key=lambda each: each.seq)
            if each.message is not None and each.message.id not in done
        ]
        if fresh:
            async with asyncio.timeout(HANDLE_TIMEOUT_S):
                outcomes = await handle_many(fresh)
            pairs = zip(fresh, outcomes, strict=True)
            good = [delivery.message.id for delivery, error in pairs if error is None]
            await asyncio.to_thread(self._inbox.do_all, name, good)
            done |= set(good)
        return done

    async def _answer(self, arrived: _Arrived) -> None:
        """Handles one event and answers the broker."""
        delivered, message = arrived.delivered, arrived.message
        if message is None:
            subject = delivered.raw_message.subject
            log.warning("%s: a message on %s is no public event", self.reaction.name, subject)
            arrived.answered = True
            await delivered.ack()
            return
        try:
            await self._act_once_stores_answer(delivered, message, arrived.attempt)
        except Exception as error:
            arrived.answered = True
            await self._failed(delivered, message, arrived.attempt, error)
        else:
            await self._acknowledge(arrived)

    async def _acknowledge(self, arrived: _Arrived) -> None:
        arrived.answered = True
        self._observer.handled(self.reaction.name, arrived.attempt)
        await arrived.delivered.ack()

    async def _act_once_stores_answer(
        self, delivered: NatsMessage, message: PublicMessage, attempt: int
    ) -> None:
        """As _act. While the disk or the database is away the delivery is kept, not used up.

        An absence says nothing about the event, and may last longer than all tries together.
        """
        waits = backoff_s()
        while True:
            try:
                return await self._act(message, attempt)
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("%s waits for its store: %s", self.reaction.name, whence(error))
            await delivered.in_progress()
            await asyncio.sleep(next(waits))

    async def _act(self, message: PublicMessage, attempt: int) -> None:
        """Handles an event unless that was done; returns when it is noted, durably."""
        name = self.reaction.name
        if await asyncio.to_thread(self._inbox.done, name, message.id):
            return
        with suppress(AlreadyDone):  # noted by the handler with its effect, or by another process
            async with asyncio.timeout(HANDLE_TIMEOUT_S):
                await self.reaction.handle(Delivery(message, attempt, name, self._inbox))
            await asyncio.to_thread(self._inbox.do, name, message.id)

    async def _failed(
        self, delivered: NatsMessage, message: PublicMessage, attempt: int, error: Exception
    ) -> None:
        name, delays_s = self.reaction.name, self.reaction.delays_s
        self._observer.failed(name, attempt)
        told = (name, message.id, attempt, whence(error))
        log.error("%s failed on event %s, attempt %d: %s", *told)
        delay_s = delays_s[attempt - 1] if attempt <= len(delays_s) else None
        await delivered.nack(delay=delay_s)

    def _redrive(self, client: Client) -> Callable[[Msg], Awaitable[None]]:
        """Answers a person's request to handle one message of the stream again."""

        async def handle(request: Msg) -> None:
            try:
                found = await client.jetstream().get_msg(self._stream, int(request.data))
                message = incoming(found.headers, found.data)
                if message is None:
                    raise ValueError("the message is no public event")
                await self._act(message, 0)
            except Exception as error:
                log.error("%s: re-driving failed: %s", self.reaction.name, whence(error))
                await request.respond(whence(error).encode())
            else:
                await request.respond(b"")

        return handle


@asynccontextmanager
async def _kept(batch: Sequence[_Arrived]) -> AsyncIterator[None]:
    """Tells the broker, until the block ends, that what is not answered is being worked on.

    What is not answered then, because the process is told to end, is given back at once.
    """

    async def tell() -> None:
        while True:
            await asyncio.sleep(ACK_WAIT_S / 3)
            for each in batch:
                if not each.answered:
                    with suppress(nats.errors.Error, OSError):
                        await each.delivered.in_progress()

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        for each in batch:
            if not each.answered:
                with suppress(nats.errors.Error, OSError):
                    await each.delivered.nack()


async def _undecoded(message: NatsMessage) -> bytes:
    """Bodies are leaves: handlers read them with the public schema, FastStream never does."""
    return message.body
