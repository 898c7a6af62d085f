"""What a Pabulib file means to Cahier: its rules, labels, and what is kept to write it back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TypeVar

import msgspec

from cahier_kernel.errors import Invalid
from cahier_kernel.money import is_currency
from cahier_record.budget import pabulib
from cahier_record.budget.ballots import BallotPaper, encode_paper
from cahier_record.budget.events import Rules
from cahier_record.budget.pabulib import INSTALMENTS_COLUMN, Ballot, Instance, Project, cents

TITLE_CHARS_MAX = 150
DEGREE_E7 = 10_000_000
CATEGORY_CHARS_MAX = 80
DISTRICT_CHARS_MAX = 120
REFERENCE_CHARS_MAX = 40
NO_CURRENCY = "XXX"  # ISO 4217 for a transaction without a currency

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

Item = TypeVar("Item")


class CannotImport(Exception):
    """The file cannot be carried by this release; the text is one line."""


def rules_of(instance: Instance, rule: str = "") -> Rules:
    """The file's rules; `rule` replaces the one that META names.

    Raises CannotImport for a counting rule that this release does not serve, for amounts finer
    than a cent, and for what META says of the rules and cannot be read.
    """
    for project in instance.projects:
        _cents(project.cost, f"project {project.id}: cost")
        if len(project.id) > REFERENCE_CHARS_MAX:
            raise CannotImport(
                f"project_id {project.id}: a reference has at most {REFERENCE_CHARS_MAX} characters"
            )
    try:
        return pabulib.rules_of(instance, rule)
    except ValueError as error:
        raise CannotImport(str(error)) from None


def instalments_of(project: Project) -> list[int]:
    """What is paid of the cost in each year, in cents; empty where the file says nothing of it."""
    try:
        return pabulib.instalments_of(project.fields.get(INSTALMENTS_COLUMN, ""))
    except ValueError as error:
        raise CannotImport(f"project {project.id}: {INSTALMENTS_COLUMN}: {error}") from None


def envelope_cents(instance: Instance) -> int:
    """The budget in cents; raises CannotImport for a finer one."""
    return _cents(instance.budget, "budget")


def currency_of(instance: Instance) -> str:
    """META's currency, or the code for none."""
    currency = instance.meta.get("currency", "").strip()
    return currency if is_currency(currency) else NO_CURRENCY


def title_of(project: Project) -> str:
    return project.fields.get("name", "").strip() or f"Project {project.id}"


def body_of(project: Project) -> str:
    """The description, or the name where a title has no room for all of it."""
    return project.fields.get("description", "").strip() or title_of(project)


def category_of(project: Project) -> str:
    return shortened(project.fields.get("category", "").strip(), CATEGORY_CHARS_MAX)


def district_of(project: Project) -> str:
    fields = project.fields
    label = fields.get("district", "") or fields.get("neighborhood", "") or ""
    return shortened(label.strip(), DISTRICT_CHARS_MAX)


def position_of(project: Project) -> tuple[int, int] | None:
    """Where the file says it is, in ten-millionths of a degree; None without a point on earth."""
    texts = (project.fields.get("latitude", ""), project.fields.get("longitude", ""))
    try:
        lat, lon = (Decimal(text.strip()) for text in texts)
    except InvalidOperation:
        return None
    if not (lat.is_finite() and lon.is_finite() and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    lat_e7, lon_e7 = (int((value * DEGREE_E7).to_integral_value()) for value in (lat, lon))
    return lat_e7, lon_e7


def districts_of(instance: Instance) -> list[str]:
    """The labels of all districts, in the order in which projects name them."""
    return list(dict.fromkeys(filter(None, map(district_of, instance.projects))))


def election_source(instance: Instance) -> str:
    """What is kept of the file as a whole, as JSON."""
    kept = {
        "meta": instance.meta,
        "project_columns": instance.project_columns,
        "vote_columns": instance.vote_columns,
    }
    return json.dumps(kept, ensure_ascii=False)


def project_source(project: Project) -> str:
    """What is kept of a project's row, as JSON."""
    return json.dumps({"cost": project.cost_text, "fields": project.fields}, ensure_ascii=False)


def papers_of(instance: Instance, rules: Rules) -> list[BallotPaper]:
    """The ballots with projects by number, each with its row, voter and further columns."""
    numbers = {project.id: number for number, project in enumerate(instance.projects, 1)}
    columns, unit = instance.extra_vote_columns, 10**rules.point_decimals
    is_ranked = rules.vote_type == "ordinal"
    return [
        BallotPaper(
            tuple(numbers[project] for project in dict.fromkeys(ballot.projects)),
            _extra(row, ballot, columns, {} if is_ranked else numbers),
            tuple(int(points * unit) for points in ballot.points),
            is_ranked,
        )
        for row, ballot in enumerate(instance.ballots)
    ]


def _extra(
    row: int, ballot: Ballot, columns: Sequence[str], numbers: Mapping[str, int]
) -> dict[str, str]:
    """Columns as text; the vote too, where its order is not that of the project numbers.

    numbers: empty where papers keep the order.
    """
    by_number = tuple(sorted(ballot.projects, key=numbers.__getitem__)) if numbers else ()
    is_kept = not numbers or ballot.projects == by_number
    order = {} if is_kept else {"vote": ",".join(ballot.projects)}
    further = dict(zip(columns, ballot.extra, strict=True))
    return {"row": str(row), "voter_id": ballot.voter, **order, **further}


def extra_bytes(papers: Sequence[BallotPaper]) -> int:
    """The most bytes that any ballot needs beyond its choices."""
    return max(
        (
            len(encode_paper(paper)) - len(encode_paper(msgspec.structs.replace(paper, extra={})))
            for paper in papers
        ),
        default=0,
    )


def shortened(text: str, chars_max: int) -> str:
    """The text, cut with an ellipsis where it is too long; blanks and controls become blanks."""
    text = " ".join(text.split())
    return text if len(text) <= chars_max else text[: chars_max - 1].rstrip() + "…"


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _cents(amount: Fraction, what: str) -> int:
    try:
        return cents(amount)
    except (ValueError, Invalid) as error:
        raise CannotImport(f"{what}: {error}") from None
