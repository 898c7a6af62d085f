"""How far erasures are: every service's confirmation, gathered from their public events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec

from cahier_chassis.erasing import Confirmed, Ordered, confirmation_id
from cahier_identity.application.erasing import order_id
from cahier_identity.application.publishing import SERVICE
from cahier_identity.application.stored import CODEC
from cahier_kernel.errors import NotFound
from cahier_kernel.ids import require_uuid
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.reactions import Delivery, Reaction
from cahier_ledger.store import LedgerReader
from cahier_record import budget, consultation, notifications, reporting
from cahier_record.erasure import ErasureConfirmed, Kept
from cahier_record.events import decode_leaf

OTHERS = {
    "consultation": consultation.events.ErasureConfirmed.TYPE,
    "reporting": reporting.events.ErasureConfirmed.TYPE,
    "budget": budget.events.ErasureConfirmed.TYPE,
    "notifications": notifications.events.ErasureConfirmed.TYPE,
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS erasures_confirmed(
    erasure TEXT NOT NULL, service TEXT NOT NULL, event_id TEXT NOT NULL, at TEXT NOT NULL,
    erased INTEGER NOT NULL, kept TEXT NOT NULL, PRIMARY KEY (erasure, service)) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one service says. event_id and at are empty until it has confirmed."""

    service: str
    event_id: str = ""
    at: str = ""
    erased: int = 0
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One erasure. at: when it was ordered, RFC 3339."""

    erasure: str
    basis: str
    at: str
    services: tuple[Confirmation, ...]

    @property
    def complete(self) -> bool:
        return all(each.event_id for each in self.services)


class Erasures:
    """Gathers confirmations in the inbox's database, and answers from it."""

    def __init__(self, ledger: LedgerReader, inbox: Inbox) -> None:
        """inbox: with SCHEMA."""
        self._ledger = ledger
        self._inbox = inbox

    def reactions(self) -> list[Reaction]:
        """One to each other service's confirmations."""
        return [
            Reaction(
                f"identity-erasures-{service}",
                service,
                self._note,
                types=(confirmed,),
                from_the_first=True,
            )
            for service, confirmed in OTHERS.items()
        ]

    async def report(self, erasure_id: str) -> Report:
        """Raises Invalid `id_malformed` and NotFound `erasure_not_found`."""
        erasure = str(require_uuid(erasure_id, "erasure_id"))
        return await asyncio.to_thread(self._report, erasure)

    def _report(self, erasure: str) -> Report:
        ordered, at = self._own(order_id(erasure))
        confirmed, confirmed_at = self._own(confirmation_id(SERVICE, erasure))
        if not isinstance(ordered, Ordered) or not isinstance(confirmed, Confirmed):
            raise NotFound("erasure_not_found", "there is no such erasure", field="erasure_id")
        own = Confirmation(
            SERVICE,
            confirmation_id(SERVICE, erasure),
            confirmed_at,
            confirmed.erased,
            confirmed.kept,
        )
        others = self._others(erasure)
        rest = (others.get(service, Confirmation(service)) for service in OTHERS)
        return Report(erasure, ordered.basis, at, (own, *rest))

    def _own(self, event_id: str) -> tuple[msgspec.Struct | None, str]:
        row = self._ledger.public_by_id(event_id)
        if row is None:
            return None, ""
        (stored,) = self._ledger.read_all(row.seq - 1, 1)
        return CODEC.decode(stored.type, stored.data), stored.recorded_at or ""

    def _others(self, erasure: str) -> dict[str, Confirmation]:
        rows = self._inbox.fetch_all(
            "SELECT service, event_id, at, erased, kept FROM erasures_confirmed WHERE erasure = ?",
            (erasure,),
        )
        return {
            str(service): Confirmation(
                str(service), str(id), str(at), int(erased), _kept.decode(str(kept))
            )
            for service, id, at, erased, kept in rows
        }

    async def _note(self, delivery: Delivery) -> None:
        leaf = decode_leaf(delivery.message.leaf)
        event = leaf.event
        if not isinstance(event, ErasureConfirmed):
            return
        kept = msgspec.json.encode(event.kept).decode()
        row = (event.erasure, leaf.service, leaf.id, leaf.at or "", event.erased, kept)

        def effect(db: Sql) -> None:
            db.execute(
                "INSERT INTO erasures_confirmed VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                row,
            )

        await delivery.write(effect)


_kept = msgspec.json.Decoder(tuple[Kept, ...])
