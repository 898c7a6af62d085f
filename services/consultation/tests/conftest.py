"""A consultation desk on a real ledger, and a whole unit behind real sockets."""

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

import pytest

from cahier_chassis.erasing import Erasing
from cahier_chassis.erasures import ErasureList
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import write_key_pair
from cahier_chassis.pseudonyms import HmacPseudonyms
from cahier_chassis.tokens import Claims, TokenIssuer
from cahier_consultation.adapters.read_model import SqliteReadModel
from cahier_consultation.application.commands import Commands, NewProcess, NewProposal
from cahier_consultation.application.persons import Exporting, holdings
from cahier_consultation.application.policies import IdeaPhases
from cahier_consultation.application.projections import VIEW, fold
from cahier_consultation.application.publishing import SERVICE, publish
from cahier_consultation.application.queries import Queries
from cahier_consultation.application.stored import CODEC
from cahier_consultation.application.voices import Voices
from cahier_contracts.consultation.v1.consultation_service_pb2_grpc import ConsultationServiceStub
from cahier_kernel.clock import ManualClock
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.server import NatsServer, nats_server
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_record.consultation import events
from cahier_record.events import Leaf, decode_leaf

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
START_S_MAX = 60.0


class Desk:
    """The application on a real store, with its projection running."""

    def __init__(self, folder: Path, erasures: ErasureList | None = None) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = Ledger.open(folder / "events.db")
        self.views = ViewDatabase(folder / "views.db")
        self.views.declare(VIEW)
        self.pseudonyms = HmacPseudonyms(b"k" * 32)
        self.projection = OwnProjection(self.ledger, self.views, VIEW, fold)
        self.read_model = SqliteReadModel(self.views, self.projection)
        self.aggregates = Aggregates(self.ledger, SERVICE, publish, lambda: "unused")
        given = (self.pseudonyms, self.read_model, self.clock)
        self.commands = Commands(self.ledger, self.aggregates, *given)
        self.voices = Voices(self.ledger, self.aggregates, *given)
        self.queries = Queries(self.ledger, self.read_model, self.pseudonyms, self.clock)
        self.index = holdings(self.views, self.projection)
        self.exporting = Exporting(self.ledger, self.index, self.read_model, self.pseudonyms)
        self.folder = folder
        self.erasures = erasures or ErasureList(folder / "erasures" / "list")
        self.erasing = Erasing(
            SERVICE, self.ledger, CODEC, events, self.index, self.erasures, self.clock
        )
        self.phases = IdeaPhases(self.aggregates, self.read_model)

    async def close(self) -> None:
        await self.ledger.close()
        self.views.close()

    @staticmethod
    def claims(person: str, *roles: str) -> Claims:
        return Claims(person, frozenset(roles), "", "", True, True, NOW + timedelta(days=1))

    def public(self) -> list[Leaf]:
        return [decode_leaf(row.leaf) for row in self.ledger.read_public(0, 1_000)]

    def told(self) -> list[str]:
        """The public log as words."""
        return [leaf.type.rpartition(".")[2] for leaf in self.public()]

    async def process(self, **changes: Any) -> str:
        given = {
            "title": "Budget participatif",
            "description": "Huit millions",
            "opens_at": NOW - timedelta(days=1),
            "closes_at": NOW + timedelta(days=30),
            "edit_window_seconds": 3600,
        }
        staff = self.claims("staff-1", "staff", "resident")
        made = await self.commands.create_process(
            staff, NewProcess(**(given | changes)), lambda receipt: None
        )
        return made.id

    async def proposal(self, process_id: Any, person: str = "ann", **changes: Any) -> str:
        given = {"title": "Piste", "body": "Vite", "category": "", "district": ""}
        new = NewProposal(process_id=process_id, on_behalf_of="", **(given | changes))
        made = await self.commands.submit_proposal(
            self.claims(person, "resident"), new, lambda receipt: None
        )
        return made.id


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    task = asyncio.create_task(desk.projection.run())
    await asyncio.sleep(0)
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.close()


@pytest.fixture
def make_desk() -> type[Desk]:
    """Another desk, whose projection does not run."""
    return Desk


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as server:
        yield server


class City:
    """What a consultation process needs around it: keys, a broker's address, a folder."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self.folder = folder
        private, public = write_key_pair(folder / "keys", "tokens")
        self._issuer = TokenIssuer(private.read_bytes(), issuer="demo")
        self.run_file = folder / "run.json"
        self.log = folder / "consultation.log"
        self.environment = {
            **os.environ,
            "CONSULTATION_CITY": "demo",
            "CONSULTATION_DATA_DIR": str(folder / "data"),
            "CONSULTATION_NATS_URL": nats_url,
            "CONSULTATION_TOKEN_PUBLIC_KEYS": str(public),
            "CONSULTATION_RUN_FILE": str(self.run_file),
            "CONSULTATION_CLOCK_FILE": str(folder / "clock"),
        }

    def token(self, person: str, *roles: str, audience: str = SERVICE, **claims: Any) -> str:
        return self._issuer.issue(person, roles=roles, audience=[audience], **claims)

    def start(self) -> subprocess.Popen[bytes]:
        self.run_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cahier_consultation"], env=self.environment, stderr=log
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
                    grpc=ConsultationServiceStub(channel), ports=ports, process=process
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
