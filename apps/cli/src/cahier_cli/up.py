"""`cahier up`: a whole city on this machine, one process a unit, until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cahier_cli.city import CityError, CityFolder, CityLock
from cahier_cli.stopping import stop_asked, unless_stopped
from cahier_cli.storage import storage_of
from cahier_cli.supervisor import Supervisor, UnitFailed
from cahier_cli.units import nats_url, port_is_free, units_of
from cahier_ledger.bus.streams import declare_dead_stream

DATA_DEFAULT = Path("cahier-data")
PORT_DEFAULT = 8080
CANNOT_START = (CityError, UnitFailed, OSError)
"""Why a city does not start: what was asked, a unit, or the machine's folder, disk or ports."""


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=DATA_DEFAULT, show_default=True)
@click.option("--city", default=None, help="The city's name; fixed at its first start.  [demo]")
@click.option("--port", type=click.IntRange(1, 65_535), default=PORT_DEFAULT, show_default=True)
@click.option("--dev-clock", is_flag=True, help="Let POST /dev/clock set the city's time.")
def up(data: Path, city: str | None, port: int, *, dev_clock: bool) -> None:
    """Run a city here: nats-server, the services and the portal.

    With CAHIER_STORE=postgres in the environment the services keep their things on PostgreSQL.
    """
    raise SystemExit(asyncio.run(run_city(data.resolve(), city, port, dev_clock=dev_clock)))


async def run_city(data: Path, city: str | None, port: int, *, dev_clock: bool) -> int:
    """Runs until SIGINT or SIGTERM. Answers the exit code: 0, or 2 when it could not run."""
    stop, folder = stop_asked(), CityFolder(data)
    try:
        lock = CityLock(folder)
        starting = start_city(folder, city, port, dev_clock=dev_clock)
        running = await unless_stopped(stop, starting)
    except CANNOT_START as error:
        click.echo(f"cahier up: {error}", err=True)
        return 2
    if running is not None:
        click.echo(f"ready http://127.0.0.1:{port}")
        await stop.wait()
        await running.stop()
    lock.release()
    return 0


async def start_city(
    folder: CityFolder, city: str | None, port: int, *, dev_clock: bool
) -> Supervisor:
    """Starts all units of a folder whose lock is held; returns when all of them answer.

    Raises one of CANNOT_START; then nothing is left running.
    """
    if not port_is_free(port):
        raise CityError(f"port {port} of 127.0.0.1 is taken; choose another with --port")
    storage = storage_of(folder)
    name = folder.prepare(city, storage.kind, storage.log_tiles)
    units = units_of(folder, name, port, storage, dev_clock=dev_clock)
    supervisor = Supervisor(folder, units, lambda line: click.echo(f"cahier: {line}", err=True))
    try:
        await supervisor.start()
        await declare_dead_letters(nats_url(units))
    except BaseException:
        await supervisor.stop()
        raise
    return supervisor


async def declare_dead_letters(url: str) -> None:
    """Declares the stream DEAD, which belongs to no service."""
    import nats

    connection = await nats.connect(url, connect_timeout=5)
    try:
        await declare_dead_stream(connection.jetstream())
    finally:
        await connection.close()
