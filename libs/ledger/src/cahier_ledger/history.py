"""Which leaves of the public log tell of a thing: the index behind pages of its history.

The log is in order of time; people ask for one proposal, election or report. This view keeps, for
each id that stands in a leaf's data, the numbers of the leaves that name it. The leaves themselves
stay where they are. Ballots are counted for their election and never listed: a list would invite
to look for one's neighbour in it.

Where the log began anew after a restore (an epoch), a leaf's index counts from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.projection import READ_EVENTS_MAX, TailProjection
from cahier_ledger.bus.views import View, ViewDatabase
from cahier_ledger.model import PublicRow
from cahier_ledger.store import LedgerReader

THING_FIELDS = ("proposal", "process", "election", "project", "report", "comment", "duplicate_of")
"""The fields of a leaf's data that hold the id of a thing, whatever its type."""
CATEGORY_DEFINED = "category_defined"
CONTENT_ERASED = "content_erased"
EPOCH_OPENED = "epoch_opened"
EPOCHS = "epochs"
"""The name under which a log's epochs have a history of their own."""
BALLOT_CAST = "ballot_cast"
THING_CHARS_MAX = 200
PAGE_SIZE = 500
GROWTH_POINTS_MAX = 400
# How much of an instant tells a month, a day, an hour, a minute.
_MONTH, _DAY, _HOUR, _MINUTE = 7, 10, 13, 16

_SCHEMA = """
CREATE TABLE history(
    thing TEXT NOT NULL, public_seq INTEGER NOT NULL, id TEXT NOT NULL, ballots INTEGER NOT NULL,
    PRIMARY KEY(thing, public_seq)) STRICT, WITHOUT ROWID;
CREATE INDEX history_by_leaf ON history(id);
CREATE TABLE history_ballots(election TEXT PRIMARY KEY, ballots INTEGER NOT NULL) STRICT;
CREATE TABLE history_epochs(epoch INTEGER PRIMARY KEY, base INTEGER NOT NULL) STRICT;
CREATE TABLE history_growth(at TEXT PRIMARY KEY, leaves INTEGER NOT NULL) STRICT
"""
HISTORY = View(
    "history", ("history", "history_ballots", "history_epochs", "history_growth"), _SCHEMA
)


class _Told(msgspec.Struct, frozen=True):
    """What of a leaf the index needs."""

    t: str
    data: dict[str, Any]
    at: str = ""


_decode = msgspec.json.Decoder(_Told).decode


def fold_history(db: Sql, row: PublicRow) -> None:
    """Takes one leaf into the index; raises ValueError for bytes that are no leaf."""
    told = _decode(row.leaf)
    kind = told.t.rpartition(".")[2]
    if kind == BALLOT_CAST:
        db.execute(
            "INSERT INTO history_ballots VALUES (?, 1) "
            "ON CONFLICT (election) DO UPDATE SET ballots = history_ballots.ballots + 1",
            (str(told.data.get("election", "")),),
        )
        return
    if kind == EPOCH_OPENED:
        _open_epoch(db, row, told)
    for thing in _things(db, kind, told.data):
        db.execute(
            "INSERT INTO history VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (thing, row.public_seq, row.id, _ballots(db, thing)),
        )
    if told.at:
        # Ballots carry no time: they are told with the next leaf that has one.
        db.execute(
            "INSERT INTO history_growth VALUES (?1, ?2) "
            "ON CONFLICT (at) DO UPDATE SET leaves = excluded.leaves",
            (told.at[:_MINUTE], row.public_seq),
        )


def _things(db: Sql, kind: str, data: dict[str, Any]) -> set[str]:
    fields = (*THING_FIELDS, "category") if kind == CATEGORY_DEFINED else THING_FIELDS
    named = {str(data[field])[:THING_CHARS_MAX] for field in fields if data.get(field)}
    if kind == EPOCH_OPENED:
        named.add(EPOCHS)
    if kind == CONTENT_ERASED:
        leaf = str(data.get("leaf", ""))
        named |= {row[0] for row in db.execute("SELECT thing FROM history WHERE id = ?", (leaf,))}
    return named


def _ballots(db: Sql | ViewDatabase, election: str) -> int:
    query = "SELECT ballots FROM history_ballots WHERE election = ?"
    found: Any
    if isinstance(db, ViewDatabase):
        found = db.fetch_one(query, (election,))
    else:
        found = db.execute(query, (election,)).fetchone()
    return int(found[0]) if found else 0


