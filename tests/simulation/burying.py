"""The part of a reaction that fails: tried again, buried in DEAD, found there and re-driven."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import nats.errors
from faststream.nats import NatsBroker
from nats.aio.client import Client

from cahier_chassis.nats import connect
from cahier_ledger.bus.dead import NoSuchDeadLetter, RedriveFailed, list_dead, redrive
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.reactions import Delivery, Reaction, Reactions
from tests.simulation.machine import BROKER_URL
from tests.simulation.parts import CITY, SERVICE, STREAM, Hearing, rows

DELAYS_S = (0.2, 0.4)
REDRIVE_S_MAX = 5.0
PASSING = (nats.errors.Error, RedriveFailed, NoSuchDeadLetter, TimeoutError, OSError)


class Burying(Hearing):
    """One event cannot be handled until a person, who has found it in DEAD, has mended it."""

    name = "dead letter"
    count = 1

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._mended = False

    async def main(self) -> None:
        inbox = Inbox(
            self.folder / "inbox.db",
            "CREATE TABLE IF NOT EXISTS mails(event TEXT NOT NULL, cause TEXT NOT NULL)",
        )

        async def write(delivery: Delivery) -> None:
            if delivery.message.public_seq == 1 and not self._mended:
                raise ValueError("nobody thought of that")
            given = (delivery.message.id, delivery.message.type)
            await delivery.write(lambda db: db.execute("INSERT INTO mails VALUES (?, ?)", given))

        broker = NatsBroker(BROKER_URL, max_reconnect_attempts=-1, logger=None)
        reactions = Reactions(broker, inbox, CITY)
        reactions.add(Reaction("part-writes", SERVICE, write, delays_s=DELAYS_S))
        async with asyncio.TaskGroup() as group:
            group.create_task(reactions.run())
            group.create_task(self._mend(await connect(BROKER_URL, "person")))

    async def _mend(self, client: Client) -> None:
        while True:
            await asyncio.sleep(0.5)
            with suppress(*PASSING):
                for letter in await list_dead(client.jetstream()):
                    self._mended = True
                    await redrive(client, CITY, letter.number, REDRIVE_S_MAX)

    def is_done(self) -> bool:
        noted = rows(self.folder / "inbox.db", "inbox").get("inbox", [])
        stream, dead = (self.machine.bus.streams.get(name) for name in (STREAM, "DEAD"))
        if len(noted) < self.count + 1 or stream is None or dead is None or dead.messages:
            return False
        return all(not each.pending for each in stream.consumers.values())

    def state(self) -> Any:
        found = rows(self.folder / "inbox.db", "inbox", "mails")
        return found["inbox"], sorted(found["mails"]), self.machine.bus.streams["DEAD"].last_seq
