"""Two processes of a service on PostgreSQL: one keeps the log, both serve it, either takes over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from cahier_ledger.ledger import Ledger
from cahier_ledger.log.checkpoint import open_checkpoint
from cahier_ledger.log.keeping import LogKeeper
from cahier_ledger.log.lock import LogLocks
from cahier_ledger.log.merkle import leaf_hashes, root_of
from cahier_ledger.log.note import Vkey
from cahier_ledger.log.proof import Receipt, check_receipt
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.receipts import Receipts
from cahier_ledger.log.sequencer import Sequencer
from cahier_ledger.log.served import ServedLog
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.stores import Stores

ORIGIN = "a.example/tlog/budget"
pytestmark = pytest.mark.slow


@dataclass
class Replica:
    """One process's view of the service."""

    stores: Stores
    ledger: Ledger
    locks: LogLocks
    served: ServedLog
    keeper: LogKeeper
    task: asyncio.Task[None] | None = None

    def start(self, *, in_turn: bool) -> None:
        work = self.keeper.run
        self.task = asyncio.create_task(
            self.stores.alone("public log", work) if in_turn else work()
        )

    async def end(self) -> None:
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def say(self, number: int) -> None:
        public = PublicLeaf(f"leaf-{number}", "budget.v1.a.b", b'{"n":%d}' % number)
        event = NewEvent("thing.counted", b"{}", public=public)
        await self.ledger.append(Append((StreamAppend(f"s{number}", 0, (event,)),)))


@pytest.fixture
async def replicas(postgres_place: Any, memory_key: Callable[[int], Any]) -> Any:
    """Two replicas of one service, each with connections of its own."""
    made = []
    for _ in range(2):
        stores = Stores(postgres_place.schema, postgres_place.folder, postgres_place.dsn)
        ledger, tiles = stores.open_ledger(), stores.open_tiles()
        locks = LogLocks(
            PostgresDatabase(postgres_place.dsn, f"{postgres_place.schema}_locks", durable=True)
        )
        sequencer = Sequencer("budget", ORIGIN, ledger, tiles, locks, [memory_key(1)])
        keeper = LogKeeper(sequencer, Publisher(tiles), ledger, batch_s=0.02, checkpoint_s=0.05)
        made.append(Replica(stores, ledger, locks, ServedLog("budget", tiles, locks), keeper))
    yield made
    for each in made:
        await each.end()
        each.locks.close()
        await each.ledger.close()


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def shown(replica: Replica) -> int:
    epoch = replica.served.epoch()
    published = None if epoch is None else replica.served.published(epoch)
    return 0 if published is None else published.checkpoint.size


def require_one_history(replica: Replica, key: Any, size: int) -> None:
    hashes = leaf_hashes([row.leaf for row in replica.ledger.read_public(0, 10_000)])
    epoch = replica.served.epoch()
    assert epoch is not None
    assert (epoch.size, epoch.root) == (size, root_of(hashes[:size]))
    for at in replica.served.history(epoch):
        served = replica.served.get(f"checkpoints/{at}")
        assert served is not None
        checkpoint = open_checkpoint(served.body, [Vkey.of(ORIGIN, key.public)])
        assert checkpoint.root == root_of(hashes[:at])


async def test_the_other_replica_takes_over(replicas: Any, memory_key: Any) -> None:
    one, other = replicas
    for each in replicas:
        each.start(in_turn=True)
    for number in range(60):
        await replicas[number % 2].say(number)
    await until(lambda: shown(other) == 60)
    keeping, standing = (one, other) if one.keeper.published else (other, one)
    assert standing.keeper.published == 0
    await keeping.end()
    for number in range(60, 90):
        await standing.say(number)
    await until(lambda: shown(keeping) == 90)
    await asyncio.to_thread(require_one_history, standing, memory_key(1), 90)
    for replica in replicas:
        receipts = Receipts(replica.ledger, replica.served)
        receipt = await asyncio.to_thread(receipts.receipt_of, "leaf-77")
        assert isinstance(receipt, Receipt)
        row = replica.ledger.public_by_id("leaf-77")
        check_receipt(receipt, row.leaf, [Vkey.of(ORIGIN, memory_key(1).public)])


async def test_two_that_both_believe_it_is_their_turn_sign_one_history(
    replicas: Any, memory_key: Any
) -> None:
    for each in replicas:
        each.start(in_turn=False)
    for number in range(150):
        await replicas[number % 2].say(number)
        await asyncio.sleep(0.005)
    await until(lambda: shown(replicas[0]) == 150)
    await asyncio.to_thread(require_one_history, replicas[1], memory_key(1), 150)
