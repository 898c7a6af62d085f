"""The event store's write side on PostgreSQL: one transaction a batch, under one advisory lock.

The lock makes writers of all replicas take turns from reading the heads to the commit, which is
what makes `seq` gapless and visible in its order: the server lets go of the lock only after the
transaction can be seen. Batched, it costs next to nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import psycopg

from cahier_ledger.model import Append, Erasure, Heads, StoreUnavailable
from cahier_ledger.planning import Known, Outcome, Plan, keys_of, leaf_ids_of, plan, streams_of
from cahier_ledger.postgres.connections import Connection, connect, lock_key
from cahier_ledger.postgres.reader import EVENT, HEADS, read_heads
from cahier_ledger.texts import redacted

_log = logging.getLogger(__name__)

Step = str
"""An I/O step of a batch: `open`, `begin`, `read`, `insert`, `commit`."""

IoHook = Callable[[Step, bool], None]
"""Called before (False) and after (True) each step; a test makes it raise psycopg.Error."""

# A probe of the index for each name: one stream may have very many versions.
_HEADS_IN = (
    "SELECT name, version FROM (SELECT name, (SELECT max(version) FROM events WHERE stream = name)"
    " AS version FROM unnest(%s::text[]) AS name) AS heads WHERE version IS NOT NULL"
)
_KEYS_IN = "SELECT key FROM idempotency WHERE key = ANY(%s::text[])"
_IDS_IN = "SELECT id FROM public WHERE id = ANY(%s::text[])"

_AT_PLACE = b"SELECT seq, data FROM events WHERE stream = %s AND version = %s"
_OF_LEAF = b"SELECT e.seq, e.data FROM events e JOIN public p ON p.seq = e.seq WHERE p.id = %s"

_INSERTS = {
    "events": "INSERT INTO events SELECT * FROM unnest(%b::bigint[], %s::text[], %b::bigint[],"
    " %s::text[], %b::bytea[], %b::bytea[], %s::text[])",
    "public": "INSERT INTO public SELECT * FROM unnest(%b::bigint[], %b::bigint[], %s::text[],"
    " %b::bytea[])",
    "disclosures": "INSERT INTO disclosures SELECT * FROM unnest(%s::text[], %s::text[],"
    " %b::bytea[], %b::bytea[])",
    "idempotency": "INSERT INTO idempotency SELECT * FROM unnest(%s::text[], %b::bytea[],"
    " %b::bytea[])",
}


def no_hook(step: Step, done: bool) -> None:
    """The server as it is."""


def channel(schema: str) -> str:
    """The channel on which a schema's commits are told to other processes."""
    return f"cahier_{schema}"


