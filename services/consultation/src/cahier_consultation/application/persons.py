"""What consultation holds on a person, to be handed to that person.

Texts are the person's own: proposals, their edits, comments. Supports stay counted, under a name
that leads to nobody once identity has forgotten the person; the city's answers are the city's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from uuid import UUID

from cahier_chassis.holdings import HeldItem, HeldRow, HoldingsIndex
from cahier_consultation.application.ports import Pseudonyms, ReadModel
from cahier_consultation.application.publishing import event_id
from cahier_consultation.application.stored import read
from cahier_consultation.domain.proposal import Proposal
from cahier_consultation.domain.voices import CommentAdded, support_key, support_stands
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.store import LedgerReader
from cahier_record.erasure import subject_digest

PROPOSALS_SCANNED_MAX = 1_000_000


def holdings(views: ViewDatabase, projection: OwnProjection) -> HoldingsIndex:
    """Whose texts stand where."""
    return HoldingsIndex(views, projection, named_in=("author",))


class Exporting:
    """All that is held on a person, for that person."""

    def __init__(
        self,
        ledger: LedgerReader,
        index: HoldingsIndex,
        views: ReadModel,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._views = views
        self._pseudonyms = pseudonyms

    async def held(self, person: str) -> list[HeldItem]:
        """Texts in order of time, then supports. Raises Unavailable `views_lag`."""
        rows = await self._index.rows(subject_digest(person), self._ledger.head_seq())
        return await asyncio.to_thread(lambda: [*map(self._text, rows), *self._supports(person)])

    def _text(self, row: HeldRow) -> HeldItem:
        (stored,) = self._ledger.read_all(row.seq - 1, 1)
        match read(stored):
            case Proposal.Created() as event:
                values = {
                    "title": event.title,
                    "body": event.body,
                    "category": event.category,
                    "district": event.district,
                }
                if event.position:
                    values["position"] = event.position
            case Proposal.Edited() as event:
                values = {"title": event.title, "body": event.body}
            case CommentAdded() as event:
                values = {"proposal": event.proposal, "body": event.body}
            case other:
                raise TypeError(f"{type(other).__qualname__} is nobody's text")
        return HeldItem(row.kind, row.thing, row.leaf, stored.recorded_at or "", values)

    def _supports(self, person: str) -> Iterator[HeldItem]:
        """Made anew from the person and every proposal, for no table says who supports what."""
        proposals = self._views.authors(PROPOSALS_SCANNED_MAX)
        names = {id: self._pseudonyms.of(person, id) for id, _ in proposals}
        for proposal in sorted(self._views.supported(list(names.items()))):
            key = support_key(UUID(proposal), names[proposal])
            stored = self._ledger.read_stream(f"support-{key.hex}")
            if not stored or not support_stands(stored[-1].version):
                continue  # Taken back since the views were read.
            yield HeldItem(
                "support",
                proposal,
                event_id(key, stored[-1].version),
                stored[-1].recorded_at or "",
                {"proposal": proposal, "pseudonym": names[proposal]},
            )
