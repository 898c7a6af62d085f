"""A mail server that is away, refuses, stalls, or takes a mail and drops the line."""

from __future__ import annotations

import asyncio
import random
import re
from collections import defaultdict

from cahier_notifications.application.ports import (
    HandOverUnsure,
    Letter,
    MailRefused,
    ServerAway,
)
from tests.simulation.node import CITY


class PostOffice:
    """notifications' port MailServer. taken: the contents by Message-ID, as often as they came."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"post {seed}")
        self.taken: dict[str, list[bytes]] = defaultdict(list)
        self.away = self.refuses = self.drops = 0.0

    async def connect(self) -> PostSession:
        await self._step()
        if self.happens(self.away):
            raise ServerAway("nobody answers")
        return PostSession(self)

    async def take(self, letter: Letter) -> None:
        """As the port says of hand_over."""
        await self._step()
        if self.happens(self.refuses):
            raise MailRefused(451, for_good=False)
        drops = self.happens(self.drops)
        if not drops or self.happens(0.5):
            self.taken[_message_id(letter.content)].append(letter.content)
        if drops:
            raise HandOverUnsure("the line dropped")

    def way_out(self, digest: str) -> str:
        """The token in the link by which to unsubscribe, from the mail of that id; "" without."""
        contents = self.taken.get(f"<{digest}@{CITY}>", [])
        found = re.search(rb"unsubscribe\?token=([\w-]+)>", contents[0]) if contents else None
        return found[1].decode() if found else ""

    def be_kind(self) -> None:
        self.away = self.refuses = self.drops = 0.0

    def happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    async def _step(self) -> None:
        await asyncio.sleep(self._random.uniform(0.001, 0.05))


class PostSession:
    """notifications' port MailSession."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office

    async def hand_over(self, letter: Letter) -> None:
        await self._office.take(letter)

    async def answers(self) -> bool:
        """False when the server has gone away between two mails."""
        return not self._office.happens(self._office.away)

    async def close(self) -> None:
        """Nothing is left to say."""


def _message_id(content: bytes) -> str:
    lines = content.decode("ascii", "replace").splitlines()
    return next(line.split(": ", 1)[1] for line in lines if line.startswith("Message-ID: "))
