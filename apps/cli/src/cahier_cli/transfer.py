"""`cahier import` and `cahier export`: elections and logs in and out of a city."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NoReturn

import click

from cahier_cli.bundle import export_bundle
from cahier_cli.calendar import Calendar
from cahier_cli.city import CityError, CityFolder
from cahier_cli.doors import Doors
from cahier_cli.exporting import export_pabulib
from cahier_cli.importing import CannotImport, finish_election, import_election, rules_of
from cahier_cli.progress import progress_bars
from cahier_cli.up import DATA_DEFAULT
from cahier_kernel.clock import SystemClock
from cahier_kernel.errors import DomainError
from cahier_record.budget.pabulib import Instance, PabulibError, read, write

city_folder = click.option(
    "--data", type=click.Path(path_type=Path), default=DATA_DEFAULT, show_default=True
)


def refuse(command: str, error: object) -> NoReturn:
    """Ends with exit code 2 and one line."""
    click.echo(f"{command}: {' '.join(str(error).splitlines())}", err=True)
    raise SystemExit(2)


def read_file(file: Path) -> Instance:
    """The file's election; raises CannotImport for a bad file, naming line, field and rule."""
    try:
        return read(file.read_bytes(), str(file))
    except PabulibError as error:
        raise CannotImport(str(error)) from None
    except OSError as error:
        raise CannotImport(f"{file}: {error.strerror}") from None


def first_refusal(group: BaseExceptionGroup[Exception]) -> Exception:
    """What went wrong first in a group of calls."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    if not isinstance(first, Exception):
        raise first
    return first


@click.group("import")
def import_() -> None:
    """Bring an election into a running city."""


@import_.command("pabulib")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rule", default="", help="Count by this rule, whatever META says.")
@click.option("--leave-open", is_flag=True, help="Do not close and count after the last ballot.")
@city_folder
def import_pabulib(file: Path, rule: str, data: Path, *, leave_open: bool) -> None:
    """Carry the election in FILE (Pabulib, .pb) from proposals to its result."""
    try:
        instance = read_file(file)
        rules_of(instance, rule)
        election_id = asyncio.run(_import(CityFolder(data.resolve()), instance, rule, leave_open))
    except (CannotImport, CityError, DomainError) as error:
        refuse("cahier import pabulib", error)
    except BaseExceptionGroup as group:
        refuse("cahier import pabulib", first_refusal(group))
    for invalid in instance.invalid:
        click.echo(f"left out: {file}:{invalid.line}: {invalid.field}: {invalid.rule}", err=True)
    click.echo(election_id)


async def _import(folder: CityFolder, instance: Instance, rule: str, leave_open: bool) -> str:
    calendar = Calendar.live(SystemClock().now())
    async with Doors(folder) as doors:
        with progress_bars() as progress:
            imported = await import_election(doors, instance, calendar, progress, rule)
        if not leave_open:
            await finish_election(doors, calendar, imported.election_id)
    return imported.election_id


@click.group()
def export() -> None:
    """Write a city's logs or an election as files."""


@export.command("bundle")
@click.argument("out", type=click.Path(path_type=Path))
@city_folder
def export_bundle_command(out: Path, data: Path) -> None:
    """Write everything an auditor needs into the new folder OUT."""
    try:
        sizes = export_bundle(CityFolder(data.resolve()), out)
    except (CityError, OSError) as error:
        refuse("cahier export bundle", error)
    for service, size in sizes.items():
        click.echo(f"{service}: {size} events")


@export.command("pabulib")
@click.argument("election")
@click.argument("out", type=click.Path(path_type=Path))
@city_folder
def export_pabulib_command(election: str, out: Path, data: Path) -> None:
    """Write ELECTION (its id), once voting is closed, as the Pabulib file OUT."""
    try:
        instance = export_pabulib(CityFolder(data.resolve()), election)
        out.write_bytes(write(instance).encode())
    except (CityError, OSError) as error:
        refuse("cahier export pabulib", error)
    click.echo(f"{len(instance.projects)} projects, {len(instance.ballots)} ballots")
