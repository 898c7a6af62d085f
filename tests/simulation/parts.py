"""The parts that the fault matrix tries: append, relay, projections, reactions."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from faststream.nats import NatsBroker

from cahier_chassis.nats import connect, jetstream
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.reactions import Delivery, Reaction, Reactions
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.streams import declare_dead_stream, public_stream
from cahier_ledger.bus.views import View, ViewDatabase
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Append,
    Appended,
    Erasure,
    Idempotency,
    IdempotencyConflict,
    NewEvent,
    PublicLeaf,
    StoredEvent,
    StoreUnavailable,
    StreamAppend,
    StreamConflict,
)
from tests.simulation.machine import BROKER_URL
from tests.simulation.rig import Part

CITY = "simville"
SERVICE = "budget"
STREAM = public_stream(SERVICE)
EVENT = "budget.v1.thing.happened"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
COUNT = 4
DELAYS_S = (0.2, 0.4, 0.8)


def leaf(number: int) -> PublicLeaf:
    """A public leaf with a disclosure whose salt is its number's."""
    return make_leaf(
        SERVICE,
        EVENT,
        f"id-{number}",
        NOON,
        {"number": number},
        {"text": f"words {number}"},
        salts=lambda: bytes([number]) * 32,
    )


def an_append(number: int) -> Append:
    """Two events, one of them public, on a stream of their own and one that grows."""
    events = (NewEvent("thing.happened", b'{"n":%d}' % number, b"", "2026-03-01", leaf(number)),)
    return Append(
        (
            StreamAppend(f"stream-{number}", 0, events),
            StreamAppend("ever-growing", number - 1, (NewEvent("thing.counted", b"{}"),)),
        ),
        idempotency=Idempotency(f"key-{number}", b"digest", b"answer %d" % number),
    )


def lonely(number: int) -> Append:
    """One event on a stream of its own, with its text inside, as older releases stored it."""
    event = NewEvent("thing.told", b'{"text":"words %d"}' % number, public=leaf(number))
    return Append((StreamAppend(f"stream-{number}", 0, (event,)),))


ALWAYS_LATE = Append((StreamAppend("stream-1", 0, (NewEvent("thing.happened", b"{}"),)),))
"""Another has that place: refused, without harm to its neighbours."""
ERASING = Append(
    (StreamAppend("erasures", 0, (NewEvent("thing.erased", b"{}"),)),),
    erases=(Erasure("id-5"),),
)


async def append_patiently(ledger: Ledger, append: Append) -> None:
    """As a client that repeats its command until it is known to be stored."""
    while True:
        try:
            await ledger.append(append)
        except (StreamConflict, IdempotencyConflict):
            return
        except StoreUnavailable:
            await asyncio.sleep(0.1)
        else:
            return


