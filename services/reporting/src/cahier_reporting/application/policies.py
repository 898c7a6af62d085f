"""What happens by itself: a promised time that passes unanswered is told in public."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from cahier_kernel.clock import to_rfc3339
from cahier_ledger.aggregates import Aggregates, retry_on_conflict
from cahier_reporting.application.ports import ReadModel
from cahier_reporting.domain.report import Report

DUE_REPORTS_MAX = 200


class Promises:
    """Appends the missed promises that are due. The views only say where to look."""

    def __init__(self, aggregates: Aggregates, views: ReadModel) -> None:
        self._aggregates = aggregates
        self._views = views

    async def run_due(self, now: datetime) -> None:
        """Looks at no more than DUE_REPORTS_MAX reports; the next tick does the rest."""
        due = self._views.due_promises(to_rfc3339(now), DUE_REPORTS_MAX)
        for report_id in due:
            await asyncio.to_thread(self._advance, UUID(report_id), now)

    def _advance(self, report_id: UUID, now: datetime) -> None:
        def load_decide_save() -> None:
            report = self._aggregates.get(Report, report_id)
            report.advance(now=now)
            self._aggregates.save(report)

        retry_on_conflict(load_decide_save)
