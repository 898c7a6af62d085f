"""Keeps views up to date: from the service's own store by seq, from others' streams by Cahier-Seq.

A position says what has been taken in, not what has been delivered: whatever comes twice is
passed over, whatever comes too early makes the projection seek its place again, and an event that
cannot be folded stops it with an alarm. It is never skipped: a view that lacks one event is wrong
for ever.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Generic

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError

from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.envelope import PublicMessage, incoming, public_seq_of
from cahier_ledger.bus.health import (
    BusObserver,
    Health,
    Plain,
    Watched,
    backoff_s,
    heed_cancel,
    whence,
)
from cahier_ledger.bus.streams import find_stream, stream_epoch
from cahier_ledger.bus.views import E, Fold, View, ViewDatabase, ViewMoved, is_passing
from cahier_ledger.model import EPOCH_OPENED, LedgerClosed, StoredEvent, StoreUnavailable
from cahier_ledger.store import LedgerTail

READ_EVENTS_MAX = 500
FETCH_MESSAGES_MAX = 500
FETCH_WAIT_S = 5.0
FETCH_WAIT_DISORDER_S = 0.1
ACK_WAIT_S = 30.0
SEEK_AROUND = 500
GATHER_S = 0.1
"""How long a view of own events lets them gather while nobody waits for it."""
LOOK_EVERY_S = 0.25
LOOK_EVERY_S_WANTED = 0.02
"""How often who stands by looks how far the view is; the second while somebody waits for it."""

log = logging.getLogger(__name__)


class _Projection(Generic[E]):
    """What both kinds share: the position, the folding, the waiting, the health."""

    def __init__(
        self, views: ViewDatabase, view: View, fold: Fold[E], observer: BusObserver | None
    ) -> None:
        self._views = views
        self._view = view
        self._fold = fold
        self._observer = observer or BusObserver()
        self._watched = Watched(f"projection {view.name}", self._observer, log)
        self._position = 0
        self._moved = asyncio.Condition()
        self._waiting = 0
        self._wanted = asyncio.Event()

    @property
    def name(self) -> str:
        return self._view.name

    @property
    def position(self) -> int:
        """The last event taken in; 0 = none."""
        return self._position

    @property
    def health(self) -> Health:
        return self._watched.health

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        """Waits until the view has taken in `position`; False after timeout_s."""
        self._waiting += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._position >= position)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()
        return True

    async def stand_by(self) -> None:
        """Follows how far another process has brought the view, until cancelled."""
        while True:
            heed_cancel()
            try:
                position = await asyncio.to_thread(self._views.position, self.name)
            except StoreUnavailable as error:
                self._note(error)
            else:
                self._watched.standby()
                await self._move(position, 0)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S - LOOK_EVERY_S_WANTED):
                    await self._wanted.wait()
            await asyncio.sleep(LOOK_EVERY_S_WANTED)

    async def _declare(self) -> None:
        await self._move(await asyncio.to_thread(self._views.declare, self._view), 0)

    async def _take_in(self, events: Sequence[tuple[int, E]]) -> None:
        """Folds (position, event) pairs; stops for good at one that cannot be folded."""
        if not events:
            return
        taken, error = await asyncio.to_thread(
            self._views.fold, self._view, self._position, events, self._fold
        )
        if taken:
            await self._move(events[taken - 1][0], taken)
        if error is not None:
            raise _Poisoned(f"event {events[taken][0]}: {whence(error)}")

    async def _move(self, position: int, events: int) -> None:
        async with self._moved:
            self._position = position
            self._moved.notify_all()
        self._observer.projected(self.name, position, events)

    async def _stop_for_a_person(self, reason: str) -> None:
        """Keeps the alarm up until the process is told to end."""
        self._watched.stopped(reason)
        await asyncio.Event().wait()

    def _note(self, error: Exception) -> None:
        self._watched.stalled(whence(error))


class _Poisoned(Exception):
    """An event that the view cannot take in."""


class _OutOfPlace(Plain):
    """The consumer does not stand where the view does, or is gone."""


class TailProjection(_Projection[E], ABC):
    """A view fed straight from the service's own store."""

    def __init__(
        self,
        ledger: LedgerTail,
        views: ViewDatabase,
        view: View,
        fold: Fold[E],
        *,
        observer: BusObserver | None = None,
    ) -> None:
        super().__init__(views, view, fold, observer)
        self._ledger = ledger
        self._next_s = 0.0

    @abstractmethod
    def head(self) -> int:
        """The last number that the store has given out."""

    @abstractmethod
    def _read(self, after: int) -> list[tuple[int, E]]:
        """What follows on a number, in order, at most READ_EVENTS_MAX."""

    @abstractmethod
    async def _wait_past(self, position: int) -> int:
        """Returns as soon as the store has given out a later number."""

    def lag(self) -> int:
        """How many events of the store the view has not taken in."""
        return max(0, self.head() - self._position)

    async def run(self) -> None:
        """Projects until cancelled or until the ledger is closed; stays stopped at poison."""
        waits = backoff_s()
        while True:
            heed_cancel()
            try:
                await self._declare()
                self._watched.running()
                await self._follow()
            except LedgerClosed:
                return
            except _Poisoned as poison:
                await self._stop_for_a_person(str(poison))
            except (StoreUnavailable, ViewMoved, sqlite3.OperationalError) as error:
                _require_passing(error)
                self._note(error)
                await asyncio.sleep(next(waits))

    async def _follow(self) -> None:
        while True:
            heed_cancel()
            events = await asyncio.to_thread(self._read, self._position)
            if not events:
                await self._wait_past(self._position)
                await self._gather()
            await self._take_in(events)

    async def _gather(self) -> None:
        """Waits until GATHER_S after the last time, or until somebody waits for the view.

        Under load a transaction for each commit would cost more than the commands themselves.
        """
        clock = asyncio.get_running_loop().time
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._next_s):
                await self._wanted.wait()
        self._next_s = clock() + GATHER_S


