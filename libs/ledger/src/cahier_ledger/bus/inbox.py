"""Remembers which events a reaction has acted on, in the transaction in which it acted.

Unlike the views this file cannot be built again: without it, mails would be sent twice. So it is
as durable as the event store (`synchronous=FULL`) and belongs into the backup.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

BUSY_TIMEOUT_S = 10.0

Effect = Callable[[sqlite3.Connection], None]
"""Writes to the inbox's database, on a worker thread, inside its transaction; nothing else."""


class AlreadyDone(Exception):
    """The reaction has already acted on this event."""


class Inbox:
    """A service's inbox, and the tables that its reactions write to. Thread-safe.

    Guarantees: an effect and the note that it was done are stored together or not at all, and an
    effect of one reaction on one event is stored at most once.
    """

    def __init__(self, path: Path, schema: str = "") -> None:
        """schema: `CREATE TABLE IF NOT EXISTS ...` of the tables that effects write to."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS inbox(reaction TEXT NOT NULL, event_id TEXT NOT NULL, "
            "PRIMARY KEY (reaction, event_id)) WITHOUT ROWID"
        )
        for statement in filter(str.strip, schema.split(";")):
            self._db.execute(statement)

    def done(self, reaction: str, event_id: str) -> bool:
        """Whether the reaction has acted on the event."""
        with self._lock:
            row = self._db.execute(
                "SELECT 1 FROM inbox WHERE reaction = ? AND event_id = ?", (reaction, event_id)
            ).fetchone()
        return row is not None

    def do(self, reaction: str, event_id: str, effect: Effect | None = None) -> None:
        """Stores the effect, if any, and that the event is done with; durable when it returns.

        Raises AlreadyDone, then nothing was stored, and whatever the effect raises.
        """
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._note(reaction, event_id)
                if effect is not None:
                    effect(self._db)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _note(self, reaction: str, event_id: str) -> None:
        added = self._db.execute(
            "INSERT INTO inbox VALUES (?, ?) ON CONFLICT DO NOTHING", (reaction, event_id)
        )
        if added.rowcount != 1:
            raise AlreadyDone(f"{reaction} has acted on {event_id}")

    def close(self) -> None:
        """Closes the file. Safe to call twice."""
        with self._lock:
            self._db.close()
