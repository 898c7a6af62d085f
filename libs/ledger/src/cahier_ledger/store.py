"""The event store's port: what every adapter guarantees, whatever database is below it.

Guarantees, checked by one contract suite for every adapter:

- Atomic: an Append is stored whole (events, leaves, disclosures, idempotency row) or not at all.
- Durable: when an append returns, it survives the loss of power.
- Ordered: `seq` and `public_seq` are gapless from 1 and become visible in their order; a reader
  that has seen n will never meet a new row at or below n. Leaf order is event order.
- Whole: an event read by read_stream or read_all has its texts in place (module texts), and
  ERASED where they have been erased.
- Forgotten: what an append `erases` is gone with its commit. On SQLite no file holds the texts any
  more as soon as no reader is in the way (the next commit tries again); on PostgreSQL the rows are
  dead and vanish as vacuum and write-ahead logs take their course.
- Isolated: an append that conflicts fails alone; its neighbours in a group commit are unharmed.
- Cancelling a caller does not undo its append: the stream's version is the guard, not the caller.

Reads are short, thread-safe and may be called on the event loop for small limits; large ones
belong in a thread. Appends may come from asyncio (`append`) or from worker threads
(`append_blocking`, which refuses to run on an event loop).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from cahier_ledger.model import (
    Append,
    Appended,
    Disclosure,
    Heads,
    Idempotency,
    LedgerError,
    PublicRow,
    StoredEvent,
)

READ_LIMIT_DEFAULT = 1_000


class LedgerReader(Protocol):
    """The read side: enough for relays, projections, exports and queries."""

    def read_stream(
        self, stream: str, after_version: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[StoredEvent]:
        """Events of one stream with version > after_version, in order, at most `limit`."""

    def read_all(self, after_seq: int = 0, limit: int = READ_LIMIT_DEFAULT) -> list[StoredEvent]:
        """Events with seq > after_seq, in order, at most `limit`."""

    def iter_data(
        self, type: str, after_seq: int = 0, up_to_seq: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """(seq, data) of every event of one type, in order: the fast way to replay.

        The data is as it was stored: of types whose events have texts kept apart, without them.

        Sees what was committed when each chunk is read; holds no long transaction open.
        """

    def read_public(
        self, after_public_seq: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[PublicRow]:
        """Leaves with public_seq > after_public_seq, in order, with their event's meta."""

    def public_by_id(self, id: str) -> PublicRow | None:
        """The leaf with this id, or None."""

    def head_seq(self) -> int:
        """The last seq, or 0."""

    def public_head(self) -> int:
        """The last public_seq, or 0."""

    def stream_version(self, stream: str) -> int:
        """The stream's version, or 0."""

    def disclosures(self, id: str) -> list[Disclosure]:
        """The disclosures of a leaf, by name; empty when it has none or they were erased."""

    def recall(self, key: str) -> Idempotency | None:
        """What was kept under an idempotency key, or None."""


class LedgerTail(LedgerReader, Protocol):
    """A reader that is woken by commits, so that nobody polls.

    On SQLite one process a service appends: only that process's commits wake it. On PostgreSQL
    those of every process do.
    """

    async def wait_past(self, seq: int, timeout_s: float | None = None) -> int:
        """Returns head_seq as soon as it is > seq, or after timeout_s (then it may be <= seq).

        Raises LedgerClosed once the ledger is closed.
        """

    async def wait_public_past(self, public_seq: int, timeout_s: float | None = None) -> int:
        """As wait_past, for public_head."""

    @property
    def away(self) -> Callable[[], str]:
        """Answers at once why the store is known to be unable to answer now, or ""."""

    def subscribe(self, wake: Callable[[Heads], None]) -> Callable[[], None]:
        """Calls `wake` on the writer's thread after each commit; it must return at once.

        Returns the function that ends the subscription.
        """


class LedgerStore(LedgerTail, Protocol):
    """A service's one store: reads, wake-ups and appends."""

    async def append(self, append: Append) -> Appended:
        """Stores one Append; durable when it returns.

        Raises StreamConflict, IdempotencyConflict, DuplicateLeaf, LeafTooLarge, AppendTooLarge
        (nothing was stored) or StoreUnavailable (try again). Waits while the queue is full.
        """

    async def append_many(self, appends: Sequence[Append]) -> list[Appended | LedgerError]:
        """Stores many independent Appends with one wake-up, in their order; each as `append`.

        Errors are returned in their place, not raised. Raises ValueError for more appends than
        writer.APPEND_MANY_MAX, and what is a programming error.
        """

    def append_blocking(self, append: Append) -> Appended:
        """As `append`, for worker threads. Raises RuntimeError on an event loop's thread."""

    async def close(self) -> None:
        """Stops taking appends, finishes those taken, closes the files. Safe to call twice."""