class PostgresWriter:
    """Stores batches in one transaction each. Used by one thread at a time."""

    def __init__(self, dsn: str, schema: str, *, io_hook: IoHook = no_hook) -> None:
        """Connects; raises psycopg.Error."""
        self._dsn = dsn
        self._schema = schema
        self._io = io_hook
        self._lock_key = lock_key("writer", schema)
        self._connection: Connection | None = connect(dsn, schema)
        self.heads = read_heads(self._connection)

    def commit_batch(self, batch: Sequence[Append]) -> list[Outcome]:
        """Answers each append. A failure answers all of them with StoreUnavailable, unless
        reading back shows that the transaction was stored after all."""
        decided: Plan | None = None
        try:
            connection = self._begin()
            known = self._read_known(connection, batch)
            decided = plan(batch, known)
            self._store(connection, decided, known.numbers)
            self.heads = known.numbers
            return decided.outcomes
        except (psycopg.Error, OSError) as error:
            _log.warning("a batch of %d appends failed: %s", len(batch), type(error).__name__)
            self.close()
            if decided is not None and self._was_stored(decided):
                return decided.outcomes
            reason = f"cannot write the store: {type(error).__name__}"
            return [StoreUnavailable(reason) for _ in batch]

    def close(self) -> None:
        """Closes the connection (an open transaction is rolled back); the next batch reopens it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _begin(self) -> Connection:
        connection = self._connection or self._reopen()
        self._io("begin", False)
        try:
            self._lock(connection)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            connection = self._reopen()  # It was lost while nothing was asked of it.
            self._lock(connection)
        self._io("begin", True)
        return connection

    def _lock(self, connection: Connection) -> None:
        # A statement of its own: the next one then sees all that was committed before.
        connection.execute("BEGIN")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (self._lock_key,))

    def _reopen(self) -> Connection:
        self._io("open", False)
        self._connection = connect(self._dsn, self._schema)
        self._io("open", True)
        return self._connection

    def _read_known(self, connection: Connection, batch: Sequence[Append]) -> Known:
        self._io("read", False)
        with connection.pipeline():
            heads = connection.execute(HEADS)
            streams = _select_in(connection, _HEADS_IN, streams_of(batch))
            keys = _select_in(connection, _KEYS_IN, keys_of(batch))
            ids = _select_in(connection, _IDS_IN, leaf_ids_of(batch))
        row = heads.fetchone() or (None, None)
        known = Known(
            Heads(row[0] or 0, row[1] or 0),
            dict(_rows(streams)),
            {key for (key,) in _rows(keys)},
            {id for (id,) in _rows(ids)},
        )
        self._io("read", True)
        return known

    def _store(self, connection: Connection, decided: Plan, heads: Heads) -> None:
        if not decided.stores_something:
            connection.execute("ROLLBACK")
            return
        self._io("insert", False)
        with connection.pipeline():
            for table, rows in _rows_by_table(decided):
                columns = [list(column) for column in zip(*rows, strict=True)]
                connection.execute(_INSERTS[table].encode(), columns)
            told = f"{heads.seq} {heads.public_seq}"
            connection.execute("SELECT pg_notify(%s, %s)", (channel(self._schema), told))
        for erasure in decided.erases:
            _erase(connection, erasure)
        self._io("insert", True)
        self._io("commit", False)
        connection.execute("COMMIT")
        self._io("commit", True)

    def _was_stored(self, decided: Plan) -> bool:
        """Whether the transaction whose COMMIT failed is there: its last row tells.

        Under the lock: while the server is still about to commit it, this waits.
        """
        try:
            connection = self._reopen()
            self._lock(connection)
            stored = _has_last_row(connection, decided)
            self.heads = read_heads(connection)
            connection.execute("ROLLBACK")
            return stored
        except (psycopg.Error, OSError) as error:
            _log.warning("cannot read back the last batch: %s", type(error).__name__)
            self.close()
            return False


def _rows_by_table(decided: Plan) -> Iterable[tuple[str, list[Any]]]:
    texts = [(id, name, salt, value.encode()) for id, name, salt, value in decided.disclosures]
    tables: tuple[tuple[str, list[Any]], ...] = (
        ("events", decided.events),
        ("public", decided.public),
        ("disclosures", texts),
        ("idempotency", decided.idempotency),
    )
    return ((table, rows) for table, rows in tables if rows)


def _erase(connection: Connection, erasure: Erasure) -> None:
    rows = connection.execute(
        "DELETE FROM disclosures WHERE id = %s RETURNING name", (erasure.id,)
    ).fetchall()
    stream, _, version = erasure.id.rpartition("@")
    found = (
        connection.execute(_AT_PLACE, (stream, int(version)), binary=True)
        if stream
        else connection.execute(_OF_LEAF, (erasure.id,), binary=True)
    ).fetchone()
    if found is not None:
        data = redacted(found[1], {*erasure.inside, *(name for (name,) in rows)})
        if data != found[1]:
            connection.execute("UPDATE events SET data = %s WHERE seq = %s", (data, found[0]))


def _select_in(
    connection: Connection, sql: str, names: Iterable[str]
) -> psycopg.Cursor[Any] | None:
    wanted = sorted(names)
    return connection.execute(sql.encode(), (wanted,)) if wanted else None


def _rows(cursor: psycopg.Cursor[Any] | None) -> list[Any]:
    return cursor.fetchall() if cursor is not None else []


def _has_last_row(connection: Connection, decided: Plan) -> bool:
    if decided.events:
        last = decided.events[-1]
        found = connection.execute(EVENT.encode() + b"WHERE seq = %s", (last[0],), binary=True)
        return bool(found.fetchone() == last)
    if decided.idempotency:
        kept = decided.idempotency[-1]
        sql = b"SELECT key, digest, response FROM idempotency WHERE key = %s"
        return bool(connection.execute(sql, (kept[0],), binary=True).fetchone() == kept)
    return True
