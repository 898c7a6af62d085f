"""A process that appends, relays and projects is killed at any moment: nothing lost or doubled."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from typing import Any

from nats.aio.client import Client

from cahier_ledger.bus.server import NatsServer

UNIT = """
import asyncio, json, sys
from pathlib import Path
import nats
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.views import View, ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, NewEvent, PublicLeaf, StreamAppend
from cahier_ledger.postgres.database import PostgresDatabase
from cahier_ledger.postgres.opening import open_ledger

OWN = View("own", ("own",), "CREATE TABLE own(place INTEGER PRIMARY KEY, n INTEGER)")
PUBLIC = View("public", ("public",), "CREATE TABLE public(place INTEGER PRIMARY KEY, n INTEGER)")

def append(n):
    leaf = json.dumps({"t": "budget.v1.thing.thing_counted", "id": f"leaf-{n}", "n": n}).encode()
    event = NewEvent("thing.counted", str(n).encode(), public=PublicLeaf(f"leaf-{n}", "t", leaf))
    return Append((StreamAppend(f"thing-{n}", 0, (event,)),))

def open_both(folder, dsn, schema):
    if not dsn:
        return Ledger.open(folder / "ledger.db"), ViewDatabase(folder / "v" / "views.db")
    views = PostgresDatabase(dsn, f"{schema}_views", durable=False)
    return open_ledger(dsn, schema), ViewDatabase(views)

async def main(folder, url, dsn, schema):
    ledger, views = open_both(folder, dsn, schema)
    nc = await nats.connect(url)
    parts = [
        Relay(ledger, nc, "budget", "testville"),
        OwnProjection(ledger, views, OWN, lambda db, e: db.execute(
            "INSERT INTO own(n) VALUES (?)", (int(e.data),))),
        PublicProjection(nc.jetstream(), "PUBLIC_BUDGET", "self", views, PUBLIC,
            lambda db, m: db.execute(
                "INSERT INTO public(n) VALUES (?)", (json.loads(m.leaf)["n"],))),
    ]
    tasks = [asyncio.create_task(part.run()) for part in parts]
    if len(sys.argv) > 5:
        head = ledger.public_head()
        assert await parts[0].wait_relayed(head, 30)
        assert await parts[1].wait_for(head, 30)
        assert await parts[2].wait_for(head, 30)
        print(head, flush=True)
        return
    n = ledger.head_seq()
    print("started", flush=True)
    while True:
        await ledger.append_many([append(n + i) for i in range(1, 51)])
        n += 50
        print(n, flush=True)
        await asyncio.sleep(0.002)

asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:5]))
"""


async def start(place: Any, broker: NatsServer, *more: str) -> asyncio.subprocess.Process:
    where = (str(place.folder), broker.url, place.dsn or "", place.schema)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", UNIT, *where, *more, stdout=asyncio.subprocess.PIPE
    )


async def test_a_unit_killed_at_any_moment_loses_and_doubles_nothing(
    place: Any, nats_broker: NatsServer, nats_client: Client
) -> None:
    chance = random.Random(1789)
    acknowledged = 0
    for _ in range(4):
        unit = await start(place, nats_broker)
        assert unit.stdout is not None
        assert await unit.stdout.readline() == b"started\n"
        await asyncio.sleep(chance.uniform(0.1, 0.7))
        unit.send_signal(signal.SIGKILL)
        told = (await unit.stdout.read()).split()
        await unit.wait()
        acknowledged = max([acknowledged, *(int(each) for each in told)])
    last = await start(place, nats_broker, "catch-up")
    out, _ = await asyncio.wait_for(last.communicate(), 60)
    assert last.returncode == 0
    head = int(out)
    assert head >= acknowledged > 0
    views = place.open_views()
    for table in ("own", "public"):
        rows = views.fetch_all(f"SELECT n FROM {table} ORDER BY place")
        assert [row["n"] for row in rows] == list(range(1, head + 1))
    views.close()
    js = nats_client.jetstream()
    info = await js.stream_info("PUBLIC_BUDGET")
    assert info.state.messages == head
    final = await js.get_msg("PUBLIC_BUDGET", head)
    assert json.loads(final.data or b"")["n"] == head
