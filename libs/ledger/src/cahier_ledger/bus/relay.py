"""Copies a service's public leaves from its store to its stream: each once, in order.

The store is the truth and the stream a copy, so nothing is remembered here: where to go on is
read from the stream's last message. Every publish names the last sequence it expects, so a copy
that comes late, twice or from a second relay is refused by the broker, not stored.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js.api import Header, PubAck, RawStreamMsg, StreamInfo
from nats.js.errors import NotFoundError

from cahier_ledger.bus.envelope import Outgoing, Unsendable, outgoing, public_seq_of, wire
from cahier_ledger.bus.health import (
    BusObserver,
    Health,
    Plain,
    Watched,
    backoff_s,
    heed_cancel,
    whence,
)
from cahier_ledger.bus.streams import StreamDiffers, declare_public_stream, public_stream
from cahier_ledger.model import LOG_STREAM, LedgerClosed, PublicRow, StoreUnavailable
from cahier_ledger.store import LedgerTail

BATCH_MESSAGES_MAX = 500  # the broker takes at most 1,000 in an atomic batch
BATCH_BYTES_MAX = 4 << 20
WRITE_MESSAGES = 50
PUBLISH_TIMEOUT_S = 5.0
IDLE_CHECK_S = 2.0
LOOK_BACK_MAX = 1_000
BACKOFF_PERSON_S = 10.0
CONNECTION_CHECK_S = 0.1

T = TypeVar("T")

log = logging.getLogger(__name__)


class RelayRefused(Plain):
    """The stream's content does not follow from this store; a person must look."""


class _Disturbed(Plain):
    """The broker went away or the stream moved: find the place again."""


_PASSING = (_Disturbed, nats.errors.Error, TimeoutError, OSError, StoreUnavailable)
_NEED_A_PERSON = (RelayRefused, StreamDiffers, Unsendable)


