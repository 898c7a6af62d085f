"""The read model's answers, from the views database. The tables are projections.py's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from cahier_chassis.logs import get_logger
from cahier_kernel.errors import TooLarge, Unavailable
from cahier_ledger.bus.health import heed_cancel
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.store import LedgerReader
from cahier_notifications.application.ports import (
    ContactRow,
    EndedMailing,
    FollowRow,
    WaitingMail,
)
from cahier_notifications.domain.follows import Level, Thing, ThingKind
from cahier_notifications.domain.notices import KnownElection, KnownProject

SETTLE_S_MAX = 2.0
REQUIRE_S_MAX = 10.0
FOLLOWERS_MAX = 100_000
PROJECTS_MAX = 10_000
_LOG = get_logger(__name__)
_read_params = msgspec.json.Decoder(dict[str, str]).decode

_KNOWN = {
    ThingKind.PROPOSAL: "SELECT 1 FROM proposals WHERE id = ?",
    ThingKind.PROCESS: "SELECT 1 FROM processes WHERE id = ?",
    ThingKind.ELECTION: "SELECT 1 FROM elections WHERE id = ?",
    ThingKind.REPORT: "SELECT 1 FROM reports WHERE id = ?",
}
_FOLLOWERS = """
SELECT id, seq, person, kind, thing, level, since FROM follows
WHERE kind = ? AND thing = ? AND level >= ? ORDER BY seq LIMIT ?
"""
_FOLLOWS_OF = """
SELECT id, seq, person, kind, thing, level, since FROM follows
WHERE person = ? ORDER BY seq DESC LIMIT ?
"""
_WAITING = """
SELECT m.cause, m.follow, m.seq, m.number, m.letter, m.about_kind, m.about, m.params,
    m.planned_at, m.traceparent, c.email, c.language
FROM mails m LEFT JOIN follows f ON f.id = m.follow LEFT JOIN contacts c ON c.person = f.person
WHERE m.seq > ? OR (m.seq = ? AND m.number > ?)
ORDER BY m.seq, m.number LIMIT ?
"""
_ENDED = """
SELECT cause, version, handed_over FROM mailings WHERE waiting = 0 ORDER BY seq LIMIT ?
"""
_PROJECTS = "SELECT proposal, won FROM projects WHERE election = ? ORDER BY number LIMIT ?"


class SqlReadModel:
    """ports.ReadModel on the service's views database."""

    def __init__(self, ledger: LedgerReader, views: ViewDatabase, own: OwnProjection) -> None:
        self._ledger = ledger
        self._views = views
        self._own = own
        self._others: dict[str, PublicProjection] = {}
        self.facts = SqlFacts(views)

    def feed(self, service: str, projection: PublicProjection) -> PublicProjection:
        """Tells who keeps the view of a sibling's events up to date."""
        self._others[service] = projection
        return projection

    def count_follows(self, person: str) -> int:
        return self._count("SELECT count(*) FROM follows WHERE person = ?", person)

    def follows_of(self, person: str, limit: int) -> list[FollowRow]:
        return [_follow(row) for row in self._views.fetch_all(_FOLLOWS_OF, (person, limit))]

    def followers(self, things: Sequence[Thing], at_least: Level) -> list[FollowRow]:
        found: list[FollowRow] = []
        for kind, id in things:
            room = FOLLOWERS_MAX - len(found) + 1
            given = (kind.value, id, int(at_least), room)
            found += [_follow(row) for row in self._views.fetch_all(_FOLLOWERS, given)]
            if len(found) > FOLLOWERS_MAX:
                rule = f"an event is told to at most {FOLLOWERS_MAX} followers"
                raise TooLarge("too_many_followers", rule)
        return found

    def contact(self, person: str) -> ContactRow | None:
        row = self._views.fetch_one(
            "SELECT email, language FROM contacts WHERE person = ?", (person,)
        )
        return ContactRow(row["email"], row["language"]) if row else None

    def knows(self, thing: Thing) -> bool:
        return self._views.fetch_one(_KNOWN[thing.kind], (thing.id,)) is not None

    def waiting(self, after: tuple[int, int], limit: int) -> list[WaitingMail]:
        seq, number = after
        rows = self._views.fetch_all(_WAITING, (seq, seq, number, limit))
        return [_mail(row) for row in rows]

    def count_waiting(self) -> int:
        return self._count("SELECT count(*) FROM mails")

    def ended_mailings(self, limit: int) -> list[EndedMailing]:
        rows = self._views.fetch_all(_ENDED, (limit,))
        return [EndedMailing(row["cause"], row["version"], row["handed_over"]) for row in rows]

    async def settle(self, seq: int) -> None:
        if not self._own.health.is_well:
            return
        if not await self._own.wait_for(seq, SETTLE_S_MAX):
            _LOG.warning("views_lag", lag=self._own.lag())

    async def caught_up(self) -> None:
        head = await asyncio.to_thread(self._ledger.head_seq)
        while not await self._own.wait_for(head, SETTLE_S_MAX):
            heed_cancel()

    async def require(self, service: str, public_seq: int) -> None:
        other = self._others.get(service)
        try:
            async with asyncio.timeout(REQUIRE_S_MAX):
                head = await asyncio.to_thread(self._ledger.head_seq)
                own = await self._own.wait_for(head, REQUIRE_S_MAX)
                others = other is not None and await other.wait_for(public_seq, REQUIRE_S_MAX)
        except TimeoutError:
            own = others = False
        if not (own and others):
            raise Unavailable("views_lag", "the views have not taken in what the event rests on")

    def _count(self, query: str, *given: Any) -> int:
        row = self._views.fetch_one(query, given)
        return int(row[0]) if row else 0


class SqlFacts:
    """domain.notices.Facts on the views database."""

    def __init__(self, views: ViewDatabase) -> None:
        self._views = views

    def project(self, project: str) -> KnownProject | None:
        row = self._views.fetch_one("SELECT proposal, won FROM projects WHERE id = ?", (project,))
        return _project(row) if row else None

    def projects(self, election: str) -> Sequence[KnownProject]:
        rows = self._views.fetch_all(_PROJECTS, (election, PROJECTS_MAX))
        return [_project(row) for row in rows]

    def election(self, election: str) -> KnownElection | None:
        row = self._views.fetch_one(
            "SELECT process, currency FROM elections WHERE id = ?", (election,)
        )
        return KnownElection(row["process"], row["currency"]) if row else None


def _project(row: Any) -> KnownProject:
    won = row["won"]
    return KnownProject(row["proposal"], None if won is None else bool(won))


def _follow(row: Any) -> FollowRow:
    return FollowRow(
        id=row["id"],
        person=row["person"],
        thing=Thing(ThingKind(row["kind"]), row["thing"]),
        level=Level(row["level"]),
        since=row["since"],
        seq=row["seq"],
    )


def _mail(row: Any) -> WaitingMail:
    contact = None if row["email"] is None else ContactRow(row["email"], row["language"])
    return WaitingMail(
        cause=row["cause"],
        follow=row["follow"],
        place=(row["seq"], row["number"]),
        letter=row["letter"],
        about=Thing(ThingKind(row["about_kind"]), row["about"]),
        params=_read_params(row["params"]),
        planned_at=row["planned_at"],
        traceparent=row["traceparent"],
        contact=contact,
    )
