"""What a file of service requests means to Cahier: categories, and what happens when.

The format is that of the City of St. Louis's Citizens' Service Bureau as data/ has it: CSV with a
header, instants in RFC 3339 with an offset, points in WGS 84 degrees, `NA` for what is not known.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum

from cahier_cli.importing.reading import CannotImport
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb
from cahier_kernel.clock import from_rfc3339

ROWS_MAX = 200_000
ID_CHARS_MAX = 100
PROMISE_DAYS_MAX = 365
NOT_KNOWN = "NA"
COLUMNS = (
    "service_request_id",
    "requested_datetime",
    "closed_datetime",
    "expected_datetime",
    "cancelled_or_duplicate_datetime",
    "source_status",
    "service_code",
    "description",
    "agency_responsible",
    "lat",
    "long",
)
_E7 = Decimal(10_000_000)
_DAY = timedelta(days=1)

# What the source's own states say of work that goes on; NEW says nothing.
STATES: Mapping[str, pb.ReportState] = {
    "Disptch": pb.REPORT_STATE_ACTION_SCHEDULED,
    "SCHEDULED": pb.REPORT_STATE_ACTION_SCHEDULED,
    "FieldCrw": pb.REPORT_STATE_IN_PROGRESS,
    "Inspect": pb.REPORT_STATE_INVESTIGATING,
    "Letter": pb.REPORT_STATE_CONFIRMED,
    "ON HOLD": pb.REPORT_STATE_PLANNED,
}


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """One row. expected, closed, cancelled: None where the source says nothing."""

    id: str
    code: str
    label: str
    agency: str
    status: str
    lat_e7: int
    lon_e7: int
    requested: datetime
    expected: datetime | None
    closed: datetime | None
    cancelled: datetime | None


@dataclass(frozen=True)
class ServiceRequests:
    """A file's rows in its order, each request once; left_out: lines that could not be taken."""

    rows: list[ServiceRequest] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_requests(raw: bytes, name: str) -> ServiceRequests:
    """Reads a file of service requests.

    Rows without a point are left out, and said so; a request that stands twice (it came by two
    channels) is taken once. Raises CannotImport with `FILE:LINE: FIELD: RULE`.
    """
    try:
        lines = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True)
        missing = [column for column in COLUMNS if column not in (lines.fieldnames or ())]
        if missing:
            raise CannotImport(f"{name}:1: {missing[0]}: the column is missing")
        return _taken(lines, name)
    except UnicodeDecodeError:
        raise CannotImport(f"{name}:1: the file is not UTF-8") from None
    except csv.Error as error:
        raise CannotImport(f"{name}: not CSV: {error}") from None


def _taken(lines: csv.DictReader[str], name: str) -> ServiceRequests:
    found, seen = ServiceRequests(), set[str]()
    for fields in lines:
        where = f"{name}:{lines.line_num}"
        if len(seen) >= ROWS_MAX:
            raise CannotImport(f"{where}: at most {ROWS_MAX} requests")
        if None in fields or None in fields.values():
            raise CannotImport(f"{where}: the row has not as many fields as the header")
        if not fields["lat"] and not fields["long"]:
            found.left_out.append(f"{where}: lat: no place is known")
        elif fields["service_request_id"] not in seen:
            row = _Row(fields, where).request()
            seen.add(row.id)
            found.rows.append(row)
    return found


