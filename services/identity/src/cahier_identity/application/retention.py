"""Deletes what an erasure had to leave, once its day has passed."""

from __future__ import annotations

import asyncio
from datetime import datetime

from cahier_chassis.erasing import erasure_stream, new_event
from cahier_identity.application.ports import CensusRows
from cahier_identity.application.publishing import SERVICE
from cahier_identity.application.stored import CODEC, RETENTION_OVER
from cahier_identity.domain.retention import CENSUS_ROW, RetentionOver
from cahier_kernel.clock import Clock
from cahier_ledger.model import Append, Erasure, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore

DUE_MAX = 100


class Retention:
    """A timer's action; the views only say where to look."""

    def __init__(self, ledger: LedgerStore, census: CensusRows, clock: Clock) -> None:
        self._ledger = ledger
        self._census = census
        self._clock = clock

    async def run_due(self, now: datetime) -> None:
        """Frees at most DUE_MAX persons' census rows; the next tick does the rest."""
        today = now.date().isoformat()
        due = await asyncio.to_thread(self._census.kept_until_before, today, DUE_MAX)
        for subject in due:
            await self._end(subject)

    async def _end(self, subject: str) -> None:
        places = await asyncio.to_thread(self._census.places_of, subject)
        stream = erasure_stream(subject)
        version = self._ledger.stream_version(stream)
        (last,) = self._ledger.read_stream(stream, version - 1, 1)
        if last.type == RETENTION_OVER:
            return  # The view has not heard of it yet.
        over = RetentionOver(subject=subject, what=CENSUS_ROW)
        event = new_event(CODEC, SERVICE, self._clock, over)
        part = StreamAppend(stream, version, (event,))
        erases = tuple(Erasure(place, inside=("resident_id",)) for place in places)
        try:
            await self._ledger.append(Append((part,), erases=erases))
        except StreamConflict:
            return  # Another process has just done it.
