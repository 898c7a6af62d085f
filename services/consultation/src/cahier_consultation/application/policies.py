"""What happens by itself: idea phases open and close when their dates have come."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from cahier_consultation.application.ports import ReadModel
from cahier_consultation.domain.process import Process
from cahier_kernel.clock import to_rfc3339
from cahier_ledger.aggregates import Aggregates, retry_on_conflict

DUE_PROCESSES_MAX = 100


class IdeaPhases:
    """Appends the transitions that are due. The views only say where to look."""

    def __init__(self, aggregates: Aggregates, views: ReadModel) -> None:
        self._aggregates = aggregates
        self._views = views

    async def run_due(self, now: datetime) -> None:
        """Advances at most DUE_PROCESSES_MAX processes; the next tick does the rest."""
        due = self._views.due_processes(to_rfc3339(now), DUE_PROCESSES_MAX)
        for process_id in due:
            await asyncio.to_thread(self._advance, UUID(process_id), now)

    def _advance(self, process_id: UUID, now: datetime) -> None:
        def load_decide_save() -> None:
            process = self._aggregates.get(Process, process_id)
            process.advance(now=now)
            self._aggregates.save(process)

        retry_on_conflict(load_decide_save)
