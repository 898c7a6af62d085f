"""A table out of a CSV file or an Excel workbook, as lines of text with their numbers.

A workbook is a zip of XML that strangers made: what it may unpack to is bounded before anything
is unpacked, entities are refused (defusedxml, which openpyxl takes by itself), and formulas are
refused where they stand, because what they come to is not in the file for certain.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import load_workbook

from cahier_kernel.errors import DomainError, Invalid

BYTES_MAX = 8 * 1024 * 1024
"""Of the file, packed or not."""
UNPACKED_BYTES_MAX = 64 * 1024 * 1024
PARTS_MAX = 500
ROWS_MAX = 2_000
ROWS_SEEN_MAX = 20_000
"""Empty rows are passed over, up to so many rows in all."""
COLUMNS_MAX = 60
CELL_CHARS_MAX = 20_000
SIGNIFICANT_DIGITS = 15
"""Of a number in a workbook: so many does a spreadsheet itself show and keep."""

_DELIMITERS = (";", ",", "\t")
_ZIP = b"PK\x03\x04"
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True)
class Line:
    """A row that is not empty. number: in the file, from 1. error: of the whole row."""

    number: int
    cells: dict[str, str]
    error: DomainError | None = None


@dataclass(frozen=True)
class Table:
    """The columns in their order, in lower case, and the lines below them."""

    columns: tuple[str, ...]
    lines: list[Line] = field(default_factory=list)


def read_table(raw: bytes, known: Iterable[str]) -> Table:
    """The table in a CSV file (UTF-8; semicolons, commas or tabs) or a workbook's first sheet.

    known: names of columns, to tell what separates them. Raises Invalid with a code that begins
    with `table_` where the file as a whole cannot be taken; a line that cannot has its `error`.
    """
    if len(raw) > BYTES_MAX:
        raise _broken("table_too_large", f"at most {BYTES_MAX // 1024**2} MiB", most=BYTES_MAX)
    if raw.startswith(_OLD_EXCEL):
        raise _broken("table_old_excel", "an old or encrypted Excel file: save it as .xlsx or CSV")
    rows = _workbook_rows(raw) if raw.startswith(_ZIP) else _csv_rows(raw, set(known))
    return _table(rows)


Row = tuple[int, list[str], DomainError | None]


def _table(rows: Iterator[Row]) -> Table:
    columns: tuple[str, ...] = ()
    lines: list[Line] = []
    for number, cells, error in rows:
        if not any(cells):
            continue
        if not columns:
            columns = _header(cells)
        elif len(lines) >= ROWS_MAX:
            raise _broken("table_too_long", f"at most {ROWS_MAX} lines", most=ROWS_MAX)
        else:
            lines.append(_line(number, cells, error, columns))
    if not columns:
        raise _broken("table_empty", "there is no line with the names of columns")
    return Table(columns, lines)


def _header(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    columns = tuple(" ".join(cell.lower().split()) for cell in cells)
    named = [column for column in columns if column]
    doubled = next((column for column in named if named.count(column) > 1), "")
    if doubled:
        raise _broken("table_column_doubled", f"the column {doubled!r} stands twice", name=doubled)
    return columns


def _line(
    number: int, cells: list[str], error: DomainError | None, columns: tuple[str, ...]
) -> Line:
    if any(cells[len(columns) :]):
        error = error or Invalid("line_too_wide", "the line has more cells than there are columns")
    found = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    return Line(number, found, error)


def _csv_rows(raw: bytes, known: set[str]) -> Iterator[Row]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _broken("table_not_utf8", "the file is not UTF-8: save it as 'CSV UTF-8'") from None
    if "\0" in text:
        raise _broken("table_not_csv", "the file is neither CSV nor an Excel workbook")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=lambda each: _names_known(first, each, known))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 1
    try:
        for cells in reader:
            yield number, *_short([cell.strip() for cell in cells])
            number = reader.line_num + 1
            if number > ROWS_SEEN_MAX * 10:
                raise _broken("table_too_long", f"at most {ROWS_MAX} lines", most=ROWS_MAX)
    except csv.Error as error:
        raise _broken("table_not_csv", f"line {number}: not CSV: {error}", line=number) from None


def _names_known(line: str, delimiter: str, known: set[str]) -> int:
    return sum(cell.strip(' "').lower() in known for cell in line.split(delimiter))


def _workbook_rows(raw: bytes) -> Iterator[Row]:
    _check_archive(raw)
    try:
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        # What the sheet says of its own size is not believed: the rows tell.
        sheet.reset_dimensions()
        yield from _sheet_rows(sheet)
        book.close()
    except DomainError:
        raise
    except (
        zipfile.BadZipFile, ParseError, KeyError, ValueError, TypeError, IndexError,
        AttributeError, OSError, EOFError, NotImplementedError,
    ) as error:  # fmt: skip
        # The library wraps what its parser refused in errors of its own.
        if isinstance(error, DefusedXmlException) or isinstance(
            error.__cause__ or error.__context__, DefusedXmlException
        ):
            raise _broken("table_hostile", "the workbook's XML declares entities") from None
        raise _broken("table_not_workbook", "the Excel file cannot be read") from error


def _check_archive(raw: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise _broken("table_not_workbook", "the Excel file cannot be read") from None
    if len(parts) > PARTS_MAX or sum(part.file_size for part in parts) > UNPACKED_BYTES_MAX:
        # A part that unpacks to more than it declares is refused by zipfile itself.
        most = UNPACKED_BYTES_MAX // 1024**2
        raise _broken("table_bomb", f"the workbook unpacks to more than {most} MiB", most=most)
    if any("vbaproject" in part.filename.lower() for part in parts):
        raise _broken("table_macros", "a workbook with macros is not taken: save it as .xlsx")


def _sheet_rows(sheet: Any) -> Iterator[Row]:
    for number, row in enumerate(sheet.iter_rows(max_col=COLUMNS_MAX + 1), 1):
        if number > ROWS_SEEN_MAX:
            raise _broken("table_too_long", f"at most {ROWS_MAX} lines", most=ROWS_MAX)
        error: DomainError | None = None
        cells = []
        for cell in row:
            if cell.data_type == "f":
                where = cell.coordinate
                error = Invalid("cell_formula", f"cell {where} holds a formula", cell=where)
            elif cell.data_type == "e":
                where = cell.coordinate
                error = Invalid("cell_error", f"cell {where} holds an error", cell=where)
            cells.append(_text_of(cell.value))
        texts, wide = _short(cells)
        yield number, texts, error or wide


def _short(cells: list[str]) -> tuple[list[str], DomainError | None]:
    """The cells, as many as there may be; an error for more, or for one that is too long."""
    if any(cells[COLUMNS_MAX:]):
        error = Invalid("line_too_wide", f"at most {COLUMNS_MAX} columns", most=COLUMNS_MAX)
        return cells[:COLUMNS_MAX], error
    if any(len(cell) > CELL_CHARS_MAX for cell in cells):
        return cells, Invalid("text_too_long", f"at most {CELL_CHARS_MAX} characters a cell")
    return cells[:COLUMNS_MAX], None


def _text_of(value: Any) -> str:
    """A cell as a person reads it: numbers in at most 15 digits, dates as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.{SIGNIFICANT_DIGITS}g}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value).strip()


def _broken(code: str, rule: str, **params: object) -> Invalid:
    return Invalid(code, rule, **params)
