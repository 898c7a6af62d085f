"""The lock row: the one place that says how far a public log has been signed, and as what.

A checkpoint is published only after its row was compared and set here. Two sequencers therefore
never sign two histories, and a store that is put back from a backup is found out, because this
database lies elsewhere and is never restored. What else cannot be made anew from the store lies
here, too: what witnesses said, and the policies that the log was once held to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cahier_ledger.bus.database import Database, Row, SqliteDatabase
from cahier_ledger.log.refusals import LockMoved
from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.database import PostgresDatabase

SCHEMA = "cahier_log_locks"
"""Of the lock rows where a PostgreSQL keeps them; those of several services may share it."""

_ALL = (
    "SELECT service, epoch, origin, base, size, root, checkpoint, vkeys "
    "FROM locks WHERE service = ? ORDER BY epoch"
)
_ADD = (
    "INSERT INTO locks(service, epoch, origin, base, size, root, checkpoint, vkeys) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (service, epoch) DO NOTHING"
)
_TABLE = (
    "CREATE TABLE locks("
    "service TEXT NOT NULL, epoch INTEGER NOT NULL, origin TEXT NOT NULL, base INTEGER NOT NULL, "
    "size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL, vkeys TEXT NOT NULL, "
    "PRIMARY KEY (service, epoch)) STRICT"
)

_COSIGNED_TABLE = (
    "CREATE TABLE cosigned("
    "service TEXT NOT NULL, epoch INTEGER NOT NULL, size INTEGER NOT NULL, "
    "checkpoint TEXT NOT NULL, PRIMARY KEY (service, epoch)) STRICT"
)
_COSIGNED = "SELECT checkpoint FROM cosigned WHERE service = ? AND epoch = ? AND size = ?"
_KEEP_COSIGNED = (
    "INSERT INTO cosigned(service, epoch, size, checkpoint) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (service, epoch) DO UPDATE SET size = excluded.size, "
    "checkpoint = excluded.checkpoint WHERE excluded.size >= cosigned.size"
)

_POLICIES_TABLE = (
    "CREATE TABLE policies("
    "service TEXT NOT NULL, digest TEXT NOT NULL, policy BLOB NOT NULL, "
    "PRIMARY KEY (service, digest)) STRICT"
)
_KEEP_POLICY = (
    "INSERT INTO policies(service, digest, policy) VALUES (?, ?, ?) "
    "ON CONFLICT (service, digest) DO NOTHING"
)
_POLICIES = "SELECT digest, policy FROM policies WHERE service = ?"
_TABLES = {"locks": _TABLE, "cosigned": _COSIGNED_TABLE, "policies": _POLICIES_TABLE}


@dataclass(frozen=True, slots=True)
class Locked:
    """How far one epoch of a log has been signed.

    base: how many public events stand in earlier epochs; leaf index = public_seq - 1 - base.
    checkpoint: the log's own signed note for size and root. vkeys: of the keys that have ever
    signed it, one a line, the current one first, retired ones last.
    """

    service: str
    epoch: int
    origin: str
    base: int
    size: int
    root: bytes
    checkpoint: str
    vkeys: str

    @property
    def end(self) -> int:
        """The last public_seq that the log has signed."""
        return self.base + self.size


class LogLocks:
    """Lock rows by service and epoch. Thread-safe; several processes may share them.

    Raises StoreUnavailable. The last epoch is the one that goes on.
    """

    def __init__(self, database: Database) -> None:
        """database: durable, and on other storage than the events."""
        self._db = database
        with database.transaction() as db:
            # Looked for first: a role that may create nothing can use what is there.
            there = database.tables(db)
            for name, table in _TABLES.items():
                if name not in there:
                    database.create(db, table)

    def epochs(self, service: str) -> list[Locked]:
        """All epochs of a service's log, oldest first; [] where none was begun."""
        return [_locked(row) for row in self._db.fetch_all(_ALL, (service,))]

    def current(self, service: str) -> Locked | None:
        """The epoch that goes on."""
        epochs = self.epochs(service)
        return epochs[-1] if epochs else None

    def begin(self, fresh: Locked) -> None:
        """Adds an epoch; raises LockMoved when there is one of that number."""
        with self._db.transaction() as db:
            added = db.execute(_ADD, _values(fresh))
            if added.rowcount != 1:
                raise LockMoved(fresh.service)

    def move(self, seen: Locked, size: int, root: bytes, checkpoint: str, vkeys: str) -> Locked:
        """Sets the row if it is still as `seen`; durable when it returns the new row.

        Raises LockMoved when it is not, and when a newer epoch was begun, and for a smaller size.
        """
        if size < seen.size:
            raise LockMoved(seen.service)
        with self._db.transaction() as db:
            moved = db.execute(
                "UPDATE locks SET size = ?, root = ?, checkpoint = ?, vkeys = ? "
                "WHERE service = ? AND epoch = ? AND size = ? AND root = ? AND checkpoint = ? "
                "AND NOT EXISTS (SELECT 1 FROM locks later "
                "WHERE later.service = locks.service AND later.epoch > locks.epoch)",
                (
                    *(size, root, checkpoint, vkeys),
                    *(seen.service, seen.epoch, seen.size, seen.root, seen.checkpoint),
                ),
            )
            if moved.rowcount != 1:
                raise LockMoved(seen.service)
        return replace(seen, size=size, root=root, checkpoint=checkpoint, vkeys=vkeys)

    def keep_cosigned(self, row: Locked, checkpoint: str) -> None:
        """Keeps a row's checkpoint with its cosignatures, in place of an older one of the epoch."""
        with self._db.transaction() as db:
            db.execute(_KEEP_COSIGNED, (row.service, row.epoch, row.size, checkpoint))

    def cosigned(self, row: Locked) -> str | None:
        """The row's checkpoint with the cosignatures that were last kept, if it has any."""
        found = self._db.fetch_one(_COSIGNED, (row.service, row.epoch, row.size))
        return None if found is None else str(found[0])

    def keep_policies(self, service: str, texts: Mapping[str, bytes]) -> None:
        """Keeps policies by their digests for good."""
        if texts:
            with self._db.transaction() as db:
                db.executemany(_KEEP_POLICY, [(service, *each) for each in texts.items()])

    def policies(self, service: str) -> dict[str, bytes]:
        """All policies that were kept, by digest."""
        return {str(row[0]): bytes(row[1]) for row in self._db.fetch_all(_POLICIES, (service,))}

    def close(self) -> None:
        """Closes all connections. Safe to call twice."""
        self._db.close()


def open_locks(place: str) -> LogLocks:
    """The lock rows in a SQLite file, made if need be, or behind a `postgresql://` DSN.

    Raises StoreUnavailable.
    """
    if is_dsn(place):
        return LogLocks(PostgresDatabase(place, SCHEMA, durable=True))
    try:
        return LogLocks(SqliteDatabase(Path(place), durable=True))
    except OSError as error:
        raise StoreUnavailable(f"cannot open the log's lock {place}: {error}") from error


def is_dsn(place: str) -> bool:
    """Whether lock rows lie behind a DSN there, rather than in a file."""
    return place.startswith(("postgresql://", "postgres://"))


def _locked(row: Row) -> Locked:
    service, epoch, origin, base, size, root, checkpoint, vkeys = row
    return Locked(service, epoch, origin, base, size, bytes(root), checkpoint, vkeys)


def _values(row: Locked) -> Sequence[object]:
    return (
        *(row.service, row.epoch, row.origin, row.base),
        *(row.size, row.root, row.checkpoint, row.vkeys),
    )
