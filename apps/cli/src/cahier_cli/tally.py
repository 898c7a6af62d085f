"""`cahier tally`: recounts a Pabulib file, so that anybody can check a city's published winners."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, NoReturn

import click
from msgspec.structs import replace

from cahier_cli.tally_explain import explanation
from cahier_cli.tally_report import Ties, document, print_table, warn
from cahier_kernel.errors import DomainError, Invalid
from cahier_record.budget.pabulib import (
    Instance,
    PabulibError,
    parse_amount,
    profile_of,
    read,
    score_threshold,
    with_own_terms,
)
from cahier_record.budget.tally import (
    Completion,
    Profile,
    Result,
    Stop,
    Terms,
    Utility,
    count,
    rule_named,
    satisfaction,
)

FILE_BYTES_MAX = 512 * 1024 * 1024
OWN_RULES = ("greedy", "mes", "phragmen")
RAISING = ("add1", "add1-greedy")
STOP_DEFAULT: Stop = "overspend"
"""May be named with any rule: who names every default asks for nothing."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rule", default="file", show_default=True, help="file, greedy, mes or phragmen.")
@click.option(
    "--utility",
    type=click.Choice(["cost", "cardinality"]),
    default="cost",
    show_default=True,
    help="A voter values a project at its cost, or at one; greedy: by score, or score per cost.",
)
@click.option(
    "--completion",
    type=click.Choice(["none", "greedy", "add1", "add1-greedy"]),
    help="What mes does with money that is left; add1-greedy by default. No other rule has any.",
)
@click.option(
    "--stop",
    type=click.Choice(["overspend", "exhaustive"]),
    help="When add1 stops raising endowments; overspend by default.",
)
@click.option(
    "--ties",
    type=click.Choice(["standard", "lexicographic"]),
    default="standard",
    show_default=True,
    help="Among equals: the file's order for its own greedy rule, else the cheapest; or the id.",
)
@click.option(
    "--positions",
    help="Points by rank for ordinal ballots, such as 3,2,1, in place of Borda's.",
)
@click.option("--strict", is_flag=True, help="Refuse a file with invalid ballots or wrong counts.")
@click.option(
    "--explain",
    is_flag=True,
    help="Add to the JSON why each project won or lost and what other rules choose; takes longer.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object in place of the table.")
def tally(
    file: Path,
    rule: str,
    utility: Utility,
    completion: Completion | None,
    stop: Stop | None,
    ties: Ties,
    positions: str | None,
    strict: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Count the election in FILE (Pabulib, .pb), in exact arithmetic.

    Without --rule it is counted by the rule that the file itself names, within the limits that a
    city's own file states under cahier_ keys. Exit code 2 with one line
    on stderr says what is wrong with the file or which rule cannot be counted by.
    """
    if rule not in ("file", *OWN_RULES):
        _refuse(f"{file}: rule: --rule must be file, greedy, mes or phragmen, not {rule!r}")
    instance = _read(file, strict)
    name = instance.rule if rule == "file" else rule

    def terms() -> Terms:
        found = _terms(name, rule, utility, completion, stop)
        return replace(found, ties="lexicographic") if ties == "lexicographic" else found

    own = _chosen() if rule == "file" else None
    counted = _count(file, instance, name, terms, positions, own)
    if as_json or explain:
        click.echo(json.dumps(_answer(instance, counted, ties, explain=explain), indent=2))
    else:
        print_table(file.name, instance, counted.result)
        warn(instance)


def _read(file: Path, strict: bool) -> Instance:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            _refuse(f"{file}: file: must not be larger than {FILE_BYTES_MAX} bytes")
        return read(file.read_bytes(), str(file), strict=strict)
    except PabulibError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{file}: file: {error.strerror}")


def _terms(
    name: str, asked: str, utility: Utility, completion: Completion | None, stop: Stop | None
) -> Terms:
    """The terms but for a chosen order of ties; raises Invalid for options that do not fit."""
    rule = rule_named(name)
    if completion is None:
        completion = "add1-greedy" if name == "mes" else rule.completions[0]
    if completion not in rule.completions:
        has = rule.completions[0]
        why = f"{name!r} is counted with --completion {has}, not {completion}"
        raise Invalid("completion_unfit", why, field="rule")
    if stop not in (None, STOP_DEFAULT) and completion not in RAISING:
        why = (
            f"--stop says when add1 stops, and {name!r} with --completion {completion} has no add1"
        )
        raise Invalid("stop_unfit", why, field="rule")
    presented = asked == "file" and name.startswith("greedy")
    return Terms(
        utility=utility,
        completion=completion,
        stop=stop or STOP_DEFAULT,
        ties="presented" if presented else "cheapest",
    )


class _Count(NamedTuple):
    profile: Profile
    terms: Terms
    result: Result


def _count(
    file: Path,
    instance: Instance,
    name: str,
    make_terms: Callable[[], Terms],
    positions: str | None,
    own: frozenset[str] | None,
) -> _Count:
    """own: terms that were chosen otherwise than the file has them; None: it has no say."""
    try:
        terms = make_terms()
        profile = profile_of(instance, _points(positions))
        if own is not None:
            profile, terms = with_own_terms(instance, profile, terms, own)
        terms = replace(terms, threshold=score_threshold(instance, profile))
        return _Count(profile, terms, count(profile, name, terms))
    except DomainError as error:
        _refuse(f"{file}: {error.field}: {error.rule}")
    except ValueError as error:
        _refuse(f"{file}: {error}")


def _chosen() -> frozenset[str]:
    """The terms that the command line names."""
    context = click.get_current_context()
    names = ("utility", "completion", "stop", "ties")
    given = click.core.ParameterSource.COMMANDLINE
    return frozenset(each for each in names if context.get_parameter_source(each) is given)


def _points(positions: str | None) -> list[Fraction] | None:
    try:
        return None if positions is None else [parse_amount(each) for each in positions.split(",")]
    except ValueError as error:
        raise ValueError(f"positions: {error}") from None


def _answer(instance: Instance, count: _Count, ties: Ties, *, explain: bool) -> dict[str, object]:
    found = satisfaction(count.result, count.profile.groups)
    told = document(instance, count.result, found, ties)
    if explain:
        told |= explanation(instance, count.profile, count.result, count.terms)
    return told


def _refuse(reason: str) -> NoReturn:
    click.echo(" ".join(reason.splitlines()), err=True)
    sys.exit(2)