@dataclass(frozen=True)
class _Row:
    fields: Mapping[str, str]
    where: str

    def request(self) -> ServiceRequest:
        requested = self._instant("requested_datetime")
        if requested is None:
            raise self._broken("requested_datetime", "this is required")
        return ServiceRequest(
            id=self._text("service_request_id"),
            code=self._text("service_code"),
            label=self.fields["description"].strip() or self._text("service_code"),
            agency=self.fields["agency_responsible"].strip() or NOT_KNOWN,
            status=self.fields["source_status"],
            lat_e7=self._degrees("lat", 90),
            lon_e7=self._degrees("long", 180),
            requested=requested,
            expected=self._instant("expected_datetime"),
            closed=self._later("closed_datetime", requested),
            cancelled=self._later("cancelled_or_duplicate_datetime", requested),
        )

    def _text(self, name: str) -> str:
        text = self.fields[name].strip()
        if not text or len(text) > ID_CHARS_MAX:
            raise self._broken(name, f"1 to {ID_CHARS_MAX} characters")
        return text

    def _instant(self, name: str) -> datetime | None:
        try:
            return from_rfc3339(self.fields[name]) if self.fields[name] else None
        except ValueError:
            raise self._broken(name, "an RFC 3339 time such as 2018-01-01T00:48:30-06:00") from None

    def _later(self, name: str, requested: datetime) -> datetime | None:
        instant = self._instant(name)
        if instant is not None and instant < requested:
            raise self._broken(name, "not before requested_datetime")
        return instant

    def _degrees(self, name: str, most: int) -> int:
        try:
            degrees = Decimal(self.fields[name])
        except InvalidOperation:
            raise self._broken(name, "a decimal number of degrees") from None
        if not degrees.is_finite() or abs(degrees) > most:
            raise self._broken(name, f"between -{most} and {most} degrees")
        return int((degrees * _E7).to_integral_value())

    def _broken(self, name: str, rule: str) -> CannotImport:
        return CannotImport(f"{self.where}: {name}: {rule}")


def requested_within(
    rows: Sequence[ServiceRequest], begin: datetime, span: timedelta
) -> list[ServiceRequest]:
    """Those requested from `begin` on, before `begin + span`."""
    return [row for row in rows if begin <= row.requested < begin + span]


def categories_of(rows: Sequence[ServiceRequest]) -> dict[str, pb.Category]:
    """A category for each code, with what its rows mostly say: label, department and promise.

    The promise is the number of days, rounded up, between the request and its expected end.
    Anybody may report: the file names no reporter.
    """
    by_code: dict[str, list[ServiceRequest]] = {}
    for row in rows:
        by_code.setdefault(row.code, []).append(row)
    return {code: _category(code, of_code) for code, of_code in sorted(by_code.items())}


def _category(code: str, rows: Sequence[ServiceRequest]) -> pb.Category:
    agencies = Counter(row.agency for row in rows if row.agency != NOT_KNOWN)
    promises = Counter(_days(row.expected - row.requested) for row in rows if row.expected)
    return pb.Category(
        code=code,
        label=Counter(row.label for row in rows).most_common(1)[0][0],
        department=agencies.most_common(1)[0][0] if agencies else NOT_KNOWN,
        promise_days=promises.most_common(1)[0][0] if promises else 0,
        anonymous=True,
    )


def _days(span: timedelta) -> int:
    return min(max(-(-span // _DAY), 0), PROMISE_DAYS_MAX)


class Step(Enum):
    """What happens to a request, in the order in which it can."""

    REPORT = 1
    ROUTE = 2
    ANSWER = 3
    CLOSE = 4


@dataclass(frozen=True, slots=True)
class Event:
    """One step of one request, at its time in the file."""

    at: datetime
    step: Step
    request: ServiceRequest


def events_of(rows: Sequence[ServiceRequest], categories: Mapping[str, pb.Category]) -> list[Event]:
    """Everything that the file says, in the order of time."""
    events = [event for row in rows for event in _events(row, categories[row.code])]
    return sorted(events, key=lambda event: event.at)


def _events(row: ServiceRequest, category: pb.Category) -> Iterator[Event]:
    yield Event(row.requested, Step.REPORT, row)
    if row.agency not in (NOT_KNOWN, category.department):
        yield Event(row.requested, Step.ROUTE, row)
    ended = row.closed or row.cancelled
    if ended is not None:
        yield Event(ended, Step.CLOSE, row)
    elif row.status in STATES:
        # The file does not say since when: a day later is taken for all.
        yield Event(row.requested.astimezone(UTC) + _DAY, Step.ANSWER, row)
