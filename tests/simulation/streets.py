"""What goes on beside the budget: broken lamps reported, sent on, answered, closed or forgotten."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from tests.simulation.people import People

FINAL = (reporting.REPORT_STATE_FIXED, reporting.REPORT_STATE_UNABLE_TO_FIX)


class Streets:
    """A few reports, each with a life of its own."""

    def __init__(self, people: People, seed: int) -> None:
        self._people = people
        self._random = random.Random(f"streets {seed}")

    async def run(self) -> None:
        """Until every report that will be answered is answered."""
        category = reporting.Category(
            code="lamp", label="Lamps", department="light", promise_days=1, anonymous=True
        )
        request = reporting.DefineCategoryRequest(category=category)
        await self._do("DefineCategory", request, "staff")
        async with asyncio.TaskGroup() as group:
            for number in range(self._random.randint(1, 4)):
                group.create_task(self._one(f"neighbour {number}"))

    async def _one(self, person: str) -> None:
        await asyncio.sleep(self._random.uniform(0, 8))
        report = reporting.ReportProblemRequest(
            category="lamp",
            position=reporting.Position(
                lat_e7=self._random.randint(485_000_000, 489_000_000), lon_e7=23_000_000
            ),
            description="It is dark.",
        )
        role = self._random.choice(["resident", "resident", ""])
        received = await self._do("ReportProblem", report, role, person)
        self._people.told.reports.append(received.report_id)
        if self._random.random() < 0.3:
            return  # Nobody answers: the promise is missed when its day has come.
        await asyncio.sleep(self._random.uniform(0, 5))
        await self._handle(received.report_id)

    async def _handle(self, report_id: str) -> None:
        if self._random.random() < 0.5:
            route = reporting.RouteReportRequest(
                report_id=report_id, department="roads", reason="It is on a road."
            )
            await self._do("RouteReport", route, "staff")
        answer = reporting.AnswerReportRequest(
            report_id=report_id, state=reporting.REPORT_STATE_PLANNED, text="Next week."
        )
        await self._do("AnswerReport", answer, "staff")
        if self._random.random() < 0.7:
            close = reporting.CloseReportRequest(
                report_id=report_id, outcome=self._random.choice(FINAL), text="Done."
            )
            await self._do("CloseReport", close, "staff")

    async def _do(self, method: str, request: Any, role: str, person: str = "somebody") -> Any:
        return await self._people.do("reporting", method, request, role, person)
