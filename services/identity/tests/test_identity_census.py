"""The census file's rules: which row, which column, and all or nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cahier_identity.domain import census
from cahier_identity.domain.census import CensusProof, checked_proof, parse_roll, roll_events
from cahier_kernel.errors import Invalid

GOOD = "X-123 456,1980-02-29,31 000,Centre"
Roll = Callable[..., bytes]


def refusal(raw: bytes) -> tuple[str, dict[str, str]]:
    with pytest.raises(Invalid) as refused:
        parse_roll(raw)
    assert refused.value.field == "csv"
    return refused.value.code, refused.value.params


def test_rows_are_read_in_the_form_in_which_they_are_compared(roll: Roll) -> None:
    first, second = parse_roll(roll(GOOD, 'y99,2001-01-01,NW1-6XE,"Nord, Est"'))
    assert first.proof == CensusProof("X123456", "1980-02-29", "31000")
    assert (first.line, first.district) == (2, "Centre")
    assert (second.proof.document_number, second.district) == ("Y99", "Nord, Est")


def test_what_a_resident_types_meets_the_row(roll: Roll) -> None:
    (row,) = parse_roll(roll(GOOD))
    assert checked_proof(" x123-456 ", "1980-02-29", "31-000") == row.proof


def test_a_byte_order_mark_and_crlf_do_not_matter(roll: Roll) -> None:
    raw = b"\xef\xbb\xbf" + roll(GOOD).replace(b"\n", b"\r\n")
    assert len(parse_roll(raw)) == 1


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("ab,1980-02-29,31000,Centre", "document_number"),
        ("a" * 41 + ",1980-02-29,31000,Centre", "document_number"),
        ("ab?c,1980-02-29,31000,Centre", "document_number"),
        ("abc,1980-02-30,31000,Centre", "birth_date"),
        ("abc,29/02/1980,31000,Centre", "birth_date"),
        ("abc,19800229,31000,Centre", "birth_date"),
        ("abc,1980-02-29,3,Centre", "postcode"),
        ("abc,1980-02-29,1234567890123,Centre", "postcode"),
        ("abc,1980-02-29,31000,", "district"),
        ("abc,1980-02-29,31000," + "d" * 81, "district"),
        ('abc,1980-02-29,31000,"a\tb"', "district"),
        ("abc,1980-02-29,31000", ""),
        ("abc,1980-02-29,31000,Centre,more", ""),
        ("", ""),
        ('abc,1980-02-29,31000,"Cen"tre', ""),
        ('"abc', ""),
    ],
)
def test_a_malformed_row_is_named_by_line_and_column(roll: Roll, row: str, column: str) -> None:
    assert refusal(roll(GOOD, row)) == (
        "census_row_malformed",
        {"line": "3", "column": column},
    )


def test_a_row_twice_in_the_file_is_named_by_both_lines(roll: Roll) -> None:
    again = "x123456,1980-02-29,31000,Another"
    assert refusal(roll(GOOD, "abc,1980-02-29,31000,Centre", again)) == (
        "census_row_doubled",
        {"line": "4", "first_line": "2"},
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "census_header"),
        (b"document_number;birth_date;postcode;district\n", "census_header"),
        (b"birth_date,document_number,postcode,district\n", "census_header"),
        (b"document_number,birth_date,postcode,district\n", "census_empty"),
        (b"x" * (census.CSV_BYTES_MAX + 1), "census_file_size"),
    ],
)
def test_a_file_that_is_no_roll_is_refused(raw: bytes, code: str) -> None:
    assert refusal(raw)[0] == code


def test_text_that_is_not_utf_8_is_named_by_line(roll: Roll) -> None:
    raw = roll(GOOD) + "abc,1980-02-29,31000,Orléans\n".encode("latin-1")
    assert refusal(raw) == ("census_file_encoding", {"line": "3"})


def test_a_file_names_a_bounded_number_of_districts(roll: Roll) -> None:
    rows = [f"abc{n},1980-02-29,31000,D{n}" for n in range(census.DISTRICTS_MAX + 1)]
    assert len(parse_roll(roll(*rows[:-1]))) == census.DISTRICTS_MAX
    assert refusal(roll(*rows))[0] == "census_districts"


def test_a_load_lists_its_rows_in_chunks_and_counts_them_by_district() -> None:
    keyed = [(f"k{n}", "A" if n % 3 else "B") for n in range(census.ROWS_AN_EVENT_MAX + 1)]
    *listed, loaded = roll_events(keyed, event_id="e", by="boss")
    assert [len(event.rows) for event in listed] == [census.ROWS_AN_EVENT_MAX, 1]
    assert (loaded.rows, loaded.districts, loaded.counts) == (1001, ("A", "B"), (667, 334))


@pytest.mark.parametrize("field", ["document_number", "birth_date", "postcode"])
def test_a_proof_with_a_bad_field_names_it(field: str) -> None:
    good = {"document_number": "abc", "birth_date": "1980-02-29", "postcode": "31000"}
    with pytest.raises(Invalid) as refused:
        checked_proof(**{**good, field: "\0"})
    assert (refused.value.code, refused.value.field) == (f"{field}_malformed", field)
