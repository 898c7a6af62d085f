"""Remembers which events a reaction has acted on, in the transaction in which it acted.

Unlike the views these tables cannot be built again: without them, mails would be sent twice. So
they are as durable as the event store and belong into the backup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from cahier_ledger.bus.database import Database, Row, Sql, SqliteDatabase

Effect = Callable[[Sql], None]
"""Writes to the inbox's database, on a worker thread, inside its transaction; nothing else. Which
SQL it may speak says the module `database`."""


class AlreadyDone(Exception):
    """The reaction has already acted on this event."""


class Inbox:
    """A service's inbox, and the tables that its reactions write to. Thread-safe.

    Guarantees: an effect and the note that it was done are stored together or not at all, and an
    effect of one reaction on one event is stored at most once, in however many processes it runs.
    """

    def __init__(self, place: Path | Database, schema: str = "") -> None:
        """place: a SQLite file, made if need be, or a database.

        schema: `CREATE TABLE IF NOT EXISTS ...` of the tables that effects write to.
        """
        self._db = SqliteDatabase(place, durable=True) if isinstance(place, Path) else place
        with self._db.transaction() as db:
            self._db.create(
                db,
                "CREATE TABLE IF NOT EXISTS inbox(reaction TEXT NOT NULL, event_id TEXT NOT NULL, "
                "PRIMARY KEY (reaction, event_id)) WITHOUT ROWID;" + schema,
            )

    def done(self, reaction: str, event_id: str) -> bool:
        """Whether the reaction has acted on the event."""
        row = self._db.fetch_one(
            "SELECT 1 FROM inbox WHERE reaction = ? AND event_id = ?", (reaction, event_id)
        )
        return row is not None

    def do(self, reaction: str, event_id: str, effect: Effect | None = None) -> None:
        """Stores the effect, if any, and that the event is done with; durable when it returns.

        Raises AlreadyDone, then nothing was stored, and whatever the effect raises.
        """
        with self._db.transaction() as db:
            _note(db, reaction, event_id)
            if effect is not None:
                effect(db)

    def those_done(self, reaction: str, event_ids: Sequence[str]) -> set[str]:
        """Which of the events the reaction has acted on."""
        marks = ", ".join("?" * len(event_ids))
        if not marks:
            return set()
        rows = self._db.fetch_all(
            f"SELECT event_id FROM inbox WHERE reaction = ? AND event_id IN ({marks})",  # noqa: S608
            (reaction, *event_ids),
        )
        return {row[0] for row in rows}

    def do_all(self, reaction: str, event_ids: Sequence[str]) -> None:
        """Stores that the events are done with, those that were not yet; durable at its return."""
        if event_ids:
            with self._db.transaction() as db:
                db.executemany(
                    "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO NOTHING",
                    [(reaction, event_id) for event_id in event_ids],
                )

    def transaction(self) -> AbstractContextManager[Sql]:
        """For what effects left to be done; ends with the block, durable then."""
        return self._db.transaction()

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query on the tables of effects; the query names its own limit."""
        return self._db.fetch_all(sql, parameters)

    def close(self) -> None:
        """Closes all connections. Safe to call twice; no reads may be under way."""
        self._db.close()


def _note(db: Sql, reaction: str, event_id: str) -> None:
    added = db.execute(
        "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO NOTHING", (reaction, event_id)
    )
    if added.rowcount != 1:
        raise AlreadyDone(f"{reaction} has acted on {event_id}")
