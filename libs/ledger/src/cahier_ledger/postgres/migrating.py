"""Brings a service's schema to the state that this release reads, by plain SQL files.

Files are applied in the order of their numbers, each once, in one transaction under an advisory
lock: processes that start together, and a job that runs twice, do no harm. An applied file is
never changed; its digest is kept to notice when one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from psycopg import sql

from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.connections import Connection, connect, lock_key


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. Its statements name no schema: the search_path says where they work."""

    number: int
    name: str
    statements: str

    @property
    def digest(self) -> str:
        return sha256(self.statements.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The files of this release, in order."""
    folder = files("cahier_ledger.postgres") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted(
        (
            Migration(int(entry.name.split("_")[0]), entry.name, entry.read_text("utf-8"))
            for entry in found
        ),
        key=lambda migration: migration.number,
    )


def migrate(dsn: str, schema: str, wanted: Sequence[Migration] | None = None) -> int:
    """Makes the schema if it is missing and applies what it lacks; returns how many files that is.

    A role that may not create anything can call it on a schema that lacks nothing. Raises
    StoreUnavailable for a schema of a later release or of other files; psycopg.Error.
    """
    files_of_release = migrations() if wanted is None else list(wanted)
    with connect(dsn, schema) as connection:
        if not _missing(connection, schema, files_of_release):
            return 0
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(%s)", (lock_key("migrations", schema),)
            )
            connection.execute(
                sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema))
            )
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations(number bigint PRIMARY KEY,"
                " name text NOT NULL, digest text NOT NULL,"
                " applied_at timestamptz NOT NULL DEFAULT now())"
            )
            missing = _missing(connection, schema, files_of_release)
            for migration in missing:
                _apply(connection, migration)
    return len(missing)


def _missing(connection: Connection, schema: str, wanted: list[Migration]) -> list[Migration]:
    applied = _applied(connection, schema)
    known = {migration.number: migration for migration in wanted}
    for number, digest in applied.items():
        if number not in known:
            newest = max(known, default=0)
            raise StoreUnavailable(f"{schema} has schema {number}, this release reads {newest}")
        if known[number].digest != digest:
            raise StoreUnavailable(f"{schema}: {known[number].name} was applied with another text")
    return [migration for migration in wanted if migration.number not in applied]


def _applied(connection: Connection, schema: str) -> dict[int, str]:
    there = connection.execute(
        "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = 'migrations'", (schema,)
    ).fetchone()
    if there is None:
        return {}
    rows = connection.execute("SELECT number, digest FROM migrations ORDER BY number").fetchall()
    return {int(number): str(digest) for number, digest in rows}


def _apply(connection: Connection, migration: Migration) -> None:
    # Without parameters, one call takes a whole file of statements.
    connection.execute(migration.statements.encode())
    connection.execute(
        "INSERT INTO migrations(number, name, digest) VALUES (%s, %s, %s)",
        (migration.number, migration.name, migration.digest),
    )
