"""A service's read models: one SQLite file of its own that can be deleted and built again.

A view's rows and the position up to which it has taken in events change in one transaction, so
that an event takes effect once however often it is delivered. The file is disposable: it holds
nothing that cannot be folded again from the logs, hence `synchronous=NORMAL`. After a loss of
power it may be some events behind, never half an event wrong.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

BUSY_TIMEOUT_S = 10.0
CACHE_KIB = 16 * 1024
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
Fold = Callable[[sqlite3.Connection, E], None]
"""Takes one event into a view. It runs on a worker thread inside the transaction that also moves
the position: it writes to the connection and has no other effect, starts and ends no transaction,
and is deterministic."""


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
    """The views' file: one writer at a time, readers beside it on their own connections.

    Thread-safe. Reads see whole transactions only. Errors of the disk are sqlite3.OperationalError
    for which `is_passing` is true.
    """

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; one process writes it at a time."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._local = threading.local()
        self._readers_lock = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        self._writer = self._open_writer()

    def declare(self, view: View) -> int:
        """Makes the view's tables, or drops and makes them again when they no longer fit.

        Returns the position to go on after (0 = from the start).
        """
        with self.transaction() as db:
            row = db.execute(
                "SELECT position, fingerprint FROM positions WHERE name = ?", (view.name,)
            ).fetchone()
            if row is not None and row[1] == view.fingerprint() and _all_there(db, view):
                return int(row[0])
            _make(db, view)
        return 0

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
        does not stand at `after`, and passing disk errors; then nothing was taken in.
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
                for _, event in events:
                    fold(db, event)
                    done += 1
                _move(db, view.name, after, events[-1][0])
        except ViewMoved:
            raise
        except Exception as error:
            if is_passing(error):
                raise
            return (done if done < len(events) else 0), error
        return done, None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The one writing connection, in a transaction that ends with the block."""
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the views are closed")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query; the query names its own limit."""
        return self._reader().execute(sql, parameters).fetchall()

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self._reader().execute(sql, parameters).fetchone()
        return row

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A reading connection whose queries, until the block ends, see one moment."""
        reader = self._reader()
        reader.execute("BEGIN")
        try:
            yield reader
        finally:
            reader.execute("ROLLBACK")

    def close(self) -> None:
        """Closes all connections. Safe to call twice; no reads may be under way."""
        with self._lock, self._readers_lock:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._readers, self._writer):
                connection.close()

    def _open_writer(self) -> sqlite3.Connection:
        writer = _connect(self._path)
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("PRAGMA synchronous = NORMAL")
        writer.execute(
            "CREATE TABLE IF NOT EXISTS positions("
            "name TEXT PRIMARY KEY, position INTEGER NOT NULL, fingerprint TEXT NOT NULL)"
        )
        return writer

    def _reader(self) -> sqlite3.Connection:
        reader: sqlite3.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = _connect(self._path)
            reader.execute("PRAGMA query_only = ON")
            reader.row_factory = sqlite3.Row
            with self._readers_lock:
                self._readers.append(reader)
            self._local.reader = reader
        return reader


def is_passing(error: BaseException) -> bool:
    """Whether a SQLite error is the disk's or a lock's, so that a later try may succeed."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _PASSING_CODES


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def _move(db: sqlite3.Connection, name: str, after: int, position: int) -> None:
    moved = db.execute(
        "UPDATE positions SET position = ? WHERE name = ? AND position = ?", (position, name, after)
    )
    if moved.rowcount != 1:
        raise ViewMoved(f"view {name} does not stand at {after}")


def _all_there(db: sqlite3.Connection, view: View) -> bool:
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return names.issuperset(view.tables)


def _make(db: sqlite3.Connection, view: View) -> None:
    for table in view.tables:
        db.execute(f'DROP TABLE IF EXISTS "{table}"')
    for statement in view.schema.split(";"):
        if statement.strip():
            db.execute(statement)
    if not _all_there(db, view):
        raise ValueError(f"the schema of view {view.name} does not create all of {view.tables}")
    db.execute(
        "INSERT INTO positions VALUES (?, 0, ?) "
        "ON CONFLICT (name) DO UPDATE SET position = 0, fingerprint = excluded.fingerprint",
        (view.name, view.fingerprint()),
    )
