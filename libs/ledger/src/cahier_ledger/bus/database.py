"""The tables behind views and inbox: a SQLite file here, a schema of PostgreSQL elsewhere.

Folds, effects and queries are written once, in the SQL that both databases read:

- placeholders `?`, or `?1 ?2 ...` where one value stands twice; parameters in a sequence;
- columns TEXT, INTEGER (64 bits), BLOB, in capitals, as are STRICT, WITHOUT ROWID and
  AUTOINCREMENT, which say on SQLite what they say and nothing on PostgreSQL;
- flags are INTEGER 0 and 1 and compared with `= 1`;
- `ON CONFLICT ... DO`, never `INSERT OR ...`: an error that is caught spoils a transaction;
- no json_each, no rowid, no `max(a, b)` of two values, LIKE on lower case only, and ORDER BY
  that says where NULL goes if there can be one.

Text compares by its code points on both.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from cahier_ledger.model import StoreUnavailable

BUSY_TIMEOUT_S = 10.0
CACHE_KIB = 16 * 1024


class Row(Protocol):
    """A row that is read by place or by name; `dict(row)` and `a, b = row` work."""

    def __getitem__(self, key: int | str, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...

    def keys(self) -> Iterable[str]:
        """The columns' names."""


class Cursor(Protocol):
    """The answer to a statement. rowcount: of the rows that it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Sql(Protocol):
    """A connection inside a transaction."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Runs one statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Runs one statement for each row of parameters."""


class Database(Protocol):
    """Tables of one purpose of one service; one writer at a time, readers beside it. Thread-safe.

    shared: whether other processes may work on it too.
    """

    shared: bool

    def transaction(self) -> AbstractContextManager[Sql]:
        """The one writing connection, in a transaction that ends with the block."""

    def snapshot(self) -> AbstractContextManager[Sql]:
        """A reading connection whose queries, until the block ends, see one moment."""

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of a query; the query names its own limit."""

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """The first row of a query, or None."""

    def create(self, db: Sql, statements: str) -> None:
        """Runs `CREATE ...` statements, separated by semicolons, inside a transaction."""

    def tables(self, db: Sql) -> set[str]:
        """The names of the tables that there are."""

    def scrub(self) -> None:
        """Makes sure, as far as the database can, that what was deleted is in none of its files."""

    def close(self) -> None:
        """Closes all connections. Safe to call twice; no reads may be under way."""


class SqliteDatabase:
    """Database on one file. Errors of the disk are sqlite3.OperationalError."""

    shared = False

    def __init__(self, path: Path, *, durable: bool) -> None:
        """Opens or makes the file; one process writes it at a time.

        durable: whether a transaction that returned survives the loss of power; without, the last
        ones may be gone, whole.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._local = threading.local()
        self._readers_lock = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        self._writer = _connect(path)
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA secure_delete = ON")
        self._writer.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("the database is closed")
            try:
                # Within the try: a BEGIN that fails may have begun, and would block all others.
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        reader = self._reader()
        try:
            # Within the try: a BEGIN that fails may have begun, and would refuse the next one.
            reader.execute("BEGIN")
            yield reader
        finally:
            if reader.in_transaction:
                reader.execute("ROLLBACK")

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return list(self._reader().execute(sql, parameters).fetchall())

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        row: Row | None = self._reader().execute(sql, parameters).fetchone()
        return row

    def create(self, db: Sql, statements: str) -> None:
        for statement in filter(str.strip, statements.split(";")):
            db.execute(statement)

    def tables(self, db: Sql) -> set[str]:
        return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def scrub(self) -> None:
        """Empties the write-ahead log; in the file secure_delete has overwritten what is gone.

        Raises StoreUnavailable while readers hold the log.
        """
        with self._lock:
            busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreUnavailable(f"{self._path.name} is being read: try again")

    def close(self) -> None:
        with self._lock, self._readers_lock:
            if self._closed:
                return
            self._closed = True
            for connection in (*self._readers, self._writer):
                connection.close()

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


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection
