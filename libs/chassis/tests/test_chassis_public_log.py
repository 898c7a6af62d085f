"""A unit's public log: served over HTTP, stopping a start that must not be, never a command."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_chassis import metrics
from cahier_chassis.epochs import open_epoch
from cahier_chassis.public_log import NO_QUORUM, keep_public_log
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.log.note import COSIGNATURE_V1, Vkey
from cahier_ledger.log.proof import check_receipt
from cahier_ledger.log.refusals import LogRefused, StoreBehindLog
from cahier_ledger.model import Append, NewEvent, StreamAppend

ORIGIN = "a.example/tlog/echo"


@dataclass
class Running:
    """A unit that keeps a log, and its door."""

    unit: Unit
    ledger: Ledger
    http: httpx.AsyncClient

    async def say(self, leaf_id: str) -> bytes:
        leaf = make_leaf("echo", "echo.v1.thing.thing_said", leaf_id, None, {"n": 1})
        event = NewEvent("echo.said", b"{}", public=leaf)
        await self.ledger.append(Append((StreamAppend(leaf_id, 0, (event,)),)))
        return leaf.leaf

    async def until(self, path: str, status: int) -> httpx.Response:
        async with asyncio.timeout(20):
            while (answer := await self.http.get(path)).status_code != status:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return answer


@asynccontextmanager
async def running(settings: ServiceSettings) -> AsyncIterator[Running]:
    unit = Unit(settings, "echo")
    ledgers: list[Ledger] = []

    async def wire() -> None:
        ledgers.append(unit.stores.open_ledger())
        unit.on_close("ledger", ledgers[0].close)
        await keep_public_log(unit, ledgers[0])

    serving = asyncio.create_task(unit.serve(wire))
    while unit.health.failing() and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    if serving.done():
        await serving
    base = f"http://127.0.0.1:{unit.ports()['http']}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as http:
        yield Running(unit, ledgers[0], http)
    unit.stop()
    await serving


Make = Callable[..., ServiceSettings]


async def test_a_receipt_waits_for_its_checkpoint_and_then_proves_the_event(
    log_settings: Make,
) -> None:
    async with running(log_settings(log_batch_s=1.0)) as echo:
        await echo.until("/tlog/checkpoint", 200)
        leaf = await echo.say("one")
        waiting = await echo.http.get("/receipts/one")
        assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "1")
        assert waiting.headers["cache-control"] == "no-store"
        receipt = await echo.until("/receipts/one", 200)
        key = (await echo.http.get("/tlog/key")).text
        checkpoint = check_receipt(receipt.text, leaf, [Vkey.parse(key.strip())])
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 1)
        assert receipt.headers["content-disposition"].endswith('"one.tlog-proof"')
        # Its signature lines begin with a dash that is not ASCII.
        assert receipt.headers["content-type"] == "text/plain; charset=utf-8"


async def test_files_come_with_how_long_they_may_be_kept(log_settings: Make) -> None:
    async with running(log_settings()) as echo:
        await echo.say("one")
        await echo.until("/receipts/one", 200)
        tile = await echo.http.get("/tlog/tile/0/000.p/1")
        assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert tile.headers["access-control-allow-origin"] == "*"
        fresh = await echo.http.get("/tlog/checkpoint")
        assert fresh.headers["cache-control"] == "public, max-age=1"
        for path in ("/tlog/echo/checkpoint", "/tlog/1/checkpoint", "/tlog/echo/1/checkpoint"):
            assert (await echo.http.get(path)).content == fresh.content
        for path in ("/tlog", "/tlog/", "/tlog/other/checkpoint", "/receipts/", "/receipts/two"):
            assert (await echo.http.get(path)).status_code == 404, path
        assert (await echo.http.post("/tlog/checkpoint")).status_code == 405


async def test_the_log_is_metered(log_settings: Make) -> None:
    async with running(log_settings()) as echo:
        await echo.say("one")
        await echo.until("/receipts/one", 200)
        text = (await echo.http.get("/metrics")).text
        for line in (
            "cahier_log_size_events 1.0",
            "cahier_log_lag_events 0.0",
            "cahier_log_quorum 1.0",
            "cahier_log_refused 0.0",
        ):
            assert line in text
        assert metrics.LOG_CHECKPOINT_AGE.collect()[0].samples[0].value < 60


async def test_a_stopping_unit_signs_what_is_committed(log_settings: Make) -> None:
    async with running(log_settings(log_batch_s=60, log_checkpoint_s=60)) as echo:
        await echo.until("/tlog/checkpoint", 200)
        await echo.say("one")
    async with running(log_settings()) as echo:
        assert (await echo.http.get("/receipts/one")).status_code == 200


async def test_a_unit_without_keys_has_no_log(log_settings: Make) -> None:
    async with running(log_settings(log_keys=None)) as echo:
        await echo.say("one")
        assert (await echo.http.get("/tlog/checkpoint")).status_code == 404


async def test_tiles_may_lie_in_the_store(log_settings: Make, tmp_path: Path) -> None:
    async with running(log_settings(log_tiles="store")) as echo:
        await echo.say("one")
        await echo.until("/receipts/one", 200)
    assert (tmp_path / "city/echo/tlog.db").is_file()
    assert not (tmp_path / "city/echo/tlog").exists()


@pytest.mark.parametrize(
    ("file", "table", "path"),
    [
        ("locks/echo.db", "locks", "/tlog/checkpoint"),
        ("locks/echo.db", "locks", "/receipts/one"),
        ("echo/tlog.db", "tiles", "/tlog/checkpoint"),
        ("echo/tlog.db", "tiles", "/tlog/checkpoints"),
        ("echo/tlog.db", "tiles", "/receipts/one"),
    ],
)
async def test_a_database_that_fails_makes_the_log_unavailable_and_is_no_fault_of_the_asker(
    log_settings: Make, tmp_path: Path, file: str, table: str, path: str
) -> None:
    async with running(log_settings(log_tiles="store")) as echo:
        await echo.say("one")
        await echo.until("/receipts/one", 200)
        with sqlite3.connect(tmp_path / "city" / file, timeout=10) as broken:
            broken.execute(f"ALTER TABLE {table} RENAME TO away")
        answer = await echo.until(path, 503)
        assert answer.json() == {"code": "store_unavailable"}
        assert answer.headers["cache-control"] == "no-store"
        with sqlite3.connect(tmp_path / "city" / file, timeout=10) as mended:
            mended.execute(f"ALTER TABLE away RENAME TO {table}")
        assert (await echo.until(path, 200)).status_code == 200


async def test_a_quorum_that_is_away_holds_receipts_up_and_commands_not(
    log_settings: Make, tmp_path: Path
) -> None:
    witness = Vkey.of("w.example", bytes(32), COSIGNATURE_V1)
    policy = tmp_path / "policy"
    policy.write_text(f"witness w {witness} http://127.0.0.1:9\nquorum w\n")
    async with running(log_settings(log_policy=policy)) as echo:
        await echo.say("one")
        assert (await echo.http.get("/receipts/one")).status_code == 202
        assert (await echo.http.get("/readyz")).status_code == 200
        await echo.say("two")
        await asyncio.sleep(0.5)
        assert (await echo.http.get("/receipts/one")).status_code == 202
    assert NO_QUORUM


async def test_a_policy_that_was_replaced_is_still_shown_by_its_digest(
    log_settings: Make, tmp_path: Path
) -> None:
    file, texts = tmp_path / "policy", ("quorum none\n", "# Later.\nwitness w {}\nquorum none\n")
    vkey = Vkey.of("w.example", bytes(32), COSIGNATURE_V1)
    digests = []
    for text in texts:
        file.write_text(text.format(vkey))
        async with running(log_settings(log_policy=file)) as echo:
            await echo.until("/tlog/checkpoint", 200)
            shown = (await echo.http.get("/tlog/policy")).content
            digests.append(hashlib.sha256(shown).hexdigest())
            for digest in digests:
                found = (await echo.http.get(f"/tlog/policies/{digest}")).content
                assert hashlib.sha256(found).hexdigest() == digest
            listed = (await echo.http.get("/tlog/policies")).text.split()
            assert sorted(digests) == listed


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"log_keys": "/nowhere/log.pem"}, "cannot be used"),
        ({"log_origin": ""}, "LOG_ORIGIN"),
        ({"log_policy": Path("/nowhere/policy")}, "policy /nowhere/policy"),
    ],
)
async def test_a_log_that_is_not_set_up_stops_the_start(
    log_settings: Make, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(LogRefused, match=reason):
        async with running(log_settings(**changed)):
            pass


async def restore(log_settings: Make, folder: Path) -> None:
    """A store of one event under a log that signed three."""
    async with running(log_settings()) as echo:
        await echo.say("one")
        await echo.until("/receipts/one", 200)
    shutil.copytree(folder, folder.with_name("backup"))
    async with running(log_settings()) as echo:
        await echo.say("two")
        await echo.say("three")
        await echo.until("/receipts/three", 200)
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("backup"), folder)


async def test_a_restored_store_stops_the_start_until_an_epoch_is_opened(
    log_settings: Make, tmp_path: Path
) -> None:
    await restore(log_settings, tmp_path / "city/echo")
    with pytest.raises(StoreBehindLog, match=r"after 1 public events, .* signed 3"):
        async with running(log_settings()):
            pass
    opened = await open_epoch(log_settings(), "echo", "a disk broke")
    assert (opened.epoch, opened.kept, opened.lost) == (2, 1, 2)
    async with running(log_settings()) as echo:
        leaf = await echo.say("four")
        receipt = await echo.until("/receipts/four", 200)
        key = (await echo.http.get("/tlog/key")).text.strip()
        check_receipt(receipt.text, leaf, [Vkey.parse(key)])
        assert f"\n{ORIGIN}/2\n2\n" in receipt.text
        assert (await echo.http.get("/receipts/one")).status_code == 200
        assert (await echo.http.get("/receipts/two")).status_code == 404
        epochs = (await echo.http.get("/tlog/epochs")).json()
        assert [(each["epoch"], each["base"]) for each in epochs] == [(1, 0), (2, 1)]


MAIN = """
import sys
from cahier_chassis.process import main
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.settings import ServiceSettings

