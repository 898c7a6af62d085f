"""A unit tells over HTTP what its public log says of a thing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cahier_chassis.history import serve_history
from cahier_chassis.settings import ServiceSettings
from cahier_chassis.unit import Unit
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, StreamAppend

Served = tuple[Ledger, httpx.AsyncClient]


@pytest.fixture
async def served(tmp_path: Path, keys: SimpleNamespace) -> AsyncIterator[Served]:
    settings = ServiceSettings(
        city="demo",
        data_dir=tmp_path / "data",
        nats_url="nats://127.0.0.1:1",
        token_public_keys=keys.folder,
        log_level="error",
    )
    unit = Unit(settings, "echo")
    ledger, views = unit.stores.open_ledger(), unit.stores.open_views()

    async def wire() -> None:
        unit.on_close("ledger", ledger.close)
        serve_history(unit, ledger, views)

    serving = asyncio.create_task(unit.serve(wire))
    while unit.health.failing():  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    base = f"http://127.0.0.1:{unit.ports()['http']}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        yield ledger, client
    unit.stop()
    await serving
    views.close()


async def say(ledger: Ledger, leaf_id: str, kind: str, **data: Any) -> bytes:
    leaf = make_leaf("echo", f"echo.v1.thing.{kind}", leaf_id, None, data)
    event = NewEvent("echo.said", b"{}", public=leaf)
    await ledger.append(Append((StreamAppend(leaf_id, 0, (event,)),)))
    return leaf.leaf


async def test_a_history_is_told_as_soon_as_it_is_made(served: Served) -> None:
    ledger, client = served
    leaf = await say(ledger, "one", "proposal_submitted", proposal="x1")
    await say(ledger, "two", "ballot_cast", election="e1")
    answer = (await client.get("/history/x1")).json()
    place = {"seq": 1, "epoch": 1, "index": 0, "ballots": 0}
    assert answer == {
        "entries": [{**place, "leaf": json.loads(leaf)}],
        "ballots": 0,
        "more": False,
    }
    assert (await client.get("/history/x1?after=1")).json()["entries"] == []
    assert (await client.get("/history/e1")).json() == {"entries": [], "ballots": 1, "more": False}


async def test_an_events_leaf_is_told_with_its_place(served: Served) -> None:
    ledger, client = served
    await say(ledger, "one", "proposal_submitted", proposal="x1")
    await say(ledger, "two", "ballot_cast", election="e1")
    answer = (await client.get("/leaves/two")).json()
    assert (answer["service"], answer["index"], answer["leaf"]["id"]) == ("echo", 1, "two")
    assert (await client.get("/leaves/three")).status_code == 404


async def test_odd_questions_get_an_answer_all_the_same(served: Served) -> None:
    _, client = served
    for path in ("/history", "/history/", "/history/%2e%2e/x?after=-1", "/history/x?after=9e9"):
        assert (await client.get(path)).json() == {"entries": [], "ballots": 0, "more": False}
    assert (await client.get("/leaves")).status_code == 404
    assert (await client.get("/growth")).json() == {"points": []}