def rows(path: Any, *tables: str) -> dict[str, list[Any]]:
    """All rows of some tables, as a stranger reads them."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        return {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            for table in tables
        }
    except sqlite3.OperationalError:
        return {}
    finally:
        connection.close()


async def append_together(ledger: Ledger, appends: Sequence[Append]) -> None:
    """As append_patiently, for appends that go into one transaction."""
    left = list(appends)
    while left:
        outcomes = await ledger.append_many(left)
        pairs = zip(left, outcomes, strict=True)
        left = [append for append, outcome in pairs if isinstance(outcome, StoreUnavailable)]
        if left:
            await asyncio.sleep(0.1)


EVENT_TABLES = ("events", "public", "disclosures", "idempotency")


class Appending(Part):
    """Single appends, a group of which one conflicts, three callers at once, and an erasure."""

    name = "append"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._done = False

    async def main(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        for number in (1, 2):
            await append_patiently(ledger, an_append(number))
        await append_together(ledger, [an_append(3), ALWAYS_LATE, an_append(4)])
        await asyncio.gather(*(append_patiently(ledger, lonely(number)) for number in (5, 6, 7)))
        await append_patiently(ledger, ERASING)
        await append_patiently(ledger, lonely(8))  # An erasure may take one more append.
        self._done = True
        await asyncio.Event().wait()

    def is_done(self) -> bool:
        return self._done

    def state(self) -> Any:
        found: dict[str, Any] = rows(self.folder / "events.db", *EVENT_TABLES)
        files = sorted(self.folder.iterdir())
        found["erased"] = [file.name for file in files if b"words 5" in file.read_bytes()]
        return found


class Relaying(Part):
    """Two leaves that are relayed, some that wait, and some that come while the relay runs."""

    name = "relay"

    async def prepare(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        client = await connect(BROKER_URL, "before")
        relay = Relay(ledger, client, SERVICE, CITY)
        relaying = asyncio.create_task(relay.run())
        for number in range(1, COUNT + 1):
            await ledger.append(an_append(number))
            if number == 2:
                await relay.wait_relayed(number, 60)
                relaying.cancel()
                await client.close()
        await ledger.close()

    async def main(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        relay = Relay(ledger, await connect(BROKER_URL, "part"), SERVICE, CITY)
        relaying = asyncio.create_task(relay.run())
        await asyncio.sleep(1)
        for number in range(COUNT + 1, COUNT + 4):
            await append_patiently(ledger, an_append(number))
        await relaying

    def is_done(self) -> bool:
        stream = self.machine.bus.streams.get(STREAM)
        return stream is not None and stream.last_seq >= COUNT + 3

    def state(self) -> Any:
        messages = self.machine.bus.streams[STREAM].messages.values()
        return [
            (each.seq, each.subject, b"Cahier-Seq: %d\r\n" % each.seq in each.headers, each.body)
            for each in messages
        ]


VIEW = View(
    name="things",
    tables=("things", "totals"),
    schema="CREATE TABLE things(number INTEGER PRIMARY KEY, at INTEGER NOT NULL);"
    "CREATE TABLE totals(one INTEGER PRIMARY KEY, sum INTEGER NOT NULL)",
)


def _fold(db: Any, number: int, at: int) -> None:
    db.execute("INSERT INTO things VALUES (?, ?)", (number, at))
    db.execute(
        "INSERT INTO totals VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET sum = sum + excluded.sum",
        (number,),
    )


def fold_own(db: Any, event: StoredEvent) -> None:
    """Takes an event of the own store into the view."""
    _fold(db, event.seq, event.version)


def fold_public(db: Any, message: PublicMessage) -> None:
    """Takes a public event into the view."""
    _fold(db, message.public_seq, len(message.leaf))


class _Viewing(Part):
    """What both kinds of projection have in common."""

    goal = 0

    def is_done(self) -> bool:
        found = rows(self.folder / "views.db", "positions")
        return (
            bool(found) and found["positions"][0:1] != [] and found["positions"][0][1] == self.goal
        )

    def state(self) -> Any:
        return rows(self.folder / "views.db", "positions", *VIEW.tables)


class OwnProjecting(_Viewing):
    """A view of the own store."""

    name = "own projection"
    goal = 2 * COUNT

    async def prepare(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        for number in range(1, COUNT + 1):
            await ledger.append(an_append(number))
        await ledger.close()

    async def main(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        views = ViewDatabase(self.folder / "views.db")
        await OwnProjection(ledger, views, VIEW, fold_own).run()


class Hearing(Part):
    """A part that hears a sibling's stream, which is filled before and while it runs."""

    count = COUNT

    async def prepare(self) -> None:
        ledger = Ledger.open(self.folder / "sibling.db")
        client = await connect(BROKER_URL, "sibling")
        await declare_dead_stream(client.jetstream())
        relay = Relay(ledger, client, SERVICE, CITY)
        self._sibling = asyncio.create_task(relay.run())
        for number in range(1, self.count + 1):
            await ledger.append(an_append(number))
        await relay.wait_relayed(self.count, 60)
        self._late = asyncio.create_task(self._append_late(ledger))

    async def _append_late(self, ledger: Ledger) -> None:
        await asyncio.sleep(1.5)
        await ledger.append(an_append(self.count + 1))


class PublicProjecting(Hearing, _Viewing):
    """A view of a sibling's public events."""

    name = "public projection"
    goal = COUNT + 1

    async def main(self) -> None:
        views = ViewDatabase(self.folder / "views.db")
        client = await connect(BROKER_URL, "part")
        js = jetstream(client)
        await PublicProjection(js, STREAM, "part-things", views, VIEW, fold_public).run()


