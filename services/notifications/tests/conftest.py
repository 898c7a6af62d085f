"""A notifications desk on a real ledger, real mail servers that misbehave, and whole processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from cahier_chassis.erasing import Erasing
from cahier_chassis.erasures import ErasureList
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import write_key_pair
from cahier_chassis.pseudonyms import HmacPseudonyms
from cahier_chassis.tokens import Claims, TokenIssuer
from cahier_contracts.notifications.v1.notifications_service_pb2_grpc import (
    NotificationsServiceStub,
)
from cahier_kernel.clock import ManualClock
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.server import NatsServer, nats_server
from cahier_ledger.bus.streams import declare_public_stream
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.leaves import make_leaf
from cahier_ledger.ledger import Ledger
from cahier_notifications.adapters.capture import CapturedMails
from cahier_notifications.adapters.holdings import SqlHoldings
from cahier_notifications.adapters.letters import CatalogueLetters
from cahier_notifications.adapters.read_model import SqlReadModel
from cahier_notifications.adapters.smtp import SmtpAddress, SmtpServer
from cahier_notifications.adapters.unsubscribing import SignedTokens
from cahier_notifications.application.commands import Commands, Wish
from cahier_notifications.application.handing_over import HandingOver
from cahier_notifications.application.planning import Planning
from cahier_notifications.application.projections import (
    BUDGET,
    CONSULTATION,
    OWN,
    REPORTING,
    fold_budget,
    fold_consultation,
    fold_own,
    fold_reporting,
)
from cahier_notifications.application.queries import Queries
from cahier_notifications.application.stored import CODEC, read
from cahier_notifications.domain.follows import Level, Thing, ThingKind
from cahier_record.consultation import events as consultation
from cahier_record.events import Leaf, PublicEvent, decode_leaf
from cahier_record.notifications import events

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
START_S_MAX = 60.0
PROPOSAL = "0196b1f0-0000-7000-8000-000000000001"
PROCESS = "0196b1f0-0000-7000-8000-000000000002"
FOLDS = {
    "consultation": (CONSULTATION, fold_consultation),
    "budget": (BUDGET, fold_budget),
    "reporting": (REPORTING, fold_reporting),
}


def claims_of(person: str, *roles: str, email: str | None = None) -> Claims:
    address = f"{person}@example.org" if email is None else email
    until = NOW + timedelta(days=1)
    return Claims(person, frozenset(roles or {"resident"}), "", "", False, False, until, address)


class Followed:
    """Stands for the projection of a sibling's events, which the desk folds by hand."""

    def __init__(self, views: ViewDatabase, service: str) -> None:
        self.position = 0
        self._views, self._service = views, service

    def take(self, message: PublicMessage) -> None:
        view, fold = FOLDS[self._service]
        after = self._views.position(view.name)
        _, error = self._views.fold(view, after, [(message.public_seq, message)], fold)
        assert error is None, error
        self.position = message.public_seq

    async def wait_for(self, position: int, timeout_s: float) -> bool:
        return self.position >= position


class Delivered:
    """A public event as a reaction gets it."""

    def __init__(self, message: PublicMessage) -> None:
        self.message = message
        self.attempt = 1


