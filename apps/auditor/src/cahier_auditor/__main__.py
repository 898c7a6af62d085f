"""The command `cahier-audit`. Exit 0: everything holds; 1: a finding; 2: could not run."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from cahier_auditor.audit import recount_source, replay_source
from cahier_auditor.diff import diff as diff_sources
from cahier_auditor.findings import CannotAudit, Finding, Findings, one_line
from cahier_auditor.heads import read_policy
from cahier_auditor.progress import Progress
from cahier_auditor.receipts import check as check_receipt
from cahier_auditor.report import (
    receipt_lines,
    recount_lines,
    replay_json,
    replay_lines,
    verify_json,
    verify_lines,
)
from cahier_auditor.source import open_source
from cahier_auditor.verify import verify as verify_source
from cahier_auditor.workers import default_jobs
from cahier_kernel.clock import from_rfc3339
from cahier_ledger.log.policy import Policy

FINDINGS_SHOWN_MAX = 20
LINE_CHARS_MAX = 10_000


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cahier-auditor", prog_name="cahier-audit")
def main() -> None:
    """Check a city's public log yourself: replay it, recount it, trust no server."""


def _exits(command: Callable[..., Iterable[Finding]]) -> Callable[..., NoReturn]:
    """Turns a command's findings into its exit code.

    Whatever else goes wrong is no finding: a fault of ours, a full disk, Ctrl-C must not be taken
    for a city's fault.
    """

    @wraps(command)
    def run(**options: object) -> NoReturn:
        try:
            findings = Findings()
            findings.extend(command(**options))
        except CannotAudit as error:
            _could_not_run(str(error))
        except KeyboardInterrupt:
            _could_not_run("interrupted")
        except Exception as error:
            *_, last = traceback.extract_tb(error.__traceback__)
            where = f"{Path(last.filename).name}:{last.lineno}"
            _could_not_run(f"{type(error).__name__}: {error} ({where})")
        for finding in findings.kept[:FINDINGS_SHOWN_MAX]:
            click.echo(f"FINDING {finding}", err=True)
        if findings.count > FINDINGS_SHOWN_MAX:
            click.echo(f"... and {findings.count - FINDINGS_SHOWN_MAX} more", err=True)
        if not findings:
            click.echo("everything holds", err=True)
        sys.exit(1 if findings else 0)

    return run


def _could_not_run(why: str) -> NoReturn:
    click.echo(one_line(f"cahier-audit: {why}"), err=True)
    sys.exit(2)


class Instant(click.ParamType[datetime]):
    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return from_rfc3339(str(value))
        except ValueError:
            self.fail(f"{value!r} is not an RFC 3339 time such as 2026-10-03T00:00:00Z", param, ctx)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
policy_option = click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own policy (c2sp.org/tlog-policy), which stands above the city's.",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=None,
    help="Processes; by default one for each processor, 4 at most.",
)


def _print(lines: Iterable[str]) -> None:
    """A city's words may hold anything; a terminal gets plain lines."""
    for line in lines:
        click.echo(one_line(line, LINE_CHARS_MAX))


def _own(policy: Path | None) -> Policy | None:
    return read_policy(policy.read_bytes(), str(policy)) if policy else None


@main.command()
@click.argument("source")
@click.option("--at", type=Instant(), default=None, help="Replay as of this RFC 3339 time.")
@policy_option
@jobs_option
@as_json
@_exits
def replay(
    source: str, at: datetime | None, policy: Path | None, jobs: int | None, *, as_json: bool
) -> Iterable[Finding]:
    """Replay all logs of SOURCE and print the state they lead to."""
    replayed = replay_source(open_source(source), _own(policy), until=at, jobs=jobs)
    if as_json:
        click.echo(msgspec.json.encode(replay_json(replayed), order="sorted").decode())
    else:
        _print(replay_lines(replayed))
    return replayed.findings


@main.command()
@click.argument("source")
@click.argument("election", default="all")
@policy_option
@jobs_option
@as_json
@_exits
def recount(
    source: str, election: str, policy: Path | None, jobs: int | None, *, as_json: bool
) -> Iterable[Finding]:
    """Recount ELECTION (an id, or `all`) of SOURCE from its ballots alone."""
    findings = Findings()
    for each in recount_source(open_source(source), _own(policy), election, findings, jobs):
        if as_json:
            answer = {"election": each.recount.election, "result": each.recount.result}
            click.echo(msgspec.json.encode(answer).decode())
        else:
            _print(recount_lines(each.recount, each.currency))
    return findings


@main.command()
@click.argument("source")
@click.argument("other")
@_exits
def diff(source: str, other: str) -> Iterable[Finding]:
    """Compare the logs of two sources, leaf by leaf; names the first that differs in each."""
    return diff_sources(open_source(source), open_source(other), Progress())


@main.command()
@click.argument("source", required=False)
@policy_option
@click.option(
    "--receipt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check this receipt (a tlog-proof) instead of the whole of SOURCE.",
)
@click.option(
    "--leaf",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The receipt's leaf; without it, the one that SOURCE has at its index.",
)
@jobs_option
@as_json
@_exits
def verify(
    source: str | None,
    policy: Path | None,
    receipt: Path | None,
    leaf: Path | None,
    jobs: int | None,
    *,
    as_json: bool,
) -> Iterable[Finding]:
    """Check all of SOURCE: signatures, witnesses, tiles, leaves, history, texts.

    With --receipt, only that one event stands in its log; a --policy that names the log and a
    --leaf then need no SOURCE.
    """
    own = _own(policy)
    opened = open_source(source) if source else None
    if receipt is not None:
        checked = check_receipt(receipt.read_bytes(), _bytes(leaf), opened, own)
        _print(receipt_lines(checked))
        return checked.findings
    if opened is None:
        raise CannotAudit("which SOURCE? A bundle's folder or a portal's address")
    verified = verify_source(opened, own, jobs or default_jobs(), Progress())
    if as_json:
        click.echo(msgspec.json.encode(verify_json(verified), order="sorted").decode())
    else:
        _print(verify_lines(verified))
    return verified.findings


def _bytes(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()


if __name__ == "__main__":
    main()
