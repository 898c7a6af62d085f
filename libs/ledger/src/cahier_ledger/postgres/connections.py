"""Connections to PostgreSQL: bounded in number and in waiting, replaced when they break.

A server that restarts breaks every connection. Who reads is given a fresh one and does not
notice a short absence; who writes learns that the store is unavailable and tries again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.pulse import ANSWER_S_MAX, BoundedConnection, Pulse, pulse_of

CONNECT_TIMEOUT_S = 5
TCP_TIMEOUT_MS = 10_000
LOCK_TIMEOUT_MS = 20_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
READERS_MAX = 4
READER_WAIT_S_MAX = 10.0

# Classes of SQLSTATE after which the same statement may succeed later: connection, transaction
# rollback, resources (disk full, too many connections), lock not available, operator, system.
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})

Connection = psycopg.Connection[Any]
T = TypeVar("T")


def connect(
    dsn: str, schema: str, *, read_only: bool = False, answer_s: float = ANSWER_S_MAX
) -> BoundedConnection:
    """An autocommitting connection whose search_path is `schema` alone; raises psycopg.Error.

    answer_s: longest wait for an answer; a reader also waits no longer once the server is known to
    be silent (pulse.py). What a server's or a role's defaults might weaken is set here: commits
    wait for the disk, a transaction that was left open or waits for a lock is ended by the server.
    """
    connection = BoundedConnection.connect(
        dsn,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=TCP_TIMEOUT_MS,
        application_name=f"cahier {schema}",
        client_encoding="utf8",
    )
    try:
        connection.bounded(CONNECT_TIMEOUT_S, None)
        _prepare(connection, schema, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection.bounded(answer_s, pulse_of(dsn) if read_only else None)


def _prepare(connection: BoundedConnection, schema: str, *, read_only: bool) -> None:
    wanted = {
        "search_path": sql.Identifier(schema).as_string(connection),
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "on" if read_only else "off",
        "lock_timeout": str(LOCK_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
    }
    connection.execute(
        "SELECT set_config(name, value, false)"
        " FROM unnest(%s::text[], %s::text[]) AS wanted(name, value)"
        " UNION ALL SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') = 'off'",
        (list(wanted), list(wanted.values())),
    )


def is_passing(error: BaseException) -> bool:
    """Whether a psycopg error is the server's, the network's or a lock's, not the statement's."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is not None:
        return error.sqlstate[:2] in _PASSING_CLASSES
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def where(dsn: str) -> str:
    """The server and database of a DSN, for people: without user and password."""
    with suppress(psycopg.Error):
        parts = conninfo_to_dict(dsn)
        return (
            f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"
        )
    return "PostgreSQL"


def lock_key(purpose: str, schema: str) -> int:
    """The 64-bit key of an advisory lock of one service, for one purpose."""
    digest = sha256(f"cahier/{purpose}/{schema}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Pool:
    """At most READERS_MAX connections of one kind, made when needed. Thread-safe."""

    def __init__(
        self,
        open_one: Callable[[], Connection],
        size: int = READERS_MAX,
        pulse: Pulse | None = None,
    ) -> None:
        """pulse: of the server; while it is silent nothing is asked of it."""
        self._open = open_one
        self._pulse = pulse or Pulse()
        self._free = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False

    def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` reads; called again on a fresh connection when the first proves broken.

        Raises StoreUnavailable, and psycopg.Error for a mistake in the statement.
        """
        try:
            with self._one(fresh=False) as connection:
                return work(connection)
        except psycopg.Error as error:
            if not is_passing(error):
                raise
        try:
            with self._one(fresh=True) as connection:
                return work(connection)
        except psycopg.Error as error:
            if not is_passing(error):
                raise
            raise StoreUnavailable(f"cannot read the store: {_first_line(error)}") from error

    @contextmanager
    def hold(self) -> Iterator[Connection]:
        """A connection for several statements; raises psycopg.Error."""
        with self._one(fresh=False) as connection:
            yield connection

    def close(self) -> None:
        """Closes the idle connections; those in use are closed when they are given back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _one(self, *, fresh: bool) -> Iterator[Connection]:
        if self._pulse.silent:
            raise StoreUnavailable(self._pulse.reason())
        if not self._free.acquire(timeout=READER_WAIT_S_MAX):
            raise StoreUnavailable("all connections for reading are busy")
        connection = None
        try:
            connection = self._take(fresh=fresh)
            yield connection
        finally:
            self._give_back(connection)
            self._free.release()

    def _take(self, *, fresh: bool) -> Connection:
        with self._lock:
            if fresh:  # After one broken connection the others are not trusted either.
                idle, self._idle = self._idle, []
            else:
                idle = []
            found = self._idle.pop() if self._idle else None
        for stale in idle:
            stale.close()
        return found or self._open()

    def _give_back(self, connection: Connection | None) -> None:
        if connection is None:
            return
        usable = not connection.closed and (
            connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        )
        with self._lock:
            if usable and not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def wait_until_answering(dsn: str, timeout_s: float) -> bool:
    """Whether the server took a connection within timeout_s."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        try:
            psycopg.connect(dsn, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    return False