class Desk:
    """The application on a real store, with its projection running."""

    def __init__(self, folder: Path, smtp_port: int, connections: int = 2) -> None:
        self.clock = ManualClock(NOW)
        self.ledger = Ledger.open(folder / "events.db")
        self.views = ViewDatabase(folder / "views.db")
        for view in (OWN, CONSULTATION, BUDGET, REPORTING):
            self.views.declare(view)
        self.projection = OwnProjection(self.ledger, self.views, OWN, fold_own)
        self.read_model = SqlReadModel(self.ledger, self.views, self.projection)
        self.others = {name: Followed(self.views, name) for name in FOLDS}
        for name, other in self.others.items():
            self.read_model.feed(name, other)  # type: ignore[arg-type]
        self.unsubscribing = SignedTokens(HmacPseudonyms(b"k" * 32))
        self.letters = CatalogueLetters(
            "demo", "https://city.example", "no-reply@city.example", self.unsubscribing
        )
        self.now_s = 0.0
        self.server = SmtpServer(SmtpAddress("127.0.0.1", smtp_port), "no-reply@city.example", 1)
        self.handing_over = HandingOver(
            self.ledger,
            self.read_model,
            self.letters,
            self.server,
            self.clock,
            connections=connections,
            now_s=lambda: self.now_s,
        )
        self.planned = 0
        self.planning = Planning(self.ledger, self.read_model, self.clock, self._count)
        self.commands = Commands(self.ledger, self.read_model, self.unsubscribing, self.clock)
        self.queries = Queries(self.ledger, self.read_model, None)
        self.folder = folder
        self.captured = CapturedMails(folder / "captured")
        self.erasing = Erasing(
            "notifications",
            self.ledger,
            CODEC,
            events,
            SqlHoldings(self.views, self.projection, self.captured),
            ErasureList(folder / "erasures" / "list"),
            self.clock,
        )
        self._seqs: dict[str, int] = {}

    claims_of = staticmethod(claims_of)

    def _count(self) -> None:
        self.planned += 1

    def told(self, event: PublicEvent, at: datetime | None = None) -> PublicMessage:
        """A sibling publishes an event; the view of its events has taken it in."""
        service = event.TYPE.partition(".")[0]
        seq = self._seqs[service] = self._seqs.get(service, 0) + 1
        leaf = make_leaf(service, event.TYPE, f"{service}-{seq}", at or NOW, event.data())
        message = PublicMessage(seq, leaf.id, event.TYPE, leaf.leaf)
        self.others[service].take(message)
        return message

    async def react(self, event: PublicEvent, at: datetime | None = None) -> PublicMessage:
        message = self.told(event, at)
        await self.planning.react(Delivered(message))  # type: ignore[arg-type]
        return message

    async def follow(
        self,
        person: str,
        kind: ThingKind = ThingKind.PROPOSAL,
        id: str = PROPOSAL,
        level: Level = Level.ALL,
        language: str = "",
        email: str | None = None,
        only_first: bool = False,
    ) -> None:
        wish = Wish(Thing(kind, id), level, language, only_first)
        await self.commands.follow(claims_of(person, email=email), wish, lambda: None)

    def events(self) -> list[Any]:
        return [read(stored) for stored in self.ledger.read_all()]

    def public(self) -> list[Leaf]:
        return [decode_leaf(row.leaf) for row in self.ledger.read_public()]

    def waiting(self) -> list[str]:
        """Letters that wait, with whom they are for."""
        return [
            f"{mail.letter} {mail.contact.email.partition('@')[0] if mail.contact else '-'}"
            for mail in self.read_model.waiting((0, -1), 1_000)
        ]

    async def settled(self) -> None:
        await self.read_model.settle(self.ledger.head_seq())


