"""What is promised when the disk, the process or the answer to a COMMIT fails."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap

import pytest

from cahier_kernel.errors import Kind
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, Appended, Idempotency, StoreUnavailable, StreamConflict
from cahier_ledger.postgres.connections import connect


class FailingDisk:
    """Raises at the chosen I/O steps, as the driver does when the disk or the server fails."""

    def __init__(self, failure: type[Exception]) -> None:
        self._failure = failure
        self.faults: list[tuple[str, bool]] = []
        self.seen: list[tuple[str, bool]] = []

    def __call__(self, step: str, done: bool) -> None:
        self.seen.append((step, done))
        if self.faults and self.faults[0] == (step, done):
            self.faults.pop(0)
            raise self._failure("disk I/O error")


@pytest.fixture
def disk(place) -> FailingDisk:
    return FailingDisk(place.failure)


FAILED = [
    ("begin", False),
    ("begin", True),
    ("read", False),
    ("read", True),
    ("insert", False),
    ("insert", True),
    ("commit", False),
]


@pytest.mark.parametrize("fault", FAILED)
async def test_a_failed_step_fails_the_whole_batch_and_the_writer_goes_on(
    open_store, append, disk, fault
):
    store = open_store(io_hook=disk)
    await store.append(append("before", leaf="before"))
    disk.faults = [fault]
    outcomes = await store.append_many(
        [append("a", 0, 2, leaf="a", key="a"), append("b", leaf="b")]
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable]
    assert outcomes[0].kind is Kind.UNAVAILABLE
    assert (store.head_seq(), store.public_head(), store.recall("a")) == (1, 1, None)
    assert await store.append(append("a", 0, 2, leaf="a", key="a")) == Appended((2, 3), (2, 3))


async def test_every_step_of_a_batch_is_under_test(open_store, append, disk):
    store = open_store(io_hook=disk)
    disk.faults = [("begin", False)]
    with pytest.raises(StoreUnavailable):
        await store.append(append("a"))
    await store.append(append("a"))
    assert set(disk.seen) == {*FAILED, ("commit", True), ("open", False), ("open", True)}


async def test_a_commit_that_failed_but_persisted_is_acknowledged(open_store, append, disk):
    store = open_store(io_hook=disk)
    await store.append(append("taken"))
    disk.faults = [("commit", True)]
    waiting = asyncio.create_task(store.wait_past(1, 5))
    outcomes = await store.append_many([append("a", 0, 2, leaf="a"), append("taken")])
    assert outcomes[0] == Appended((2, 3), (1, 2))
    assert isinstance(outcomes[1], StreamConflict)
    assert await waiting == 3
    assert await store.append(append("a", 2)) == Appended((4,), ())


async def test_a_kept_answer_that_failed_but_persisted_is_acknowledged(open_store, disk):
    store = open_store(io_hook=disk)
    disk.faults = [("commit", True)]
    only = Append((), idempotency=Idempotency("k", b"d", b"r"))
    assert await store.append(only) == Appended((), ())
    assert store.recall("k") == Idempotency("k", b"d", b"r")


@pytest.mark.parametrize("step", ["open", "begin"])
async def test_a_commit_whose_fate_is_unknown_is_not_stored_twice(open_store, append, disk, step):
    store = open_store(io_hook=disk)
    disk.faults = [("commit", True), ("open", False)]
    with pytest.raises(StoreUnavailable):
        await store.append(append("a", 0, 2, leaf="a", key="k"))
    disk.faults = [(step, False)]
    with pytest.raises(StoreUnavailable):
        await store.append(append("a", 0, 2, leaf="a"))
    with pytest.raises(StreamConflict) as caught:
        await store.append(append("a", 0, 2, leaf="a"))
    assert caught.value.actual == 2
    assert store.recall("k") is not None
    assert await store.append(append("b")) == Appended((3,), ())


async def test_a_reader_says_that_the_store_is_unavailable(tmp_path):
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database at all, but long enough to look at" * 100)
    with pytest.raises(StoreUnavailable):
        Ledger.open(broken)
    with pytest.raises(StoreUnavailable):
        Ledger.open(tmp_path / "no such folder" / "ledger.db")


async def test_a_store_of_a_later_release_is_refused(open_store, place):
    await open_store().close()
    if place.dsn is None:
        with sqlite3.connect(place.folder / "ledger.db") as connection:
            connection.execute("PRAGMA user_version=99")
        connection.close()
    else:
        with connect(place.dsn, place.schema) as connection:
            connection.execute("INSERT INTO migrations VALUES (99, 'later', '')")
    with pytest.raises(StoreUnavailable, match="schema 99"):
        open_store()


DISK_FULL = """
    import resource, signal, sys
    from cahier_ledger.ledger import Ledger
    from cahier_ledger.model import *

    def one(n):
        return Append((StreamAppend(f"s{n}", 0, (NewEvent("t", b"x" * 20_000),)),))

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    ledger = Ledger.open(sys.argv[1])
    ledger.append_blocking(one(0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    stored = 1
    try:
        for n in range(1, 200):
            ledger.append_blocking(one(n))
            stored = n + 1
    except StoreUnavailable as error:
        print("refused", error.rule)
    for _ in range(30):
        try:
            ledger.append_blocking(one(stored))
            stored += 1
        except StoreUnavailable:
            print("refused again")
    assert ledger.head_seq() == stored, (ledger.head_seq(), stored)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert ledger.append_blocking(one(stored)).seqs == (stored + 1,)
    assert [row.stream for row in ledger.read_all()] == [f"s{n}" for n in range(stored + 1)]
    ledger.close_blocking()
    print("went on after", stored)
"""


def test_a_full_disk_refuses_appends_until_there_is_room(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DISK_FULL), str(tmp_path / "ledger.db")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refused cannot write the store")
    assert "refused again" in lines
    assert lines[-1].startswith("went on after")


WRITER = """
    import asyncio, os, sys
    from cahier_ledger.ledger import Ledger
    from cahier_ledger.model import *
    from cahier_ledger.postgres.opening import open_ledger

    def one(name):
        leaf = PublicLeaf("leaf-" + name, "t", b"{}")
        new = (NewEvent("t", b"{}", public=leaf), NewEvent("t", b"{}"))
        return Append((StreamAppend(name, 0, new),), idempotency=Idempotency(name, b"d", b"r"))

    async def caller(ledger, worker):
        n = 0
        while True:
            names = [f"{worker}-{n + k}" for k in range(1 + worker % 3)]
            n += len(names)
            done = await ledger.append_many([one(name) for name in names])
            lines = [f"{name} {out.seqs[0]}\\n" for name, out in zip(names, done)]
            os.write(1, "".join(lines).encode())

    async def main():
        path, dsn, schema = sys.argv[1:]
        ledger = open_ledger(dsn, schema) if dsn else Ledger.open(path)
        await asyncio.gather(*(caller(ledger, worker) for worker in range(20)))

    asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged_before_the_kill", [1, 300, 2_000])
def test_a_killed_writer_has_lost_nothing_it_acknowledged(place, acknowledged_before_the_kill):
    where = [str(place.folder / "ledger.db"), place.dsn or "", place.schema]
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), *where], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(acknowledged_before_the_kill)]
    os.kill(process.pid, signal.SIGKILL)
    lines += [line for line in process.stdout if line.endswith(b"\n")]
    process.wait(10)
    process.stdout.close()
    ledger = place.open_ledger()
    rows = ledger.read_all(0, 1_000_000)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    leaves = ledger.read_public(0, 1_000_000)
    assert [leaf.public_seq for leaf in leaves] == list(range(1, len(leaves) + 1))
    assert len(rows) == 2 * len(leaves), "no half of an append"
    stored = {row.seq: (row.stream, row.version) for row in rows}
    for line in lines:
        name, seq = line.decode().split()
        assert stored[int(seq)] == (name, 1)
        assert ledger.recall(name) is not None
    assert ledger.append_blocking(
        Append((), idempotency=Idempotency("after", b"", b""))
    ) == Appended((), ())
    ledger.close_blocking()


async def test_a_second_process_on_the_same_file_numbers_on(open_store, append):
    first, second = open_store(), open_store()
    assert await first.append(append("a")) == Appended((1,), ())
    assert await second.append(append("b", leaf="b")) == Appended((2,), (1,))
    assert await first.append(append("c", leaf="c")) == Appended((3,), (2,))
    with pytest.raises(StreamConflict):
        await second.append(append("c"))


async def test_two_writers_racing_on_one_file_number_without_gaps_or_failures(open_store, append):
    first, second = open_store(), open_store()

    async def write(store: Ledger, name: str) -> None:
        for number in range(60):
            await store.append(append(f"{name}-{number}", leaf=f"{name}-{number}"))

    await asyncio.gather(write(first, "a"), write(second, "b"))
    assert [row.seq for row in first.read_all()] == list(range(1, 121))
    assert [row.public_seq for row in second.read_public()] == list(range(1, 121))
