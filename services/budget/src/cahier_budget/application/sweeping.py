"""Deletes pictures that no event names: bytes are kept before their event, which may have failed.

Staff saw the refusal and sent the picture again, under another id; what lies there shows somebody
perhaps, and nobody will ever see or erase it. Age is told by the id, in the city's time, so a
folder that was copied is judged alike.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from cahier_budget.application.ports import Photos
from cahier_budget.domain.books import Books, books_id
from cahier_chassis.logs import get_logger
from cahier_kernel.ids import time_of
from cahier_ledger.aggregates import AggregateNotFound, Aggregates

GRACE = timedelta(days=1)
"""An append is over within seconds; a day leaves time to put a whole store back in its place."""
EVERY = timedelta(hours=1)
SWEPT_MAX = 100
"""Pictures that one sweep deletes."""
_LOG = get_logger(__name__)


class PhotoSweep:
    """The timer's action, every hour of the city's time. Interrupted or repeated, it goes on."""

    def __init__(self, aggregates: Aggregates, photos: Photos) -> None:
        self._aggregates = aggregates
        self._photos = photos
        self._swept_at: datetime | None = None
        # So that books are read only where pictures are that have not been looked up before.
        self._named: set[str] = set()

    async def __call__(self, now: datetime) -> None:
        """Sweeps when it is time."""
        if self._swept_at is not None and abs(now - self._swept_at) < EVERY:
            return
        swept = await asyncio.to_thread(self.sweep, now)
        self._swept_at = now
        if swept:
            _LOG.info("pictures_swept", pictures=swept)

    def sweep(self, now: datetime) -> int:
        """Deletes at most SWEPT_MAX pictures; how many it did. Blocks."""
        swept = 0
        for election_id in self._photos.elections():
            for photo_id in self._unnamed(election_id, now):
                if swept >= SWEPT_MAX:
                    return swept
                self._photos.delete(election_id, photo_id)
                swept += 1
        return swept

    def _unnamed(self, election_id: str, now: datetime) -> list[str]:
        """Pictures whose grace is over and that the election's books do not show."""
        old = [
            each
            for each in self._photos.kept(election_id)
            if each not in self._named and _is_old(each, now)
        ]
        if not old:
            return []
        shown = self._shown(election_id)
        self._named.update(shown.intersection(old))
        return [each for each in old if each not in shown]

    def _shown(self, election_id: str) -> set[str]:
        try:
            books = self._aggregates.get(Books, books_id(UUID(election_id)))
        except AggregateNotFound:
            return set()
        return {photo for works in books.works.values() for photo in works.photos}


def _is_old(photo_id: str, now: datetime) -> bool:
    """Only of ids that this service makes: another file in the folder is nobody's business."""
    try:
        made = time_of(UUID(photo_id))
    except ValueError:
        return False
    return made is not None and made + GRACE <= now
