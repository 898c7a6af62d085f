"""The city's public logs as the services hand them out, for pages that show and explain them.

The portal believes nothing here: it shows what the logs say, and the checks are made from signed
bytes. A service that is away leaves its part of a page empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from cahier_kernel.clock import from_rfc3339
from cahier_kernel.errors import Unavailable
from cahier_ledger.leaves import LeafHead, leaf_head
from cahier_portal.doors import Carried, LogDoors
from cahier_record.events import Leaf as ReadLeaf
from cahier_record.events import decode_leaf

LEAVES_MAX = 10_000
"""How many leaves of one thing are read for a page, which anybody may ask for. To decode, order and
fold so many takes 140 ms of an idle core, many times that of a busy one. The log holds them all."""

T = TypeVar("T")


class Recorded(msgspec.Struct):
    """A leaf with its place. ballots: of the thing, where it is an election, before it."""

    index: int
    leaf: msgspec.Raw
    seq: int = 0
    epoch: int = 1
    ballots: int = 0
    service: str = ""

    @property
    def raw(self) -> bytes:
        """The leaf's bytes."""
        return bytes(self.leaf)


@dataclass(frozen=True)
class Entry:
    """A leaf as read, of a service's log. Its `event` is None for types that are not known."""

    recorded: Recorded

    @cached_property
    def leaf(self) -> ReadLeaf:
        """What the leaf says."""
        return decode_leaf(self.recorded.raw)

    @cached_property
    def data(self) -> dict[str, Any]:
        """The leaf's data as it stands there."""
        found: dict[str, Any] = msgspec.json.decode(self.recorded.raw)["data"]
        return found

    @cached_property
    def head(self) -> LeafHead:
        """Its id, type, service and time."""
        return leaf_head(self.recorded.raw)

    @property
    def id(self) -> str:
        """The event's id."""
        return self.head.id

    @property
    def service(self) -> str:
        """In whose log it stands."""
        return self.head.svc

    @property
    def at(self) -> str:
        """RFC 3339, or "" where the leaf carries no time (ballots)."""
        return self.head.at or ""

    @property
    def kind(self) -> str:
        """The last part of its type, such as `proposal_submitted`."""
        return self.head.t.rpartition(".")[2]

    @property
    def order(self) -> tuple[Any, str, int]:
        """Where it stands among entries of several logs."""
        return from_rfc3339(self.at), self.service, self.recorded.seq


class _Past(msgspec.Struct):
    entries: list[Recorded]
    ballots: int = 0
    more: bool = False


class _Growth(msgspec.Struct):
    points: list[tuple[str, int]]


class EpochTold(msgspec.Struct):
    """An epoch of a log: its number, its origin, and how many leaves stand in earlier ones."""

    epoch: int
    origin: str
    base: int


@dataclass(frozen=True)
class Past:
    """What a log says of a thing, oldest first. ballots: cast so far. cut: there is more."""

    entries: list[Entry]
    ballots: int = 0
    cut: bool = False


class PublicLogs:
    """Asks the services that keep a log."""

    def __init__(self, doors: LogDoors) -> None:
        self._doors = doors

    @property
    def services(self) -> tuple[str, ...]:
        """The services that keep a log, by name."""
        return self._doors.services

    async def past(self, service: str, thing: str) -> Past:
        """What one log says of a thing; nothing for a service that this city does not run.

        Raises Unavailable while the service is away.
        """
        entries: list[Entry] = []
        ballots, more = 0, False
        async for page in self.pages(service, thing):
            entries += page.entries
            ballots, more = page.ballots, page.cut
            if len(entries) >= LEAVES_MAX:
                break
        return Past(entries, ballots, more)

    async def pages(self, service: str, thing: str, after: int = 0) -> AsyncIterator[Past]:
        """What one log says of a thing behind number `after`, some hundreds of entries at once.

        Raises Unavailable as `past` does.
        """
        more = service in self.services
        while more:
            path = f"/history/{quote(thing, safe='')}?after={after}"
            page = await self._read(service, path, _Past) or _Past([])
            for each in page.entries:
                each.service = service
            after = page.entries[-1].seq if page.entries else after
            more = page.more
            yield Past([Entry(each) for each in page.entries], page.ballots, more)

    async def entry(self, event_id: str) -> Entry | None:
        """The leaf of an event, in whichever log it stands; None where none has it.

        Raises Unavailable when it was not found and a service was away.
        """
        path = f"/leaves/{quote(event_id, safe='')}"
        asked = [self._read(service, path, Recorded) for service in self.services]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, Recorded):
                return Entry(answer)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return None

    async def growth(self, service: str) -> list[tuple[str, int]]:
        """(instant, leaves by then) of a log, oldest first; raises Unavailable."""
        found = await self._read(service, "/growth", _Growth)
        return found.points if found else []

    async def epochs(self, service: str) -> list[EpochTold]:
        """The epochs of a log, oldest first; raises Unavailable."""
        return await self._read(service, f"/tlog/{service}/epochs", list[EpochTold]) or []

    async def file(self, service: str, path: str) -> bytes | None:
        """A file of a service's log, such as `checkpoint`, or None; raises Unavailable."""
        answer = await self._doors.ask(service, f"/tlog/{service}/{path}")
        return answer.body if answer.status == 200 else None

    async def receipt(self, service: str, event_id: str) -> Carried:
        """The answer to `/receipts/<event id>`; raises Unavailable."""
        return await self._doors.ask(service, f"/receipts/{quote(event_id, safe='')}")

    async def _read(self, service: str, path: str, kind: type[T]) -> T | None:
        answer = await self._doors.ask(service, path)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Unavailable("log_away", f"{service} answered {answer.status}")
        return msgspec.json.decode(answer.body, type=kind)
