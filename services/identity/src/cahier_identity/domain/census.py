"""The census roll: who lives where, by the city's word. Rows are read here and kept as keys only.

A roll is loaded whole or not at all: one bad or doubled row refuses the file, because a roll that
was loaded by halves cannot be told from one that was forged.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from cahier_kernel.errors import Invalid

COLUMNS = ("document_number", "birth_date", "postcode", "district")
CSV_BYTES_MAX = 3 * 1024 * 1024
DOCUMENT_CHARS_MIN = 3
DOCUMENT_CHARS_MAX = 40
POSTCODE_CHARS_MIN = 2
POSTCODE_CHARS_MAX = 12
DISTRICT_CHARS_MAX = 80
DISTRICTS_MAX = 400
ROWS_AN_EVENT_MAX = 1_000
ROLL_STREAM = "census_roll"
_IGNORED = re.compile(r"[\s-]+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class RowsListed(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one load, stored before its RollLoaded in the same append.

    rows: (key, district); the key is a keyed digest of the row, see `CensusProof.text`.
    """

    rows: tuple[tuple[str, str], ...]


class RollLoaded(msgspec.Struct, frozen=True, kw_only=True):
    """A load is complete. counts: rows of each district, in the same order."""

    event_id: str
    rows: int
    districts: tuple[str, ...]
    counts: tuple[int, ...]
    by: str


@dataclass(frozen=True, slots=True)
class CensusProof:
    """What proves that somebody stands on the roll, in the form in which it is compared."""

    document_number: str
    birth_date: str
    postcode: str

    def text(self) -> str:
        """What is digested under identity's key; no part can hold the separator."""
        return "\0".join((self.document_number, self.birth_date, self.postcode))


@dataclass(frozen=True, slots=True)
class CensusRow:
    """One row of a file. line: where it ends in the file, from 1."""

    line: int
    proof: CensusProof
    district: str


class _BadField(Exception):
    """A column's value breaks its rule."""

    def __init__(self, column: str, rule: str) -> None:
        self.column = column
        self.rule = rule
        super().__init__(rule)


def checked_proof(document_number: str, birth_date: str, postcode: str) -> CensusProof:
    """What a resident typed; raises Invalid `<field>_malformed`."""
    try:
        return _proof(document_number, birth_date, postcode)
    except _BadField as bad:
        raise Invalid(f"{bad.column}_malformed", bad.rule, field=bad.column) from None


def parse_roll(raw: bytes) -> list[CensusRow]:
    """The rows of a census file.

    Raises Invalid: census_file_size, census_file_encoding, census_header, census_empty,
    census_row_malformed (with line, column), census_row_doubled (with line, first_line),
    census_districts.
    """
    if len(raw) > CSV_BYTES_MAX:
        raise _refused("census_file_size", f"at most {CSV_BYTES_MAX} bytes", limit=CSV_BYTES_MAX)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refused("census_file_encoding", "the file is UTF-8", line=line) from None
    rows = list(_rows(text))
    if not rows:
        raise _refused("census_empty", "the file has at least one row after its header")
    _refuse_doubles(rows)
    _refuse_many_districts(rows)
    return rows


def row_doubled(line: int, first_line: int | None = None) -> Invalid:
    """The refusal of a row that was there before: in this file, or in the roll (no first_line)."""
    where = "is on the roll already" if first_line is None else "is in the file twice"
    more = {} if first_line is None else {"first_line": first_line}
    return _refused("census_row_doubled", f"line {line} {where}", line=line, **more)


def roll_events(
    keyed: Iterable[tuple[str, str]], *, event_id: str, by: str
) -> list[RowsListed | RollLoaded]:
    """The events of one load, to be appended together; keyed: (key, district) of each row."""
    rows = tuple(keyed)
    counts = Counter(district for _, district in rows)
    districts = tuple(sorted(counts))
    chunks = range(0, len(rows), ROWS_AN_EVENT_MAX)
    return [
        *(RowsListed(rows=rows[start : start + ROWS_AN_EVENT_MAX]) for start in chunks),
        RollLoaded(
            event_id=event_id,
            rows=len(rows),
            districts=districts,
            counts=tuple(counts[district] for district in districts),
            by=by,
        ),
    ]


def _rows(text: str) -> Iterator[CensusRow]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if tuple(next(reader, ())) != COLUMNS:
            rule = f"the first line is {','.join(COLUMNS)}"
            raise _refused("census_header", rule, line=1)
        for values in reader:
            yield _row(reader.line_num, values)
    except csv.Error as error:
        raise _malformed(reader.line_num, "", f"not CSV: {error}") from None


def _row(line: int, values: list[str]) -> CensusRow:
    if len(values) != len(COLUMNS):
        raise _malformed(line, "", f"{len(COLUMNS)} columns, here {len(values)}")
    document_number, birth_date, postcode, district = values
    try:
        proof = _proof(document_number, birth_date, postcode)
        return CensusRow(line, proof, _district(district))
    except _BadField as bad:
        raise _malformed(line, bad.column, bad.rule) from None


def _proof(document_number: str, birth_date: str, postcode: str) -> CensusProof:
    return CensusProof(
        _code(document_number, "document_number", DOCUMENT_CHARS_MIN, DOCUMENT_CHARS_MAX),
        _birth_date(birth_date),
        _code(postcode, "postcode", POSTCODE_CHARS_MIN, POSTCODE_CHARS_MAX),
    )


def _code(text: str, column: str, chars_min: int, chars_max: int) -> str:
    """Letters and digits in upper case; blanks and hyphens do not matter."""
    code = _IGNORED.sub("", text).upper()
    if not chars_min <= len(code) <= chars_max or not code.isalnum() or len(text) > 2 * chars_max:
        raise _BadField(column, f"{chars_min} to {chars_max} letters and digits")
    return code


def _birth_date(text: str) -> str:
    day = text.strip()
    try:
        if _DATE.fullmatch(day) is None:
            raise ValueError
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise _BadField("birth_date", "a date as YYYY-MM-DD") from None


def _district(text: str) -> str:
    district = text.strip()
    if not 1 <= len(district) <= DISTRICT_CHARS_MAX or not district.isprintable():
        raise _BadField("district", f"1 to {DISTRICT_CHARS_MAX} printable characters")
    return district


def _refuse_doubles(rows: list[CensusRow]) -> None:
    lines: dict[CensusProof, int] = {}
    for row in rows:
        first = lines.setdefault(row.proof, row.line)
        if first != row.line:
            raise row_doubled(row.line, first)


def _refuse_many_districts(rows: list[CensusRow]) -> None:
    districts: set[str] = set()
    for row in rows:
        districts.add(row.district)
        if len(districts) > DISTRICTS_MAX:
            rule = f"a file names at most {DISTRICTS_MAX} districts"
            raise _refused("census_districts", rule, line=row.line, limit=DISTRICTS_MAX)


def _malformed(line: int, column: str, rule: str) -> Invalid:
    where = f"line {line}" + (f", column {column}" if column else "")
    return _refused("census_row_malformed", f"{where}: {rule}", line=line, column=column)


def _refused(code: str, rule: str, **params: object) -> Invalid:
    return Invalid(code, rule, field="csv", **params)
