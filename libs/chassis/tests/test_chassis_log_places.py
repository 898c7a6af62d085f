"""Where the files of a public log lie: a folder, or on PostgreSQL the store that all share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cahier_chassis.public_log import keep_public_log, open_log, prepare_log
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.storage import DatabaseTiles, FolderTiles
from cahier_ledger.postgres.server import PostgresServer

Make = Callable[..., ServiceSettings]
_names = count(1)


@pytest.fixture
def service(postgres: PostgresServer) -> str:
    """A name of schemas that nobody has used."""
    return f"echo{next(_names)}"


def opened(settings: ServiceSettings, service: str) -> Any:
    """The parts of a log whose store is made if need be."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    stores = settings.stores(service)
    stores.migrate()
    ledger = stores.open_ledger()
    return open_log(settings, service, ledger), ledger


def began(parts: Any) -> bytes:
    """Signs and serves the empty log; answers its checkpoint."""
    row = parts.sequencer.begin()
    Publisher(parts.tiles).publish(row, row.checkpoint)
    text: bytes = parts.tiles.get("1/checkpoint")
    return text


def test_with_files_the_log_is_a_folder_of_the_data(log_settings: Make, tmp_path: Path) -> None:
    parts, ledger = opened(log_settings(), "echo")
    assert isinstance(parts.tiles, FolderTiles)
    checkpoint = began(parts)
    assert (tmp_path / "city/echo/tlog/1/checkpoint").read_bytes() == checkpoint
    parts.close()
    ledger.close_blocking()


def test_on_postgres_it_is_the_store_unless_a_folder_is_named(
    log_settings: Make, tmp_path: Path, postgres: PostgresServer, service: str
) -> None:
    for chosen, kind in (("", DatabaseTiles), ("store", DatabaseTiles), ("x", FolderTiles)):
        tiles = str(tmp_path / "named") if chosen == "x" else chosen
        settings = log_settings(store_dsn=postgres.dsn, log_tiles=tiles)
        parts, ledger = opened(settings, service)
        assert isinstance(parts.tiles, kind)
        parts.close()
        ledger.close_blocking()


def test_what_lay_in_the_folder_goes_into_the_store_with_its_history(
    log_settings: Make, tmp_path: Path, postgres: PostgresServer, service: str
) -> None:
    folder = str(tmp_path / "city/echo/tlog")
    parts, ledger = opened(log_settings(store_dsn=postgres.dsn, log_tiles=folder), service)
    checkpoint = began(parts)
    parts.close()
    ledger.close_blocking()
    settings = log_settings(store_dsn=postgres.dsn)
    prepare_log(settings, service)
    parts, ledger = opened(settings, service)
    assert parts.tiles.get("1/checkpoint") == checkpoint
    assert parts.tiles.get("1/checkpoints/0") == checkpoint
    assert parts.sequencer.begin().size == 0
    parts.close()
    ledger.close_blocking()


@pytest.mark.parametrize("beside", [True, False])
async def test_a_lock_row_in_the_events_database_is_said_aloud(
    log_settings: Make, postgres: PostgresServer, tmp_path: Path, beside: bool
) -> None:
    lock = postgres.dsn if beside else str(tmp_path / "lock.db")
    settings = log_settings(store_dsn=postgres.dsn, log_lock=lock)
    unit = Unit(settings, f"echo{next(_names)}")
    parts, ledger = opened(settings, unit.name)
    parts.close()
    with capture_logs() as said:
        await keep_public_log(unit, ledger)
    warned = [each for each in said if each["event"] == "log_lock_beside_the_events"]
    assert len(warned) == beside
    assert postgres.dsn not in str(said)
    await ledger.close()
