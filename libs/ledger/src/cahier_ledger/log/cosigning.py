"""Gathers the cosignatures of a log's newest checkpoint, beside the log and never in its way.

Where the policy asks for a quorum, a checkpoint is shown only when it has it; else it is shown at
once, and again with what the witnesses said of it. A city goes on without them.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from cahier_ledger.bus.health import backoff_s, heed_cancel, whence
from cahier_ledger.log import layout
from cahier_ledger.log.lock import Locked
from cahier_ledger.log.note import BadNote, parse_note
from cahier_ledger.log.policy import NONE, Policy
from cahier_ledger.log.storage import TileStore
from cahier_ledger.log.tiles import BrokenTile, TileNodes
from cahier_ledger.log.witnessing import Witnesses
from cahier_ledger.model import StoreUnavailable

ASK_AGAIN_S = 2.0

MakeWitnesses = Callable[[], Awaitable[Witnesses]]
Show = Callable[[Locked, str], Awaitable[None]]
"""Publishes a checkpoint's text."""

_log = logging.getLogger(__name__)
_PASSING = (StoreUnavailable, BrokenTile, sqlite3.OperationalError, OSError)


class Cosigner:
    """The witnesses' part of one log. Used by one event loop."""

    def __init__(
        self,
        policy: Policy,
        make: MakeWitnesses,
        tiles: TileStore,
        *,
        ask_again_s: float = ASK_AGAIN_S,
    ) -> None:
        """policy: of which only witnesses and quorum count here: the log knows its own keys.

        make: the witnesses' addresses may need a broker that is not there yet; tried again.
        """
        self._policy = replace(policy, logs=())
        self._make = make
        self._tiles = tiles
        self._ask_again_s = ask_again_s
        self._newest: Locked | None = None
        self._lines: dict[str, None] = {}
        self._shown = ""
        self._news = asyncio.Event()

    @property
    def needs_quorum(self) -> bool:
        """Whether a checkpoint must not be shown before the quorum has cosigned it."""
        return self._policy.quorum != NONE

    def is_met(self, text: str) -> bool:
        """Whether a checkpoint has the quorum that the policy asks for."""
        return self._policy.satisfied_by(text)

    def witnesses_of(self, text: str) -> int:
        """How many of the policy's witnesses have cosigned a checkpoint."""
        with suppress(BadNote):
            return len(self._policy.witnessed_by(parse_note(text)))
        return 0

    def offer(self, row: Locked) -> None:
        """The newest checkpoint; an older one is not asked for any more."""
        if self._newest is None or self._newest.checkpoint != row.checkpoint:
            self._newest, self._lines = row, {}
            self._news.set()

    async def run(self, show: Show) -> None:
        """Asks and shows until cancelled, whatever goes wrong."""
        if not any(each.url for each in self._policy.witnesses):
            await asyncio.Event().wait()
        witnesses: Witnesses | None = None
        waits = backoff_s()
        while True:
            heed_cancel()
            await self._news.wait()
            self._news.clear()
            done = False
            try:
                if witnesses is None:
                    witnesses = await self._make()
                done = await self._gather(witnesses, show)
                waits = backoff_s()
            except _PASSING as error:
                _log.warning("cannot ask the witnesses: %s", whence(error))
            except Exception as error:  # Nobody awaits this task: it would end unseen.
                _log.error("asking the witnesses failed: %s", whence(error))
                await asyncio.sleep(next(waits))
            if not done:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._ask_again_s):
                        await self._news.wait()
                self._news.set()

    async def _gather(self, witnesses: Witnesses, show: Show) -> bool:
        """Asks once; whether there is nothing more to ask for this checkpoint."""
        row = self._newest
        if row is None:
            return True
        read = TileNodes(layout.tile_reader(self._tiles, row.epoch), row.size)
        fresh = dict.fromkeys(await witnesses.collect(row.checkpoint, read))
        if self._newest is not row:
            return True  # There is news: it was set again.
        self._lines |= fresh
        text = row.checkpoint + "".join(self._latest_lines())
        if self._lines and text != self._shown and self.is_met(text):
            await show(row, text)
            self._shown = text  # Not before: what could not be shown is tried again.
        return not witnesses.refusals

    def _latest_lines(self) -> list[str]:
        """One line a witness, the last that it gave."""
        return list({line.split(" ")[1]: line for line in self._lines}.values())