class OwnProjection(TailProjection[StoredEvent]):
    """A view of the service's own private events, by seq.

    What the ledger says of itself is passed over: no service's fold knows it.
    """

    def __init__(
        self,
        ledger: LedgerTail,
        views: ViewDatabase,
        view: View,
        fold: Fold[StoredEvent],
        *,
        observer: BusObserver | None = None,
    ) -> None:
        def fold_but_the_ledgers_own(db: Sql, event: StoredEvent) -> None:
            if event.type != EPOCH_OPENED:
                fold(db, event)

        super().__init__(ledger, views, view, fold_but_the_ledgers_own, observer=observer)

    def head(self) -> int:
        return self._ledger.head_seq()

    def _read(self, after: int) -> list[tuple[int, StoredEvent]]:
        return [(event.seq, event) for event in self._ledger.read_all(after, READ_EVENTS_MAX)]

    async def _wait_past(self, position: int) -> int:
        return await self._ledger.wait_past(position)


class PublicProjection(_Projection[PublicMessage]):
    """A view of another service's public events, in order, by their public_seq.

    Its durable consumer shows operators the lag and saves traffic; the truth about what has been
    taken in is the view's own position. A stream that does not exist yet is waited for.
    """

    def __init__(
        self,
        js: JetStreamContext,
        stream: str,
        durable: str,
        views: ViewDatabase,
        view: View,
        fold: Fold[PublicMessage],
        *,
        observer: BusObserver | None = None,
    ) -> None:
        """durable: the consumer's name, unique in the stream, e.g. `budget-proposals`."""
        super().__init__(views, view, fold, observer)
        self._js = js
        self._stream = stream
        self._durable = durable
        self._disorder = False
        self._epoch = 1
        self._searched = (-1, -1)

    async def run(self) -> None:
        """Projects until cancelled; stays stopped at poison."""
        waits = backoff_s()
        while True:
            heed_cancel()
            before = self._position
            try:
                await self._declare()
                await self._follow()
            except _Poisoned as poison:
                await self._stop_for_a_person(str(poison))
            except (_OutOfPlace, ViewMoved, nats.errors.Error, TimeoutError, OSError) as error:
                self._note(error)
            except (StoreUnavailable, sqlite3.OperationalError) as error:
                _require_passing(error)
                self._note(error)
            if self._position > before:
                waits = backoff_s()
            await asyncio.sleep(next(waits))

    async def _follow(self) -> None:
        info = await find_stream(self._js, self._stream)
        if info is None:
            raise _OutOfPlace(f"stream {self._stream} does not exist yet")
        await self._enter_epoch(stream_epoch(info))
        subscription = await self._seek(info)
        try:
            while True:
                heed_cancel()
                await self._pull(subscription)
        finally:
            await _quietly_unsubscribe(subscription)

    async def _enter_epoch(self, epoch: int) -> None:
        """Begins anew where the stream no longer holds what the view may have taken in."""
        self._epoch = epoch
        await self._move(await asyncio.to_thread(self._views.enter_epoch, self._view, epoch), 0)

    async def _pull(self, subscription: JetStreamContext.PullSubscription) -> None:
        wait_s = FETCH_WAIT_DISORDER_S if self._disorder else FETCH_WAIT_S
        try:
            messages = await subscription.fetch(FETCH_MESSAGES_MAX, wait_s)
        except TimeoutError:
            await self._require_place()
            messages = []
        self._watched.running()
        events, gap = self._next_in_order(messages)
        self._disorder = len(events) < len(messages)
        await self._take_in(events)
        if gap:
            raise _OutOfPlace(f"{self._stream}: public_seq {self._position + 1} did not come next")
        if messages:
            await messages[-1].ack()  # and with it all that came before

    def _next_in_order(
        self, messages: Sequence[Msg]
    ) -> tuple[list[tuple[int, PublicMessage]], bool]:
        """The messages that follow on the position, each once; whether a gap ended them."""
        events: list[tuple[int, PublicMessage]] = []
        expected = self._position + 1
        for message in messages:
            event = incoming(message.headers, message.data)
            if event is None:
                log.warning("%s: a message on %s is no public event", self.name, message.subject)
            elif event.public_seq == expected:
                events.append((expected, event))
                expected += 1
            elif event.public_seq > expected:
                return events, True
        return events, False

    async def _require_place(self) -> None:
        """Nothing came: raises if the stream holds what comes next, for then the consumer is lost.

        Where both numberings agree that is seen at once; otherwise it is searched, once.
        """
        info = await self._js.stream_info(self._stream)
        if stream_epoch(info) != self._epoch:
            raise _OutOfPlace(f"{self._stream} has begun a new epoch")
        place = (self._position, info.state.last_seq)
        if info.state.last_seq == self._position or place == self._searched:
            return
        if await self._find(self._position + 1, info) <= info.state.last_seq:
            raise _OutOfPlace(f"{self._stream}: public_seq {self._position + 1} was passed by")
        self._searched = place

    async def _seek(self, info: StreamInfo) -> JetStreamContext.PullSubscription:
        """Makes the consumer anew, so that it begins with the event after the position."""
        start = await self._find(self._position + 1, info)
        with suppress(NotFoundError):
            await self._js.delete_consumer(self._stream, self._durable)
        await self._js.add_consumer(
            self._stream,
            ConsumerConfig(
                name=self._durable,
                durable_name=self._durable,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=start,
                ack_policy=AckPolicy.ALL,
                ack_wait=ACK_WAIT_S,
                max_deliver=-1,
                max_ack_pending=2 * FETCH_MESSAGES_MAX,
            ),
        )
        return await self._js.pull_subscribe_bind(self._durable, self._stream)

    async def _find(self, wanted: int, info: StreamInfo) -> int:
        """The stream's sequence number of public_seq `wanted`, or of the next message to come.

        Usually both numbers are equal. Otherwise they are searched by halves, then one by one in
        the neighbourhood, because a stranger's message may have misled the search.
        """
        first, end = info.state.first_seq, info.state.last_seq + 1
        if info.state.messages == 0:
            return end
        if first <= wanted < end and await self._public_seq_at(wanted) == wanted:
            return wanted
        near = await self._first_at_least(wanted, first, end)
        for seq in _around(near, max(first, near - SEEK_AROUND), min(end, near + SEEK_AROUND)):
            if await self._public_seq_at(seq) == wanted:
                return seq
        if near < end:
            raise _OutOfPlace(f"{self._stream} does not hold public_seq {wanted}")
        return end

    async def _first_at_least(self, wanted: int, first: int, end: int) -> int:
        low, high = first, end
        while low < high:
            middle = (low + high) // 2
            if (await self._public_seq_at(middle) or 0) >= wanted:
                high = middle
            else:
                low = middle + 1
        return low

    async def _public_seq_at(self, seq: int) -> int | None:
        try:
            message = await self._js.get_msg(self._stream, seq)
        except NotFoundError:
            return None
        return public_seq_of(message.headers)


def _around(near: int, first: int, end: int) -> list[int]:
    """The numbers from first to end, exclusive, those nearest to `near` first."""
    return sorted(range(first, end), key=lambda seq: abs(seq - near))


def _require_passing(error: Exception) -> None:
    if isinstance(error, sqlite3.OperationalError) and not is_passing(error):
        raise error


async def _quietly_unsubscribe(subscription: JetStreamContext.PullSubscription) -> None:
    with suppress(nats.errors.Error):
        await subscription.unsubscribe()
