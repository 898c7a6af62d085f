"""A service's one store, assembled: a database below, group commit in front, wake-ups for tailers.

Which database it is decides whoever opens it: `Ledger.open` takes a file, and
`cahier_ledger.stores` also takes PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, Self

from cahier_ledger.model import (
    Append,
    Appended,
    Disclosure,
    Heads,
    Idempotency,
    LedgerError,
    PublicRow,
    StoredEvent,
    StoreUnavailable,
)
from cahier_ledger.planning import Outcome
from cahier_ledger.sqlite import IoHook, SqliteReader, SqliteWriter, no_hook
from cahier_ledger.store import READ_LIMIT_DEFAULT, LedgerReader
from cahier_ledger.tail import Tail
from cahier_ledger.writer import Counters, GroupCommitter, OnBatch


class ClosableReader(LedgerReader, Protocol):
    """An adapter's read side."""

    def close_reader(self) -> None:
        """Closes its connections."""


class BatchWriter(Protocol):
    """An adapter's write side, used by one thread at a time. heads: as last committed or read."""

    heads: Heads

    def commit_batch(self, batch: Sequence[Append]) -> list[Outcome]:
        """Stores what does not conflict, in one transaction, durably; answers each append."""

    def close(self) -> None:
        """Closes its connection."""


class Listener(Protocol):
    """Whoever hears of other processes' commits."""

    def close(self) -> None:
        """Stops listening."""


Listen = Callable[[Callable[[Heads], None]], Listener]
"""Starts listening; calls the function with the new heads, on any thread."""


class Ledger:
    """store.LedgerStore on one database. Thread-safe; open one a process."""

    def __init__(
        self,
        reader: ClosableReader,
        writer: BatchWriter,
        *,
        on_batch: OnBatch | None = None,
        listen: Listen | None = None,
        away: Callable[[], str] = str,
    ) -> None:
        """listen: where other processes may append too; without it only this one's wake.

        away: why the database is known not to answer, or "".
        """
        self._reader = reader
        self._writer = writer
        self.away = away
        self._tail = Tail(writer.heads)
        self._listener = listen(self._tail.advance) if listen else None
        self._committer = GroupCommitter(self._commit_batch, on_batch=on_batch)

    @classmethod
    def open(
        cls, path: Path | str, *, on_batch: OnBatch | None = None, io_hook: IoHook = no_hook
    ) -> Self:
        """Opens or creates the SQLite file (its folder must exist); raises StoreUnavailable.

        on_batch(n_appends, n_events, seconds) is called on the writer's thread after each batch.
        """
        path = Path(path)
        try:
            writer = SqliteWriter(path, io_hook=io_hook)
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot open {path}: {error}") from error
        return cls(SqliteReader(path), writer, on_batch=on_batch)

    # -- reading: store.LedgerReader ----------------------------------------------------------

    def read_stream(
        self, stream: str, after_version: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[StoredEvent]:
        return self._reader.read_stream(stream, after_version, limit)

    def read_all(self, after_seq: int = 0, limit: int = READ_LIMIT_DEFAULT) -> list[StoredEvent]:
        return self._reader.read_all(after_seq, limit)

    def iter_data(
        self, type: str, after_seq: int = 0, up_to_seq: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        return self._reader.iter_data(type, after_seq, up_to_seq)

    def read_public(
        self, after_public_seq: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[PublicRow]:
        return self._reader.read_public(after_public_seq, limit)

    def public_by_id(self, id: str) -> PublicRow | None:
        return self._reader.public_by_id(id)

    def head_seq(self) -> int:
        return self._reader.head_seq()

    def public_head(self) -> int:
        return self._reader.public_head()

    def stream_version(self, stream: str) -> int:
        return self._reader.stream_version(stream)

    def disclosures(self, id: str) -> list[Disclosure]:
        return self._reader.disclosures(id)

    def recall(self, key: str) -> Idempotency | None:
        return self._reader.recall(key)

    # -- appending ----------------------------------------------------------------------------

    async def append(self, append: Append) -> Appended:
        return _raise_or_return((await self._committer.submit((append,)))[0])

    async def append_many(self, appends: Sequence[Append]) -> list[Appended | LedgerError]:
        if not appends:
            return []
        return await self._committer.submit(appends)

    def append_blocking(self, append: Append) -> Appended:
        return _raise_or_return(self._committer.submit_blocking((append,))[0])

    # -- waiting for commits ------------------------------------------------------------------

    async def wait_past(self, seq: int, timeout_s: float | None = None) -> int:
        return (await self._tail.wait(seq=seq, timeout_s=timeout_s)).seq

    async def wait_public_past(self, public_seq: int, timeout_s: float | None = None) -> int:
        return (await self._tail.wait(public_seq=public_seq, timeout_s=timeout_s)).public_seq

    def subscribe(self, wake: Callable[[Heads], None]) -> Callable[[], None]:
        return self._tail.subscribe(wake)

    # -- the rest -----------------------------------------------------------------------------

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
        if self._listener is not None:
            self._listener.close()
        self._tail.close()
        self._writer.close()
        self._reader.close_reader()

    def _commit_batch(self, batch: Sequence[Append]) -> list[Outcome]:
        outcomes = self._writer.commit_batch(batch)
        self._tail.advance(self._writer.heads)
        return outcomes


def _raise_or_return(outcome: Outcome) -> Appended:
    if isinstance(outcome, LedgerError):
        raise outcome
    return outcome
