"""bus.database.Database on one schema of PostgreSQL, for views and inboxes.

Writers of all processes take turns by an advisory lock, as those of one file do: a fold never
meets another's half-done work, and a deadlock is out of the question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import psycopg
from psycopg import sql as names
from psycopg.adapt import Loader
from psycopg.rows import RowMaker
from psycopg.types.numeric import Int8Dumper

from cahier_ledger.bus.database import Row, Sql
from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.connections import Connection, Pool, connect, is_passing, lock_key
from cahier_ledger.postgres.dialect import definition, statement
from cahier_ledger.postgres.pulse import pulse_of


class PostgresDatabase:
    """Tables of one purpose of one service. Raises StoreUnavailable when the server is away."""

    shared = True

    def __init__(self, dsn: str, schema: str, *, durable: bool) -> None:
        """Makes the schema if it is missing.

        durable: whether a transaction that returned survives a crash of the server; without, the
        last ones may be gone, whole.
        """
        self._dsn = dsn
        self._schema = schema
        self._durable = durable
        self._lock_key = lock_key("tables", schema)
        self._lock = threading.Lock()
        self._closed = False
        self._writer: Connection | None = None
        self._readers = Pool(partial(_connect_reader, dsn, schema), pulse=pulse_of(dsn))
        with self._lock, _unavailable_when_passing():
            self._make_schema(self._connect_writer())

    @contextmanager
    def transaction(self) -> Iterator[Sql]:
        with self._lock, _unavailable_when_passing():
            if self._closed:
                raise StoreUnavailable("the database is closed")
            connection = self._begin()
            try:
                yield PostgresSql(connection)
                _commit(connection)
            except BaseException:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Sql]:
        with _unavailable_when_passing(), self._readers.hold() as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            try:
                yield PostgresSql(connection)
            finally:
                with suppress(psycopg.Error):
                    connection.execute("ROLLBACK")

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        wanted = statement(sql)
        arguments = wanted.arguments(parameters)

        def work(connection: Connection) -> list[Row]:
            return connection.execute(wanted.query, arguments).fetchall()

        return self._readers.read(work)

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        wanted = statement(sql)
        arguments = wanted.arguments(parameters)

        def work(connection: Connection) -> Row | None:
            row: Row | None = connection.execute(wanted.query, arguments).fetchone()
            return row

        return self._readers.read(work)

    def create(self, db: Sql, statements: str) -> None:
        for each in filter(str.strip, statements.split(";")):
            db.execute(definition(each))

    def tables(self, db: Sql) -> set[str]:
        found = db.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = ?", (self._schema,)
        ).fetchall()
        return {row[0] for row in found}

    def scrub(self) -> None:
        """Nothing: dead rows vanish as vacuum and write-ahead logs take their course."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        self._readers.close()

    def _begin(self) -> Connection:
        connection = self._writer
        if connection is not None and not connection.closed:
            try:
                return self._lock_in(connection)
            except psycopg.OperationalError:
                if not connection.closed:
                    raise
        return self._lock_in(self._connect_writer())

    def _lock_in(self, connection: Connection) -> Connection:
        connection.execute("BEGIN")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (self._lock_key,))
        return connection

    def _connect_writer(self) -> Connection:
        self._writer = _adapted(connect(self._dsn, self._schema))
        if not self._durable:
            self._writer.execute("SET synchronous_commit = off")
        return self._writer

    def _make_schema(self, connection: Connection) -> None:
        there = connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", (self._schema,)
        ).fetchone()
        if there is None:
            self._lock_in(connection)
            make = names.SQL("CREATE SCHEMA IF NOT EXISTS {}")
            connection.execute(make.format(names.Identifier(self._schema)))
            connection.execute("COMMIT")


class PostgresSql:
    """bus.database.Sql on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> psycopg.Cursor[Any]:
        wanted = statement(sql)
        return self._connection.execute(wanted.query, wanted.arguments(parameters))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> psycopg.Cursor[Any]:
        wanted = statement(sql)
        cursor = self._connection.cursor()
        cursor.executemany(wanted.query, [wanted.arguments(row) for row in rows])
        return cursor


class NamedRow:
    """A row by place and by name, as sqlite3.Row is."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: dict[str, int], values: Sequence[Any]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, key: int | str) -> Any:
        return self._values[self._names[key] if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> Iterable[str]:
        return self._names.keys()


def _named_rows(cursor: psycopg.Cursor[Any]) -> RowMaker[NamedRow]:
    names = {column.name: place for place, column in enumerate(cursor.description or ())}
    return partial(NamedRow, names)


class _WholeNumber(Loader):
    """A sum of bigint is numeric on PostgreSQL and an integer for whoever asked for it."""

    def load(self, data: Any) -> int:
        return int(bytes(data))


def _adapted(connection: Connection) -> Connection:
    # Otherwise the size of a number decides its type, and a sum of two small ones overflows.
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_loader("numeric", _WholeNumber)
    return connection


def _connect_reader(dsn: str, schema: str) -> Connection:
    connection = _adapted(connect(dsn, schema, read_only=True))
    connection.row_factory = _named_rows
    return connection


def _commit(connection: Connection) -> None:
    done = connection.execute("COMMIT")
    if done.statusmessage != "COMMIT":  # After an error that was caught the server rolls back.
        raise psycopg.errors.InFailedSqlTransaction("the transaction was rolled back")


@contextmanager
def _unavailable_when_passing() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        if not is_passing(error):
            raise
        raise StoreUnavailable(f"the database failed: {type(error).__name__}") from error
