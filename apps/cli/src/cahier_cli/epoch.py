"""`cahier log epoch`: lets a log go on that its store fell behind, and says what was lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from cahier_chassis.epochs import open_epoch
from cahier_chassis.settings import ServiceSettings
from cahier_cli.city import CityError, CityFolder, CityLock
from cahier_cli.keys import Logs, data_option, read_logs, service_argument
from cahier_cli.storage import open_stores
from cahier_cli.units import log_tiles_of
from cahier_kernel.errors import DomainError
from cahier_ledger.bus.server import NatsServer, NatsServerConfig, NatsServerFailed
from cahier_ledger.log.epochs import Opened


@click.group()
def log() -> None:
    """Look after a city's public logs."""


@log.command()
@service_argument
@click.option("--reason", required=True, help="Why, in your words; published, and erasable.")
@data_option
def epoch(service: str, reason: str, data: Path) -> None:
    """Begin a new epoch of SERVICE's log, whose store came back from a backup. City stopped."""
    try:
        opened = open_in(CityFolder(data.resolve()), service, reason)
    except (CityError, DomainError, NatsServerFailed, OSError) as error:
        told = error.rule if isinstance(error, DomainError) else str(error)
        click.echo(f"cahier log epoch: {told}", err=True)
        raise SystemExit(2) from None
    click.echo(f"{opened.previous}: {opened.kept} events kept, {opened.lost} lost")
    if not opened.is_old_log_whole:
        click.echo("nobody has the lost ones any more: the old log is shown as far as it is kept")
    click.echo(f"{opened.origin} goes on from there; tell auditors and witnesses its keys")


def open_in(folder: CityFolder, service: str, reason: str) -> Opened:
    """Opens the epoch in a stopped city; raises CityError, DomainError, NatsServerFailed."""
    logs, city = read_logs(folder), folder.name
    if folder.is_running:
        raise CityError(f"a city runs on {folder.root}: stop it first")
    with open_stores(folder) as stores_of:
        dsn = stores_of(service).dsn
        # After the stores, which may hold the lock while they run a database.
        lock = CityLock(folder) if dsn is None else None
        home = folder.unit("nats")
        bus = NatsServer(home / "epoch", NatsServerConfig(store_dir=home / "jetstream"))
        try:
            bus.start()
            settings = _settings(folder, city, service, logs, bus.url, dsn)
            opened = asyncio.run(open_epoch(settings, service, reason))
        finally:
            bus.stop()
            if lock is not None:
                lock.release()
    entry = replace(logs.services[service], epoch=opened.epoch)
    logs.with_service(service, entry).save()
    return opened


def _settings(
    folder: CityFolder, city: str, service: str, logs: Logs, bus: str, dsn: str | None
) -> ServiceSettings:
    told = {
        "city": city,
        "data_dir": folder.unit(service),
        "store_dsn": dsn,
        "nats_url": bus,
        "token_public_keys": folder.token_public_key,
        "clock_file": folder.clock_file if folder.clock_file.is_file() else None,
        "log_keys": logs.places(service),
        "log_origin": logs.services[service].origin,
        "log_lock": str(folder.log_lock(service)),
        "log_tiles": log_tiles_of(folder, service, folder.log_tiles),
    }
    return ServiceSettings.model_validate(told)
