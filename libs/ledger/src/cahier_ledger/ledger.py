"""A service's one store, assembled: SQLite below, group commit in front, wake-ups for tailers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from cahier_ledger.model import (
    Append,
    Appended,
    Heads,
    LedgerError,
    StoreUnavailable,
)
from cahier_ledger.planning import Outcome
from cahier_ledger.sqlite import IoHook, SqliteReader, SqliteWriter, no_hook
from cahier_ledger.tail import Tail
from cahier_ledger.writer import Counters, GroupCommitter, OnBatch


class Ledger(SqliteReader):
    """store.LedgerStore on one SQLite file. Thread-safe; open one a process."""

    def __init__(
        self, path: Path, *, on_batch: OnBatch | None = None, io_hook: IoHook = no_hook
    ) -> None:
        super().__init__(path)
        self._writer = SqliteWriter(path, io_hook=io_hook)
        self._tail = Tail(self._writer.heads)
        self._committer = GroupCommitter(self._commit_batch, on_batch=on_batch)

    @classmethod
    def open(
        cls, path: Path | str, *, on_batch: OnBatch | None = None, io_hook: IoHook = no_hook
    ) -> Self:
        """Opens or creates the file (its folder must exist); raises StoreUnavailable.

        on_batch(n_appends, n_events, seconds) is called on the writer's thread after each batch.
        """
        try:
            return cls(Path(path), on_batch=on_batch, io_hook=io_hook)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open {path}: {error}") from error

    async def append(self, append: Append) -> Appended:
        return _raise_or_return((await self._committer.submit((append,)))[0])

    async def append_many(self, appends: Sequence[Append]) -> list[Appended | LedgerError]:
        if not appends:
            return []
        return await self._committer.submit(appends)

    def append_blocking(self, append: Append) -> Appended:
        return _raise_or_return(self._committer.submit_blocking((append,))[0])

    async def wait_past(self, seq: int, timeout_s: float | None = None) -> int:
        return (await self._tail.wait(seq=seq, timeout_s=timeout_s)).seq

    async def wait_public_past(self, public_seq: int, timeout_s: float | None = None) -> int:
        return (await self._tail.wait(public_seq=public_seq, timeout_s=timeout_s)).public_seq

    def subscribe(self, wake: Callable[[Heads], None]) -> Callable[[], None]:
        return self._tail.subscribe(wake)

    @property
    def counters(self) -> Counters:
        """Totals since the ledger was opened."""
        return self._committer.counters

    @property
    def waiting(self) -> int:
        """Appends that wait for the writer."""
        return self._committer.waiting

    async def close(self) -> None:
        await asyncio.to_thread(self.close_blocking)

    def close_blocking(self) -> None:
        """As close, for code without an event loop."""
        self._committer.close()
        self._tail.close()
        self._writer.close()
        self.close_reader()

    def _commit_batch(self, batch: Sequence[Append]) -> list[Outcome]:
        outcomes = self._writer.commit_batch(batch)
        if self._writer.heads != self._tail.heads:
            self._tail.advance(self._writer.heads)
        return outcomes


def _raise_or_return(outcome: Outcome) -> Appended:
    if isinstance(outcome, LedgerError):
        raise outcome
    return outcome
