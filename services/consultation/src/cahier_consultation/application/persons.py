"""What consultation holds on a person: to be erased, and to be handed to that person.

Texts are the person's own: proposals, their edits, comments. Supports stay counted, under a name
that leads to nobody once identity has forgotten the person; the city's answers are the city's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from cahier_chassis.erasing import Held
from cahier_consultation.application.ports import HeldRow, HoldingsIndex, Pseudonyms, ReadModel
from cahier_consultation.application.publishing import event_id
from cahier_consultation.application.stored import read
from cahier_consultation.domain.proposal import Proposal
from cahier_consultation.domain.voices import CommentAdded, support_key, support_stands
from cahier_ledger.model import Erasure
from cahier_ledger.store import LedgerReader
from cahier_record.erasure import subject_digest

PROPOSALS_SCANNED_MAX = 1_000_000


class Holdings:
    """chassis' erasing.Holdings: all texts go, and the law keeps none of them."""

    def __init__(self, index: HoldingsIndex) -> None:
        self._index = index

    async def held(self, subject: str, seq: int) -> Held:
        rows = await self._index.of(subject, seq)
        named = [Erasure(row.place, inside=("author",)) for row in rows if row.place]
        return Held(leaves=[row.leaf for row in rows], places=named)

    async def forget(self, subject: str, seq: int) -> None:
        await self._index.scrub(seq)


@dataclass(frozen=True, slots=True)
class HeldItem:
    """One thing that is held. at: RFC 3339; event_id: of the public event."""

    kind: str
    id: str
    event_id: str
    at: str
    values: dict[str, str]


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
        rows = await self._index.of(subject_digest(person), self._ledger.head_seq())
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
