"""`cahier import` and `cahier export`: elections and logs in and out of a city."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click

from cahier_cli.bundle import export_bundle
from cahier_cli.calendar import Calendar
from cahier_cli.city import CityError, CityFolder
from cahier_cli.doors import Doors
from cahier_cli.exporting import export_pabulib
from cahier_cli.importing import CannotImport, finish_election, import_election, rules_of
from cahier_cli.importing.projects import import_projects
from cahier_cli.importing.service_requests import ServiceRequest, read_requests
from cahier_cli.importing.streets import Streets, When, import_streets
from cahier_cli.progress import progress_bars
from cahier_cli.up import DATA_DEFAULT
from cahier_kernel.clock import SystemClock, from_rfc3339
from cahier_kernel.errors import DomainError
from cahier_portal.importing.carrying import Plan
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
    """Bring an election or street reports into a running city."""


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
    async with Doors(folder) as doors:
        # A city for trying things out may live on other days than the machine.
        calendar = Calendar.live(await doors.settable_clock() or SystemClock().now())
        with progress_bars() as progress:
            imported = await import_election(doors, instance, calendar, progress, rule)
        if not leave_open:
            await finish_election(doors, calendar, imported.election_id)
    return imported.election_id


@import_.command("311")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--begin", default="", help="City time of the first report (RFC 3339).  [now]")
@click.option("--days", type=click.IntRange(1, 3_650), help="Carry so much of the file's time.")
@city_folder
def import_311(file: Path, begin: str, days: int | None, data: Path) -> None:
    """Carry the service requests in FILE (CSV, see cahier_cli/data) as street reports.

    Under `cahier up --dev-clock` the city's clock walks through them, from --begin on.
    """
    try:
        requests = read_requests(file.read_bytes(), str(file))
        begins = from_rfc3339(begin) if begin else None
        lasts = timedelta(days=days) if days else None
        done = asyncio.run(_import_311(CityFolder(data.resolve()), requests.rows, begins, lasts))
    except OSError as error:
        refuse("cahier import 311", f"{file}: {error.strerror}")
    except (CannotImport, CityError, DomainError, ValueError) as error:
        refuse("cahier import 311", error)
    except BaseExceptionGroup as group:
        refuse("cahier import 311", first_refusal(group))
    for line in requests.left_out:
        click.echo(f"left out: {line}", err=True)
    click.echo(f"{done.reports} reports, {done.closed} of them closed")


async def _import_311(
    folder: CityFolder,
    rows: Sequence[ServiceRequest],
    begins: datetime | None,
    lasts: timedelta | None,
) -> Streets:
    async with Doors(folder) as doors:
        now = await doors.settable_clock()
        if now is None and begins is not None:
            raise CityError("--begin needs a city that was started with --dev-clock")
        with progress_bars() as progress:
            return await import_streets(doors, rows, When(begins or now, lasts), progress)


@import_.command("projects")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--election", required=True, help="Id of the election, before voting opens.")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken and refused.")
@city_folder
def import_projects_command(file: Path, election: str, data: Path, *, dry_run: bool) -> None:
    """Bring the projects in FILE (.csv or .xlsx) into an election.

    Columns: reference and title, and, where wanted, description, cost, category, district,
    feasibility (feasible, unfeasible), reason, latitude, longitude. Exit code 0: every line is
    taken; 1: lines were refused, which are listed; 2: nothing could be done.
    """
    try:
        raw = file.read_bytes()
        plan = asyncio.run(_import_projects(CityFolder(data.resolve()), election, raw, dry_run))
    except OSError as error:
        refuse("cahier import projects", f"{file}: {error.strerror}")
    except DomainError as error:
        where = f"{error.field}: " if error.field else ""
        refuse("cahier import projects", f"{file}: {where}{error.rule}")
    except CityError as error:
        refuse("cahier import projects", error)
    _report(plan, file, dry_run=dry_run)


async def _import_projects(folder: CityFolder, election: str, raw: bytes, dry_run: bool) -> Plan:
    async with Doors(folder) as doors:
        with progress_bars() as progress:
            return await import_projects(doors, election, raw, dry_run=dry_run, progress=progress)


def _report(plan: Plan, file: Path, *, dry_run: bool) -> None:
    """What became of each line; ends with exit code 1 where lines were refused."""
    for name in plan.ignored:
        click.echo(f"{file}: the column {name!r} is not read", err=True)
    for refused in plan.refused:
        where = f"{refused.error.field}: " if refused.error.field else ""
        click.echo(f"refused: {file}:{refused.line}: {where}{refused.error.rule}", err=True)
    taken = len(plan.new) if dry_run else plan.carried
    would = "would be taken" if dry_run else "taken"
    click.echo(f"{taken} {would}, {len(plan.there)} there already, {len(plan.refused)} refused")
    if plan.refused:
        raise SystemExit(1)


@click.group()
def export() -> None:
    """Write a city's logs or an election as files."""


@export.command("bundle")
@click.argument("out", type=click.Path(path_type=Path))
@city_folder
def export_bundle_command(out: Path, data: Path) -> None:
    """Write everything an auditor needs into the new folder OUT."""
    try:
        sizes = export_bundle(
            CityFolder(data.resolve()), out, lambda line: click.echo(line, err=True)
        )
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
