"""What a file of service requests means: rows, categories and the order of what happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import cahier_cli
from cahier_cli.importing.reading import CannotImport
from cahier_cli.importing.service_requests import (
    COLUMNS,
    ServiceRequests,
    Step,
    categories_of,
    events_of,
    read_requests,
    requested_within,
)
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb

REAL = Path(cahier_cli.__file__).parent / "data" / "stlouis_csb_2018-01.csv"
ROW = {
    "service_request_id": "1",
    "requested_datetime": "2018-01-01T00:48:30-06:00",
    "closed_datetime": "2018-01-05T16:22:21-06:00",
    "expected_datetime": "2018-01-15T00:00:00-06:00",
    "cancelled_or_duplicate_datetime": "",
    "source_status": "CLOSED",
    "service_code": "NOWATER",
    "description": "No water",
    "agency_responsible": "WATER DIV",
    "lat": "38.575464",
    "long": "-90.305349",
}


def table(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> bytes:
    lines = [",".join(columns), *(",".join((ROW | row)[name] for name in columns) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


def taken(*rows: dict[str, str]) -> ServiceRequests:
    return read_requests(table(*rows), "f.csv")


def test_a_row_is_read_to_the_millisecond_and_the_centimetre() -> None:
    (row,) = taken({}).rows
    assert (row.lat_e7, row.lon_e7) == (385_754_640, -903_053_490)
    assert row.requested == datetime(2018, 1, 1, 6, 48, 30, tzinfo=UTC)
    assert (row.code, row.label, row.agency) == ("NOWATER", "No water", "WATER DIV")


def test_a_byte_order_mark_and_further_columns_are_taken() -> None:
    raw = table({}, columns=(*COLUMNS,)).replace(b"\n", b",more\n")
    assert len(read_requests(b"\xef\xbb\xbf" + raw, "f.csv").rows) == 1


def test_a_row_without_a_point_is_left_out_and_one_that_stands_twice_is_taken_once() -> None:
    found = taken({}, {"service_request_id": "2", "lat": "", "long": ""}, {})
    assert [row.id for row in found.rows] == ["1"]
    assert found.left_out == ["f.csv:3: lat: no place is known"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"service_request_id": " "}, "service_request_id: 1 to 100 characters"),
        ({"service_code": "c" * 101}, "service_code: 1 to 100 characters"),
        ({"requested_datetime": ""}, "requested_datetime: this is required"),
        ({"requested_datetime": "2018-01-01"}, "requested_datetime: an RFC 3339 time"),
        ({"requested_datetime": "2018-01-01T00:00:00"}, "requested_datetime: an RFC 3339 time"),
        ({"closed_datetime": "2017-12-31T00:00:00Z"}, "closed_datetime: not before"),
        ({"lat": "north"}, "lat: a decimal number"),
        ({"lat": "90.0000001"}, "lat: between -90 and 90"),
        ({"long": "NaN"}, "long: between -180 and 180"),
        ({"long": ""}, "long: a decimal number"),
        ({"description": "a,b"}, "the row has not as many fields"),
    ],
)
def test_a_bad_row_is_refused_with_line_field_and_rule(row: dict[str, str], said: str) -> None:
    with pytest.raises(CannotImport, match=f"^f.csv:3: {said}"):
        taken({}, {"service_request_id": "2"} | row)


def test_a_missing_column_or_another_encoding_is_refused() -> None:
    with pytest.raises(CannotImport, match=r"^f\.csv:1: lat: the column is missing$"):
        read_requests(table(columns=COLUMNS[:-2]), "f.csv")
    with pytest.raises(CannotImport, match="not UTF-8"):
        read_requests(b"\xff\xfe", "f.csv")
    with pytest.raises(CannotImport, match="is missing"):
        read_requests(b"", "f.csv")


def test_a_category_is_what_its_rows_mostly_say() -> None:
    rows = [
        {"service_request_id": "1", "agency_responsible": "NA"},
        {"service_request_id": "2"},
        {"service_request_id": "3"},
        {"service_request_id": "4", "agency_responsible": "OTHER", "expected_datetime": ""},
    ]
    category = categories_of(taken(*rows).rows)["NOWATER"]
    assert category == pb.Category(
        code="NOWATER", label="No water", department="WATER DIV", promise_days=14, anonymous=True
    )


def test_a_promise_lies_within_bounds() -> None:
    for expected, days in (("2017-01-01T00:00:00Z", 0), ("2038-01-01T00:00:00Z", 365), ("", 0)):
        rows = taken({"expected_datetime": expected}).rows
        assert categories_of(rows)["NOWATER"].promise_days == days


def test_events_come_in_the_order_of_time() -> None:
    rows = taken(
        {"service_request_id": "1"},
        {"service_request_id": "2", "agency_responsible": "OTHER", "closed_datetime": ""}
        | {"source_status": "Inspect"},
        {"service_request_id": "3", "closed_datetime": "", "source_status": "CANCEL"}
        | {"cancelled_or_duplicate_datetime": "2018-01-01T00:50:00-06:00"},
        {"service_request_id": "4", "closed_datetime": "", "source_status": "NEW"},
    ).rows
    events = events_of(rows, categories_of(rows))
    assert [(event.request.id, event.step) for event in events] == [
        ("1", Step.REPORT),
        ("2", Step.REPORT),
        ("2", Step.ROUTE),
        ("3", Step.REPORT),
        ("4", Step.REPORT),
        ("3", Step.CLOSE),
        ("2", Step.ANSWER),
        ("1", Step.CLOSE),
    ]


def test_the_real_file_is_read_whole() -> None:
    found = read_requests(REAL.read_bytes(), REAL.name)
    assert (len(found.rows), len(found.left_out)) == (1_484, 48)
    assert len(categories_of(found.rows)) == 153
    day = requested_within(found.rows, datetime(2018, 1, 3, 6, tzinfo=UTC), timedelta(days=1))
    assert len(day) == 349