def _open_epoch(db: Sql, row: PublicRow, told: _Told) -> None:
    db.execute(
        "INSERT INTO history_epochs VALUES (?, ?) ON CONFLICT DO NOTHING",
        (int(told.data["epoch"]), row.public_seq - 1),
    )


class HistoryProjection(TailProjection[PublicRow]):
    """Keeps the index up to date with the service's own leaves, by public_seq."""

    def head(self) -> int:
        return self._ledger.public_head()

    def _read(self, after: int) -> list[tuple[int, PublicRow]]:
        return [(row.public_seq, row) for row in self._ledger.read_public(after, READ_EVENTS_MAX)]

    async def _wait_past(self, position: int) -> int:
        return await self._ledger.wait_public_past(position)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a leaf stands: its number in the service's store, and its index in which epoch's log.

    public_seq counts from 1 through all epochs, index from 0 in its own.
    """

    public_seq: int
    epoch: int
    index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf of a thing's history. ballots: of the thing, where it is an election, before it."""

    place: Place
    leaf: bytes
    ballots: int


@dataclass(frozen=True, slots=True)
class Past:
    """A page of a thing's history, oldest first. ballots: all so far. more: pages follow."""

    entries: tuple[Entry, ...]
    ballots: int
    more: bool


class History:
    """Answers from the index. Thread-safe; blocking, for small pages."""

    def __init__(self, ledger: LedgerReader, views: ViewDatabase) -> None:
        self._ledger = ledger
        self._views = views

    def of(self, thing: str, after: int = 0, size: int = PAGE_SIZE) -> Past:
        """The leaves that name a thing, those with public_seq > after, at most PAGE_SIZE of them.

        Empty for a thing that the log does not know.
        """
        size = max(1, min(size, PAGE_SIZE))
        rows = self._views.fetch_all(
            "SELECT public_seq, id, ballots FROM history WHERE thing = ? AND public_seq > ? "
            "ORDER BY public_seq LIMIT ?",
            (thing, after, size + 1),
        )
        bases = self._bases()
        entries = []
        for seq, leaf_id, ballots in rows[:size]:
            stored = self._ledger.public_by_id(leaf_id)
            if stored is not None:
                entries.append(Entry(_place(seq, bases), stored.leaf, ballots))
        return Past(tuple(entries), _ballots(self._views, thing), len(rows) > size)

    def leaf(self, event_id: str) -> Entry | None:
        """The leaf of an event, a ballot's too, for whoever knows its id."""
        stored = self._ledger.public_by_id(event_id)
        if stored is None:
            return None
        return Entry(_place(stored.public_seq, self._bases()), stored.leaf, 0)

    def growth(self) -> list[tuple[str, int]]:
        """(instant, leaves by then), oldest first, at most GROWTH_POINTS_MAX and a few.

        Instants are RFC 3339 cut off after the minute, the hour, the day or the month: whichever
        is fine enough.
        """
        count = self._views.fetch_one("SELECT count(*) FROM history_growth")
        minutes = int(count[0]) if count else 0
        cut = _MINUTE
        for coarser in (_HOUR, _DAY, _MONTH):
            if minutes <= GROWTH_POINTS_MAX:
                break
            cut = coarser
            found = self._views.fetch_one(
                f"SELECT count(DISTINCT substr(at, 1, {cut})) FROM history_growth"  # noqa: S608
            )
            minutes = int(found[0]) if found else 0
        rows = self._views.fetch_all(
            f"SELECT substr(at, 1, {cut}), max(leaves) FROM history_growth "  # noqa: S608
            "GROUP BY 1 ORDER BY 1 DESC LIMIT ?",
            (GROWTH_POINTS_MAX,),
        )
        return [(row[0], int(row[1])) for row in reversed(rows)]

    def _bases(self) -> list[tuple[int, int]]:
        rows = self._views.fetch_all("SELECT epoch, base FROM history_epochs ORDER BY epoch")
        return [(1, 0), *((int(row[0]), int(row[1])) for row in rows)]


def _place(public_seq: int, bases: list[tuple[int, int]]) -> Place:
    epoch, base = max(_before(public_seq, bases))
    return Place(public_seq, epoch, public_seq - 1 - base)


def _before(public_seq: int, bases: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    return (each for each in bases if each[1] < public_seq)
