"""Questions and their answers: what one follows, and what the capture server took in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cahier_chassis.disclosures import disclosed
from cahier_chassis.holdings import HeldItem
from cahier_chassis.pages import NUMBER_MAX, checked_size
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.errors import Invalid, NotServed
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader
from cahier_notifications.application.ports import (
    Captured,
    CapturedMail,
    ContactRow,
    FollowRow,
    ReadModel,
)
from cahier_notifications.domain.follows import FOLLOWS_MAX

CAPTURED_PAGE_DEFAULT = 50


@dataclass(frozen=True, slots=True)
class Follows:
    """What a person follows, newest first, and where their mails go."""

    rows: list[FollowRow]
    contact: ContactRow | None


class Queries:
    """Reads only."""

    def __init__(self, ledger: LedgerReader, views: ReadModel, captured: Captured | None) -> None:
        """captured: None where mails go to a real server."""
        self._ledger = ledger
        self._views = views
        self._captured = captured

    async def follows(self, claims: Claims) -> Follows:
        """Raises Forbidden `role_required`."""
        require_role(claims, "resident")
        person = claims.subject
        rows = await asyncio.to_thread(self._views.follows_of, person, FOLLOWS_MAX)
        return Follows(rows, await asyncio.to_thread(self._views.contact, person))

    async def captured(self, page_size: int, before: int) -> tuple[list[CapturedMail], int]:
        """A page and the number of all; raises NotServed `capture_off`, Invalid
        `page_size_out_of_range`, `before_number_out_of_range`.
        """
        if self._captured is None:
            raise NotServed("capture_off", "this city's mails go to a real mail server")
        size = checked_size(page_size, CAPTURED_PAGE_DEFAULT)
        if not 0 <= before <= NUMBER_MAX:
            raise Invalid("before_number_out_of_range", "a number from 0", field="before_number")
        mails = await asyncio.to_thread(self._captured.newest, before or NUMBER_MAX, size)
        return mails, await asyncio.to_thread(self._captured.count)

    def disclosures(self, event_id: str) -> list[Disclosure]:
        """Raises NotFound `event_not_found` or `disclosures_erased`."""
        return disclosed(self._ledger, event_id)

    async def held(self, person: str) -> list[HeldItem]:
        """All that is held on a person: where mails go, and what they follow."""
        contact = await asyncio.to_thread(self._views.contact, person)
        follows = await asyncio.to_thread(self._views.follows_of, person, FOLLOWS_MAX)
        items = [
            HeldItem(
                kind="follow",
                id=row.thing.id,
                event_id="",
                at=row.since,
                values={"kind": row.thing.kind.value, "level": row.level.name.lower()},
            )
            for row in follows
        ]
        if contact is not None:
            values = {"email": contact.email, "language": contact.language}
            items.insert(0, HeldItem("contact", person, "", "", values))
        return items
