"""What only PostgreSQL can do to a store, or a store with it: restart, replicas, roles, schemas."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import psycopg
import pytest
from psycopg import sql

from cahier_ledger.model import (
    Append,
    Appended,
    Disclosure,
    StoreUnavailable,
    StreamAppend,
    StreamConflict,
)
from cahier_ledger.postgres.connections import READERS_MAX, Pool, connect, where
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.postgres.migrating import Migration, migrate, migrations
from cahier_ledger.postgres.opening import open_ledger
from cahier_ledger.postgres.server import PostgresServer


@pytest.fixture
async def replicas(postgres_place):
    """Two ledgers on one schema, as two processes would have them."""
    opened = [postgres_place.open_ledger(), postgres_place.open_ledger()]
    yield opened
    for ledger in opened:
        await ledger.close()


@pytest.fixture
def own_server(tmp_path):
    """A server that a test may break."""
    server = PostgresServer(tmp_path / "own", sync=False)
    server.start()
    yield server
    server.stop()


class TestReplicas:
    async def test_a_commit_of_one_wakes_who_waits_at_the_other(
        self, monkeypatch, postgres_place, append
    ):
        monkeypatch.setattr("cahier_ledger.postgres.listening.LOOK_EVERY_S", 600.0)
        first, second = postgres_place.open_ledger(), postgres_place.open_ledger()
        waiting = asyncio.create_task(second.wait_public_past(0))
        await asyncio.sleep(0.1)
        await first.append(append("a", 0, 2, leaf="a"))
        assert await asyncio.wait_for(waiting, 30) == 2, "not only when it looks by itself"
        for ledger in (first, second):
            await ledger.close()

    async def test_connections_that_were_lost_while_idle_are_not_noticed(
        self, replicas, append, postgres_place
    ):
        first, second = replicas
        assert first.head_seq() == 0
        waiting = asyncio.create_task(second.wait_past(0))
        await asyncio.sleep(0.1)
        with psycopg.connect(postgres_place.dsn, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = %s",
                (f"cahier {postgres_place.schema}",),
            ).fetchall()
        assert len(ended) == 5, "two writers, two listeners, one reader"
        await first.append(append("a"))
        assert first.head_seq() == 1
        assert await asyncio.wait_for(waiting, 30) == 1

    async def test_racing_replicas_number_without_gaps_and_let_one_win(self, replicas, append):
        async def write(ledger, name):
            outcomes = []
            for number in range(80):
                outcomes += await ledger.append_many(
                    [append(f"{name}-{number}", leaf=f"{name}-{number}"), append(f"both-{number}")]
                )
            return outcomes

        first, second = await asyncio.gather(write(replicas[0], "a"), write(replicas[1], "b"))
        assert [row.seq for row in replicas[0].read_all()] == list(range(1, 241))
        assert [row.public_seq for row in replicas[1].read_public()] == list(range(1, 161))
        won = [isinstance(outcome, Appended) for outcome in first[1::2]]
        lost = [isinstance(outcome, StreamConflict) for outcome in second[1::2]]
        assert won == lost

    async def test_a_tailing_reader_meets_every_number_in_order(self, replicas, append):
        seen: list[int] = []
        done = threading.Event()

        def tail():
            while not (done.is_set() and len(seen) == replicas[0].head_seq()):
                seen.extend(row.seq for row in replicas[0].read_all(seen[-1] if seen else 0, 7))

        reader = asyncio.create_task(asyncio.to_thread(tail))
        for start in range(0, 200, 20):
            await asyncio.gather(
                *(
                    ledger.append(append(f"{which}-{start + n}", 0, 2))
                    for n in range(20)
                    for which, ledger in enumerate(replicas)
                )
            )
        done.set()
        await asyncio.wait_for(reader, 30)
        assert seen == list(range(1, 801))


class TestServer:
    @pytest.mark.slow
    async def test_a_restart_loses_nothing_and_appends_go_on(self, own_server, append):
        ledger = open_ledger(own_server.dsn, "budget")
        await ledger.append(append("before", leaf="before", key="k"))
        own_server.kill()
        with pytest.raises(StoreUnavailable):
            await ledger.append(append("during", leaf="during"))
        with pytest.raises(StoreUnavailable):
            ledger.head_seq()
        own_server.start()
        assert ledger.head_seq() == 1
        assert await ledger.append(append("after", leaf="after")) == Appended((2,), (2,))
        assert [row.id for row in ledger.read_public()] == ["before-0", "after-0"]
        assert await ledger.wait_past(1, 1) == 2
        await ledger.close()

    async def test_kills_under_load_lose_nothing_that_was_acknowledged(self, own_server, append):
        ledger = open_ledger(own_server.dsn, "budget")
        acknowledged: list[str] = []
        stopping = False

        async def write(worker):
            number = 0
            while not stopping:
                number += 1
                name = f"{worker}-{number}"
                try:
                    await ledger.append(append(name, 0, 2, leaf=name))
                    acknowledged.append(name)
                except StoreUnavailable:
                    await asyncio.sleep(0.02)

        writers = [asyncio.create_task(write(worker)) for worker in range(8)]
        for _ in range(3):
            await asyncio.sleep(0.4)
            await asyncio.to_thread(own_server.kill)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(own_server.start)
        await asyncio.sleep(0.3)
        stopping = True
        await asyncio.gather(*writers)
        rows = ledger.read_all(0, 1_000_000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        leaves = ledger.read_public(0, 1_000_000)
        assert [leaf.public_seq for leaf in leaves] == list(range(1, len(rows) + 1))
        assert set(acknowledged) <= {row.stream for row in rows}
        assert len(acknowledged) > 100
        await ledger.close()

    async def test_a_server_that_is_frozen_makes_nobody_wait_for_long(
        self, own_server, append, monkeypatch
    ):
        monkeypatch.setattr("cahier_ledger.postgres.connections.CONNECT_TIMEOUT_S", 2)
        ledger = open_ledger(own_server.dsn, "budget")
        views = PostgresDatabase(own_server.dsn, "budget_views", durable=False)
        await ledger.append(append("before", leaf="before"))
        assert ledger.head_seq() == 1
        assert views.fetch_one("SELECT 1")[0] == 1
        assert ledger.away() == ""
        own_server.freeze()
        try:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await asyncio.to_thread(ledger.head_seq)
            assert time.monotonic() - began < 30, "one who asked before it was known"
            assert ledger.away()
            began = time.monotonic()
            for _ in range(100):
                with pytest.raises(StoreUnavailable):
                    ledger.head_seq()
                with pytest.raises(StoreUnavailable):
                    views.fetch_one("SELECT 1")
            # 200 who each wait for the connection would take 400 s.
            assert time.monotonic() - began < 30, "nobody waits for what is known to be silent"
        finally:
            own_server.thaw()
        async with asyncio.timeout(20):
            while ledger.away():  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(0.05)
        assert ledger.head_seq() == 1
        assert await ledger.append(append("after", leaf="after")) == Appended((2,), (2,))
        assert views.fetch_one("SELECT 1")[0] == 1
        views.close()
        await ledger.close()
        assert ledger.away() == ""

    async def test_an_append_to_a_frozen_server_is_answered_and_stored_at_most_once(
        self, own_server, append, monkeypatch
    ):
        ledger = open_ledger(own_server.dsn, "budget")
        writing = ledger._writer._connection
        writing.bounded(1, None)
        monkeypatch.setattr("cahier_ledger.postgres.connections.CONNECT_TIMEOUT_S", 2)
        own_server.freeze()
        try:
            with pytest.raises(StoreUnavailable):
                async with asyncio.timeout(15):
                    await ledger.append(append("a", leaf="a"))
            assert writing.closed
        finally:
            own_server.thaw()
        with contextlib.suppress(StreamConflict):  # It may have been stored all the same.
            await ledger.append(append("a", leaf="a"))
        assert [row.id for row in ledger.read_public()] == ["a-0"]
        await ledger.close()

    async def test_a_connection_that_is_ended_in_a_batch_fails_that_batch_alone(
        self, postgres_place, postgres_server, append
    ):
        def end_it(step, done):
            if (step, done) == ("insert", True) and armed:
                armed.clear()
                with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
                    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

        armed: list[bool] = []
        ledger = postgres_place.open_ledger(io_hook=end_it)
        pid = ledger._writer._connection.info.backend_pid
        armed.append(True)
        with pytest.raises(StoreUnavailable):
            await ledger.append(append("a", leaf="a"))
        assert await ledger.append(append("a", leaf="a")) == Appended((1,), (1,))
        await ledger.close()

    def test_no_server_is_said_without_the_password(self):
        with pytest.raises(StoreUnavailable) as caught:
            open_ledger("postgresql://cahier:secret@127.0.0.1:1/city", "budget")
        assert "127.0.0.1:1/city" in str(caught.value.rule)
        assert "secret" not in str(caught.value.rule)
        assert where("nonsense") == "PostgreSQL"

    def test_a_server_that_answers_before_it_has_synced_is_made_to_wait(self, postgres_server):
        with psycopg.connect(postgres_server.dsn, autocommit=True) as admin:
            admin.execute("CREATE ROLE hasty LOGIN PASSWORD 'x'")
            admin.execute("ALTER ROLE hasty SET synchronous_commit = off")
        host = postgres_server.dsn.rpartition("@")[2]
        dsn = f"postgresql://hasty:x@{host}"
        with connect(dsn, "public") as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)


class TestText:
    async def test_a_value_that_people_sent_may_hold_any_character(self, replicas, event):
        hidden = (Disclosure("body", b"s" * 32, "a\x00b \U0001f5f3"),)
        new = event(leaf="x", disclosures=hidden)
        await replicas[0].append(Append((StreamAppend("a", 0, (new,)),)))
        assert tuple(replicas[0].disclosures("x")) == hidden


class TestReading:
    def test_readers_are_bounded_and_take_turns(self, postgres_place):
        opened = []

        def open_one():
            opened.append(connect(postgres_place.dsn, "public", read_only=True))
            return opened[-1]

        pool = Pool(open_one)

        def read():
            pool.read(lambda connection: connection.execute("SELECT pg_sleep(0.02)").fetchall())

        threads = [threading.Thread(target=read) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(opened) <= READERS_MAX
        pool.close()
        assert all(connection.closed for connection in opened)

    def test_a_reader_cannot_write(self, postgres_place):
        with (
            connect(postgres_place.dsn, "public", read_only=True) as connection,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            connection.execute("CREATE TABLE t(n int)")


class TestMigrations:
    def test_running_them_twice_does_nothing(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        assert migrate(dsn, schema) == len(migrations())
        assert migrate(dsn, schema) == 0

    def test_processes_that_start_together_apply_each_once(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        applied: list[int] = []
        threads = [
            threading.Thread(target=lambda: applied.append(migrate(dsn, schema))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(applied) == [0, 0, 0, 0, 0, len(migrations())]

    def test_a_new_file_is_added_to_those_that_were_applied(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        first = Migration(1, "0001_a.sql", "CREATE TABLE a(n int); CREATE TABLE b(n int);")
        second = Migration(2, "0002_c.sql", "ALTER TABLE a ADD COLUMN m int;")
        assert migrate(dsn, schema, [first]) == 1
        assert migrate(dsn, schema, [first, second]) == 1
        with connect(dsn, schema) as connection:
            assert connection.execute("SELECT n, m FROM a").fetchall() == []

    def test_a_file_that_fails_leaves_nothing(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        good = Migration(1, "0001_a.sql", "CREATE TABLE a(n int);")
        bad = Migration(2, "0002_b.sql", "CREATE TABLE b(n int); SELECT nothing;")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            migrate(dsn, schema, [good, bad])
        with connect(dsn, schema) as connection:
            rows = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,)
            ).fetchall()
        assert rows == []

    def test_a_file_that_was_changed_after_it_was_applied_is_refused(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        migrate(dsn, schema, [Migration(1, "0001_a.sql", "CREATE TABLE a(n int);")])
        with pytest.raises(StoreUnavailable, match="another text"):
            migrate(dsn, schema, [Migration(1, "0001_a.sql", "CREATE TABLE a(n bigint);")])

    def test_a_role_that_may_not_create_anything_can_serve(self, postgres_place):
        dsn, schema = postgres_place.dsn, postgres_place.schema
        migrate(dsn, schema)
        name = f"server_of_{schema}"
        with psycopg.connect(dsn, autocommit=True) as admin:
            admin.execute(
                sql.SQL(
                    "CREATE ROLE {role} LOGIN PASSWORD 'x';"
                    "GRANT USAGE ON SCHEMA {schema} TO {role};"
                    "GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {role}"
                ).format(role=sql.Identifier(name), schema=sql.Identifier(schema))
            )
        ledger = open_ledger(f"postgresql://{name}:x@{dsn.rpartition('@')[2]}", schema)
        assert ledger.head_seq() == 0
        ledger.close_blocking()