class Relay:
    """One service's relay; at most one per service, though two do no harm to the stream.

    Survives the death of the broker, of the connection and of itself at any moment. `run` goes
    on until it is cancelled or the ledger is closed; read errors and a missing broker stall it
    and it tries again. Guarantees: order by public_seq, no gap, every leaf in the stream once.
    """

    def __init__(
        self,
        ledger: LedgerTail,
        nc: Client,
        service: str,
        city: str,
        *,
        observer: BusObserver | None = None,
        replicas: int = 1,
    ) -> None:
        """replicas: of the stream, when this relay is the first to declare it."""
        self._ledger = ledger
        self._nc = nc
        self._js = nc.jetstream(timeout=PUBLISH_TIMEOUT_S)
        self._service = service
        self._city = city
        self._replicas = replicas
        self._stream = public_stream(service)
        self._observer = observer or BusObserver()
        self._watched = Watched(f"relay of {service}", self._observer, log)
        self._relayed = 0
        self._stream_seq = 0
        self._reconnects = -1
        self._moved = asyncio.Condition()

    @property
    def health(self) -> Health:
        return self._watched.health

    @property
    def relayed(self) -> int:
        """The public_seq up to which the stream is known to hold everything."""
        return self._relayed

    def lag(self) -> int:
        """How many leaves are stored but not yet known to be in the stream."""
        return max(0, self._ledger.public_head() - self._relayed)

    async def drain(self, timeout_s: float) -> bool:
        """Waits until all that is committed now is in the stream; False after timeout_s."""
        return await self.wait_relayed(self._ledger.public_head(), timeout_s)

    async def wait_relayed(self, public_seq: int, timeout_s: float) -> bool:
        """Waits until the stream holds `public_seq`; False after timeout_s."""
        try:
            async with asyncio.timeout(timeout_s), self._moved:
                await self._moved.wait_for(lambda: self._relayed >= public_seq)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Relays until cancelled or until the ledger is closed."""
        waits = backoff_s()
        while True:
            heed_cancel()
            try:
                self._require_connection()
                self._reconnects = self._nc.stats["reconnects"]
                await self._while_connected(self._find_place())
                self._watched.running()
                waits = backoff_s()
                await self._relay_on()
            except LedgerClosed:
                return
            except _PASSING as error:
                self._watched.stalled(whence(error))
                await asyncio.sleep(next(waits))
            except _NEED_A_PERSON as error:
                self._watched.stalled(whence(error))
                await asyncio.sleep(BACKOFF_PERSON_S)

    async def _find_place(self) -> None:
        epoch = 1 + await asyncio.to_thread(self._ledger.stream_version, LOG_STREAM)
        info = await declare_public_stream(
            self._js, self._service, self._city, replicas=self._replicas, epoch=epoch
        )
        relayed = await self._last_public_seq(info)
        self._stream_seq = info.state.last_seq
        await self._advance(relayed)

    async def _last_public_seq(self, info: StreamInfo) -> int:
        """The highest public_seq in the stream.

        Normally its last message tells. Strangers' messages on our subjects are looked past, at
        most LOOK_BACK_MAX of them. Raises RelayRefused when the stream holds what we do not.
        """
        if info.state.messages == 0:
            return 0
        highest = 0
        oldest = max(info.state.first_seq, info.state.last_seq - LOOK_BACK_MAX + 1)
        for seq in range(info.state.last_seq, oldest - 1, -1):
            public_seq = await self._own_public_seq(seq)
            highest = max(highest, public_seq)
            if public_seq == seq:  # nothing foreign lies before it
                return highest
        if highest == 0 and oldest > info.state.first_seq:
            raise RelayRefused(f"no message of ours in the last {LOOK_BACK_MAX} of {self._stream}")
        return highest

    async def _own_public_seq(self, seq: int) -> int:
        try:
            message = await self._js.get_msg(self._stream, seq)
        except NotFoundError:
            return 0
        public_seq = public_seq_of(message.headers)
        if public_seq is None:
            log.warning("%s: message %d has no public_seq", self._stream, seq)
            return 0
        rows = await asyncio.to_thread(self._ledger.read_public, public_seq - 1, 1)
        self._require_same(rows, message, public_seq)
        return public_seq

    def _require_same(self, rows: list[PublicRow], message: RawStreamMsg, public_seq: int) -> None:
        if not rows:
            raise RelayRefused(
                f"{self._stream} holds public_seq {public_seq}, the store ends before it: "
                f"was it restored from a backup? Then `cahier log epoch {self._service}`"
            )
        if rows[0].leaf != message.data:
            raise RelayRefused(f"{self._stream} and the store differ at public_seq {public_seq}")

    async def _relay_on(self) -> None:
        while True:
            heed_cancel()
            rows = await asyncio.to_thread(
                self._ledger.read_public, self._relayed, BATCH_MESSAGES_MAX
            )
            if rows:
                await self._relay(rows)
                continue
            await self._ledger.wait_public_past(self._relayed, IDLE_CHECK_S)
            self._require_connection(self._reconnects)

    async def _relay(self, rows: Sequence[PublicRow]) -> None:
        batch: list[Outgoing] = []
        size = 0
        for row in rows:
            if size + len(row.leaf) > BATCH_BYTES_MAX:
                await self._publish(batch)
                batch, size = [], 0
            batch.append(outgoing(row, self._service, self._city))
            size += len(row.leaf)
        await self._publish(batch)

    async def _publish(self, batch: Sequence[Outgoing]) -> None:
        """Publishes a batch, all or nothing, and returns when the broker has synced it."""
        self._number(batch)
        members, last = batch[:-1], batch[-1]
        for start in range(0, len(members), WRITE_MESSAGES):
            self._require_connection(self._reconnects)
            commands = [wire(message) for message in members[start : start + WRITE_MESSAGES]]
            await self._nc._send_command(b"".join(commands))
            await asyncio.sleep(0)
        ack = await self._while_connected(
            self._js.publish(last.subject, last.body, PUBLISH_TIMEOUT_S, self._stream, last.headers)
        )
        self._require_stored(ack, len(batch))
        self._stream_seq = ack.seq
        await self._advance(last.public_seq)

    def _number(self, batch: Sequence[Outgoing]) -> None:
        batch[0].headers[Header.EXPECTED_LAST_SEQUENCE.value] = str(self._stream_seq)
        if len(batch) == 1:
            return
        batch_id = secrets.token_hex(16)
        for number, message in enumerate(batch, 1):
            message.headers[Header.BATCH_ID.value] = batch_id
            message.headers[Header.BATCH_SEQUENCE.value] = str(number)
        batch[-1].headers[Header.BATCH_COMMIT.value] = "1"

    def _require_stored(self, ack: PubAck, count: int) -> None:
        if ack.duplicate or ack.seq != self._stream_seq + count:
            raise _Disturbed(f"{self._stream}: acknowledged {ack.seq} for {count} messages")

    def _require_connection(self, reconnects: int | None = None) -> None:
        if not self._nc.is_connected:
            raise _Disturbed("no connection to the broker")
        if reconnects is not None and self._nc.stats["reconnects"] != reconnects:
            raise _Disturbed("the connection to the broker was lost and is back")

    async def _while_connected(self, answer: Coroutine[Any, Any, T]) -> T:
        """Waits for an answer, but not for one that was lost with its connection."""
        task = asyncio.ensure_future(answer)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=CONNECTION_CHECK_S)
                if not task.done():
                    self._require_connection(self._reconnects)
            return task.result()
        finally:
            task.cancel()

    async def _advance(self, relayed: int) -> None:
        async with self._moved:
            self._relayed = relayed
            self._moved.notify_all()
        self._observer.relayed(self._service, relayed, self._ledger.public_head())
