"""How a service forgets a person: the same few steps everywhere, each of which may be repeated.

1. The order is written on the erasure list, so that a restored database meets it again.
2. A private event opens the stream `erasure-<subject>`. From then on nobody appends texts of this
   person: every command that stores some requires that stream to be empty (`not_erased`).
3. What the service holds is looked up, as of that event.
4. One append deletes the texts and says so: a public `content_erased` for each leaf, at last the
   public `erasure_confirmed`.
5. What stands outside of the store (queues, files of the views) is cleaned.

A service that dies in between is told again, by the bus or by the list, and goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from cahier_chassis.erasures import ErasureList, Order
from cahier_chassis.logs import get_logger
from cahier_kernel.clock import Clock, to_rfc3339
from cahier_kernel.errors import Unauthenticated, Unavailable
from cahier_kernel.ids import derived_uuid
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.reactions import Delivery, Reaction
from cahier_ledger.codec import Codec
from cahier_ledger.leaves import make_leaf
from cahier_ledger.model import Append, Erasure, NewEvent, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerReader, LedgerStore
from cahier_record import erasure as public
from cahier_record.erasure import Kept, subject_digest
from cahier_record.events import PublicEvent, decode_leaf
from cahier_record.identity.events import ErasureOrdered

LEAVES_AN_APPEND_MAX = 500
REPLAY_S_MAX = 3_600.0
REPLAY_WAIT_S = 0.2
_LOG = get_logger(__name__)


class Ordered(msgspec.Struct, frozen=True, kw_only=True):
    """From here on nothing more of this person is stored."""

    erasure: str
    subject: str
    basis: str


class TextsErased(msgspec.Struct, frozen=True, kw_only=True):
    """The texts behind one of the service's own leaves were deleted."""

    subject: str
    leaf: str
    index: int
    basis: str


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """All that the service held on this person is deleted but for what is kept."""

    erasure: str
    subject: str
    erased: int
    kept: tuple[Kept, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """What a service holds on a person. leaves: whose disclosures are this person's texts.

    places: private texts of events (texts.place_of). kept: what the law keeps, and until when.
    """

    leaves: Sequence[str] = ()
    places: Sequence[Erasure] = ()
    kept: Sequence[Kept] = ()


class Holdings(Protocol):
    """A service's private index of what it holds on whom."""

    async def held(self, subject: str, seq: int) -> Held:
        """What is held on a person, all events up to `seq` considered.

        Raises Unavailable while the index has not taken them in.
        """

    async def forget(self, subject: str, seq: int) -> None:
        """Cleans what stands outside of the store, once `seq` (the confirmation) is taken in.

        May be called again. Raises Unavailable.
        """


class NothingHeld:
    """Holdings of a service that stores nothing under persons' ids."""

    async def held(self, subject: str, seq: int) -> Held:
        return Held()

    async def forget(self, subject: str, seq: int) -> None:
        """There is nothing to clean."""


class Told(Protocol):
    """The service's own classes of public events, from cahier_record."""

    @property
    def ContentErased(self) -> type[public.ContentErased]: ...

    @property
    def ErasureConfirmed(self) -> type[public.ErasureConfirmed]: ...


def erasure_stream(subject: str) -> str:
    """The stream that says that a person is forgotten; empty for everybody else."""
    return f"erasure-{subject}"


def not_erased(ledger: LedgerReader, person: str) -> tuple[tuple[str, int], ...]:
    """What an append of a person's texts `requires`: that the person is not being forgotten.

    Raises Unauthenticated `person_erased`: an access token may outlive its person by minutes.
    """
    stream = erasure_stream(subject_digest(person))
    if ledger.stream_version(stream):
        raise Unauthenticated("person_erased", "this person has been forgotten")
    return ((stream, 0),)


def erasing_topic(service: str, word: str) -> str:
    """The topic of a private event of erasing: ordered, texts or confirmed."""
    return f"{service}.erasure.{word}"


def register_erasing(codec: Codec, service: str) -> None:
    """Adds the private events of erasing to a service's codec."""
    for word, struct in (("ordered", Ordered), ("texts", TextsErased), ("confirmed", Confirmed)):
        codec.register(erasing_topic(service, word), struct)


class Erasing:
    """Forgets persons in one service."""

    def __init__(
        self,
        service: str,
        ledger: LedgerStore,
        codec: Codec,
        told: Told,
        holdings: Holdings,
        erasures: ErasureList,
        clock: Clock,
    ) -> None:
        """codec: with the events of register_erasing."""
        self._service = service
        self._ledger = ledger
        self._codec = codec
        self._told = told
        self._holdings = holdings
        self._erasures = erasures
        self._clock = clock

    def reaction(self) -> Reaction:
        """The reaction to identity's order."""
        return Reaction(f"{self._service}-erasure", "identity", self._react, (ErasureOrdered.TYPE,))

    def unfinished(self) -> list[Order]:
        """Orders of the list that this service's store does not know or has not confirmed."""
        return [order for order in self._erasures.orders() if not self._is_done(order.subject)]

    async def erase(self, order: Order) -> None:
        """Forgets a person; returns when that is durable. Any number of times.

        Raises Unavailable when the index is behind, OSError when the list cannot be written.
        """
        await asyncio.to_thread(self._erasures.add, order)
        if not self._is_done(order.subject):
            await self._begin(order)
            await self._delete(order)
            _LOG.info("person_erased", erasure=order.erasure)
        await self._holdings.forget(order.subject, self._ledger.head_seq())

    async def _react(self, delivery: Delivery) -> None:
        event = decode_leaf(delivery.message.leaf).event
        if isinstance(event, ErasureOrdered):
            await self.erase(
                Order(erasure=event.erasure, subject=event.subject_digest, basis=event.basis)
            )

    def _is_done(self, subject: str) -> bool:
        stream = erasure_stream(subject)
        version = self._ledger.stream_version(stream)
        last = self._ledger.read_stream(stream, version - 1, 1) if version else []
        return bool(last) and last[0].type == erasing_topic(self._service, "confirmed")

    async def _begin(self, order: Order) -> None:
        event = Ordered(erasure=order.erasure, subject=order.subject, basis=order.basis)
        part = StreamAppend(erasure_stream(order.subject), 0, (self._new(event),))
        try:
            await self._ledger.append(Append((part,)))
        except StreamConflict:
            return  # Begun before, here or in another process.

    async def _delete(self, order: Order) -> None:
        held = await self._holdings.held(order.subject, self._ledger.head_seq())
        version = self._ledger.stream_version(erasure_stream(order.subject))
        erased = self._count(held)
        leaves, places = list(held.leaves), held.places
        while len(leaves) > LEAVES_AN_APPEND_MAX:
            some, leaves = leaves[:LEAVES_AN_APPEND_MAX], leaves[LEAVES_AN_APPEND_MAX:]
            await self._append(order, version, some, places, ())
            version, places = version + len(some), ()
        end = Confirmed(
            erasure=order.erasure, subject=order.subject, erased=erased, kept=tuple(held.kept)
        )
        await self._append(order, version, leaves, places, (self._confirmation(end),))

    def _count(self, held: Held) -> int:
        ids = [*held.leaves, *(place.id for place in held.places)]
        return sum(len(self._ledger.disclosures(id)) for id in ids)

    async def _append(
        self,
        order: Order,
        version: int,
        leaves: Sequence[str],
        places: Sequence[Erasure],
        last: tuple[NewEvent, ...],
    ) -> None:
        events = (*(self._texts_erased(order, leaf) for leaf in leaves), *last)
        erases = (*map(Erasure, leaves), *places)
        part = StreamAppend(erasure_stream(order.subject), version, events)
        await self._ledger.append(Append((part,), erases=erases))

    def _texts_erased(self, order: Order, leaf: str) -> NewEvent:
        row = self._ledger.public_by_id(leaf)
        index = row.public_seq - 1 if row is not None else -1
        event = TextsErased(subject=order.subject, leaf=leaf, index=index, basis=order.basis)
        told = self._told.ContentErased(index=index, leaf=leaf, basis=order.basis)
        return self._new(event, told, str(derived_uuid("erasure", order.erasure, leaf)))

    def _confirmation(self, event: Confirmed) -> NewEvent:
        told = self._told.ErasureConfirmed(
            erasure=event.erasure, erased=event.erased, kept=event.kept
        )
        return self._new(event, told, confirmation_id(self._service, event.erasure))

    def _new(
        self, event: msgspec.Struct, told: PublicEvent | None = None, id: str = ""
    ) -> NewEvent:
        return new_event(self._codec, self._service, self._clock, event, told, id)


def new_event(
    codec: Codec,
    service: str,
    clock: Clock,
    event: msgspec.Struct,
    told: PublicEvent | None = None,
    id: str = "",
) -> NewEvent:
    """A private event of erasing and what the public learns of it."""
    now = clock.now()
    topic, data = codec.encode(event)
    leaf = make_leaf(service, told.TYPE, id, now, told.data()) if told is not None else None
    return NewEvent(topic, data, b"", to_rfc3339(now), leaf)


def confirmation_id(service: str, erasure: str) -> str:
    """The id of a service's public confirmation."""
    return str(derived_uuid("erasure-confirmed", service, erasure))


async def replay(erasing: Erasing, projection: OwnProjection) -> None:
    """Forgets again whom a restored store remembers; before anything is served.

    projection: of the holdings; it is run for as long as that takes. Raises Unavailable when the
    view has not caught up within REPLAY_S_MAX.
    """
    orders = erasing.unfinished()
    if not orders:
        return
    _LOG.warning("erasures_replayed", orders=len(orders))
    running = asyncio.create_task(projection.run())
    try:
        async with asyncio.timeout(REPLAY_S_MAX):
            for order in orders:
                await _erase_when_ready(erasing, order)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _erase_when_ready(erasing: Erasing, order: Order) -> None:
    while True:
        try:
            return await erasing.erase(order)
        except Unavailable:
            await asyncio.sleep(REPLAY_WAIT_S)
