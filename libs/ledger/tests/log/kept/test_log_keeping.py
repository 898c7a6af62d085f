"""A log is kept beside a running service: batches, checkpoints in time, witnesses, restarts."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_ledger.bus.health import State
from cahier_ledger.log import keeping as keeping_module
from cahier_ledger.log import sequencer as sequencer_module
from cahier_ledger.log.checkpoint import parse_checkpoint
from cahier_ledger.log.cosigning import Cosigner
from cahier_ledger.log.keeping import LogKeeper
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.publishing import Publisher
from cahier_ledger.log.witness_doors import WitnessApp
from cahier_ledger.log.witnessing import Witnesses
from cahier_ledger.model import StoreUnavailable


@asynccontextmanager
async def keeping(kept: Any, cosigner: Any = None, **options: Any) -> AsyncIterator[LogKeeper]:
    timing = {"batch_s": 0.05, "checkpoint_s": 0.1} | options.pop("timing", {})
    sequencer = kept.sequencer(**options)
    keeper = LogKeeper(sequencer, Publisher(kept.tiles), kept.ledger, cosigner=cosigner, **timing)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def until(holds: Callable[[], Any], timeout_s: float = 20.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_what_is_said_is_published_in_its_time(kept: Any) -> None:
    async with keeping(kept) as keeper:
        await kept.say(3)
        await until(lambda: keeper.published == 3)
        assert keeper.lag() == 0
        await kept.say(1_000)
        await until(lambda: keeper.published == 1_003)
    row = kept.locks.current("budget")
    assert (row.size, row.root) == (1_003, kept.root(1_003))


async def test_checkpoints_are_as_far_apart_as_was_asked(kept: Any) -> None:
    def history() -> list[int]:
        locked = kept.locks.current("budget")
        return kept.served().history(locked) if locked else []

    async with keeping(kept, timing={"checkpoint_s": 0.5}) as keeper:
        started = time.monotonic()
        async with asyncio.timeout(60):
            while len(history()) < 5:
                await kept.say(1)
                await asyncio.sleep(0.02)
        elapsed = time.monotonic() - started
        await until(lambda: keeper.lag() == 0)
    # One more may have come before the clock was read, and one when all was said.
    assert len(history()) <= 4 + elapsed / 0.5


async def test_draining_signs_all_that_is_committed_without_waiting(kept: Any) -> None:
    async with keeping(kept, timing={"batch_s": 60, "checkpoint_s": 60}) as keeper:
        await until(lambda: keeper.health.state is State.RUNNING)
        await kept.say(5)
        await keeper.drain()
        assert keeper.published == 5


async def test_draining_shows_what_the_keeper_was_just_signing(kept: Any) -> None:
    reading, may_go_on = threading.Event(), threading.Event()

    def hook(step: str, done: bool) -> None:
        if step == "read" and done and kept.ledger.public_head():
            reading.set()
            may_go_on.wait(30)

    async with keeping(kept, hook=hook, timing={"checkpoint_s": 60}) as keeper:
        await until(lambda: keeper.health.state is State.RUNNING)
        await kept.say(5)
        await until(reading.is_set)
        draining = asyncio.create_task(keeper.drain())
        await asyncio.sleep(0)  # It waits for its turn, behind the one who reads.
        may_go_on.set()
        await draining
        assert keeper.published == 5


async def test_an_absent_disk_is_waited_for(kept: Any) -> None:
    away = {"is": True}

    def hook(step: str, done: bool) -> None:
        if away["is"] and step == "tiles":
            raise StoreUnavailable("away")

    async with keeping(kept, hook=hook) as keeper:
        await kept.say(2)
        await until(lambda: keeper.health.state is State.STALLED)
        assert keeper.lag() == 2
        away["is"] = False
        await until(lambda: keeper.published == 2)
        assert keeper.health.is_well


async def test_a_log_that_must_not_go_on_stops_and_says_why(kept: Any) -> None:
    await kept.say(2)
    kept.carry()
    kept.origin = "b.example/tlog/budget"
    async with keeping(kept) as keeper:
        await until(lambda: keeper.health.state is State.STOPPED)
        assert "was begun as a.example/tlog/budget" in keeper.health.reason
        await kept.say(1)
        await asyncio.sleep(0.2)
        assert kept.locks.current("budget").size == 2


@pytest.mark.parametrize("fault", [None, StoreUnavailable("away"), OSError("unreadable")])
async def test_an_old_leaf_that_was_changed_stops_a_long_log(
    kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    for module in (keeping_module, sequencer_module):
        monkeypatch.setattr(module, "CHECKED_AT_START", 300)
    await kept.say(1_000)
    kept.carry()
    tampered = sqlite3.connect(tmp_path / "ledger.db")
    tampered.execute("UPDATE public SET leaf = CAST('{}' AS BLOB) WHERE public_seq = 7")
    tampered.commit()
    tampered.close()
    kept.sequencer().check()  # the last leaves hold
    faults = [fault] if fault else []
    read = kept.ledger.read_public

    def failing_once(after: int, limit: int) -> Any:
        if after == 0 and faults:
            raise faults.pop()
        return read(after, limit)

    monkeypatch.setattr(kept.ledger, "read_public", failing_once)
    async with keeping(kept) as keeper:
        await until(lambda: keeper._refusal is not None)
        assert faults == []
        await kept.say(1)
        await until(lambda: keeper.health.state is State.STOPPED)
        assert "not those that its public log has signed" in keeper.health.reason


async def test_two_keepers_of_one_log_sign_one_history(kept: Any) -> None:
    async with keeping(kept) as one, keeping(kept) as other:
        for _ in range(20):
            await kept.say(7)
            await asyncio.sleep(0.03)
        await until(lambda: max(one.published, other.published) == 140)
    row = kept.locks.current("budget")
    assert (row.size, row.root) == (140, kept.root(140))
    served = kept.served()
    for size in served.history(row):
        checkpoint = parse_checkpoint(served.get(f"checkpoints/{size}").body)[0]
        assert checkpoint.root == kept.root(size)


@pytest.fixture
def witnessed(
    kept: Any,
    log_key: Any,
    witness_of: Any,
    witness_key: Any,
    serve_app: Callable[..., Awaitable[str]],
) -> Callable[..., Awaitable[Cosigner]]:
    """Makes a cosigner with one witness that may be away; `quorum` as in the policy."""

    async def make(quorum: str, url: str = "") -> Cosigner:
        policy = Policy.parse(f"witness w {witness_key.vkey} {url}\nquorum {quorum}\n")

        async def connect() -> Witnesses:
            return Witnesses(policy, httpx.AsyncClient(trust_env=False), timeout_s=2)

        return Cosigner(policy, connect, kept.tiles, ask_again_s=0.1)

    return make


def log_vkey(kept: Any) -> Any:
    from cahier_ledger.log.note import Vkey

    return type("Log", (), {"vkey": Vkey.of(kept.origin, kept.keys[0].public)})


async def test_without_a_quorum_a_checkpoint_is_shown_at_once_and_cosigned_later(
    kept: Any, witnessed: Any, witness_of: Any, serve_app: Any
) -> None:
    url = await serve_app(WitnessApp(witness_of(log_vkey(kept))))
    cosigner = await witnessed("none", url)
    async with keeping(kept, cosigner) as keeper:
        await kept.say(3)
        await until(lambda: keeper.published == 3)
        await until(lambda: keeper.witnesses == 1)
        assert keeper.has_quorum
    kept.carry()  # a start without witnesses takes no cosignature away
    assert cosigner.witnesses_of(kept.tiles.get("1/checkpoint").decode()) == 1
    # Nor does the loss of the log's files.
    assert cosigner.witnesses_of(kept.locks.cosigned(kept.locks.current("budget"))) == 1


async def test_with_a_quorum_nothing_is_shown_before_it_cosigned(
    kept: Any, witnessed: Any, witness_of: Any, serve_app: Any
) -> None:
    gate = {"open": False}
    app = WitnessApp(witness_of(log_vkey(kept)))

    async def gated(scope: Any, receive: Any, send: Any) -> None:
        if gate["open"]:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    cosigner = await witnessed("w", await serve_app(gated))
    async with keeping(kept, cosigner) as keeper:
        await kept.say(3)
        await until(lambda: kept.locks.current("budget") and kept.locks.current("budget").size == 3)
        await asyncio.sleep(0.3)
        assert kept.tiles.get("1/checkpoint") is None
        assert keeper.published == 0
        assert keeper.lag() == 3
        gate["open"] = True
        await until(lambda: keeper.published == 3)
        assert keeper.witnesses == 1
        shown = kept.tiles.get("1/checkpoint").decode()
        assert cosigner.is_met(shown)
    for path in kept.tiles.list("1/checkpoints"):
        assert cosigner.is_met(kept.tiles.get(path).decode())


async def test_a_restart_under_a_quorum_knows_what_is_shown(
    kept: Any, witnessed: Any, witness_of: Any, serve_app: Any
) -> None:
    url = await serve_app(WitnessApp(witness_of(log_vkey(kept))))
    async with keeping(kept, await witnessed("w", url)) as keeper:
        await kept.say(3)
        await until(lambda: keeper.published == 3)
    gone = await witnessed("w", "http://127.0.0.1:9")
    async with keeping(kept, gone) as keeper:
        await until(lambda: keeper.health.state is State.RUNNING and keeper.published == 3)
        assert keeper.witnesses == 1
        await kept.say(1)
        await until(lambda: kept.locks.current("budget").size == 4)
        assert keeper.published == 3


@pytest.mark.parametrize("breaks", ["connect", "show"])
@pytest.mark.parametrize("error", [RuntimeError("odd"), sqlite3.OperationalError("disk I/O error")])
async def test_the_witnesses_are_asked_again_after_whatever_went_wrong(
    kept: Any,
    witness_key: Any,
    witness_of: Any,
    serve_app: Any,
    breaks: str,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = await serve_app(WitnessApp(witness_of(log_vkey(kept))))
    policy = Policy.parse(f"witness w {witness_key.vkey} {url}\nquorum none\n")
    broken = {"connect": 0, "show": 0} | {breaks: 2}

    def fail(step: str) -> None:
        if broken[step]:
            broken[step] -= 1
            raise error

    async def connect() -> Witnesses:
        fail("connect")
        return Witnesses(policy, httpx.AsyncClient(trust_env=False), timeout_s=2)

    cosigner = Cosigner(policy, connect, kept.tiles, ask_again_s=0.05)
    await kept.say(3)
    kept.carry()
    shown: list[str] = []
    caplog.set_level(logging.WARNING, "cahier_ledger.log.cosigning")

    async def show(_: Any, text: str) -> None:
        fail("show")
        shown.append(text)

    cosigner.offer(kept.locks.current("budget"))
    running = asyncio.create_task(cosigner.run(show))
    await until(lambda: shown or running.done())
    assert not running.done()
    assert cosigner.witnesses_of(shown[0]) == 1
    said = [each.getMessage() for each in caplog.records if "the witnesses" in each.getMessage()]
    assert len(said) == 2
    assert all(type(error).__name__ in each and "odd" not in each for each in said)
    running.cancel()
    await asyncio.wait((running,))
