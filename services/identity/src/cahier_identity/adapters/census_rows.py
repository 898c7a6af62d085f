"""Reads the census view."""

from __future__ import annotations

from collections.abc import Iterable

from cahier_identity.application.projections import CENSUS_VIEW
from cahier_kernel.errors import Unavailable
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase

CATCH_UP_S_MAX = 2.0
KEYS_A_QUERY = 500


class CensusView:
    """ports.CensusRows on the views database."""

    def __init__(self, views: ViewDatabase, projection: OwnProjection) -> None:
        # An empty store is caught up with before the projection has made its table.
        views.declare(CENSUS_VIEW)
        self._views = views
        self._projection = projection

    async def caught_up(self, seq: int) -> None:
        if not await self._projection.wait_for(seq, CATCH_UP_S_MAX):
            raise Unavailable("census_lagging", "the census roll is being read: try again")

    def district(self, key: str) -> str | None:
        row = self._views.fetch_one("SELECT district FROM census_rows WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def kept_until_before(self, day: str, limit: int) -> list[str]:
        query = "SELECT subject FROM census_kept WHERE until < ? ORDER BY until, subject LIMIT ?"
        return [str(row[0]) for row in self._views.fetch_all(query, (day, limit))]

    def places_of(self, subject: str) -> list[str]:
        query = "SELECT place FROM census_holders WHERE subject = ?"
        return [str(row[0]) for row in self._views.fetch_all(query, (subject,))]

    def known(self, keys: Iterable[str]) -> set[str]:
        wanted = list(keys)
        found: set[str] = set()
        for start in range(0, len(wanted), KEYS_A_QUERY):
            some = wanted[start : start + KEYS_A_QUERY]
            marks = ",".join("?" * len(some))
            query = f"SELECT key FROM census_rows WHERE key IN ({marks})"  # noqa: S608 - marks only
            found.update(str(row[0]) for row in self._views.fetch_all(query, some))
        return found
