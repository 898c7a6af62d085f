"""Where a city keeps what its services store: in its folder's files, or on PostgreSQL.

Chosen at the city's first start by CAHIER_STORE (`sqlite` or `postgres`) and kept from then on:
another choice later would not move anything, it would show an empty city. With postgres the city
runs a server of its own below its folder, or uses the database that CAHIER_POSTGRES_DSN names,
which must be this city's alone.

The files of the public logs lie in the folder in both cases (CAHIER_LOG_TILES, `files` or `store`,
kept as well): apart from the events they still hold what a restored store has lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from cahier_cli.city import (
    FILES,
    IN_THE_STORE,
    POSTGRES,
    SQLITE,
    CityError,
    CityFolder,
    CityLock,
)
from cahier_ledger.log.storage import FolderTiles, TileStore
from cahier_ledger.postgres.connections import wait_until_answering
from cahier_ledger.postgres.server import PostgresFailed, PostgresServer, dsn_of
from cahier_ledger.stores import Stores

STORE_VARIABLE = "CAHIER_STORE"
DSN_VARIABLE = "CAHIER_POSTGRES_DSN"
TILES_VARIABLE = "CAHIER_LOG_TILES"
UNIT = "postgres"
ANSWER_S_MAX = 2.0

StoresOf = Callable[[str], Stores]
"""The stores of a service by its name."""


@dataclass(frozen=True)
class Storage:
    """dsn: of a PostgreSQL that others run; without, a city on PostgreSQL runs its own.

    log_tiles: FILES or IN_THE_STORE.
    """

    kind: str
    dsn: str | None = field(default=None, repr=False)
    log_tiles: str = FILES

    @property
    def has_own_server(self) -> bool:
        return self.kind == POSTGRES and self.dsn is None


def storage_of(folder: CityFolder) -> Storage:
    """What the environment asks for, which must be what the city began with.

    Raises CityError.
    """
    dsn = os.environ.get(DSN_VARIABLE) or None
    asked = _asked(STORE_VARIABLE, SQLITE, POSTGRES) or (POSTGRES if dsn else None)
    kind = (folder.store if folder.exists else None) or asked or SQLITE
    if asked not in (None, kind):
        raise CityError(f"{folder.root} keeps its things on {kind}: {asked} would show it empty")
    asked = _asked(TILES_VARIABLE, FILES, IN_THE_STORE)
    tiles = (folder.log_tiles if folder.exists else None) or asked or FILES
    if asked not in (None, tiles):
        raise CityError(f"{folder.root} keeps its logs' tiles in {tiles}, not in {asked}")
    return Storage(kind, dsn if kind == POSTGRES else None, tiles)


def open_tiles(folder: CityFolder, stores: Stores) -> TileStore:
    """The files of a service's public log, where the city keeps them; raises StoreUnavailable."""
    if folder.log_tiles == IN_THE_STORE:
        return stores.open_tiles()
    return FolderTiles(folder.log_files(stores.service))


def _asked(variable: str, *choices: str) -> str | None:
    """What the environment says; raises CityError for something else than a choice."""
    asked = os.environ.get(variable) or None
    if asked not in (None, *choices):
        raise CityError(f"{variable} is {' or '.join(choices)}, not {asked}")
    return asked


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
