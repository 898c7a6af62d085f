"""`cahier tally`: recounts a Pabulib file, so that anybody can check a city's published winners."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal, NoReturn

import click

from cahier_kernel.errors import DomainError
from cahier_record.budget.pabulib import (
    Instance,
    InvalidBallot,
    PabulibError,
    profile_of,
    read,
    score_threshold,
)
from cahier_record.budget.tally import (
    Outcome,
    Result,
    RuleNotServed,
    Terms,
    TieOrder,
    Utility,
    count,
    format_amount,
)

FILE_BYTES_MAX = 512 * 1024 * 1024
WARNINGS_SHOWN_MAX = 10
NOT_SERVED = ("mes", "phragmen")

Ties = Literal["standard", "lexicographic"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rule", default="file", show_default=True, help="file, greedy, mes or phragmen.")
@click.option(
    "--utility",
    type=click.Choice(["cost", "cardinality"]),
    default="cost",
    show_default=True,
    help="By score, or by score per unit of cost.",
)
@click.option(
    "--completion",
    type=click.Choice(["none", "greedy", "add1", "add1-greedy"]),
    help="What mes does with money that is left; the greedy rules have none.",
)
@click.option(
    "--stop",
    type=click.Choice(["overspend", "exhaustive"]),
    help="When mes stops raising endowments; the greedy rules never do.",
)
@click.option(
    "--ties",
    type=click.Choice(["standard", "lexicographic"]),
    default="standard",
    show_default=True,
    help="Among equals: the file's order for the file's own rule, else the cheapest; or the id.",
)
@click.option("--strict", is_flag=True, help="Refuse a file with invalid ballots or wrong counts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the table.")
def tally(
    file: Path,
    rule: str,
    utility: Utility,
    completion: str | None,
    stop: str | None,
    ties: Ties,
    strict: bool,
    as_json: bool,
) -> None:
    """Count the election in FILE (Pabulib, .pb), in exact arithmetic.

    Without --rule it is counted by the rule that the file itself names. Exit code 2 with one line
    on stderr says what is wrong with the file or which rule cannot be counted by.
    """
    _check_rule(file, rule, completion, stop)
    instance = _read(file, strict)
    result = _count(file, instance, rule, utility, _tie_order(rule, ties))
    if as_json:
        click.echo(json.dumps(_document(instance, result, ties), indent=2))
    else:
        _print_table(file, instance, result)
        _warn(instance)


def _check_rule(file: Path, rule: str, completion: str | None, stop: str | None) -> None:
    if rule in NOT_SERVED:
        _refuse(f"{file}: rule: {RuleNotServed(rule).rule}")
    if rule not in ("file", "greedy"):
        _refuse(f"{file}: rule: --rule must be file, greedy, mes or phragmen, not {rule!r}")
    if completion not in (None, "none") or stop is not None:
        _refuse(f"{file}: rule: the greedy rules know neither --completion nor --stop")


def _tie_order(rule: str, ties: Ties) -> TieOrder:
    if ties == "lexicographic":
        return "lexicographic"
    return "presented" if rule == "file" else "cheapest"


def _read(file: Path, strict: bool) -> Instance:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            _refuse(f"{file}: file: must not be larger than {FILE_BYTES_MAX} bytes")
        return read(file.read_bytes(), str(file), strict=strict)
    except PabulibError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{file}: file: {error.strerror}")


def _count(file: Path, instance: Instance, rule: str, utility: Utility, ties: TieOrder) -> Result:
    name = instance.rule if rule == "file" else rule
    try:
        profile = profile_of(instance)
        threshold = score_threshold(instance, profile)
        terms = Terms(utility=utility, ties=ties, threshold=threshold)
        return count(profile, name, terms)
    except DomainError as error:
        _refuse(f"{file}: {error.field}: {error.rule}")
    except ValueError as error:
        _refuse(f"{file}: {error}")


def _refuse(reason: str) -> NoReturn:
    click.echo(" ".join(reason.splitlines()), err=True)
    sys.exit(2)


def _document(instance: Instance, result: Result, ties: Ties) -> dict[str, object]:
    """The answer for programs: amounts and scores are decimal strings, amounts in the file's unit.

    `threshold`, the least score that may win, stands only where the rule asks for one, and a
    project's `left` only where its turn came.
    """
    document = {
        "rule": result.rule,
        "utility": result.utility,
        "completion": "none",
        "ties": ties,
        "tie_order": result.ties,
        "currency": instance.meta.get("currency", ""),
        "budget": format_amount(result.budget, result.decimals),
        "spent": format_amount(result.spent, result.decimals),
        "voters": result.voters,
        "selected": list(result.selected),
        "projects": [_project(result, outcome) for outcome in result.projects],
        "invalid_ballots": [
            {
                "line": invalid.line,
                "voter_id": invalid.ballot.voter,
                "field": invalid.field,
                "rule": invalid.rule,
            }
            for invalid in instance.invalid
        ],
        "warnings": instance.warnings,
    }
    if result.threshold is not None:
        document["threshold"] = _score(result, result.threshold)
    return document


def _project(result: Result, outcome: Outcome) -> dict[str, object]:
    document: dict[str, object] = {
        "id": outcome.id,
        "cost": format_amount(outcome.cost, result.decimals),
        "votes": outcome.votes,
        "score": _score(result, outcome.score),
        "reason": outcome.reason,
    }
    if outcome.left is not None:
        document["left"] = format_amount(outcome.left, result.decimals)
    return document


def _score(result: Result, score: int) -> str:
    return format_amount(score, result.score_decimals)


def _print_table(file: Path, instance: Instance, result: Result) -> None:
    names = {project.id: project.fields.get("name", "") for project in instance.projects}
    rows = [
        (
            outcome.id,
            format_amount(outcome.cost, result.decimals),
            _score(result, outcome.score),
            outcome.reason.replace("_", " "),
            _printable(names[outcome.id]),
        )
        for outcome in result.projects
    ]
    click.echo(f"{file.name}: {result.rule} by {_MERIT[result.utility]}, {_TIES[result.ties]}\n")
    _print_columns([("project", "cost", "score", "outcome", "name"), *rows])
    currency = instance.meta.get("currency", "").strip()
    spent = format_amount(result.spent, result.decimals)
    budget = format_amount(result.budget, result.decimals)
    click.echo(
        f"\n{len(result.selected)} of {len(result.projects)} projects selected by "
        f"{result.voters} ballots; {spent} of {budget} {currency}".rstrip()
        + " spent"
    )


def _print_columns(rows: list[tuple[str, str, str, str, str]]) -> None:
    """Aligned columns, numbers to the right; the last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for project, cost, score, outcome, name in rows:
        cells = (
            _printable(project).ljust(widths[0]),
            cost.rjust(widths[1]),
            score.rjust(widths[2]),
            outcome.ljust(widths[3]),
            name,
        )
        click.echo("  ".join(cells).rstrip())


def _warn(instance: Instance) -> None:
    """Tell on stderr what was odd in the file, a bounded number of lines of it."""
    told = [*instance.warnings, *(f"left out: {_named(invalid)}" for invalid in instance.invalid)]
    for line in told[:WARNINGS_SHOWN_MAX]:
        click.echo(f"warning: {_printable(line)}", err=True)
    if len(told) > WARNINGS_SHOWN_MAX:
        click.echo(f"warning: and {len(told) - WARNINGS_SHOWN_MAX} more", err=True)


def _named(invalid: InvalidBallot) -> str:
    return f"line {invalid.line}, voter {invalid.ballot.voter}: {invalid.field}: {invalid.rule}"


def _printable(text: str) -> str:
    """A file's text as a terminal may show it: no control characters, no end of line."""
    return "".join(char if char.isprintable() else " " for char in text)


_MERIT = {"cost": "score", "cardinality": "score per unit of cost"}
_TIES = {
    "presented": "ties in the file's order",
    "cheapest": "ties by cost, votes, id",
    "lexicographic": "ties by id",
}
