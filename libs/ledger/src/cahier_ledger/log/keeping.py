"""Keeps a public log up to date beside a running service: waits, batches, signs, publishes.

Commands never wait for it. Whatever may pass it tries again; what a person must decide it says
aloud, and signs nothing meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from cahier_ledger.bus.health import BusObserver, Health, Watched, backoff_s, heed_cancel, whence
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.cosigning import Cosigner
from cahier_ledger.log.entries import ENTRIES_PER_BUNDLE
from cahier_ledger.log.lock import Locked
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.refusals import LockMoved, LogRefused
from cahier_ledger.log.sequencer import CHECKED_AT_START, PAGE_LEAVES, Sequencer
from cahier_ledger.model import LedgerClosed, StoreUnavailable
from cahier_ledger.store import LedgerTail

BATCH_S = 1.0
CHECKPOINT_S = 10.0
BACKOFF_PERSON_S = 10.0
WAIT_S_MIN = 0.005
QUORUM_S_MAX = 30.0
CHECK_PAUSE_S = 0.01

T = TypeVar("T")

_log = logging.getLogger(__name__)
_PASSING = (StoreUnavailable, sqlite3.OperationalError, OSError, TimeoutError, LockMoved)


class LogKeeper:
    """One service's log, kept by one process at a time; a second one is refused by the lock row."""

    def __init__(
        self,
        sequencer: Sequencer,
        publisher: Publisher,
        ledger: LedgerTail,
        *,
        cosigner: Cosigner | None = None,
        batch_s: float = BATCH_S,
        checkpoint_s: float = CHECKPOINT_S,
    ) -> None:
        """cosigner: where there are witnesses to ask.

        batch_s: how long the first leaf of a batch waits for others, unless 256 have come.

        checkpoint_s: no two checkpoints are closer to one another.
        """
        self._sequencer = sequencer
        self._publisher = publisher
        self._ledger = ledger
        self._cosigner = cosigner
        self._batch_s = batch_s
        self._checkpoint_s = checkpoint_s
        self._watched = Watched(f"log of {sequencer.service}", BusObserver(), _log)
        self._turn = asyncio.Lock()
        self._begun = asyncio.Event()
        self._refusal: LogRefused | None = None
        self._sealed_s = float("-inf")
        self._signed = 0
        self._quorum_until_s = 0.0
        self._published = 0
        self._shown = ""
        self._published_s = time.monotonic()

    @property
    def health(self) -> Health:
        return self._watched.health

    @property
    def published(self) -> int:
        """The public_seq up to which the served checkpoint reaches."""
        return self._published

    @property
    def witnesses(self) -> int:
        """How many witnesses of the policy have cosigned the served checkpoint."""
        return 0 if self._cosigner is None else self._cosigner.witnesses_of(self._shown)

    @property
    def has_quorum(self) -> bool:
        """Whether what was signed is shown with the quorum that the policy asks for.

        Witnesses may take QUORUM_S_MAX before they count as missing.
        """
        return self._published >= self._signed or time.monotonic() < self._quorum_until_s

    def lag(self) -> int:
        """How many stored leaves the served checkpoint does not reach."""
        return max(0, self._ledger.public_head() - self._published)

    def age_s(self) -> float:
        """Seconds since a checkpoint was published."""
        return time.monotonic() - self._published_s

    async def run(self) -> None:
        """Keeps the log until cancelled or until the ledger is closed."""
        beside = [asyncio.create_task(self._check_old_leaves())]
        if self._cosigner is not None:
            beside.append(asyncio.create_task(self._cosigner.run(self._show)))
        try:
            await self._keep()
        finally:
            for task in beside:
                task.cancel()

    async def _keep(self) -> None:
        waits = backoff_s()
        while True:
            heed_cancel()
            try:
                await self._begin()
                self._watched.running()
                waits = backoff_s()
                await self._follow()
            except LedgerClosed:
                return
            except _PASSING as error:
                self._watched.stalled(whence(error))
                await asyncio.sleep(next(waits))
            except LogRefused as error:
                self._watched.stopped(error.rule)
                await asyncio.sleep(BACKOFF_PERSON_S)

    async def drain(self) -> None:
        """Takes in, signs and publishes all that is committed now; raises as the sequencer."""
        while await self._alone(self._sequencer.take_in):
            pass
        await self._seal()
        row = self._sequencer.row
        if self._published < row.end:  # `run` has signed it, and may not have come to show it.
            await self._publish(row)

    async def _begin(self) -> None:
        row = await self._alone(self._sequencer.begin)
        self._begun.set()
        served = await self._alone(lambda: self._publisher.served(row))
        if served is not None:
            self._shown, self._published = served, row.base + parse_checkpoint(served)[0].size
        await self._publish(row)

    async def _check_old_leaves(self) -> None:
        """Once: those that are too many to be hashed again before a log goes on."""
        await self._begun.wait()
        row = self._sequencer.row
        if row.size <= CHECKED_AT_START:
            return
        waits = backoff_s()
        while True:
            checking = self._sequencer.checking_all(row)
            try:
                while await asyncio.to_thread(next, checking, 0):  # noqa: ASYNC110
                    await asyncio.sleep(CHECK_PAUSE_S)
            except _PASSING as error:
                _log.warning("the old leaves are checked again: %s", whence(error))
                await asyncio.sleep(next(waits))
            except LogRefused as error:
                self._refusal = error
                return
            except LedgerClosed:
                return
            else:
                return

    async def _follow(self) -> None:
        while True:
            heed_cancel()
            if self._refusal is not None:
                raise self._refusal
            taken = await self._alone(self._sequencer.take_in)
            if self._due_s() <= 0:
                await self._seal()
            if taken < PAGE_LEAVES:
                await self._wait()

    def _due_s(self) -> float:
        return self._sealed_s + self._checkpoint_s - time.monotonic()

    async def _wait(self) -> None:
        """Until the next batch is full or old enough, or a checkpoint is due."""
        position = self._sequencer.position
        if position == self._sequencer.row.end:
            await self._ledger.wait_public_past(position)
            wait_s = self._batch_s
        else:
            wait_s = max(WAIT_S_MIN, min(self._batch_s, self._due_s()))
        await self._ledger.wait_public_past(position + ENTRIES_PER_BUNDLE - 1, wait_s)

    async def _seal(self) -> None:
        row = await self._alone(self._sequencer.seal)
        if row is not None:
            self._sealed_s = time.monotonic()
            await self._publish(row)

    async def _publish(self, row: Locked) -> None:
        """Shows what was signed, or has it cosigned first where the policy asks for that."""
        if self._published >= self._signed:
            self._quorum_until_s = time.monotonic() + QUORUM_S_MAX
        self._signed = row.end
        if self._cosigner is None or not self._cosigner.needs_quorum:
            await self._show(row, row.checkpoint)
        if self._cosigner is not None:
            self._cosigner.offer(row)

    async def _show(self, row: Locked, text: str) -> None:
        def publish() -> str | None:
            if text != row.checkpoint:
                self._sequencer.keep_cosigned(row, text)
            shown = self._publisher.publish(row, text)
            return self._publisher.served(row) if shown else None

        served = await self._alone(publish)
        if served is not None:
            self._published, self._shown = row.end, served
            self._published_s = time.monotonic()

    async def _alone(self, step: Callable[[], T]) -> T:
        async with self._turn:
            return await asyncio.to_thread(step)
