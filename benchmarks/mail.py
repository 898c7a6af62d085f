"""How long after a public event does the mail server hold the mail that it causes?

Notifications runs alone beside a broker; this process stands for consultation's relay, which
publishes at a fixed rate whatever comes back, and for the mail server, which takes everything.
Every event is a comment on a proposal that one person follows: one event, one mail.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import nats
from aiosmtpd.smtp import SMTP

from benchmarks.election import CITY
from benchmarks.processes import running
from benchmarks.report import Report
from benchmarks.sizes import Sizes
from cahier_chassis.grpc_client import ServiceChannel
from cahier_chassis.keys import write_key_pair
from cahier_chassis.tokens import TokenIssuer
from cahier_cli.doors import patiently
from cahier_contracts.notifications.v1 import notifications_service_pb2 as pb
from cahier_contracts.notifications.v1.notifications_service_pb2_grpc import (
    NotificationsServiceStub,
)
from cahier_ledger.bus.server import NatsServer
from cahier_ledger.bus.streams import declare_public_stream, public_subject
from cahier_ledger.leaves import make_leaf
from cahier_record.consultation import events as consultation
from cahier_record.events import PublicEvent

SERVICE = "consultation"
EVENTS_PER_S = 200
CALM_EVENTS_PER_S = 5
FOLLOWERS = 100
LAST_MAIL_S_MAX = 300.0


def run(folder: Path, sizes: Sizes) -> Report:
    """Prints the table and the ratios."""
    report = Report("mail: from a public event on the bus to its mail handed over")
    calm, busy = asyncio.run(_measure(folder, sizes))
    report.table(
        ("events a second", "events", "p50, ms", "p99, ms", "longest, ms", "mails a second"),
        [
            (f"{rate}", len(waits), *_quantiles_ms(waits), len(waits) / took_s)
            for rate, (waits, took_s) in ((CALM_EVENTS_PER_S, calm), (EVENTS_PER_S, busy))
        ],
    )
    report.ratio(f"p99 to p50 at {EVENTS_PER_S} events a second", _p(busy[0], 99) / _p(busy[0], 50))
    report.ratio(
        f"p50 at {EVENTS_PER_S} events a second, to at {CALM_EVENTS_PER_S}",
        _p(busy[0], 50) / _p(calm[0], 50),
    )
    kept_up = len(busy[0]) / busy[1] / EVENTS_PER_S
    report.ratio("mails handed over a second, to events published", kept_up)
    return report


def _quantiles_ms(waits_s: list[float]) -> tuple[float, float, float]:
    return _p(waits_s, 50) * 1_000, _p(waits_s, 99) * 1_000, max(waits_s) * 1_000


def _p(waits_s: list[float], percent: int) -> float:
    ordered = sorted(waits_s)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


class _Post:
    """A mail server that notes when it took a mail for whom."""

    def __init__(self) -> None:
        self.taken_s: dict[str, list[float]] = defaultdict(list)
        self.count = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Takes it."""
        self.taken_s[envelope.rcpt_tos[0]].append(time.perf_counter())
        self.count += 1
        return "250 Taken"


class _Relay:
    """Publishes as consultation's relay does; each message waits for no answer."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._seq = 0

    async def publish(self, event: PublicEvent) -> None:
        self._seq += 1
        leaf = make_leaf(SERVICE, event.TYPE, str(uuid4()), datetime.now(UTC), event.data())
        headers = {
            "Nats-Msg-Id": f"{SERVICE}-{self._seq}",
            "Cahier-Seq": str(self._seq),
            "ce-id": leaf.id,
            "ce-type": event.TYPE,
        }
        await self._client.publish(public_subject(CITY, event.TYPE), leaf.leaf, headers=headers)


async def _measure(folder: Path, sizes: Sizes) -> list[tuple[list[float], float]]:
    """Waits and seconds taken, at the calm rate and at the full one."""
    post = _Post()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, hostname="localhost"), "127.0.0.1", 0)
    smtp_url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with _notifications(folder, smtp_url) as (relay, stub, issuer):
        followed = await _follow(relay, stub, issuer)
        calm = await _rate(relay, post, followed, CALM_EVENTS_PER_S, max(10, sizes.mails // 40))
        busy = await _rate(relay, post, followed, EVENTS_PER_S, sizes.mails)
    server.close()
    return [calm, busy]


@asynccontextmanager
async def _notifications(folder: Path, smtp_url: str) -> AsyncIterator[tuple[_Relay, Any, Any]]:
    broker = NatsServer(folder / "nats")
    broker.start()
    private, public = write_key_pair(folder / "keys", "tokens")
    settings = {
        "CITY": CITY,
        "DATA_DIR": str(folder / "notifications"),
        "NATS_URL": broker.url,
        "TOKEN_PUBLIC_KEYS": str(public),
        "SMTP_URL": smtp_url,
        "LOG_LEVEL": "warning",
    }
    environment = {f"NOTIFICATIONS_{name}": value for name, value in settings.items()}
    client = await nats.connect(broker.url)
    try:
        await declare_public_stream(client.jetstream(), SERVICE, CITY)
        with running("cahier_notifications", folder, "NOTIFICATIONS", environment) as unit:
            channel = ServiceChannel(unit.address, timeout_s=30)
            issuer = TokenIssuer(private.read_bytes(), CITY)
            yield _Relay(client), NotificationsServiceStub(channel), issuer
            await channel.close()
    finally:
        await client.close()
        broker.stop()


async def _follow(relay: _Relay, stub: Any, issuer: TokenIssuer) -> list[tuple[str, str]]:
    """(proposal, its only follower's address), FOLLOWERS times."""
    process, followed = str(uuid4()), []
    dates = {"opens_at": "", "closes_at": "", "edit_window_seconds": 0}
    await relay.publish(consultation.ProcessCreated(process=process, **dates))
    for number in range(FOLLOWERS):
        proposal, address = str(uuid4()), f"person{number}@example.org"
        await relay.publish(
            consultation.ProposalSubmitted(process=process, proposal=proposal, author="a")
        )
        token = issuer.issue(
            f"person-{number}", roles=["resident"], audience=["notifications"], email=address
        )
        request = pb.FollowRequest(
            thing_kind=pb.THING_KIND_PROPOSAL,
            thing_id=proposal,
            level=pb.FOLLOW_LEVEL_ALL,
            language="en",
        )
        # Notifications must have heard of the proposal first.
        await patiently(partial(stub.Follow, request, token=token), "thing_not_found")
        followed.append((proposal, address))
    return followed


async def _rate(
    relay: _Relay, post: _Post, followed: list[tuple[str, str]], per_s: int, events: int
) -> tuple[list[float], float]:
    post.taken_s.clear()
    post.count = 0
    sent_s: dict[str, list[float]] = defaultdict(list)
    started_s = time.perf_counter()
    for number in range(events):
        await asyncio.sleep(max(0.0, started_s + number / per_s - time.perf_counter()))
        proposal, address = followed[number % len(followed)]
        sent_s[address].append(time.perf_counter())
        await relay.publish(
            consultation.CommentAdded(proposal=proposal, comment=str(uuid4()), author="b")
        )
    async with asyncio.timeout(LAST_MAIL_S_MAX):
        while post.count < events:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    took_s = max(max(times) for times in post.taken_s.values()) - started_s
    # A person's mails are taken in the order of their events, or near enough for a quantile.
    waits = [
        taken - sent
        for address, times in sent_s.items()
        for sent, taken in zip(times, post.taken_s[address], strict=True)
    ]
    return waits, took_s
