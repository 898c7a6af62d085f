"""Reads the index of what is whose, from the views database."""

from __future__ import annotations

import asyncio

from cahier_consultation.application.ports import HeldRow
from cahier_kernel.errors import Unavailable
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase

CATCH_UP_S_MAX = 2.0
_OF_SUBJECT = "SELECT leaf, kind, thing, seq, place FROM held WHERE subject = ? ORDER BY seq"


class SqlHoldings:
    """ports.HoldingsIndex. Its table: application/projections.py."""

    def __init__(self, views: ViewDatabase, projection: OwnProjection) -> None:
        self._views = views
        self._projection = projection

    async def of(self, subject: str, seq: int) -> list[HeldRow]:
        await self._caught_up(seq)
        rows = await asyncio.to_thread(self._views.fetch_all, _OF_SUBJECT, (subject,))
        return [HeldRow(*row) for row in rows]

    async def scrub(self, seq: int) -> None:
        await self._caught_up(seq)
        await asyncio.to_thread(self._views.scrub)

    async def _caught_up(self, seq: int) -> None:
        if not await self._projection.wait_for(seq, CATCH_UP_S_MAX):
            raise Unavailable("views_lag", "the views have not caught up: try again")
