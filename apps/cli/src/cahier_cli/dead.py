"""`cahier dead`: events that a reaction could not handle, listed, shown, and handled again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError

from cahier_cli.city import CityError, CityFolder
from cahier_cli.up import DATA_DEFAULT
from cahier_ledger.bus.dead import (
    LIST_MAX,
    DeadLetter,
    NoSuchDeadLetter,
    RedriveFailed,
    dismiss,
    list_dead,
    redrive,
    show_dead,
)

CONNECT_TIMEOUT_S = 5.0

city_folder = click.option(
    "--data", type=click.Path(path_type=Path), default=DATA_DEFAULT, show_default=True
)


@click.group()
def dead() -> None:
    """Look after events that a service could not react to."""


@dead.command("list")
@city_folder
def list_(data: Path) -> None:
    """List them, oldest first: number, time, who gave up, on which message, in how many tries."""
    _run(_list(CityFolder(data.resolve())))


async def _list(folder: CityFolder) -> None:
    async with _connected(folder) as client:
        letters = await list_dead(client.jetstream())
    for letter in letters:
        click.echo(_line(letter))
    more = f", the first {LIST_MAX}" if len(letters) == LIST_MAX else ""
    click.echo(f"{len(letters)} dead letters{more}", err=True)


@dead.command("show")
@click.argument("number", type=click.IntRange(min=1))
@city_folder
def show(number: int, data: Path) -> None:
    """Show a dead letter and the public event that it is about, as JSON."""
    _run(_show(CityFolder(data.resolve()), number))


async def _show(folder: CityFolder, number: int) -> None:
    async with _connected(folder) as client:
        letter, message = await show_dead(client.jetstream(), number)
    click.echo(_line(letter))
    event = json.loads(message.leaf) if message is not None else None
    click.echo(json.dumps(event, ensure_ascii=False, indent=2))


@dead.command("redrive")
@click.argument("number", type=click.IntRange(min=1), required=False)
@click.option("--all", "everything", is_flag=True, help="Each of them, oldest first.")
@click.option("--dismiss", "gives_up", is_flag=True, help="Take it away unhandled.")
@city_folder
def redrive_(number: int | None, data: Path, *, everything: bool, gives_up: bool) -> None:
    """Have the service handle a dead letter's event again, now. What was done is not done twice."""
    if (number is None) != everything or (gives_up and everything):
        raise click.UsageError("name one NUMBER, or --all without --dismiss")
    _run(_redrive(CityFolder(data.resolve()), number, gives_up=gives_up))


async def _redrive(folder: CityFolder, number: int | None, *, gives_up: bool) -> None:
    failed = 0
    async with _connected(folder) as client:
        js = client.jetstream()
        if number is not None and gives_up:
            await dismiss(js, number)
            click.echo(f"{number}: dismissed")
            return
        numbers = [each.number for each in await list_dead(js)] if number is None else [number]
        for each in numbers:
            try:
                letter = await redrive(client, folder.name, each)
                click.echo(f"{each}: handled by {letter.consumer}")
            except RedriveFailed as error:
                failed += 1
                click.echo(f"{each}: {error}", err=True)
    if failed:
        raise SystemExit(1)


def _line(letter: DeadLetter) -> str:
    where = f"{letter.stream} message {letter.stream_seq}"
    return f"{letter.number}  {letter.at}  {letter.consumer}  {where}  {letter.deliveries} tries"


@asynccontextmanager
async def _connected(folder: CityFolder) -> AsyncIterator[Client]:
    url = folder.running()["nats"]
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        client = await nats.connect(url, allow_reconnect=False, error_cb=_unsaid)
    try:
        yield client
    finally:
        await client.close()


async def _unsaid(error: Exception) -> None:
    """The client would log what the command itself reports."""


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Exit 2: no city runs here; 1: no such dead letter, or the bus does not answer."""
    try:
        asyncio.run(work)
    except CityError as error:
        _end(2, error)
    except (NoSuchDeadLetter, NatsError, TimeoutError, OSError) as error:
        _end(1, error)


def _end(code: int, error: Exception) -> None:
    click.echo(f"cahier dead: {str(error) or type(error).__name__}", err=True)
    raise SystemExit(code)
