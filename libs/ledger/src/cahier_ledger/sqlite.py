"""The event store on SQLite: one file a service, WAL, synchronous=FULL.

Readers use connections of their own and are never blocked by the writer. The writer's connection
is used by one thread; it re-reads heads and numbers inside BEGIN IMMEDIATE, so that a second
process on the same file could not make it number wrongly.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from cahier_ledger.model import (
    Append,
    Disclosure,
    Erasure,
    Heads,
    Idempotency,
    PublicRow,
    StoredEvent,
    StoreUnavailable,
)
from cahier_ledger.planning import (
    Known,
    Outcome,
    Plan,
    keys_of,
    leaf_ids_of,
    plan,
    streams_of,
)
from cahier_ledger.store import READ_LIMIT_DEFAULT
from cahier_ledger.texts import FoundText, filled, redacted

_log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
CACHE_KIB = 64 * 1024
READER_CACHE_KIB = 8 * 1024
BUSY_TIMEOUT_S = 5.0
SCRUB_WAIT_MS = 20
WAL_PAGES_BEFORE_CHECKPOINT = 4_000
WAL_BYTES_KEPT = 64 << 20
ITER_CHUNK = 5_000

_SCHEMA = (
    """
    CREATE TABLE events(
      seq INTEGER PRIMARY KEY,
      stream TEXT NOT NULL,
      version INTEGER NOT NULL,
      type TEXT NOT NULL,
      data BLOB NOT NULL,
      meta BLOB NOT NULL,
      recorded_at TEXT,
      UNIQUE(stream, version)
    ) STRICT
    """,
    """
    CREATE TABLE public(
      public_seq INTEGER PRIMARY KEY,
      seq INTEGER NOT NULL,
      id TEXT NOT NULL UNIQUE,
      leaf BLOB NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE disclosures(
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      salt BLOB NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY(id, name)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE idempotency(
      key TEXT PRIMARY KEY,
      digest BLOB NOT NULL,
      response BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

_EVENT = "SELECT seq, stream, version, type, data, meta, recorded_at FROM events "
_PUBLIC = (
    "SELECT p.public_seq, p.seq, p.id, p.leaf, e.meta FROM public p JOIN events e ON e.seq = p.seq "
)

Step = str
"""An I/O step of a batch: `open`, `begin`, `read`, `insert`, `commit`."""

IoHook = Callable[[Step, bool], None]
"""Called before (False) and after (True) each step; a test makes it raise sqlite3.Error."""


def no_hook(step: Step, done: bool) -> None:
    """The disk as it is."""


class SqliteReader:
    """The read side (store.LedgerReader) of one file; also for exports from a running city."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    def read_stream(
        self, stream: str, after_version: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[StoredEvent]:
        sql = _EVENT + "WHERE stream = ? AND version > ? ORDER BY version LIMIT ?"
        rows = self._all(sql, (stream, after_version, limit))
        return filled([StoredEvent(*row) for row in rows], self._texts)

    def read_all(self, after_seq: int = 0, limit: int = READ_LIMIT_DEFAULT) -> list[StoredEvent]:
        sql = _EVENT + "WHERE seq > ? ORDER BY seq LIMIT ?"
        rows = self._all(sql, (after_seq, limit))
        return filled([StoredEvent(*row) for row in rows], self._texts)

    def iter_data(
        self, type: str, after_seq: int = 0, up_to_seq: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        sql = "SELECT seq, data FROM events WHERE seq > ? AND seq <= ? AND type = ? ORDER BY seq"
        last = self.head_seq() if up_to_seq is None else min(up_to_seq, self.head_seq())
        while after_seq < last:
            chunk_end = min(after_seq + ITER_CHUNK, last)
            yield from self._all(sql, (after_seq, chunk_end, type))
            after_seq = chunk_end

    def read_public(
        self, after_public_seq: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[PublicRow]:
        sql = _PUBLIC + "WHERE p.public_seq > ? ORDER BY p.public_seq LIMIT ?"
        return [PublicRow(*row) for row in self._all(sql, (after_public_seq, limit))]

    def public_by_id(self, id: str) -> PublicRow | None:
        rows = self._all(_PUBLIC + "WHERE p.id = ?", (id,))
        return PublicRow(*rows[0]) if rows else None

    def head_seq(self) -> int:
        return self._number("SELECT max(seq) FROM events")

    def public_head(self) -> int:
        return self._number("SELECT max(public_seq) FROM public")

    def stream_version(self, stream: str) -> int:
        return self._number("SELECT max(version) FROM events WHERE stream = ?", (stream,))

    def disclosures(self, id: str) -> list[Disclosure]:
        sql = "SELECT name, salt, value FROM disclosures WHERE id = ? ORDER BY name"
        return [Disclosure(*row) for row in self._all(sql, (id,))]

    def _texts(self, ids: list[str]) -> list[FoundText]:
        return self._all(_TEXTS_IN, (json.dumps(ids),))

    def recall(self, key: str) -> Idempotency | None:
        sql = "SELECT key, digest, response FROM idempotency WHERE key = ?"
        rows = self._all(sql, (key,))
        return Idempotency(*rows[0]) if rows else None

    def close_reader(self) -> None:
        """Closes the idle connections; those in use are closed when they are given back."""
        self._closed = True
        with suppress(IndexError):
            while True:
                self._idle.popleft().close()

    def _all(self, sql: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(sql, parameters).fetchall()

    def _number(self, sql: str, parameters: tuple[object, ...] = ()) -> int:
        return int(self._all(sql, parameters)[0][0] or 0)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop() if self._idle else self._open()
        except IndexError:  # Another thread took the last idle one.
            connection = self._open()
        try:
            yield connection
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot read the store: {error}") from error
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        try:
            connection = _connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"cannot open the store: {error}") from error
        return connection


class SqliteWriter:
    """Stores batches in one transaction each. Used by one thread at a time."""

    def __init__(self, path: Path, *, io_hook: IoHook = no_hook) -> None:
        self._path = path
        self._io = io_hook
        self._connection: sqlite3.Connection | None = _open_for_writing(path)
        self._to_scrub = True  # Whoever wrote here before may have died between both steps.
        self.heads = _read_heads(self._connection)

    def commit_batch(self, batch: Sequence[Append]) -> list[Outcome]:
        """Answers each append. A failure of the disk answers all of them with StoreUnavailable,
        unless reading back shows that the transaction was stored after all."""
        decided: Plan | None = None
        try:
            connection = self._begin()
            known = self._read_known(connection, batch)
            decided = plan(batch, known)
            self._store(connection, decided)
            self.heads = known.numbers
            self._scrub_after(connection, decided)
            return decided.outcomes
        except (sqlite3.Error, OSError) as error:
            _log.warning("a batch of %d appends failed: %s", len(batch), error)
            self.close()
            if decided is not None and self._was_stored(decided):
                return decided.outcomes
            return [StoreUnavailable(f"cannot write the store: {error}") for _ in batch]

    def close(self) -> None:
        """Closes the connection (an open transaction is rolled back); the next batch reopens it.

        After a failed write SQLite's connection is not trusted again.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _begin(self) -> sqlite3.Connection:
        connection = self._connection or self._reopen()
        self._execute(connection, "begin", "BEGIN IMMEDIATE")
        return connection

    def _reopen(self) -> sqlite3.Connection:
        self._io("open", False)
        self._connection = _open_for_writing(self._path)
        self._io("open", True)
        return self._connection

    def _read_known(self, connection: sqlite3.Connection, batch: Sequence[Append]) -> Known:
        self._io("read", False)
        known = Known(
            _read_heads(connection),
            dict(_select_in(connection, _HEADS_IN, streams_of(batch))),
            {key for (key,) in _select_in(connection, _KEYS_IN, keys_of(batch))},
            {id for (id,) in _select_in(connection, _IDS_IN, leaf_ids_of(batch))},
        )
        self._io("read", True)
        return known

    def _store(self, connection: sqlite3.Connection, decided: Plan) -> None:
        if not decided.stores_something:
            connection.execute("ROLLBACK")
            return
        self._io("insert", False)
        connection.executemany("INSERT INTO events VALUES(?,?,?,?,?,?,?)", decided.events)
        connection.executemany("INSERT INTO public VALUES(?,?,?,?)", decided.public)
        connection.executemany("INSERT INTO disclosures VALUES(?,?,?,?)", decided.disclosures)
        connection.executemany("INSERT INTO idempotency VALUES(?,?,?)", decided.idempotency)
        for erasure in decided.erases:
            _erase(connection, erasure)
        self._io("insert", True)
        self._execute(connection, "commit", "COMMIT")

    def _execute(self, connection: sqlite3.Connection, step: Step, sql: str) -> None:
        self._io(step, False)
        connection.execute(sql)
        self._io(step, True)

    def _scrub_after(self, connection: sqlite3.Connection, decided: Plan) -> None:
        """Takes erased texts out of the write-ahead log, now or after a later batch."""
        self._to_scrub |= bool(decided.erases)
        if self._to_scrub:
            self._to_scrub = not _scrub(connection)

    def _was_stored(self, decided: Plan) -> bool:
        """Whether the transaction whose COMMIT failed is there: its last row tells."""
        try:
            connection = self._reopen()
            self.heads = _read_heads(connection)
            stored = _has_last_row(connection, decided)
            if stored:
                self._scrub_after(connection, decided)
            return stored
        except (sqlite3.Error, OSError) as error:
            _log.warning("cannot read back the last batch: %s", error)
            self.close()
            return False


_AT_PLACE = "SELECT seq, data FROM events WHERE stream = ? AND version = ?"
_OF_LEAF = "SELECT e.seq, e.data FROM events e JOIN public p ON p.seq = e.seq WHERE p.id = ?"
_HEADS_IN = (
    "SELECT stream, max(version) FROM events "
    "WHERE stream IN (SELECT value FROM json_each(?)) GROUP BY stream"
)
_TEXTS_IN = "SELECT id, name, value FROM disclosures WHERE id IN (SELECT value FROM json_each(?))"
_KEYS_IN = "SELECT key FROM idempotency WHERE key IN (SELECT value FROM json_each(?))"
_IDS_IN = "SELECT id FROM public WHERE id IN (SELECT value FROM json_each(?))"


def _select_in(connection: sqlite3.Connection, sql: str, names: Iterable[str]) -> Iterable[Any]:
    wanted = sorted(names)
    return connection.execute(sql, (json.dumps(wanted),)) if wanted else ()


def _erase(connection: sqlite3.Connection, erasure: Erasure) -> None:
    of_it = (erasure.id,)
    rows = connection.execute("SELECT name FROM disclosures WHERE id = ?", of_it).fetchall()
    stream, _, version = erasure.id.rpartition("@")
    found = (
        connection.execute(_AT_PLACE, (stream, int(version)))
        if stream
        else connection.execute(_OF_LEAF, of_it)
    ).fetchone()
    connection.execute("DELETE FROM disclosures WHERE id = ?", of_it)
    if found is not None:
        data = redacted(found[1], {*erasure.inside, *(name for (name,) in rows)})
        if data != found[1]:
            connection.execute("UPDATE events SET data = ? WHERE seq = ?", (data, found[0]))


def _scrub(connection: sqlite3.Connection) -> bool:
    """Empties the write-ahead log, where erased texts still stand; False while readers hold it.

    In the file itself secure_delete has overwritten them. It waits for readers SCRUB_WAIT_MS only:
    behind it wait commits, and a long reader, such as a backup, would hold up each of them.
    """
    try:
        connection.execute(f"PRAGMA busy_timeout={SCRUB_WAIT_MS}")
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
    except sqlite3.Error as error:
        _log.warning("erased texts stay in the write-ahead log for now: %s", error)
        return False
    return not busy


def _read_heads(connection: sqlite3.Connection) -> Heads:
    row = connection.execute(
        "SELECT (SELECT max(seq) FROM events), (SELECT max(public_seq) FROM public)"
    ).fetchone()
    return Heads(row[0] or 0, row[1] or 0)


def _has_last_row(connection: sqlite3.Connection, decided: Plan) -> bool:
    if decided.events:
        row = connection.execute(_EVENT + "WHERE seq = ?", (decided.events[-1][0],)).fetchone()
        return bool(row == decided.events[-1])
    if decided.idempotency:
        sql = "SELECT key, digest, response FROM idempotency WHERE key = ?"
        row = connection.execute(sql, (decided.idempotency[-1][0],)).fetchone()
        return bool(row == decided.idempotency[-1])
    return True


def _connect(database: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        database, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=uri
    )


def _open_for_writing(path: Path) -> sqlite3.Connection:
    connection = _connect(str(path))
    try:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"cache_size=-{CACHE_KIB}",
            f"wal_autocheckpoint={WAL_PAGES_BEFORE_CHECKPOINT}",
            f"journal_size_limit={WAL_BYTES_KEPT}",
            "secure_delete=ON",
        ):
            with closing(connection.execute(f"PRAGMA {pragma}")) as cursor:
                cursor.fetchall()
        _create_or_check(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _create_or_check(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        version = SCHEMA_VERSION
    connection.execute("COMMIT")
    if version != SCHEMA_VERSION:
        raise StoreUnavailable(f"{path} has schema {version}, this release reads {SCHEMA_VERSION}")
