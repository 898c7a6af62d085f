"""What a data set is: columns with their meaning, and rows; written as CSV and JSON in one go.

The data dictionary is made from these columns and nothing else, so it cannot lag behind the files.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import msgspec

from cahier_kernel.errors import TooLarge
from cahier_portal.opendata.meanings import meaning_of

ROWS_MAX = 1_000_000
FORMATS = ("csv", "json")
Kind = Literal["text", "label", "id", "integer", "boolean", "instant", "list"]
Cell: TypeAlias = str | int | bool | list[str] | list[int] | None
Row: TypeAlias = Sequence[Cell]

KINDS: dict[Kind, str] = {
    "text": "Text that people wrote, UTF-8; may have several lines; [erased] where it was erased.",
    "label": "A short text, or one of a few words.",
    "id": "A UUID or a pseudonym; empty where there is none.",
    "integer": "A whole number; empty in CSV and null in JSON where there is none.",
    "boolean": "true or false.",
    "instant": "RFC 3339 in UTC; empty where there is none.",
    "list": "A JSON array; in CSV its members with blanks between them.",
}
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in one sentence."""

    name: str
    kind: Kind
    meaning: str


@dataclass(frozen=True)
class DataSet:
    """A table by its name. meaning: what a row is."""

    name: str
    meaning: str
    columns: tuple[Column, ...]


class Writer:
    """Writes rows to `<stem>.csv` and `<stem>.json`, one by one; both are whole after the block.

    Raises TooLarge for more rows than ROWS_MAX.
    """

    def __init__(self, columns: Sequence[Column], stem: Path) -> None:
        self._columns = columns
        self._names = [column.name for column in columns]
        self._csv = stem.with_suffix(".csv").open("w", encoding="utf-8", newline="")
        self._json = stem.with_suffix(".json").open("wb")
        self._rows = csv.writer(self._csv, lineterminator="\r\n")
        self.rows = 0

    def __enter__(self) -> Self:
        self._rows.writerow(self._names)
        self._json.write(b"[")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._json.write(b"\n]\n")
        self._csv.close()
        self._json.close()

    def write(self, row: Row) -> None:
        """One row, as many cells as there are columns."""
        if self.rows >= ROWS_MAX:
            raise TooLarge("open_data_too_large", f"a data set has at most {ROWS_MAX} rows")
        if len(row) != len(self._columns):
            raise ValueError("a row has as many cells as there are columns")
        self._rows.writerow(
            _csv_cell(column, cell) for column, cell in zip(self._columns, row, strict=True)
        )
        named = dict(zip(self._names, row, strict=True))
        self._json.write((b",\n" if self.rows else b"\n") + msgspec.json.encode(named))
        self.rows += 1


def safe(text: str) -> str:
    """The text as a spreadsheet shows it and never runs it: an apostrophe leads what it might.

    As OWASP, 'CSV Injection'.
    """
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _csv_cell(column: Column, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list):
        return safe(" ".join(map(str, cell)))
    return str(cell) if column.kind == "integer" else safe(str(cell))


def dictionary(sets: Sequence[DataSet]) -> list[dict[str, Any]]:
    """The data dictionary: every column of every data set, in the reader's language."""
    return [
        {
            "data_set": each.name,
            "column": column.name,
            "kind": column.kind,
            "meaning": meaning_of(column.meaning),
        }
        for each in sets
        for column in each.columns
    ]


def dictionary_csv(sets: Sequence[DataSet]) -> str:
    """The same as CSV."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(("data_set", "column", "kind", "meaning"))
    for each in dictionary(sets):
        rows.writerow(safe(str(cell)) for cell in each.values())
    return out.getvalue()