class MailBox:
    """A real SMTP server whose behaviour a test chooses, mail by mail.

    refuse: {address: reply at RCPT}. data: replies at the end of DATA, used up one by one; "drop"
    takes the mail and drops the line, "stall" takes it and says nothing. greeting: False hangs up
    on whoever connects. mails_a_line: after so many it ends the conversation (421).
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.refuse: dict[str, str] = {}
        self.senders: str = "250 OK"
        self.data: list[str] = []
        self.greets = True
        self.port = 0
        self.connections = 0
        self.mails_a_line = 1_000
        self.lines: list[SMTP] = []
        self._taken: Counter[int] = Counter()
        self._server: asyncio.Server | None = None
        self._stalled: list[asyncio.Task[Any]] = []

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self) -> asyncio.BaseProtocol:
        self.connections += 1
        if not self.greets:
            return _HangUp()
        line = SMTP(self, hostname="localhost", loop=asyncio.get_running_loop())
        self.lines.append(line)
        return line

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._stalled:
            task.cancel()

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self._taken[id(server)] >= self.mails_a_line:
            return "421 Enough for one conversation"
        envelope.mail_from = address
        return self.senders

    def hang_up(self) -> None:
        """Drops all lines, as a server does that is restarted."""
        for line in self.lines:
            if line.transport is not None:
                line.transport.abort()
        self.lines.clear()

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        reply = self.refuse.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        reply = self.data.pop(0) if self.data else "250 Kept"
        if reply[0] in "45":
            return reply
        self._taken[id(server)] += 1
        self.raw.append(envelope.content)
        parser = BytesParser(_class=EmailMessage, policy=policy.default)
        self.mails.append(parser.parsebytes(envelope.content))
        if reply == "drop":
            server.transport.abort()
        if reply == "stall":
            self._stalled.append(asyncio.current_task())
            await asyncio.sleep(30)
        return "250 Kept"

    @property
    def recipients(self) -> list[str]:
        return [str(mail["To"]).partition("@")[0] for mail in self.mails]


class _HangUp(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@pytest.fixture
async def mail_box() -> AsyncIterator[MailBox]:
    box = MailBox()
    await box.start()
    yield box
    await box.stop()


@pytest.fixture
async def desk(tmp_path: Path, mail_box: MailBox) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path, mail_box.port)
    dates = {"opens_at": "", "closes_at": "", "edit_window_seconds": 0}
    desk.told(consultation.ProcessCreated(process=PROCESS, **dates))
    desk.told(consultation.ProposalSubmitted(process=PROCESS, proposal=PROPOSAL, author="a"))
    task = asyncio.create_task(desk.projection.run())
    await desk.projection.wait_for(0, 30)
    async with asyncio.timeout(30):
        while desk.projection.health.state.value != "running":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    yield desk
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await desk.ledger.close()
    desk.views.close()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path / "nats") as server:
        yield server


class Sibling:
    """Publishes public events as another service's relay would."""

    def __init__(self, js: Any, service: str) -> None:
        self._js, self._service, self._seq = js, service, 0

    async def publish(self, *events: PublicEvent, at: datetime | None = None) -> list[str]:
        """Answers the events' ids."""
        await declare_public_stream(self._js, self._service, "demo")
        ids = []
        for event in events:
            self._seq += 1
            id = f"{self._service}-{self._seq}"
            leaf = make_leaf(self._service, event.TYPE, id, at or datetime.now(UTC), event.data())
            headers = {
                "Nats-Msg-Id": id,
                "Cahier-Seq": str(self._seq),
                "ce-id": id,
                "ce-type": event.TYPE,
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            }
            await self._js.publish(f"cahier.demo.{event.TYPE}", leaf.leaf, headers=headers)
            ids.append(id)
        return ids


class City:
    """What a notifications process needs around it: keys, a broker, a mail server, a folder."""

    def __init__(self, folder: Path, nats_url: str, **settings: str) -> None:
        private, public = write_key_pair(folder / "keys", "tokens")
        self._issuer = TokenIssuer(private.read_bytes(), issuer="demo")
        self.run_file = folder / "run.json"
        self.log = folder / "notifications.log"
        self.data = folder / "data"
        self.environment = {
            **os.environ,
            "NOTIFICATIONS_CITY": "demo",
            "NOTIFICATIONS_DATA_DIR": str(self.data),
            "NOTIFICATIONS_NATS_URL": nats_url,
            "NOTIFICATIONS_TOKEN_PUBLIC_KEYS": str(public),
            "NOTIFICATIONS_RUN_FILE": str(self.run_file),
            "NOTIFICATIONS_CLOCK_FILE": str(folder / "clock"),
            "NOTIFICATIONS_SMTP_TIMEOUT_S": "1",
            **{f"NOTIFICATIONS_{key}": value for key, value in settings.items()},
        }

    def token(self, person: str, *roles: str, **more: Any) -> str:
        more.setdefault("email", f"{person}@example.org")
        return self._issuer.issue(
            person, roles=roles or ("resident",), audience=["notifications"], **more
        )

    def start(self) -> subprocess.Popen[bytes]:
        self.run_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cahier_notifications"], env=self.environment, stderr=log
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
                    grpc=NotificationsServiceStub(channel), ports=ports, process=process
                )
            finally:
                await channel.close()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(how)
            await asyncio.to_thread(process.wait, 20)


@pytest.fixture
def make_city(tmp_path: Path, broker: NatsServer) -> Callable[..., City]:
    return lambda **settings: City(tmp_path, broker.url, **settings)


@pytest.fixture
async def siblings(broker: NatsServer) -> AsyncIterator[Callable[[str], Sibling]]:
    import nats

    client = await nats.connect(broker.url)
    made: dict[str, Sibling] = {}

    def sibling(service: str) -> Sibling:
        return made.setdefault(service, Sibling(client.jetstream(), service))

    yield sibling
    await client.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Awaitable[None]]:
    async def wait(true: Callable[[], Any], timeout_s: float = 15.0) -> None:
        async with asyncio.timeout(timeout_s):
            while True:
                found = true()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return
                await asyncio.sleep(0.02)

    return wait
