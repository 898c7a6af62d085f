"""Forgets the answers that are kept for repeated commands, some days after they were given.

A caller repeats a command for minutes; the answers would be kept for ever. Their rows carry no
time, and are written where every command waits: so the time is noted beside, later, by whoever
tidies up. An answer is kept for at least the time asked for and at most one round longer.

Keys of reactions to others' events are no caller's: a person may have an event handled again after
months. They stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cahier_ledger.bus.database import Database, Sql

KEPT_DAYS = 7
PAGE_KEYS = 2_000
BATCH_KEYS = 500
"""Keys of one transaction: commands wait no longer than a few milliseconds for it."""

REACTION = "reaction/"
"""How the keys begin that bus.reactions gives (Delivery.key)."""

_TABLE = "idempotency_seen"
_SCHEMA = f"""
CREATE TABLE {_TABLE}(key TEXT PRIMARY KEY, seen_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX {_TABLE}_at ON {_TABLE}(seen_at)
"""
_UNSEEN = f"""
SELECT i.key, s.key FROM idempotency i LEFT JOIN {_TABLE} s ON s.key = i.key
WHERE i.key > ? ORDER BY i.key LIMIT ?
"""  # noqa: S608 - the names are ours
_SEE = f"INSERT INTO {_TABLE} VALUES (?, ?) ON CONFLICT DO NOTHING"  # noqa: S608
_OLD = f"SELECT key FROM {_TABLE} WHERE seen_at <= ? ORDER BY seen_at, key LIMIT ?"  # noqa: S608


class KeptAnswers:
    """The answers in one event store. Blocking; one caller at a time."""

    def __init__(self, database: Database) -> None:
        """database: the event store's own, opened apart from its writer."""
        self._db = database

    def prepare(self) -> None:
        """Makes what tidying up needs, unless it is there; raises the database's errors."""
        with self._db.transaction() as db:
            if _TABLE not in self._db.tables(db):
                self._db.create(db, _SCHEMA)

    def tidy(self, now: datetime, kept: timedelta = timedelta(days=KEPT_DAYS)) -> int:
        """Notes answers that are new and forgets those noted `kept` ago or earlier.

        Returns how many were forgotten. Interrupted anywhere, the next round goes on. Raises the
        database's errors.
        """
        self.prepare()
        for keys in self._unseen():
            with self._db.transaction() as db:
                db.executemany(_SEE, [(key, int(now.timestamp())) for key in keys])
        forgotten = 0
        while keys := self._old(now - kept):
            with self._db.transaction() as db:
                _forget(db, keys)
            forgotten += len(keys)
        return forgotten

    def close(self) -> None:
        """Closes its connections."""
        self._db.close()

    def _unseen(self) -> Iterator[list[str]]:
        """Keys that have not been noted, at most BATCH_KEYS at a time."""
        after = ""
        while page := self._db.fetch_all(_UNSEEN, (after, PAGE_KEYS)):
            after = page[-1][0]
            new = [key for key, seen in page if seen is None and not key.startswith(REACTION)]
            yield from (new[at : at + BATCH_KEYS] for at in range(0, len(new), BATCH_KEYS))

    def _old(self, before: datetime) -> list[str]:
        rows = self._db.fetch_all(_OLD, (int(before.timestamp()), BATCH_KEYS))
        return [row[0] for row in rows]


def _forget(db: Sql, keys: list[str]) -> None:
    """The answer before its note: what is left of an interruption is tidied up again."""
    for table in ("idempotency", _TABLE):
        db.executemany(f"DELETE FROM {table} WHERE key = ?", [(key,) for key in keys])  # noqa: S608
