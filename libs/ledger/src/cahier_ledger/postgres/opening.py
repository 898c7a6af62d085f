"""Opens the parts of a service that lie on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg

from cahier_ledger.ledger import Ledger
from cahier_ledger.model import StoreUnavailable
from cahier_ledger.postgres.connections import where
from cahier_ledger.postgres.listening import CommitListener
from cahier_ledger.postgres.migrating import migrate
from cahier_ledger.postgres.pulse import pulse_of
from cahier_ledger.postgres.reader import PostgresReader
from cahier_ledger.postgres.writer import IoHook, PostgresWriter, no_hook
from cahier_ledger.writer import OnBatch


def open_ledger(
    dsn: str, schema: str, *, on_batch: OnBatch | None = None, io_hook: IoHook = no_hook
) -> Ledger:
    """The ledger of one schema, migrated if need be; raises StoreUnavailable."""
    with unavailable_without(dsn):
        migrate(dsn, schema)
        writer = PostgresWriter(dsn, schema, io_hook=io_hook)
    return Ledger(
        PostgresReader(dsn, schema),
        writer,
        on_batch=on_batch,
        listen=partial(CommitListener, dsn, schema),
        away=pulse_of(dsn).reason,
    )


@contextmanager
def unavailable_without(dsn: str) -> Iterator[None]:
    """Turns the driver's errors into StoreUnavailable, which names the server but no password."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreUnavailable(f"cannot open {where(dsn)}: {type(error).__name__}") from error
