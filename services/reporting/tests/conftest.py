"""A reporting desk on a real ledger, and a whole unit behind real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from cahier_chassis.erasing import Erasing
from cahier_chassis.erasures import ErasureList
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import write_key_pair
from cahier_chassis.pseudonyms import HmacPseudonyms
from cahier_chassis.tokens import Claims, TokenIssuer
from cahier_contracts.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from cahier_kernel.clock import ManualClock
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.server import NatsServer, nats_server
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_record.events import Leaf, decode_leaf
from cahier_record.places import Position
from cahier_record.reporting import events
from cahier_reporting.adapters.read_model import SqliteReadModel
from cahier_reporting.application.commands import Commands, NewReport
from cahier_reporting.application.persons import Exporting, holdings
from cahier_reporting.application.policies import Promises
from cahier_reporting.application.ports import CategoryRow
from cahier_reporting.application.projections import VIEW, fold
from cahier_reporting.application.publishing import SERVICE, publish
from cahier_reporting.application.queries import Queries
from cahier_reporting.application.stored import CODEC
from cahier_reporting.domain.states import State

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
START_S_MAX = 60.0


class Desk:
    """The application on a real store, with its projection running."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = Ledger.open(folder / "events.db")
        self.views = ViewDatabase(folder / "views.db")
        self.views.declare(VIEW)
        self.pseudonyms = HmacPseudonyms(b"k" * 32)
        self.projection = OwnProjection(self.ledger, self.views, VIEW, fold)
        self.read_model = SqliteReadModel(self.views, self.projection)
        self.aggregates = Aggregates(self.ledger, SERVICE, publish, lambda: "unused")
        self.commands = Commands(
            self.ledger, self.aggregates, self.pseudonyms, self.read_model, self.clock
        )
        self.folder = folder
        self.index = holdings(self.views, self.projection)
        self.exporting = Exporting(self.ledger, self.index)
        self.erasures = ErasureList(folder / "erasures" / "list")
        self.erasing = Erasing(
            SERVICE, self.ledger, CODEC, events, self.index, self.erasures, self.clock
        )
        self.queries = Queries(self.ledger, self.read_model, self.pseudonyms)
        self.promises = Promises(self.aggregates, self.read_model)
        self.staff = self.claims("staff-1", "staff")

    @staticmethod
    def claims(person: str, *roles: str) -> Claims:
        return Claims(person, frozenset(roles), "", "", True, True, NOW + timedelta(days=1))

    def public(self) -> list[Leaf]:
        return [decode_leaf(row.leaf) for row in self.ledger.read_public(0, 1_000)]

    def told(self) -> list[str]:
        """The public log as words."""
        return [leaf.type.rpartition(".")[2] for leaf in self.public()]

    async def category(self, code: str = "light", **changes: Any) -> str:
        given = {
            "label": "A light is out",
            "department": "traffic",
            "promise_days": 4,
            "anonymous": False,
        }
        values = CategoryRow(code, **(given | changes))
        done = await self.commands.define_category(self.staff, values, lambda receipt: None)
        return done.event_id

    async def report(self, person: str = "ann", **changes: Any) -> UUID:
        """A new report; its category is defined when it is not yet there."""
        given: dict[str, Any] = {
            "category": "light",
            "position": Position(488_566_000, 23_522_000),
            "address": "",
            "description": "Dark since Monday",
            "on_behalf_of": "",
        }
        new = NewReport(**(given | changes))
        if self.ledger.head_seq() == 0:
            await self.category()
        claims = self.claims(person, "resident") if person else None
        done = await self.commands.report_problem(claims, new, lambda receipt: None)
        return UUID(done.id)

    async def answer(self, report: UUID, state: State, text: str = "") -> None:
        await self.commands.answer_report(self.staff, report, state, text, lambda receipt: None)

    async def close(
        self, report: UUID, outcome: State, text: str = "Done", duplicate_of: UUID | None = None
    ) -> None:
        await self.commands.close_report(
            self.staff, report, outcome, text, duplicate_of, lambda receipt: None
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    task = asyncio.create_task(desk.projection.run())
    await asyncio.sleep(0)
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.ledger.close()
    desk.views.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as server:
        yield server


class City:
    """What a reporting process needs around it: keys, a broker's address, a folder."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self.folder = folder
        private, public = write_key_pair(folder / "keys", "tokens")
        self._issuer = TokenIssuer(private.read_bytes(), issuer="demo")
        self.run_file = folder / "run.json"
        self.log = folder / "reporting.log"
        self.environment = {
            **os.environ,
            "REPORTING_CITY": "demo",
            "REPORTING_DATA_DIR": str(folder / "data"),
            "REPORTING_NATS_URL": nats_url,
            "REPORTING_TOKEN_PUBLIC_KEYS": str(public),
            "REPORTING_RUN_FILE": str(self.run_file),
            "REPORTING_CLOCK_FILE": str(folder / "clock"),
        }

    def token(self, person: str, *roles: str, audience: str = SERVICE, **claims: Any) -> str:
        return self._issuer.issue(person, roles=roles, audience=[audience], **claims)

    def start(self) -> subprocess.Popen[bytes]:
        self.run_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cahier_reporting"], env=self.environment, stderr=log
            )

    def ports(self, process: subprocess.Popen[bytes]) -> SimpleNamespace:
        until = time.monotonic() + START_S_MAX
        while not self.run_file.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(self.log.read_text())
            time.sleep(0.02)
        return SimpleNamespace(**json.loads(self.run_file.read_text()))

    @asynccontextmanager
    async def serving(self, how: signal.Signals = signal.SIGTERM) -> AsyncIterator[Any]:
        """A running process: .grpc (a stub), .ports, .process; ended by the signal `how`."""
        process = self.start()
        try:
            ports = await asyncio.to_thread(self.ports, process)
            channel = ServiceChannel(f"127.0.0.1:{ports.grpc}")
            try:
                yield SimpleNamespace(
                    grpc=ReportingServiceStub(channel), ports=ports, process=process
                )
            finally:
                await channel.close()
        finally:
            process.send_signal(how)
            await asyncio.to_thread(process.wait, 20)


@pytest.fixture
def city(tmp_path: Path, broker: NatsServer) -> City:
    return City(tmp_path, broker.url)


@pytest.fixture
def make_city(tmp_path: Path) -> Callable[[str], City]:
    """A city whose broker's address the test chooses."""
    return lambda nats_url: City(tmp_path, nats_url)
