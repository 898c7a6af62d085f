"""The event store's read side on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from cahier_ledger.model import Disclosure, Heads, Idempotency, PublicRow, StoredEvent
from cahier_ledger.postgres.connections import Connection, Pool, connect
from cahier_ledger.postgres.pulse import pulse_of
from cahier_ledger.store import READ_LIMIT_DEFAULT
from cahier_ledger.texts import FoundText, filled

ITER_CHUNK = 5_000

EVENT = "SELECT seq, stream, version, type, data, meta, recorded_at FROM events "
_PUBLIC = (
    "SELECT p.public_seq, p.seq, p.id, p.leaf, e.meta FROM public p JOIN events e ON e.seq = p.seq "
)
HEADS = "SELECT (SELECT max(seq) FROM events), (SELECT max(public_seq) FROM public)"


class PostgresReader:
    """store.LedgerReader on one schema; also for exports from a running city."""

    def __init__(self, dsn: str, schema: str) -> None:
        """Connects at the first read. Reads raise StoreUnavailable."""
        self._pool = Pool(partial(connect, dsn, schema, read_only=True), pulse=pulse_of(dsn))

    def read_stream(
        self, stream: str, after_version: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[StoredEvent]:
        sql = EVENT + "WHERE stream = %s AND version > %s ORDER BY version LIMIT %s"
        rows = self._all(sql, (stream, after_version, limit))
        return filled([StoredEvent(*row) for row in rows], self._texts)

    def read_all(self, after_seq: int = 0, limit: int = READ_LIMIT_DEFAULT) -> list[StoredEvent]:
        sql = EVENT + "WHERE seq > %s ORDER BY seq LIMIT %s"
        rows = self._all(sql, (after_seq, limit))
        return filled([StoredEvent(*row) for row in rows], self._texts)

    def iter_data(
        self, type: str, after_seq: int = 0, up_to_seq: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        sql = "SELECT seq, data FROM events WHERE seq > %s AND seq <= %s AND type = %s ORDER BY seq"
        last = self.head_seq() if up_to_seq is None else min(up_to_seq, self.head_seq())
        while after_seq < last:
            chunk_end = min(after_seq + ITER_CHUNK, last)
            yield from self._all(sql, (after_seq, chunk_end, type))
            after_seq = chunk_end

    def read_public(
        self, after_public_seq: int = 0, limit: int = READ_LIMIT_DEFAULT
    ) -> list[PublicRow]:
        sql = _PUBLIC + "WHERE p.public_seq > %s ORDER BY p.public_seq LIMIT %s"
        return [PublicRow(*row) for row in self._all(sql, (after_public_seq, limit))]

    def public_by_id(self, id: str) -> PublicRow | None:
        rows = self._all(_PUBLIC + "WHERE p.id = %s", (id,))
        return PublicRow(*rows[0]) if rows else None

    def head_seq(self) -> int:
        return self._number("SELECT max(seq) FROM events")

    def public_head(self) -> int:
        return self._number("SELECT max(public_seq) FROM public")

    def stream_version(self, stream: str) -> int:
        return self._number("SELECT max(version) FROM events WHERE stream = %s", (stream,))

    def disclosures(self, id: str) -> list[Disclosure]:
        sql = "SELECT name, salt, value FROM disclosures WHERE id = %s ORDER BY name"
        rows = self._all(sql, (id,))
        return [Disclosure(name, salt, value.decode()) for name, salt, value in rows]

    def _texts(self, ids: list[str]) -> list[FoundText]:
        sql = "SELECT id, name, value FROM disclosures WHERE id = ANY(%s::text[])"
        return [(id, name, value.decode()) for id, name, value in self._all(sql, (ids,))]

    def recall(self, key: str) -> Idempotency | None:
        rows = self._all("SELECT key, digest, response FROM idempotency WHERE key = %s", (key,))
        return Idempotency(*rows[0]) if rows else None

    def close_reader(self) -> None:
        """Closes the idle connections; those in use are closed when they are given back."""
        self._pool.close()

    def _all(self, sql: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        def work(connection: Connection) -> list[Any]:
            return connection.execute(sql.encode(), parameters, binary=True).fetchall()

        return self._pool.read(work)

    def _number(self, sql: str, parameters: tuple[object, ...] = ()) -> int:
        return int(self._all(sql, parameters)[0][0] or 0)


def read_heads(connection: Connection) -> Heads:
    """The last numbers given out, as this connection sees them."""
    row = connection.execute(HEADS).fetchone()
    return Heads(row[0] or 0, row[1] or 0) if row else Heads(0, 0)
