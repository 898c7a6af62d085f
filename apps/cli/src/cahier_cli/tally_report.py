"""What `cahier tally` answers: one JSON object for programs, a table for people."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import click

from cahier_cli.tally_explain import ratio, satisfied
from cahier_record.budget.pabulib import Instance, InvalidBallot
from cahier_record.budget.tally import Outcome, Result, Satisfaction, format_amount

WARNINGS_SHOWN_MAX = 10

Ties = Literal["standard", "lexicographic"]


def document(
    instance: Instance, result: Result, found: Satisfaction, ties: Ties
) -> dict[str, object]:
    """The answer for programs: amounts and scores are decimal strings, amounts in the file's unit.

    `threshold`, the least score that may win, stands only where the rule asks for one, and a
    project's `left` only where its turn came.
    """
    document = {
        "rule": result.rule,
        "utility": result.utility,
        "completion": result.completion,
        "ties": ties,
        "tie_order": result.ties,
        "currency": instance.meta.get("currency", ""),
        "budget": format_amount(result.budget, result.decimals),
        "spent": format_amount(result.spent, result.decimals),
        "voters": result.voters,
        "satisfaction": satisfied(found, result.decimals),
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
    if result.rounds or result.endowment:
        document |= _bought(result)
    return document


def _bought(result: Result) -> dict[str, object]:
    """What the voters bought with their own money; ratios are rounded."""
    told: dict[str, object] = {
        "rounds": [
            {
                "id": each.id,
                "price": ratio(Fraction(*each.price), result.decimals),
                "paying_it": each.full,
                "supporters": each.supporters,
            }
            for each in result.rounds
        ]
    }
    if result.endowment is not None:
        told["endowment"] = ratio(Fraction(*result.endowment), result.decimals)
    if result.stop is not None:
        told |= {"stop": result.stop, "raises": result.raises}
    if result.preferred is not None:
        told["preferred"] = dict(zip(("shares", "greedy"), result.preferred, strict=True))
    return told


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


def print_table(file_name: str, instance: Instance, result: Result) -> None:
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
    click.echo(f"{file_name}: {_how(result)}, {_TIES[result.ties]}\n")
    _print_columns([("project", "cost", "score", "outcome", "name"), *rows])
    currency = instance.meta.get("currency", "").strip()
    spent = format_amount(result.spent, result.decimals)
    budget = format_amount(result.budget, result.decimals)
    click.echo(
        f"\n{len(result.selected)} of {len(result.projects)} projects selected by "
        f"{result.voters} ballots; {spent} of {budget} {currency}".rstrip()
        + " spent"
    )


def _how(result: Result) -> str:
    if result.rule == "phragmen":
        return result.rule
    if result.endowment is None:
        return f"{result.rule} by {_MERIT[result.utility]}"
    return f"{result.rule} by {_UTILITY[result.utility]}, completion {result.completion}"


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


def warn(instance: Instance) -> None:
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
_UTILITY = {"cost": "cost", "cardinality": "number of projects"}
_TIES = {
    "presented": "ties in the file's order",
    "cheapest": "ties by cost, votes, id",
    "lexicographic": "ties by id",
}
