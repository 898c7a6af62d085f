"""A service's private index of whose texts stand where, as a table of its own view.

It is folded with everything else, so it lags and is built anew as the view does. It knows persons
by their digest alone, is never shown, and says nothing any more of who is forgotten.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cahier_chassis.erasing import Held
from cahier_kernel.errors import Unavailable
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.model import Erasure
from cahier_record.erasure import subject_digest

CATCH_UP_S_MAX = 2.0

HELD_TABLE = "held"
HELD_SCHEMA = """
CREATE TABLE held(
    leaf TEXT PRIMARY KEY, kind TEXT NOT NULL, thing TEXT NOT NULL, seq INTEGER NOT NULL,
    place TEXT NOT NULL, subject TEXT NOT NULL) STRICT;
CREATE INDEX held_on_subject ON held(subject, seq);
CREATE INDEX held_of_thing ON held(thing)
"""
"""For a View's schema; `held` then stands among its tables."""
_OF_SUBJECT = "SELECT leaf, kind, thing, seq, place FROM held WHERE subject = ? ORDER BY seq"


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A leaf that discloses texts of one person. kind, thing: what it is, and its id.

    seq: of the private event. place: of that event where it names the person (texts.place_of), or
    "" where it does not.
    """

    leaf: str
    kind: str
    thing: str
    seq: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class HeldItem:
    """One thing that is held, told to its person. at: RFC 3339; event_id: public, or ""."""

    kind: str
    id: str
    event_id: str
    at: str
    values: dict[str, str]


def hold(db: Sql, person: str, row: HeldRow) -> None:
    """Notes whose a leaf's texts are; nothing for nobody and for who is forgotten."""
    if person not in ("", ERASED):
        values = (row.leaf, row.kind, row.thing, row.seq, row.place, subject_digest(person))
        db.execute("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?)", values)


def hold_like(db: Sql, kind: str, row: HeldRow) -> None:
    """As `hold`, for a leaf that belongs to whom the thing's row of another kind belongs to."""
    db.execute(
        "INSERT INTO held SELECT ?1, ?2, ?3, ?4, ?5, subject FROM held "
        "WHERE thing = ?3 AND kind = ?6",
        (row.leaf, row.kind, row.thing, row.seq, row.place, kind),
    )


def release(db: Sql, leaf: str) -> tuple[str, str]:
    """Forgets whose a leaf's texts were. Answers (kind, thing), empty if nobody's."""
    row = db.execute("SELECT kind, thing FROM held WHERE leaf = ?", (leaf,)).fetchone()
    db.execute("DELETE FROM held WHERE leaf = ?", (leaf,))
    return ("", "") if row is None else (str(row[0]), str(row[1]))


class HoldingsIndex:
    """Reads the table; erasing.Holdings where all texts go and the law keeps none."""

    def __init__(
        self, views: ViewDatabase, projection: OwnProjection, *, named_in: tuple[str, ...] = ()
    ) -> None:
        """named_in: the private fields in which events name the person."""
        self._views = views
        self._projection = projection
        self._named_in = named_in

    async def rows(self, subject: str, seq: int) -> list[HeldRow]:
        """By seq, all events up to `seq` considered; raises Unavailable `views_lag`."""
        await self._caught_up(seq)
        rows = await asyncio.to_thread(self._views.fetch_all, _OF_SUBJECT, (subject,))
        return [HeldRow(*row) for row in rows]

    async def held(self, subject: str, seq: int) -> Held:
        rows = await self.rows(subject, seq)
        named = [Erasure(row.place, inside=self._named_in) for row in rows if row.place]
        return Held(leaves=[row.leaf for row in rows], places=named)

    async def forget(self, subject: str, seq: int) -> None:
        """The rows went with the fold; here the files are scrubbed. Raises StoreUnavailable."""
        await self._caught_up(seq)
        await asyncio.to_thread(self._views.scrub)

    async def _caught_up(self, seq: int) -> None:
        if not await self._projection.wait_for(seq, CATCH_UP_S_MAX):
            raise Unavailable("views_lag", "the views have not caught up: try again")
