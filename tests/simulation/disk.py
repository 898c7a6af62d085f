"""SQLite as it is, watched at every statement: each may fail, fail after all, or be the last.

`sqlite3.connect` makes these connections while a simulation or a fault test runs. A connection
belongs to the process that opened it; when the process dies its connections are closed, which
rolls back what was not committed, as recovery does after a real death. Closing a file's last
connection would also empty its write-ahead log, which no dead process does: so the disk keeps one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from tests.simulation.loop import PROCESS, Process
from tests.simulation.threads import Patches


class Fault(Enum):
    """What becomes of a statement."""

    NONE = "none"
    FAILED = "failed"
    FAILED_BUT_PERSISTED = "failed but persisted"
    DIED_BEFORE = "died before"
    DIED_AFTER = "died after"


Judge = Callable[["Statement"], Fault]


class Statement:
    """One call of SQLite. kind: open, begin, commit, rollback, write, read or pragma."""

    def __init__(self, process: Process, path: str, sql: str) -> None:
        self.process = process
        self.path = path
        self.sql = sql
        self.kind = _kind(sql)

    @property
    def file(self) -> str:
        """The file's name, e.g. `events.db`."""
        return Path(self.path.partition("?")[0]).name


_KINDS = {
    "BEGIN": "begin",
    "COMMIT": "commit",
    "ROLLBACK": "rollback",
    "SELECT": "read",
    "PRAGMA": "pragma",
    "OPEN": "open",
}


@lru_cache(maxsize=1_024)
def _kind(sql: str) -> str:
    return _KINDS.get(sql.lstrip()[:8].split(None, 1)[0].rstrip(";").upper(), "write")


def disk_error() -> sqlite3.OperationalError:
    """What SQLite raises when the disk does not do as it should."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


class Disk:
    """All connections of a run. judge: says of each statement what becomes of it.

    before: called before a statement outside of a transaction and before each commit.
    die: called when a statement was a process's last; it must not return.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        before: Callable[[], None] = lambda: None,
        die: Callable[[Process], None] = lambda process: None,
    ) -> None:
        self.judge = judge
        self.before = before
        self.die = die
        self.open: dict[Process, list[WatchedConnection]] = {}
        self._kept: dict[str, sqlite3.Connection] = {}

    def run(self, connection: WatchedConnection, sql: str, call: Callable[[], Any]) -> Any:
        """One statement under the judge's eyes."""
        statement = Statement(connection.process, connection.path, sql)
        if not connection.in_transaction or statement.kind == "commit":
            self.before()
        fault = self.judge(statement)
        if fault is Fault.NONE:
            return call()
        if fault is Fault.FAILED:
            raise disk_error()
        if fault is Fault.DIED_BEFORE:
            self.die(statement.process)
        call()
        if fault is Fault.DIED_AFTER:
            self.die(statement.process)
        raise disk_error()

    def lose(self, process: Process) -> None:
        """Closes what a dead process had open."""
        connections = self.open.pop(process, [])
        for path in {connection.path for connection in connections if ":" not in connection.path}:
            self._keep(path)
        for connection in connections:
            with suppress(sqlite3.Error):
                connection.close()

    def _keep(self, path: str) -> None:
        """Until the process's next life ends: its file may have been deleted meanwhile."""
        before = self._kept.pop(path, None)
        self._kept[path] = kept = sqlite3.Connection(path, isolation_level=None)
        with suppress(sqlite3.Error):
            kept.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        if before is not None:
            before.close()

    def close_all(self) -> None:
        for process in list(self.open):
            self.lose(process)
        while self._kept:
            self._kept.popitem()[1].close()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Every new connection is a watched one until the block ends."""
        connect = sqlite3.connect

        def connect_watched(database: Any, **options: Any) -> sqlite3.Connection:
            made: list[WatchedConnection] = []

            def factory(*arguments: Any, **named: Any) -> WatchedConnection:
                made.append(WatchedConnection(*arguments, **named))
                return made[0]

            process = PROCESS.get()
            fault = self.judge(Statement(process, str(database), "OPEN"))
            if fault in (Fault.FAILED, Fault.FAILED_BUT_PERSISTED):
                raise disk_error()
            if fault is Fault.DIED_BEFORE:
                self.die(process)
            connection = connect(database, factory=factory, **options)
            made[0].watch(self, process, str(database))
            self.open.setdefault(process, []).append(made[0])
            if fault is Fault.DIED_AFTER:
                self.die(process)
            return connection

        with Patches() as patches:
            patches.set(sqlite3, "connect", connect_watched)
            yield


class WatchedConnection(sqlite3.Connection):
    """A connection that asks before each statement."""

    disk: Disk | None = None
    process: Process
    path: str = ""

    def watch(self, disk: Disk, process: Process, path: str) -> None:
        self.disk, self.process, self.path = disk, process, path

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if self.disk is None:
            return super().execute(sql, *parameters)
        call = super().execute
        cursor: sqlite3.Cursor = self.disk.run(self, sql, lambda: call(sql, *parameters))
        return cursor

    def executemany(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if self.disk is None:
            return super().executemany(sql, *parameters)
        call = super().executemany
        cursor: sqlite3.Cursor = self.disk.run(self, sql, lambda: call(sql, *parameters))
        return cursor

    def close(self) -> None:
        if self.disk is not None:
            with suppress(ValueError):
                self.disk.open.get(self.process, []).remove(self)
        super().close()
