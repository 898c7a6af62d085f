"""The one place that knows where a service keeps its things: files in a folder, or PostgreSQL.

On PostgreSQL a service has three schemas, as it has three files otherwise: `budget` (events and
public leaves), `budget_inbox` (what its reactions have done) and `budget_views` (read models);
with `LOG_TILES=store` also `budget_tlog` (the public log's files). All but the views belong into
the backup; the views may be dropped and are built again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cahier_ledger.bus.database import Database, SqliteDatabase
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import ClosableReader, Ledger
from cahier_ledger.log.storage import DatabaseTiles
from cahier_ledger.postgres.connections import connect
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.postgres.migrating import migrate
from cahier_ledger.postgres.opening import open_ledger, unavailable_without
from cahier_ledger.postgres.reader import PostgresReader
from cahier_ledger.postgres.turns import alone
from cahier_ledger.retention import KeptAnswers
from cahier_ledger.sqlite import SqliteReader
from cahier_ledger.writer import OnBatch

Work = Callable[[], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where one service keeps what it stores.

    folder: of the files, when dsn is None. dsn: a `postgresql://` URL, which may hold a password.
    """

    service: str
    folder: Path
    dsn: str | None = field(default=None, repr=False)

    @property
    def shared(self) -> bool:
        """Whether several processes may serve this service."""
        return self.dsn is not None

    @property
    def events_file(self) -> Path:
        """The event store, where it is a file."""
        return self.folder / "events.db"

    def migrate(self) -> int:
        """Brings the event store's schema to this release; returns how many files that took.

        Safe at any time and any number of times. Files need nothing: 0. Raises StoreUnavailable.
        """
        if self.dsn is None:
            return 0
        with unavailable_without(self.dsn):
            applied = migrate(self.dsn, self.service)
        for part, durable in (("views", False), ("inbox", True)):
            self._database(self.dsn, part, durable=durable).close()
        answers = self.open_kept_answers()
        answers.prepare()
        answers.close()
        return applied

    def exist(self) -> bool:
        """Whether there is an event store; raises StoreUnavailable."""
        if self.dsn is None:
            return self.events_file.is_file()
        with unavailable_without(self.dsn), connect(self.dsn, self.service) as connection:
            row = connection.execute("SELECT to_regclass('events') IS NOT NULL").fetchone()
        return bool(row and row[0])

    def open_ledger(self, *, on_batch: OnBatch | None = None) -> Ledger:
        """The event store; one a process. Raises StoreUnavailable."""
        if self.dsn is None:
            return Ledger.open(self.events_file, on_batch=on_batch)
        return open_ledger(self.dsn, self.service, on_batch=on_batch)

    def open_reader(self) -> ClosableReader:
        """The event store's read side, of a service that runs or not."""
        if self.dsn is None:
            return SqliteReader(self.events_file)
        return PostgresReader(self.dsn, self.service)

    def open_views(self) -> ViewDatabase:
        """The read models' tables; one a process. Raises StoreUnavailable."""
        if self.dsn is None:
            return ViewDatabase(self.folder / "views.db")
        return ViewDatabase(self._database(self.dsn, "views", durable=False))

    def open_inbox(self, schema: str = "") -> Inbox:
        """The reactions' inbox with the tables of `schema`; one a process."""
        if self.dsn is None:
            return Inbox(self.folder / "inbox.db", schema)
        return Inbox(self._database(self.dsn, "inbox", durable=True), schema)

    def open_tiles(self) -> DatabaseTiles:
        """The public log's files, where they lie beside the events; one a process.

        Raises StoreUnavailable.
        """
        if self.dsn is None:
            return DatabaseTiles(SqliteDatabase(self.folder / "tlog.db", durable=True))
        return DatabaseTiles(self._database(self.dsn, "tlog", durable=True))

    def open_database(self, part: str) -> Database:
        """Tables of one more purpose, as durable as the events; one a process."""
        if self.dsn is None:
            return SqliteDatabase(self.folder / f"{part}.db", durable=True)
        return self._database(self.dsn, part, durable=True)

    def open_kept_answers(self) -> KeptAnswers:
        """The answers kept for repeated commands, to be tidied up; raises StoreUnavailable."""
        if self.dsn is None:
            return KeptAnswers(SqliteDatabase(self.events_file, durable=True))
        return KeptAnswers(PostgresDatabase(self.dsn, self.service, durable=True))

    async def alone(self, name: str, work: Work, stand_by: Work | None = None) -> None:
        """Runs `work` in at most one process of the service at a time; see postgres.turns.

        With files there is one process anyway.
        """
        if self.dsn is None:
            await work()
        else:
            await alone(self.dsn, self.service, name, work, stand_by)

    def _database(self, dsn: str, part: str, *, durable: bool) -> PostgresDatabase:
        return PostgresDatabase(dsn, f"{self.service}_{part}", durable=durable)