class ReactingTogether(Hearing):
    """A reaction that handles all events that have gathered with one commit."""

    name = "reaction to many"
    count = 3

    async def main(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        inbox = Inbox(self.folder / "inbox.db")

        def answering(delivery: Delivery) -> Append:
            event = NewEvent("thing.answered", delivery.message.id.encode())
            stream = StreamAppend(f"answer-{delivery.message.id}", 0, (event,))
            return Append((stream,), idempotency=Idempotency(delivery.key, b"", b""))

        async def handle_many(deliveries: Sequence[Delivery]) -> list[Exception | None]:
            outcomes = await ledger.append_many([answering(each) for each in deliveries])
            done = Appended | IdempotencyConflict
            return [None if isinstance(each, done) else each for each in outcomes]

        async def handle(delivery: Delivery) -> None:
            for failure in await handle_many((delivery,)):
                if failure is not None:
                    raise failure

        broker = NatsBroker(BROKER_URL, max_reconnect_attempts=-1, logger=None)
        reactions = Reactions(broker, inbox, CITY)
        reactions.add(
            Reaction("part-together", SERVICE, handle, delays_s=DELAYS_S, handle_many=handle_many)
        )
        await reactions.run()

    def is_done(self) -> bool:
        noted = rows(self.folder / "inbox.db", "inbox").get("inbox", [])
        stream = self.machine.bus.streams.get(STREAM)
        if len(noted) < self.count + 1 or stream is None:
            return False
        return all(not each.pending for each in stream.consumers.values())

    def state(self) -> Any:
        answers = rows(self.folder / "events.db", "events")["events"]
        return (
            rows(self.folder / "inbox.db", "inbox"),
            sorted((stream, version, data) for _, stream, version, _, data, *_ in answers),
            self.machine.bus.streams["DEAD"].last_seq,
        )


class Reacting(Hearing):
    """Two reactions to a sibling's public events: one writes to the inbox, one appends."""

    name = "reaction"
    count = 1

    async def main(self) -> None:
        ledger = Ledger.open(self.folder / "events.db")
        inbox = Inbox(
            self.folder / "inbox.db",
            "CREATE TABLE IF NOT EXISTS mails(event TEXT NOT NULL, cause TEXT NOT NULL)",
        )

        async def write(delivery: Delivery) -> None:
            message = delivery.message
            await delivery.write(
                lambda db: db.execute("INSERT INTO mails VALUES (?, ?)", (message.id, message.type))
            )

        async def append(delivery: Delivery) -> None:
            event = NewEvent("thing.answered", delivery.message.id.encode())
            answer = Idempotency(delivery.key, b"", b"")
            stream = StreamAppend(f"answer-{delivery.message.id}", 0, (event,))
            try:
                await ledger.append(Append((stream,), idempotency=answer))
            except IdempotencyConflict:
                return

        broker = NatsBroker(BROKER_URL, max_reconnect_attempts=-1, logger=None)
        reactions = Reactions(broker, inbox, CITY)
        reactions.add(Reaction("part-writes", SERVICE, write, delays_s=DELAYS_S))
        reactions.add(Reaction("part-appends", SERVICE, append, delays_s=DELAYS_S))
        await reactions.run()

    def is_done(self) -> bool:
        noted = rows(self.folder / "inbox.db", "inbox").get("inbox", [])
        stream = self.machine.bus.streams.get(STREAM)
        if len(noted) < 2 * (self.count + 1) or stream is None:
            return False
        consumers = stream.consumers.values()
        return len(consumers) == 2 and all(not each.pending for each in consumers)

    def state(self) -> Any:
        dead = self.machine.bus.streams["DEAD"]
        answers = rows(self.folder / "events.db", "events")["events"]
        return (
            rows(self.folder / "inbox.db", "inbox"),
            sorted(rows(self.folder / "inbox.db", "mails")["mails"]),
            sorted((stream, version, data) for _, stream, version, _, data, *_ in answers),
            dead.last_seq,
        )
