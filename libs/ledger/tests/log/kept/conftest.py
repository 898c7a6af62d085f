"""A log that is kept from a store, on files or on PostgreSQL; nothing in it is imitated."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_ledger.bus.database import SqliteDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.log.lock import LogLocks, open_locks
from cahier_ledger.log.merkle import leaf_hashes, root_of
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.sequencer import Sequencer, StepHook, no_hook
from cahier_ledger.log.served import ServedLog
from cahier_ledger.log.storage import DatabaseTiles, FolderTiles, TileStore
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend
from cahier_ledger.postgres.database import PostgresDatabase

SERVICE = "budget"
ORIGIN = "a.example/tlog/budget"


class MemoryKey:
    """An Ed25519 key that is the same in every run."""

    def __init__(self, number: int = 1) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@dataclass
class Kept:
    """One service's store and log, and what is needed to take them up again."""

    ledger: Ledger
    tiles: TileStore
    locks: LogLocks
    keys: list[MemoryKey] = field(default_factory=lambda: [MemoryKey()])
    origin: str = ORIGIN

    def sequencer(self, hook: StepHook = no_hook, **changed: Any) -> Sequencer:
        parts = {"ledger": self.ledger, "tiles": self.tiles, "signers": self.keys} | changed
        return Sequencer(SERVICE, self.origin, locks=self.locks, hook=hook, **parts)

    def served(self) -> ServedLog:
        return ServedLog(SERVICE, self.tiles, self.locks)

    async def say(self, count: int) -> None:
        """Stores that many more public events."""
        first = self.ledger.public_head() + 1
        for start in range(first, first + count, 500):
            numbers = range(start, min(start + 500, first + count))
            events = tuple(event_of(number) for number in numbers)
            await self.ledger.append(Append((StreamAppend(f"s{start}", 0, events),)))

    def leaves(self) -> list[bytes]:
        return [row.leaf for row in self.ledger.read_public(0, 1_000_000)]

    def root(self, size: int) -> bytes:
        """Of the first leaves in the store, by all of them at once."""
        return root_of(leaf_hashes(self.leaves()[:size]))

    def carry(self, hook: StepHook = no_hook) -> int:
        """Takes in, signs and publishes what there is; answers the size."""
        sequencer, publisher = self.sequencer(hook), Publisher(self.tiles, hook=hook)
        row = sequencer.begin()
        publisher.publish(row, row.checkpoint)
        while sequencer.take_in():
            pass
        sealed = sequencer.seal()
        if sealed is not None:
            publisher.publish(sealed, sealed.checkpoint)
        return sequencer.row.size


def event_of(number: int) -> NewEvent:
    leaf = {"id": f"leaf-{number}", "n": number, "t": "budget.v1.thing.thing_counted"}
    raw = json.dumps(leaf, sort_keys=True, separators=(",", ":")).encode()
    public = PublicLeaf(f"leaf-{number}", "budget.v1.thing.thing_counted", raw)
    return NewEvent("thing.counted", b"{}", public=public)


@pytest.fixture
def memory_key() -> Callable[[int], MemoryKey]:
    """Makes keys by their number; the logs of these tests begin with number 1."""
    return MemoryKey


@pytest.fixture
async def kept(sqlite_place: Any, tmp_path: Path) -> AsyncIterator[Kept]:
    """An empty log on files."""
    ledger = sqlite_place.open_ledger()
    locks = open_locks(str(tmp_path / "locks" / "budget.db"))
    yield Kept(ledger, FolderTiles(tmp_path / "tlog"), locks)
    locks.close()
    await ledger.close()


@pytest.fixture(params=["folder", "sqlite", "postgres"])
def tile_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TileStore]:
    """An empty tile store of each kind."""
    store = make_tile_store(request.param, request, tmp_path)
    yield store
    store.close()


@pytest.fixture
def same_tiles(
    tile_store: TileStore, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], TileStore]]:
    """Opens `tile_store` once more, as another process would."""
    kind = request.node.callspec.params["tile_store"]
    opened: list[TileStore] = []

    def open_again() -> TileStore:
        opened.append(make_tile_store(kind, request, tmp_path))
        return opened[-1]

    yield open_again
    for each in opened:
        each.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database_tiles(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TileStore]:
    """An empty tile store in each database."""
    store = make_tile_store(request.param, request, tmp_path)
    yield store
    store.close()


def make_tile_store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> TileStore:
    if kind == "folder":
        return FolderTiles(tmp_path / "tlog")
    if kind == "sqlite":
        return DatabaseTiles(SqliteDatabase(tmp_path / "tlog.db", durable=True))
    place = request.getfixturevalue("postgres_place")
    return DatabaseTiles(PostgresDatabase(place.dsn, f"{place.schema}_tlog", durable=True))


@pytest.fixture(params=["sqlite", "postgres"])
def lock_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogLocks]:
    """Empty lock rows on each database."""
    if request.param == "sqlite":
        locks = open_locks(str(tmp_path / "locks" / "a.db"))
    else:
        place = request.getfixturevalue("postgres_place")
        locks = LogLocks(PostgresDatabase(place.dsn, f"{place.schema}_locks", durable=True))
    yield locks
    locks.close()
