"""Forgets a resident: identity gives the order, and is the first to carry it out.

One append ends the resident's roles, deletes who holds the address, and says in public that a
person is to be forgotten, so that every other service hears of it. Then the person's key goes, and
with it whatever is sealed under it, in this store and in every backup of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import msgspec

from cahier_chassis.erasing import Confirmed, Ordered, confirmation_id, erasure_stream, new_event
from cahier_chassis.erasures import ErasureList, Order
from cahier_identity.application.ports import Secrets, SubjectKeys
from cahier_identity.application.publishing import SERVICE
from cahier_identity.application.stored import CODEC
from cahier_identity.domain.resident import AddressHolder, Resident
from cahier_identity.domain.retention import CENSUS_ROW, ELECTORAL_REGISTER
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Invalid
from cahier_kernel.ids import derived_uuid, require_uuid, uuid7
from cahier_kernel.texts import ERASED
from cahier_ledger.aggregates import Aggregates, retry_on_conflict, stream_name
from cahier_ledger.model import Erasure, NewEvent, StoredEvent, StreamAppend
from cahier_ledger.store import LedgerStore
from cahier_ledger.texts import place_of
from cahier_record.erasure import BASES, Kept, subject_digest
from cahier_record.identity import events as public

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """The order stands. event_id: of the public order."""

    erasure: str
    event_id: str


class Erasing:
    """Event loop only; whatever blocks runs in threads."""

    def __init__(
        self,
        ledger: LedgerStore,
        aggregates: Aggregates,
        *,
        clock: Clock,
        secrets: Secrets,
        keys: SubjectKeys,
        erasures: ErasureList,
        keep_census_row: timedelta,
    ) -> None:
        self._ledger = ledger
        self._aggregates = aggregates
        self._clock = clock
        self._secrets = secrets
        self._keys = keys
        self._erasures = erasures
        self._keep_census_row = keep_census_row

    async def order(self, subject_id: str, basis: str, by: str) -> Accepted:
        """Forgets a resident; repeated, it answers the same.

        Raises Invalid `id_malformed`, `basis_unknown`; NotFound `resident_not_found`.
        """
        person = require_uuid(subject_id, "subject_id")
        if basis not in BASES:
            raise Invalid("basis_unknown", f"one of {', '.join(BASES)}", field="basis")
        return await asyncio.to_thread(self._order, person, basis, by)

    def _order(self, person: UUID, basis: str, by: str) -> Accepted:
        self._aggregates.get(Resident, person)
        now = self._clock.now()
        fresh = Order(erasure=str(uuid7(now)), subject=subject_digest(str(person)), basis=basis)
        order = self._erasures.add(fresh)
        retry_on_conflict(lambda: self._carry_out(order, person, by))
        self._keys.erase(order.subject)
        return Accepted(order.erasure, order_id(order.erasure))

    def replay(self) -> None:
        """Forgets again whom a restored database remembers. Blocks; before anything is served."""
        unknown: dict[str, Order] = {}
        for order in self._erasures.orders():
            self._keys.erase(order.subject)
            if not self._ledger.stream_version(erasure_stream(order.subject)):
                unknown[order.subject] = order
        for person in self._persons(unknown) if unknown else ():
            order = unknown[subject_digest(str(person))]
            self._carry_out(order, person, by="erasure list")

    def _carry_out(self, order: Order, person: UUID, by: str) -> None:
        resident = self._aggregates.get(Resident, person)
        if resident.erasure:
            return
        now = self._clock.now()
        places = [*self._address_places(resident), place_of(stream_name(person), 1)]
        resident.erase(order.erasure, event_id=lambda: str(uuid7(now)), by=by, now=now)
        kept = self._kept(resident)
        erased = 1 if resident.imported else 4
        inside = ("reference", *Resident.Created.SEALED, "resident_id")
        self._aggregates.save(
            resident,
            erases=tuple(Erasure(place, inside) for place in places),
            more=(StreamAppend(erasure_stream(order.subject), 0, self._said(order, erased, kept)),),
        )

    def _said(self, order: Order, erased: int, kept: tuple[Kept, ...]) -> tuple[NewEvent, ...]:
        ordered = Ordered(erasure=order.erasure, subject=order.subject, basis=order.basis)
        told = public.ErasureOrdered(
            erasure=order.erasure, subject_digest=order.subject, basis=order.basis
        )
        confirmed = Confirmed(
            erasure=order.erasure, subject=order.subject, erased=erased, kept=kept
        )
        done = public.ErasureConfirmed(erasure=order.erasure, erased=erased, kept=kept)
        confirmation = confirmation_id(SERVICE, order.erasure)
        return (
            new_event(CODEC, SERVICE, self._clock, ordered, told, order_id(order.erasure)),
            new_event(CODEC, SERVICE, self._clock, confirmed, done, confirmation),
        )

    def _kept(self, resident: Resident) -> tuple[Kept, ...]:
        if not resident.proved:
            return ()
        until = (self._clock.now() + self._keep_census_row).date().isoformat()
        return (Kept(what=CENSUS_ROW, until=until, basis=ELECTORAL_REGISTER),)

    def _address_places(self, resident: Resident) -> list[str]:
        """Where it stands who holds the resident's address."""
        if resident.imported:
            return []
        if resident.email == ERASED:  # The key is gone: a restored store meets the list.
            return [place for place, holder in self._held_addresses() if holder == str(resident.id)]
        stream = stream_name(self._secrets.address_id(resident.email))
        versions = range(1, self._ledger.stream_version(stream) + 1)
        return [place_of(stream, version) for version in versions]

    def _held_addresses(self) -> Iterator[tuple[str, str]]:
        """Every place that says who holds an address, and who does."""
        topics = (AddressHolder.Created.TOPIC, AddressHolder.PassedOn.TOPIC)
        for event in self._all_events():
            if event.type in topics:
                holder = msgspec.json.decode(event.data)["resident_id"]
                yield place_of(event.stream, event.version), str(holder)

    def _persons(self, wanted: dict[str, Order]) -> list[UUID]:
        topics = (Resident.Created.TOPIC, Resident.Imported.TOPIC)
        return [
            UUID(event.stream)
            for event in self._all_events()
            if event.type in topics and subject_digest(event.stream) in wanted
        ]

    def _all_events(self) -> Iterator[StoredEvent]:
        seq = 0
        while rows := self._ledger.read_all(seq, PAGE):
            yield from rows
            seq = rows[-1].seq


def order_id(erasure: str) -> str:
    """The id of the public order of an erasure."""
    return str(derived_uuid("erasure-ordered", erasure))
