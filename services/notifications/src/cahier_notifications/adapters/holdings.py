"""What notifications holds on a person: an address, a language, follows, mails that wait."""

from __future__ import annotations

import asyncio

from cahier_chassis.erasing import Held
from cahier_kernel.errors import Unavailable
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.model import Erasure
from cahier_notifications.adapters.capture import CapturedMails

CATCH_UP_S_MAX = 2.0
INSIDE = ("person", "email")
_PLACES = "SELECT place FROM named WHERE subject = ? ORDER BY seq"
_EMAILS = "SELECT email FROM contacts WHERE person IN (SELECT person FROM named WHERE subject = ?)"


class SqlHoldings:
    """chassis' erasing.Holdings on the views; its tables: application/projections.py.

    captured: development's mails, which are deleted with their addressee.
    """

    def __init__(
        self, views: ViewDatabase, projection: OwnProjection, captured: CapturedMails | None
    ) -> None:
        self._views = views
        self._projection = projection
        self._captured = captured

    async def held(self, subject: str, seq: int) -> Held:
        await self._caught_up(seq)
        if self._captured is not None:
            await asyncio.to_thread(self._forget_captured, self._captured, subject)
        rows = await asyncio.to_thread(self._views.fetch_all, _PLACES, (subject,))
        return Held(places=[Erasure(str(row[0]), INSIDE) for row in rows])

    async def forget(self, subject: str, seq: int) -> None:
        await self._caught_up(seq)
        await asyncio.to_thread(self._views.scrub)

    def _forget_captured(self, captured: CapturedMails, subject: str) -> None:
        for row in self._views.fetch_all(_EMAILS, (subject,)):
            captured.forget(str(row[0]))

    async def _caught_up(self, seq: int) -> None:
        if not await self._projection.wait_for(seq, CATCH_UP_S_MAX):
            raise Unavailable("views_lag", "the views have not caught up: try again")