async def bootstrap(unit, settings):
    ledger = unit.stores.open_ledger()
    unit.on_close("ledger", ledger.close)
    await keep_public_log(unit, ledger)

sys.exit(main("echo", ServiceSettings, bootstrap, sys.argv[1:]))
"""


def environment(settings: ServiceSettings) -> dict[str, str]:
    told = {
        name.upper(): str(value)
        for name, value in settings.model_dump(exclude_defaults=True).items()
    }
    return {"PATH": os.environ["PATH"], **told, "LOG_LEVEL": "info"}


async def test_the_process_says_in_one_line_why_it_did_not_start_and_opens_an_epoch(
    log_settings: Make, tmp_path: Path
) -> None:
    await restore(log_settings, tmp_path / "city/echo")

    async def run(*arguments: str) -> Awaitable[subprocess.CompletedProcess[str]]:
        command = [sys.executable, "-c", MAIN, *arguments]
        return await asyncio.to_thread(
            subprocess.run,
            command,
            env=environment(log_settings()),
            capture_output=True,
            text=True,
            timeout=60,
        )

    refused: Any = await run()
    assert refused.returncode == 2
    told = [json.loads(line) for line in (refused.stdout + refused.stderr).splitlines()]
    (why,) = [each for each in told if each["event"] == "unit_not_started"]
    assert "cahier log epoch echo" in why["reason"]
    assert "exception" not in why
    opened: Any = await run("--open-epoch", "a disk broke")
    assert opened.returncode == 0, opened.stderr
    again: Any = await run("--open-epoch", "once more")
    assert again.returncode == 2
