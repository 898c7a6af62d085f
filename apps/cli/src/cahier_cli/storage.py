"""Where a city keeps what its services store: in its folder's files, or on PostgreSQL.

Chosen at the city's first start by CAHIER_STORE (`sqlite` or `postgres`) and kept from then on:
another choice later would not move anything, it would show an empty city. With postgres the city
runs a server of its own below its folder, or uses the database that CAHIER_POSTGRES_DSN names,
which must be this city's alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cahier_cli.city import POSTGRES, SQLITE, CityError, CityFolder, CityLock
from cahier_ledger.postgres.connections import wait_until_answering
from cahier_ledger.postgres.server import PostgresFailed, PostgresServer, dsn_of
from cahier_ledger.stores import Stores

STORE_VARIABLE = "CAHIER_STORE"
DSN_VARIABLE = "CAHIER_POSTGRES_DSN"
UNIT = "postgres"
ANSWER_S_MAX = 2.0

StoresOf = Callable[[str], Stores]
"""The stores of a service by its name."""


@dataclass(frozen=True)
class Storage:
    """dsn: of a PostgreSQL that others run; without, a city on PostgreSQL runs its own."""

    kind: str
    dsn: str | None = field(default=None, repr=False)

    @property
    def has_own_server(self) -> bool:
        return self.kind == POSTGRES and self.dsn is None


def storage_of(folder: CityFolder) -> Storage:
    """What the environment asks for, which must be what the city began with.

    Raises CityError.
    """
    dsn = os.environ.get(DSN_VARIABLE) or None
    asked = os.environ.get(STORE_VARIABLE) or (POSTGRES if dsn else None)
    if asked not in (None, SQLITE, POSTGRES):
        raise CityError(f"{STORE_VARIABLE} is {SQLITE} or {POSTGRES}, not {asked}")
    kind = (folder.store if folder.exists else None) or asked or SQLITE
    if asked not in (None, kind):
        raise CityError(f"{folder.root} keeps its things on {kind}: {asked} would show it empty")
    return Storage(kind, dsn if kind == POSTGRES else None)


@contextmanager
def open_stores(folder: CityFolder) -> Iterator[StoresOf]:
    """The services' stores of a city that runs or not; raises CityError.

    The server of a stopped city runs as long as the block.
    """
    storage = storage_of(folder)
    if not storage.has_own_server:
        yield _stores_of(folder, storage.dsn)
        return
    dsn = _dsn_of_running(folder)
    if dsn is not None:
        yield _stores_of(folder, dsn)
        return
    lock = CityLock(folder)
    server = PostgresServer(folder.unit(UNIT))
    try:
        server.start()
        yield _stores_of(folder, server.dsn)
    except PostgresFailed as error:
        raise CityError(str(error)) from error
    finally:
        server.stop()
        lock.release()


def _stores_of(folder: CityFolder, dsn: str | None) -> StoresOf:
    return lambda service: Stores(service, folder.unit(service), dsn)


def _dsn_of_running(folder: CityFolder) -> str | None:
    """The DSN of the server that runs with the city; None where no city runs."""
    try:
        folder.running()
        address = str(json.loads(folder.database_file.read_text("utf-8"))["address"])
        dsn = dsn_of(folder.unit(UNIT), int(address.rpartition(":")[2]))
    except (CityError, KeyError, ValueError, OSError):
        return None
    return dsn if wait_until_answering(dsn, ANSWER_S_MAX) else None
