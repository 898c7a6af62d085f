"""Identity on a real ledger, real keys and real (cheap) Argon2; and the whole process."""

from __future__ import annotations

import os

# gRPC's fork handlers abort a child that is forked while calls run; set before gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from argon2 import PasswordHasher

from cahier_chassis.erasures import ErasureList
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import load_public_keys, write_key_pair
from cahier_chassis.tokens import TokenIssuer, TokenVerifier
from cahier_contracts.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from cahier_identity.adapters.census_rows import CensusView
from cahier_identity.adapters.passwords import Argon2Passwords
from cahier_identity.adapters.secrets import HmacSecrets
from cahier_identity.adapters.subject_keys import SubjectKeys
from cahier_identity.adapters.tokens import SESSION_AUDIENCE, JwtTokens
from cahier_identity.application.attempts import Attempts
from cahier_identity.application.commands import Commands
from cahier_identity.application.erasing import Erasing
from cahier_identity.application.erasures import SCHEMA, Erasures
from cahier_identity.application.exporting import Exporting
from cahier_identity.application.projections import CENSUS_VIEW, fold_census
from cahier_identity.application.publishing import SERVICE, Publishing
from cahier_identity.application.queries import Queries
from cahier_identity.application.sealing import SealingMapper
from cahier_identity.application.sessions import Sessions
from cahier_kernel.clock import ManualClock
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.database import SqliteDatabase
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_record.events import decode_leaf

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
HEADER = "document_number,birth_date,postcode,district\n"
READY_S_MAX = 60.0


@pytest.fixture
def roll() -> Callable[..., bytes]:
    """A census file of the given rows (texts without line ends)."""
    return lambda *rows: (HEADER + "".join(row + "\n" for row in rows)).encode()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    """Identity's application, wired as bootstrap does but for gRPC and the bus."""
    clock, machine_s = ManualClock(NOW), SimpleNamespace(now=1_000.0)
    ledger = Ledger.open(tmp_path / "events.db")
    views = ViewDatabase(tmp_path / "views.db")
    projection = OwnProjection(ledger, views, CENSUS_VIEW, fold_census)
    projecting = asyncio.create_task(projection.run())
    secrets = HmacSecrets(bytes(range(32)))
    publishing = Publishing(secrets)
    key_database = SqliteDatabase(tmp_path / "subject_keys.db", durable=True)
    subject_keys = SubjectKeys(key_database, [bytes(32)], now_s=lambda: machine_s.now)
    aggregates = Aggregates(
        ledger,
        SERVICE,
        publishing.publish,
        lambda: str(uuid7(clock.now())),
        mapper=SealingMapper(subject_keys),
    )
    erasing = Erasing(
        ledger,
        aggregates,
        clock=clock,
        secrets=secrets,
        keys=subject_keys,
        erasures=ErasureList(tmp_path / "erasures" / "list"),
        keep_census_row=timedelta(days=365),
    )
    inbox = Inbox(tmp_path / "inbox.db", SCHEMA)
    passwords = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    private, public = write_key_pair(tmp_path / "keys", "token")
    keys = load_public_keys(public)
    tokens = JwtTokens(
        TokenIssuer(private.read_bytes(), issuer="demo"),
        TokenVerifier(keys, audience=SESSION_AUDIENCE, issuer="demo"),
        time.time,
    )

    def attempts() -> Attempts:
        return Attempts(now_s=lambda: machine_s.now)

    census = CensusView(views, projection)
    commands = Commands(
        ledger,
        aggregates,
        clock=clock,
        secrets=secrets,
        passwords=passwords,
        census=census,
        publishing=publishing,
        proof_attempts=attempts(),
        trace=lambda: b"",
    )
    yield SimpleNamespace(
        commands=commands,
        queries=Queries(ledger, aggregates, secrets),
        sessions=Sessions(aggregates, secrets, passwords, tokens, attempts()),
        ledger=ledger,
        aggregates=aggregates,
        erasing=erasing,
        erasures=Erasures(ledger, inbox),
        exporting=Exporting(aggregates),
        census=census,
        subject_keys=subject_keys,
        folder=tmp_path,
        clock=clock,
        secrets=secrets,
        machine_s=machine_s,
        verify=lambda token, audience: TokenVerifier(keys, audience=audience, issuer="demo").verify(
            token
        ),
        public=lambda: [decode_leaf(row.leaf) for row in ledger.read_public()],
    )
    projecting.cancel()
    await asyncio.gather(projecting, return_exceptions=True)
    await passwords.close()
    await ledger.close()
    views.close()
    inbox.close()
    key_database.close()


@pytest.fixture
def nothing_kept() -> Callable[[Any], None]:
    """`keep` of a command without an idempotency key."""
    return lambda result: None


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


class IdentityProcess:
    """`python -m cahier_identity` on loopback, as `cahier up` would run it."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self.folder = folder
        self.nats_url = nats_url
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.ports: dict[str, int] = {}
        self.settings: dict[str, str] = {}

    @property
    def run_file(self) -> Path:
        return self.folder / "run.json"

    def environment(self) -> dict[str, str]:
        settings = {
            "CITY": "demo",
            "DATA_DIR": str(self.folder / "data"),
            "NATS_URL": self.nats_url,
            "TOKEN_PUBLIC_KEYS": str(self.folder / "data" / "keys" / "token.pub.pem"),
            "RUN_FILE": str(self.run_file),
            **self.settings,
        }
        return {**os.environ, **{f"IDENTITY_{name}": text for name, text in settings.items()}}

    def start(self, *arguments: str) -> None:
        self.folder.mkdir(exist_ok=True)
        self.run_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cahier_identity", *arguments],
                env=self.environment(),
                cwd=self.folder,
                stderr=log,
            )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S_MAX
        while not self.run_file.exists():
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)
        self.ports = msgspec.json.decode(self.run_file.read_bytes(), type=dict[str, int])

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        return process.wait(20)

    def exit_code(self) -> int:
        process, self._process = self._process, None
        assert process is not None
        return process.wait(20)

    def token(self, *roles: str, subject: str = "operator") -> str:
        pem = (self.folder / "data" / "keys" / "token.pem").read_bytes()
        issuer = TokenIssuer(pem, issuer="demo")
        return issuer.issue(subject, roles=roles, audience=["identity"])

    def channel(self) -> ServiceChannel:
        return ServiceChannel(f"127.0.0.1:{self.ports['grpc']}", timeout_s=10)


@pytest.fixture
def process(tmp_path: Path, broker: NatsServer) -> Iterator[IdentityProcess]:
    """A process that is not started yet; ended by its pid."""
    identity = IdentityProcess(tmp_path / "identity", broker.url)
    yield identity
    identity.end(signal.SIGKILL)


@pytest.fixture
async def stub(process: IdentityProcess) -> AsyncIterator[Any]:
    """The running service, called over loopback."""
    process.start()
    await asyncio.to_thread(process.wait_ready)
    channel = process.channel()
    yield IdentityServiceStub(channel)
    await channel.close()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProcess]:
    """One running process for the tests that only call it."""
    folder = tmp_path_factory.mktemp("city")
    server = NatsServer(folder / "nats")
    server.start()
    identity = IdentityProcess(folder / "identity", server.url)
    identity.start()
    identity.wait_ready()
    yield identity
    identity.end(signal.SIGKILL)
    server.stop()


@pytest.fixture
async def shared(city: IdentityProcess) -> AsyncIterator[Any]:
    """`city`, called over loopback."""
    channel = city.channel()
    yield IdentityServiceStub(channel)
    await channel.close()
