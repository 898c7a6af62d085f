"""What reporting holds on a person: what they found broken, and where.

The city's answers are the city's, and the public log keeps the coarse cell (about 1 km) and the
promise. A report that nobody signed for belongs to nobody, and cannot be found by its person.
"""

from __future__ import annotations

import asyncio

from cahier_chassis.holdings import HeldItem, HeldRow, HoldingsIndex
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.store import LedgerReader
from cahier_record.erasure import subject_digest
from cahier_reporting.application.stored import read
from cahier_reporting.domain.report import Report


def holdings(views: ViewDatabase, projection: OwnProjection) -> HoldingsIndex:
    """Whose texts stand where."""
    return HoldingsIndex(views, projection, named_in=("reporter", "lat_e7", "lon_e7"))


class Exporting:
    """All that is held on a person, for that person."""

    def __init__(self, ledger: LedgerReader, index: HoldingsIndex) -> None:
        self._ledger = ledger
        self._index = index

    async def held(self, person: str) -> list[HeldItem]:
        """In order of time. Raises Unavailable `views_lag`."""
        rows = await self._index.rows(subject_digest(person), self._ledger.head_seq())
        return await asyncio.to_thread(lambda: [self._report(row) for row in rows])

    def _report(self, row: HeldRow) -> HeldItem:
        (stored,) = self._ledger.read_all(row.seq - 1, 1)
        event = read(stored)
        if not isinstance(event, Report.Created):
            raise TypeError(f"{type(event).__qualname__} is nobody's report")
        values = {
            "category": event.category,
            "address": event.address,
            "position": event.position,
            "description": event.description,
            "pseudonym": event.pseudonym,
        }
        return HeldItem(row.kind, row.thing, row.leaf, stored.recorded_at or "", values)
