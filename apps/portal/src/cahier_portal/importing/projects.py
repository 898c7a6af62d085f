"""What a table of projects says, line by line, and why a line is not taken.

The limits are those of the services that will be asked, so that a line which passes here is not
refused half way: all of a file is judged before its first line is carried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from cahier_kernel.errors import DomainError, Invalid
from cahier_kernel.money import CENTS_MAX, format_cents, parse_cents
from cahier_kernel.texts import require_line, require_text
from cahier_portal.importing.tables import Line, Table, read_table

REFERENCE_CHARS_MAX = 40
TITLE_CHARS_MAX = 150
TEXT_CHARS_MAX = 20_000
CATEGORY_CHARS_MAX = 80
DISTRICT_CHARS_MAX = 120
REASON_CHARS_MAX = 2_000
DEGREE_E7 = 10_000_000

NAMES: Mapping[str, tuple[str, ...]] = {
    "reference": ("reference", "project_id", "référence", "numéro"),
    "title": ("title", "name", "titre", "nom"),
    "description": ("description", "text", "texte"),
    "cost": ("cost", "coût", "cout", "montant"),
    "category": ("category", "catégorie", "thème"),
    "district": ("district", "neighborhood", "quartier"),
    "feasibility": ("feasibility", "faisabilité"),
    "reason": ("reason", "motif"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "long", "lon"),
}
"""Each field with the names that its column may have, in English and French."""
REQUIRED = ("reference", "title")
_FEASIBILITY = {
    "": "",
    "feasible": "feasible",
    "faisable": "feasible",
    "unfeasible": "unfeasible",
    "infaisable": "unfeasible",
    "non faisable": "unfeasible",
}
_DECIMAL_COMMA = re.compile(r"([0-9]+),([0-9]{1,2})", re.ASCII)


@dataclass(frozen=True)
class Row:
    """A project as the table has it. cost_cents: None where it names none.

    position: latitude and longitude in ten-millionths of a degree (WGS 84); None for no place.
    """

    line: int
    reference: str
    title: str
    description: str
    cost_cents: int | None
    category: str
    district: str
    feasibility: str
    reason: str
    position: tuple[int, int] | None


@dataclass(frozen=True)
class Refused:
    """A line that is not taken, and why; `error.field` is the field it is about."""

    line: int
    error: DomainError
    reference: str = ""


@dataclass(frozen=True)
class Reading:
    """What a file says: lines to take, lines refused, columns that mean nothing here."""

    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def read_projects(raw: bytes, districts: Iterable[str] = ()) -> Reading:
    """Reads and judges a file; `districts` are the election's, none where it has none.

    Raises Invalid where the file as a whole cannot be taken.
    """
    known = {name for names in NAMES.values() for name in names}
    table = read_table(raw, known)
    fields = _fields(table)
    judge = _Judge(frozenset(districts))
    found = Reading(ignored=[name for name in table.columns if name and name not in known])
    for line in table.lines:
        texts = {name: line.cells.get(column, "") for name, column in fields.items()}
        try:
            found.rows.append(judge.row(line, texts))
        except DomainError as error:
            found.refused.append(Refused(line.number, error, texts.get("reference", "")))
    return found


def _fields(table: Table) -> dict[str, str]:
    """The column of each field; raises Invalid for one that is missing or named twice."""
    fields: dict[str, str] = {}
    for name, names in NAMES.items():
        columns = [column for column in table.columns if column in names]
        if len(columns) > 1:
            rule = f"the columns {' and '.join(columns)} say the same"
            raise Invalid("table_column_doubled", rule, field=name, name=columns[1])
        if columns:
            fields[name] = columns[0]
        elif name in REQUIRED:
            raise Invalid(
                "table_column_missing", f"the column {name!r} is missing", field=name, name=name
            )
    return fields


class _Judge:
    """Judges one line after the other, and remembers what earlier ones have taken."""

    def __init__(self, districts: frozenset[str]) -> None:
        self._districts = districts
        self._taken: dict[str, int] = {}

    def row(self, line: Line, texts: Mapping[str, str]) -> Row:
        """The row; raises the DomainError that refuses it."""
        if line.error is not None:
            raise line.error
        title = _line(texts, "title", TITLE_CHARS_MAX, required=True)
        feasibility, reason = self._feasibility(texts)
        row = Row(
            line=line.number,
            reference=_line(texts, "reference", REFERENCE_CHARS_MAX, required=True),
            title=title,
            description=_prose(texts, "description", TEXT_CHARS_MAX) or title,
            cost_cents=_cost(texts.get("cost", "")),
            category=_line(texts, "category", CATEGORY_CHARS_MAX),
            district=self._district(_line(texts, "district", DISTRICT_CHARS_MAX)),
            feasibility=feasibility,
            reason=reason,
            position=_position(texts),
        )
        if feasibility == "feasible" and row.cost_cents is None:
            raise Invalid("cost_required", "a feasible project has a cost", field="cost")
        # Last, so that a refused line takes no reference away from a good one.
        if row.reference in self._taken:
            first = self._taken[row.reference]
            rule = f"line {first} has this reference already"
            raise Invalid("reference_doubled", rule, field="reference", line=first)
        self._taken[row.reference] = line.number
        return row

    def _district(self, district: str) -> str:
        if district and self._districts and district not in self._districts:
            rule = f"{district!r} is none of the election's districts"
            raise Invalid("district_unknown", rule, field="district", district=district)
        return district

    def _feasibility(self, texts: Mapping[str, str]) -> tuple[str, str]:
        said = texts.get("feasibility", "").lower()
        if said not in _FEASIBILITY:
            rule = "feasible, unfeasible or nothing"
            raise Invalid("feasibility_unknown", rule, field="feasibility")
        reason = _prose(texts, "reason", REASON_CHARS_MAX)
        if _FEASIBILITY[said] == "unfeasible" and not reason:
            raise Invalid("reason_required", "say why it is unfeasible", field="reason")
        return _FEASIBILITY[said], reason


def _line(texts: Mapping[str, str], name: str, most: int, *, required: bool = False) -> str:
    text = " ".join(texts.get(name, "").split())
    return require_line(text, name, chars_max=most, required=required)


def _prose(texts: Mapping[str, str], name: str, most: int) -> str:
    return require_text(texts.get(name, "").strip(), name, chars_max=most, required=False)


def _cost(text: str) -> int | None:
    """Cents of `15000`, `15 000,50` or `15000.50`; None of nothing.

    `1,000` is refused: nobody can tell a thousand from one.
    """
    digits = "".join(text.split())
    if not digits:
        return None
    french = _DECIMAL_COMMA.fullmatch(digits)
    try:
        cents = parse_cents(f"{french[1]}.{french[2]}" if french else digits)
    except ValueError:
        rule = "an amount such as 15000 or 15000.50, without separators of thousands"
        raise Invalid("cost_malformed", rule, field="cost") from None
    if not 0 <= cents <= CENTS_MAX:
        most = format_cents(CENTS_MAX)
        raise Invalid("cost_out_of_range", f"0 to {most}", field="cost", most=most)
    return cents


def _position(texts: Mapping[str, str]) -> tuple[int, int] | None:
    """Latitude and longitude in ten-millionths of a degree, both or none."""
    pair = [texts.get(name, "").replace(",", ".") for name in ("latitude", "longitude")]
    if not any(pair):
        return None
    found = []
    for name, text, most in zip(("latitude", "longitude"), pair, (90, 180), strict=True):
        try:
            degrees = Decimal(text)
        except InvalidOperation:
            degrees = Decimal("NaN")
        if not degrees.is_finite() or abs(degrees) > most:
            rule = f"degrees from -{most} to {most}; both coordinates or none"
            raise Invalid("position_malformed", rule, field=name, most=most)
        found.append(int((degrees * DEGREE_E7).to_integral_value()))
    return found[0], found[1]
