"""Of several processes one works and the others stand by; with files there is only one."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest

from cahier_ledger.bus.health import State
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import View
from cahier_ledger.postgres.server import PostgresServer
from cahier_ledger.stores import Stores

SEEN = View("seen", ("seen",), "CREATE TABLE seen(seq INTEGER NOT NULL)")


def fold(db, event):
    db.execute("INSERT INTO seen VALUES (?)", (event.seq,))


class Worker:
    """Asks for the turn `relay`; says whether it works or stands by."""

    def __init__(self, stores: Stores) -> None:
        self.works = self.stands_by = False
        self.turns = 0
        self.task = asyncio.create_task(stores.alone("relay", self._work, self._stand_by))

    async def _work(self) -> None:
        self.works = True
        self.turns += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.works = False

    async def _stand_by(self) -> None:
        self.stands_by = True
        try:
            await asyncio.Event().wait()
        finally:
            self.stands_by = False

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


async def until(holds, timeout_s=10.0):
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture
def stores(postgres_place):
    return Stores(postgres_place.schema, postgres_place.folder, postgres_place.dsn)


async def test_one_works_and_another_takes_over_when_it_ends(stores):
    first = Worker(stores)
    await until(lambda: first.works)
    second = Worker(stores)
    await until(lambda: second.stands_by)
    await asyncio.sleep(1.2)
    assert (first.works, first.stands_by) == (True, False)
    assert (second.works, second.stands_by) == (False, True)
    await first.stop()
    assert not first.works
    await until(lambda: second.works)
    assert not second.stands_by
    await second.stop()


async def test_turns_of_services_and_of_names_are_apart(stores, postgres_place):
    other = Stores("other_service", postgres_place.folder, postgres_place.dsn)
    workers = [Worker(stores), Worker(other)]
    await until(lambda: all(worker.works for worker in workers))
    for worker in workers:
        await worker.stop()


async def test_who_loses_the_connection_that_holds_the_turn_stops(stores, postgres_place):
    worker = Worker(stores)
    await until(lambda: worker.works)
    with psycopg.connect(postgres_place.dsn, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (f"cahier {stores.service}",),
        )
    await until(lambda: worker.works and worker.turns == 2)
    await worker.stop()


async def test_after_a_restart_of_the_server_one_works_again(tmp_path):
    server = PostgresServer(tmp_path / "own", sync=False)
    server.start()
    try:
        stores = Stores("budget", tmp_path, server.dsn)
        workers = [Worker(stores), Worker(stores)]
        await until(lambda: any(worker.works for worker in workers))
        await asyncio.to_thread(server.kill)
        await until(lambda: not any(worker.works for worker in workers))
        await asyncio.to_thread(server.start)
        await until(lambda: any(worker.works for worker in workers))
        assert sum(worker.works for worker in workers) == 1
        for worker in workers:
            await worker.stop()
    finally:
        server.stop()


async def test_work_that_ends_by_itself_ends_the_turn(stores):
    async def done() -> None:
        return

    await stores.alone("relay", done)

    async def failed() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await stores.alone("relay", failed)


async def test_with_files_there_is_nobody_to_take_turns_with(tmp_path):
    first, second = (Worker(Stores("budget", tmp_path)) for _ in range(2))
    await until(lambda: first.works and second.works)
    await first.stop()
    await second.stop()


async def test_who_stands_by_sees_how_far_the_other_has_brought_a_view(stores, append):
    stores.migrate()
    ledger, views = stores.open_ledger(), stores.open_views()
    active = OwnProjection(ledger, views, SEEN, fold)
    passive = OwnProjection(stores.open_ledger(), stores.open_views(), SEEN, fold)
    tasks = [asyncio.create_task(active.run()), asyncio.create_task(passive.stand_by())]
    for number in range(20):
        await ledger.append(append(f"a-{number}"))
        assert await passive.wait_for(number + 1, 30)
    assert passive.health.state is State.STANDBY
    assert passive.lag() == 0
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for part in (ledger, passive._ledger):
        await part.close()
    views.close()
    passive._views.close()


def test_migrating_prepares_all_that_a_service_needs_and_may_be_repeated(stores, tmp_path):
    assert stores.migrate() > 0
    assert stores.migrate() == 0
    with psycopg.connect(stores.dsn) as connection:
        rows = connection.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s) ORDER BY 1",
            (stores.service,),
        ).fetchall()
    name = stores.service
    assert {(name,), (f"{name}_inbox",), (f"{name}_views",)} <= set(rows)
    assert Stores("budget", tmp_path).migrate() == 0


def test_a_place_does_not_show_its_password():
    assert "secret" not in repr(Stores("budget", None, "postgresql://a:secret@b/c"))
