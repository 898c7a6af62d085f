"""A service's read models, in tables of their own that can be deleted and built again.

A view's rows and the position up to which it has taken in events change in one transaction, so
that an event takes effect once however often it is delivered. The tables are disposable: they hold
nothing that cannot be folded again from the logs, so a commit need not wait for the disk. After a
loss of power they may be some events behind, never half an event wrong.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from cahier_ledger.bus.database import Database, Row, Sql, SqliteDatabase
from cahier_ledger.model import StoreUnavailable

_PASSING_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)

E = TypeVar("E")
Fold = Callable[[Sql, E], None]
"""Takes one event into a view. It runs on a worker thread inside the transaction that also moves
the position: it writes to the connection and has no other effect, starts and ends no transaction,
and is deterministic. Which SQL it may speak says the module `database`."""


@dataclass(frozen=True, slots=True)
class View:
    """A read model fed from one log.

    name: of the position. tables: every table it owns (no other view's). schema: the statements
    that create them, separated by semicolons. When the schema changes, or a table is missing, the
    tables are dropped and the view is built again from the first event; so does a new `version`,
    for a fold that has changed its mind.
    """

    name: str
    tables: tuple[str, ...]
    schema: str
    version: int = 1

    def fingerprint(self) -> str:
        return sha256(f"{self.version}\0{self.schema}".encode()).hexdigest()


class ViewMoved(Exception):
    """The view does not stand where its projection left it: it was forgotten, or there are two."""


class ViewDatabase:
    """All views of one service: one writer at a time, readers beside it on their own connections.

    Thread-safe. Reads see whole transactions only. Errors of the disk or the server are those for
    which `is_passing` is true.
    """

    def __init__(self, place: Path | Database) -> None:
        """place: a SQLite file, made if need be, that one process writes; or a database."""
        self._db = SqliteDatabase(place, durable=False) if isinstance(place, Path) else place
        with self._db.transaction() as db:
            self._db.create(
                db,
                "CREATE TABLE IF NOT EXISTS positions("
                "name TEXT PRIMARY KEY, position INTEGER NOT NULL, fingerprint TEXT NOT NULL);"
                "CREATE TABLE IF NOT EXISTS epochs(name TEXT PRIMARY KEY, epoch INTEGER NOT NULL)",
            )

    @property
    def shared(self) -> bool:
        """Whether other processes may fold into these views and read them."""
        return self._db.shared

    def declare(self, view: View) -> int:
        """Makes the view's tables, or drops and makes them again when they no longer fit.

        Returns the position to go on after (0 = from the start).
        """
        with self.transaction() as db:
            row = db.execute(
                "SELECT position, fingerprint FROM positions WHERE name = ?", (view.name,)
            ).fetchone()
            if row is not None and row[1] == view.fingerprint() and self._all_there(db, view):
                return int(row[0])
            self._make(db, view)
        return 0

    def enter_epoch(self, view: View, epoch: int) -> int:
        """Says from which epoch of a log a view is fed: of another one it is built again.

        Returns the position to go on after.
        """
        with self.transaction() as db:
            row = db.execute("SELECT epoch FROM epochs WHERE name = ?", (view.name,)).fetchone()
            if (1 if row is None else int(row[0])) != epoch:
                self._make(db, view)
                db.execute(
                    "INSERT INTO epochs VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch",
                    (view.name, epoch),
                )
        return self.position(view.name)

    def forget_all(self) -> None:
        """Empties all views, whose store was put back from a backup."""
        with self.transaction() as db:
            db.execute("DELETE FROM positions")

    def forget(self, view: View) -> None:
        """Empties a view; it is built again from the start when it is next declared."""
        with self.transaction() as db:
            db.execute("DELETE FROM positions WHERE name = ?", (view.name,))

    def position(self, name: str) -> int:
        """The last event taken in by a view; 0 = none."""
        row = self.fetch_one("SELECT position FROM positions WHERE name = ?", (name,))
        return int(row[0]) if row else 0

    def fold(
        self, view: View, after: int, events: Sequence[tuple[int, E]], fold: Fold[E]
    ) -> tuple[int, Exception | None]:
        """Takes in (position, event) pairs that follow on `after`, in order, in one transaction.

        Returns how many were taken in and, if that is not all, why the next one was not: those
        before it are kept, it and those after it leave no trace. Raises ViewMoved when the view
        does not stand at `after`, and passing errors; then nothing was taken in.
        """
        taken, error = self._try_fold(view, after, events, fold)
        if error is None or taken == 0:
            return taken, error
        kept, second = self._try_fold(view, after, events[:taken], fold)
        return (kept, error) if second is None else (0, second)

    def _try_fold(
        self, view: View, after: int, events: Sequence[tuple[int, E]], fold: Fold[E]
    ) -> tuple[int, Exception | None]:
        """As fold, but at an error nothing at all is taken in; then the count tells the culprit."""
        done = 0
        try:
            with self.transaction() as db:
                # First: a second projection must not take its own double for a poisonous event.
                _move(db, view.name, after, events[-1][0])
                for _, event in events:
                    fold(db, event)
                    done += 1
        except ViewMoved:
            raise
        except Exception as error:
            if is_passing(error):
                raise
            return (done if done < len(events) else 0), error
        return done, None

    def transaction(self) -> AbstractContextManager[Sql]:
        """The one writing connection, in a transaction that ends with the block."""
        return self._db.transaction()

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query; the query names its own limit."""
        return self._db.fetch_all(sql, parameters)

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""
        return self._db.fetch_one(sql, parameters)

    def snapshot(self) -> AbstractContextManager[Sql]:
        """A reading connection whose queries, until the block ends, see one moment."""
        return self._db.snapshot()

    def scrub(self) -> None:
        """Makes sure that what was deleted is in no file any more; raises StoreUnavailable."""
        self._db.scrub()

    def close(self) -> None:
        """Closes all connections. Safe to call twice; no reads may be under way."""
        self._db.close()

    def _all_there(self, db: Sql, view: View) -> bool:
        return self._db.tables(db).issuperset(view.tables)

    def _make(self, db: Sql, view: View) -> None:
        for table in view.tables:
            db.execute(f'DROP TABLE IF EXISTS "{table}"')
        self._db.create(db, view.schema)
        if not self._all_there(db, view):
            raise ValueError(f"the schema of view {view.name} does not create all of {view.tables}")
        db.execute(
            "INSERT INTO positions VALUES (?, 0, ?) "
            "ON CONFLICT (name) DO UPDATE SET position = 0, fingerprint = excluded.fingerprint",
            (view.name, view.fingerprint()),
        )


def is_passing(error: BaseException) -> bool:
    """Whether an error is the disk's, the server's or a lock's: a later try may succeed."""
    if isinstance(error, StoreUnavailable):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _PASSING_CODES


def _move(db: Sql, name: str, after: int, position: int) -> None:
    moved = db.execute(
        "UPDATE positions SET position = ? WHERE name = ? AND position = ?", (position, name, after)
    )
    if moved.rowcount != 1:
        raise ViewMoved(f"view {name} does not stand at {after}")
