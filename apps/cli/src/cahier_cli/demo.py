"""`cahier demo`: a whole election on this machine, from residents' ideas to an audited result."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cahier_auditor.audit import audit_election
from cahier_auditor.findings import CannotAudit, Finding
from cahier_cli.bundle import export_bundle
from cahier_cli.calendar import Calendar
from cahier_cli.city import CityError, CityFolder, CityLock
from cahier_cli.doors import Doors
from cahier_cli.followers import Followers, Mails
from cahier_cli.generated import generated_election
from cahier_cli.importing import (
    CannotImport,
    Imported,
    finish_election,
    import_election,
    rules_of,
)
from cahier_cli.importing.ideas import EDIT_WINDOW_S, stamp
from cahier_cli.importing.reading import Progress
from cahier_cli.importing.service_requests import read_requests, requested_within
from cahier_cli.importing.streets import Streets, When, import_streets
from cahier_cli.people import SignIn, make_people
from cahier_cli.progress import progress_bars
from cahier_cli.stopping import stop_asked, unless_stopped
from cahier_cli.transfer import first_refusal, read_file, refuse
from cahier_cli.up import CANNOT_START, PORT_DEFAULT, start_city
from cahier_contracts.budget.v1 import budget_service_pb2 as budget_pb
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation_pb
from cahier_kernel.errors import DomainError
from cahier_kernel.money import format_cents
from cahier_record.budget.pabulib import Instance, read

CITY = "demo"
REAL_ELECTION = Path("../shared/data/pabulib/France_Toulouse_2022.pb")
GENERATED_SEED = 2022
STREETS = Path(__file__).parent / "data" / "stlouis_csb_2018-01.csv"
STREETS_DAY = datetime(2018, 1, 3, 6, tzinfo=UTC)  # begins at midnight in St. Louis
STREETS_LAST = timedelta(days=7)
DATES_DEFAULT = datetime(2026, 10, 3, tzinfo=UTC)
WINNERS_SHOWN_MAX = 10
INVITATION_LASTS = timedelta(days=30)
STOPPED = 130
"""Exit code of a demo that was stopped before its end, as shells have it."""


@dataclass(frozen=True)
class Account:
    """What the demo has to tell at its end."""

    imported: Imported
    streets: Streets
    mails: Mails
    result: Any
    titles: dict[int, str]
    sizes: dict[str, int]
    findings: list[Finding]
    people: list[SignIn]
    seconds: float


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A new folder.  [a temporary one]")
@click.option("--pb", type=click.Path(path_type=Path), help="The election to carry (Pabulib, .pb).")
@click.option("--rule", default="", help="Count by this rule (mes, phragmen ...), not the file's.")
@click.option("--exit", "exits", is_flag=True, help="End after the account.")
@click.option("--port", type=click.IntRange(1, 65_535), default=PORT_DEFAULT, show_default=True)
def demo(data: Path | None, pb: Path | None, rule: str, port: int, *, exits: bool) -> None:
    """Run a whole election here: proposals, ballots, count, bundle, audit."""
    try:
        instance, told = _election(pb)
        rules_of(instance, rule)
        folder = _new_folder(data)
    except (CannotImport, CityError) as error:
        refuse("cahier demo", error)
    click.echo(f"city folder: {folder.root}\nelection: {told}")
    raise SystemExit(asyncio.run(_run(folder, instance, rule, port, exits=exits)))


def _election(pb: Path | None) -> tuple[Instance, str]:
    """The election to carry and where it comes from."""
    if pb is None and not REAL_ELECTION.is_file():
        text = generated_election(GENERATED_SEED)
        return read(text, "generated.pb"), f"generated, seed {GENERATED_SEED}"
    file = pb or REAL_ELECTION
    return read_file(file), str(file)


def _new_folder(data: Path | None) -> CityFolder:
    if data is None:
        return CityFolder(Path(tempfile.mkdtemp(prefix="cahier-demo-")))
    folder = CityFolder(data.resolve())
    if folder.exists:
        raise CityError(f"{folder.root} holds a city already: the demo wants a new folder")
    return folder


async def _run(folder: CityFolder, instance: Instance, rule: str, port: int, *, exits: bool) -> int:
    stop = stop_asked()
    try:
        lock = CityLock(folder)
        city = await unless_stopped(stop, start_city(folder, CITY, port, dev_clock=True))
    except CANNOT_START as error:
        click.echo(f"cahier demo: {error}", err=True)
        return 2
    if city is None:
        lock.release()
        return STOPPED
    try:
        account = await unless_stopped(stop, _carry(folder, instance, rule))
        if account is None:
            return STOPPED
        _tell(account, instance)
        holds = not account.findings
        if holds and not exits:
            click.echo(f"ready http://127.0.0.1:{port}   (Ctrl-C ends)")
            await stop.wait()
        return 0 if holds else 1
    except (CannotImport, CannotAudit, CityError, DomainError) as error:
        click.echo(f"cahier demo: {error}", err=True)
        return 1
    except BaseExceptionGroup as group:
        click.echo(f"cahier demo: {first_refusal(group)}", err=True)
        return 1
    finally:
        await city.stop()
        lock.release()


async def _carry(folder: CityFolder, instance: Instance, rule: str) -> Account:
    started_s = time.monotonic()
    meta = instance.meta
    calendar = Calendar.of_file(meta.get("date_begin", ""), meta.get("date_end", ""), DATES_DEFAULT)
    async with Doors(folder) as doors:
        people = await make_people(doors, folder)
        followers = await Followers.gather(doors, people[0])
        with progress_bars() as progress:
            imported = await import_election(
                doors, instance, calendar, progress, rule, followers.submitted
            )
        result = await finish_election(doors, calendar, imported.election_id)
        with progress_bars() as progress:
            streets = await _streets(doors, calendar.voting_closes, progress)
        titles = await _titles(doors, instance, imported)
        await _invite(doors, calendar.voting_closes)
        mails = await followers.told(folder)
    bundle = folder.root / "bundle"
    sizes = await asyncio.to_thread(export_bundle, folder, bundle)
    findings = list(await asyncio.to_thread(audit_election, str(bundle), imported.election_id))
    seconds = time.monotonic() - started_s
    return Account(imported, streets, mails, result, titles, sizes, findings, people, seconds)


async def _streets(doors: Doors, now: datetime, progress: Progress) -> Streets:
    """A day of real street reports, and what became of them within a week."""
    requests = read_requests(STREETS.read_bytes(), STREETS.name)
    day = requested_within(requests.rows, STREETS_DAY, timedelta(days=1))
    begins = now + timedelta(hours=1)
    return await import_streets(doors, day, When(begins, STREETS_LAST), progress)


async def _titles(doors: Doors, instance: Instance, imported: Imported) -> dict[int, str]:
    answer = await doors.budget.ListProjects(
        budget_pb.ListProjectsRequest(election_id=imported.election_id)
    )
    names = {project.id: project.fields.get("name", "") for project in instance.projects}
    return {project.number: names.get(project.reference, "") for project in answer.projects}


async def _invite(doors: Doors, now: datetime) -> None:
    """Something for visitors to do: the next call for ideas, open for a month."""
    await doors.consultation.CreateProcess(
        consultation_pb.CreateProcessRequest(
            title="Ideas for the next budget",
            description="What should the city do next? Propose it, support it, talk it over.",
            opens_at=stamp(now),
            closes_at=stamp(now + INVITATION_LASTS),
            edit_window_seconds=EDIT_WINDOW_S,
        )
    )


def _tell(account: Account, instance: Instance) -> None:
    result, imported = account.result, account.imported
    currency = instance.meta.get("currency", "")
    rate = round(imported.ballots / imported.seconds) if imported.seconds else 0
    click.echo()
    click.echo("events    " + ", ".join(f"{name} {n}" for name, n in account.sizes.items()))
    click.echo(f"ballots   {imported.ballots} cast, {rate} a second")
    if instance.invalid:
        click.echo(f"          {len(instance.invalid)} of the file broke its rules and stayed out")
    spent, envelope = format_cents(result.spent_cents), format_cents(result.envelope_cents)
    click.echo(f"money     {spent} of {envelope} {currency} spent")
    click.echo(f"rule      {result.rules.rule}, results at /budgets/{imported.election_id}/results")
    click.echo(f"winners   {len(result.selected)} of {len(result.outcomes)} projects")
    for number in result.selected[:WINNERS_SHOWN_MAX]:
        click.echo(f"          {number:>4}  {account.titles.get(number, '')[:70]}")
    if len(result.selected) > WINNERS_SHOWN_MAX:
        click.echo(f"          and {len(result.selected) - WINNERS_SHOWN_MAX} more")
    streets = account.streets
    click.echo(f"streets   {streets.reports} reports of a day, {streets.closed} closed in a week")
    mails = account.mails
    told = f"{mails.mails} to {mails.followers} followers, about {mails.events} events"
    click.echo(f"mails     {told}")
    for person in account.people:
        click.echo(f"sign in   {person.role:<9} {person.email}  {person.password}")
    for finding in account.findings:
        click.echo(f"FINDING   {finding}")
    word = "everything holds" if not account.findings else f"{len(account.findings)} findings"
    click.echo(f"audit     {word}: the result was recounted from the exported ballots alone")
    click.echo(f"took      {account.seconds:.0f} s")
