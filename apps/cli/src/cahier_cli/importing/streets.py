"""Street reports from a file of service requests, through the doors that residents and staff use.

On a city whose clock can be set, each report is made and handled at its own time, to the quarter
of an hour; elsewhere all of it happens now, in the same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from cahier_cli.doors import Doors
from cahier_cli.importing.reading import Progress
from cahier_cli.importing.service_requests import (
    STATES,
    Event,
    ServiceRequest,
    Step,
    categories_of,
    events_of,
)
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb

CALLS_AT_ONCE = 16
SLOT = timedelta(minutes=15)
CANCELLED = "Cancelled, or reported before: the source does not say which of the two."
MISDIRECTED = "The source names this department for it."


@dataclass(frozen=True)
class When:
    """begins: the city's time for the file's first instant; None where its clock stands as it is.

    lasts: how much of the file's time is carried; what happens later is left undone.
    """

    begins: datetime | None
    lasts: timedelta | None = None


@dataclass(frozen=True)
class Streets:
    """How many reports were made, how many of them closed, and the ids by the file's own."""

    reports: int
    closed: int
    ids: dict[str, str]


async def import_streets(
    doors: Doors, rows: Sequence[ServiceRequest], when: When, progress: Progress
) -> Streets:
    """Carries all rows; repeating it changes nothing, since every call has a key of its own.

    Raises DomainError, alone or in a group, when a service refuses, and CityError when a clock
    that was asked for cannot be set.
    """
    categories = categories_of(rows)
    events = events_of(rows, categories)
    if not events:
        return Streets(0, 0, {})
    first = events[0].at
    if when.lasts is not None:
        events = [event for event in events if event.at <= first + when.lasts]
    if when.begins is not None:
        await doors.set_clock(when.begins)
    for category in categories.values():
        await doors.reporting.DefineCategory(
            pb.DefineCategoryRequest(category=category), repeat=True
        )
    walk = _Walk(doors)
    done = 0
    for slot, group in groupby(events, key=lambda event: _slot(event.at)):
        together = list(group)
        if when.begins is not None:
            await doors.set_clock(when.begins + (slot - _slot(first)))
        await walk.take(together)
        done += len(together)
        progress("streets", done, len(events))
    return Streets(len(walk.ids), walk.closed, walk.ids)


def _slot(at: datetime) -> datetime:
    """The end of the quarter of an hour that an instant lies in."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((at - midnight) // SLOT + 1) * SLOT


class _Walk:
    """Carries out events; those of one request in their order, others side by side."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._at_once = asyncio.Semaphore(CALLS_AT_ONCE)
        self.ids: dict[str, str] = {}
        self.closed = 0

    async def take(self, events: Sequence[Event]) -> None:
        by_request: dict[str, list[Event]] = {}
        for event in events:
            by_request.setdefault(event.request.id, []).append(event)
        async with asyncio.TaskGroup() as group:
            for of_one in by_request.values():
                group.create_task(self._in_order(of_one))

    async def _in_order(self, events: Sequence[Event]) -> None:
        async with self._at_once:
            for event in sorted(events, key=lambda event: event.step.value):
                await self._do(event.step, event.request)

    async def _do(self, step: Step, row: ServiceRequest) -> None:
        key = f"311:{row.id}:{step.name.lower()}"
        match step:
            case Step.REPORT:
                await self._report(row, key)
            case Step.ROUTE:
                route = pb.RouteReportRequest(
                    report_id=self.ids[row.id], department=row.agency, reason=MISDIRECTED
                )
                await self._doors.reporting.RouteReport(route, idempotency_key=key)
            case Step.ANSWER:
                answer = pb.AnswerReportRequest(
                    report_id=self.ids[row.id], state=STATES[row.status]
                )
                await self._doors.reporting.AnswerReport(answer, idempotency_key=key)
            case Step.CLOSE:
                await self._close(row, key)

    async def _report(self, row: ServiceRequest, key: str) -> None:
        problem = pb.ReportProblemRequest(
            category=row.code,
            position=pb.Position(lat_e7=row.lat_e7, lon_e7=row.lon_e7),
            description=row.label,
        )
        answer = await self._doors.reporters.ReportProblem(problem, idempotency_key=key)
        self.ids[row.id] = answer.report_id

    async def _close(self, row: ServiceRequest, key: str) -> None:
        outcome, text = pb.REPORT_STATE_FIXED, ""
        if row.closed is None:
            outcome, text = pb.REPORT_STATE_DUPLICATE, CANCELLED
        closing = pb.CloseReportRequest(report_id=self.ids[row.id], outcome=outcome, text=text)
        await self._doors.reporting.CloseReport(closing, idempotency_key=key)
        self.closed += 1
