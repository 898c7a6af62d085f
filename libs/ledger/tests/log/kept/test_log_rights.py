"""A database role that may create nothing keeps and serves a log whose tables the owner made."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from cahier_ledger.log.lock import LogLocks
from cahier_ledger.log.policies import keep_policies
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.storage import DatabaseTiles
from cahier_ledger.postgres.database import PostgresDatabase

RIGHTS = {
    "locks": "SELECT, INSERT, UPDATE",
    "tlog": "SELECT, INSERT, UPDATE, DELETE",
}
"""As docs/guides/postgresql.md has them."""


def restricted(place: Any) -> str:
    """The DSN of a role that has these rights in the schemas of the place, and no others."""
    role = f"server_of_{place.schema}"
    with psycopg.connect(place.dsn, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(role)),
        )
        for part, rights in RIGHTS.items():
            grant = "GRANT USAGE ON SCHEMA {schema} TO {role};"
            grant += f"GRANT {rights} ON ALL TABLES IN SCHEMA {{schema}} TO {{role}}"
            schema = sql.Identifier(f"{place.schema}_{part}")
            admin.execute(sql.SQL(grant).format(schema=schema, role=sql.Identifier(role)))
    return f"postgresql://{role}:x@{place.dsn.rpartition('@')[2]}"


def opened(dsn: str, schema: str) -> tuple[LogLocks, DatabaseTiles]:
    locks = LogLocks(PostgresDatabase(dsn, f"{schema}_locks", durable=True))
    return locks, DatabaseTiles(PostgresDatabase(dsn, f"{schema}_tlog", durable=True))


async def test_the_rights_in_the_guide_are_enough(kept: Any, postgres_place: Any) -> None:
    for made in opened(postgres_place.dsn, postgres_place.schema):
        made.close()
    kept.locks.close()
    kept.locks, kept.tiles = opened(restricted(postgres_place), postgres_place.schema)
    keep_policies("budget", kept.tiles, kept.locks, Policy())
    for count in (3, 300, 300, 300):  # Until partial files of long ago are cleared.
        await kept.say(count)
        kept.carry()
    row = kept.locks.current("budget")
    kept.locks.keep_cosigned(row, row.checkpoint)
    kept.tiles.delete(["1/tile/0/000.p/3"])
    assert (row.size, row.root) == (903, kept.root(903))
    assert kept.served().get("policies").body == f"{Policy().digest()}\n".encode()
    kept.tiles.close()
