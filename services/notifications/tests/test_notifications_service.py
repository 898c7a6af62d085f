"""The whole unit: a real process, a real broker, real gRPC and real mail servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import nats
import pytest

from cahier_chassis.errors import ServiceError
from cahier_contracts.notifications.v1 import notifications_service_pb2 as pb
from cahier_ledger.bus.dead import list_dead, redrive
from cahier_ledger.bus.streams import declare_dead_stream
from cahier_ledger.sqlite import SqliteReader
from cahier_record.budget import events as budget
from cahier_record.consultation import events as consultation
from cahier_record.events import decode_leaf
from cahier_record.notifications.events import MailingHandedOver
from cahier_record.reporting import events as reporting

PROPOSAL = "0196b1f0-0000-7000-8000-000000000001"
PROCESS = "0196b1f0-0000-7000-8000-000000000002"
REPORT = "0196b1f0-0000-7000-8000-000000000003"
SUBMITTED = consultation.ProposalSubmitted(process=PROCESS, proposal=PROPOSAL, author="a")
ACCEPTED = consultation.ProposalAnswered(process=PROCESS, proposal=PROPOSAL, state="accepted")
COMMENTED = consultation.CommentAdded(proposal=PROPOSAL, comment="c", author="a")
FOLLOW = pb.FollowRequest(
    thing_kind=pb.THING_KIND_PROPOSAL, thing_id=PROPOSAL, level=pb.FOLLOW_LEVEL_ALL, language="fr"
)


async def code_of(call) -> str:
    with pytest.raises(ServiceError) as refused:
        await call
    return refused.value.code


async def follow(unit, city, person: str, request=FOLLOW, **more):
    """Follows as soon as the unit has heard of the thing."""
    async with asyncio.timeout(15):
        while True:
            try:
                return await unit.grpc.Follow(request, token=city.token(person), **more)
            except ServiceError as error:
                if error.code != "thing_not_found":
                    raise
                await asyncio.sleep(0.05)


async def captured(unit) -> list[pb.CapturedMail]:
    answer = await unit.grpc.ListCapturedMails(pb.ListCapturedMailsRequest())
    return list(answer.mails)


def public(city) -> list:
    reader = SqliteReader(city.data / "events.db")
    try:
        return [decode_leaf(row.leaf) for row in reader.read_public()]
    finally:
        reader.close_reader()


async def readiness(unit) -> dict:
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(f"http://127.0.0.1:{unit.ports.http}/readyz")).json()


async def test_a_follower_reads_the_mail_in_the_capture_servers_folder(make_city, siblings, until):
    city = make_city(CAPTURE="1")
    (await siblings("consultation").publish(SUBMITTED))
    async with city.serving() as unit:
        followed = await follow(unit, city, "ann")
        listed = await unit.grpc.ListFollows(pb.ListFollowsRequest(), token=city.token("ann"))
        assert [each.follow_id for each in listed.follows] == [followed.follow_id]
        assert (listed.email, listed.language) == ("ann@example.org", "fr")
        (cause,) = await siblings("consultation").publish(ACCEPTED)
        await until(lambda: len(list((city.data / "captured").glob("*.eml"))) == 1)
        (mail,) = await captured(unit)
        assert mail.recipient == "ann@example.org"
        assert mail.subject == "Acceptée\N{NO-BREAK SPACE}: une proposition que vous suivez"
        assert mail.language == "fr"
        assert PROPOSAL in mail.text
        assert PROPOSAL in mail.html
        await until(lambda: public(city))
        assert [leaf.event for leaf in public(city)] == [MailingHandedOver(cause=cause, mails=1)]
        token = mail.unsubscribe_url.partition("token=")[2]
        ended = await unit.grpc.Unsubscribe(pb.UnsubscribeRequest(token=token))
        assert (ended.thing_kind, ended.thing_id) == (pb.THING_KIND_PROPOSAL, PROPOSAL)
        listed = await unit.grpc.ListFollows(pb.ListFollowsRequest(), token=city.token("ann"))
        assert not listed.follows
        assert (await readiness(unit))["degraded"] == {
            key: value
            for key, value in (await readiness(unit))["degraded"].items()
            if "stream PUBLIC_" in value
        }


async def test_refusals_have_codes_and_append_nothing(make_city, siblings):
    city = make_city(CAPTURE="1")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        ann, sam = city.token("ann"), city.token("sam", "staff")
        grpc = unit.grpc
        unknown = pb.FollowRequest(
            thing_kind=FOLLOW.thing_kind, thing_id=PROCESS, level=FOLLOW.level
        )
        for request, code in [
            (pb.FollowRequest(thing_id=PROPOSAL, level=1), "thing_kind_required"),
            (pb.FollowRequest(thing_kind=9, thing_id=PROPOSAL, level=1), "thing_kind_required"),
            (pb.FollowRequest(thing_kind=1, thing_id="x", level=1), "id_malformed"),
            (pb.FollowRequest(thing_kind=1, thing_id=PROPOSAL), "level_required"),
            (unknown, "thing_not_found"),
        ]:
            assert await code_of(grpc.Follow(request, token=ann)) == code
        assert await code_of(grpc.Follow(FOLLOW, token=sam)) == "role_required"
        assert await code_of(grpc.Follow(FOLLOW)) == "token_missing"
        bare = city.token("ann", email="")
        await follow(unit, city, "bob")
        assert await code_of(grpc.Follow(FOLLOW, token=bare)) == "address_required"
        wrong = pb.UnsubscribeRequest(token="x" * 75)
        assert await code_of(grpc.Unsubscribe(wrong)) == "unsubscribe_token_wrong"
        page = pb.ListCapturedMailsRequest(page_size=201)
        assert await code_of(grpc.ListCapturedMails(page)) == "page_size_out_of_range"
        event = pb.GetDisclosuresRequest(event_id=PROPOSAL)
        assert await code_of(grpc.GetDisclosures(event)) == "event_not_found"
        key = str(uuid.uuid4())
        once = await grpc.Follow(FOLLOW, token=ann, idempotency_key=key)
        assert await grpc.Follow(FOLLOW, token=ann, idempotency_key=key) == once
        other = pb.FollowRequest(
            thing_kind=FOLLOW.thing_kind, thing_id=PROPOSAL, level=pb.FOLLOW_LEVEL_MINIMAL
        )
        reused = grpc.Follow(other, token=ann, idempotency_key=key)
        assert await code_of(reused) == "idempotency_key_reused"


async def test_captured_mails_are_read_only_where_they_are_captured(make_city, mail_box):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}", CAPTURE="1")
    async with city.serving() as unit:
        asked = unit.grpc.ListCapturedMails(pb.ListCapturedMailsRequest())
        assert await code_of(asked) == "capture_off"
        assert not (city.data / "captured").exists()


async def test_all_siblings_events_reach_followers(make_city, siblings, mail_box, until):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    await siblings("consultation").publish(SUBMITTED)
    await siblings("reporting").publish(
        reporting.ReportReceived(report=REPORT, category="c", department="d", state="unconfirmed")
    )
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        street = pb.FollowRequest(
            thing_kind=pb.THING_KIND_REPORT, thing_id=REPORT, level=pb.FOLLOW_LEVEL_MINIMAL
        )
        await follow(unit, city, "bob", street)
        await siblings("consultation").publish(ACCEPTED, COMMENTED)
        await siblings("reporting").publish(reporting.ReportClosed(report=REPORT, state="fixed"))
        added = budget.ProjectAdded(election="e", project="j", number=1, proposal=PROPOSAL)
        costed = budget.ProjectCosted(election="e", project="j", cost_cents=1_250)
        await siblings("budget").publish(added, costed)
        await until(lambda: len(mail_box.mails) == 5, 30)
        assert sorted(mail_box.recipients) == ["ann"] * 4 + ["bob"]
        assert any("12,50" in m.get_body(("plain",)).get_content() for m in mail_box.mails)


async def test_follows_are_taken_without_the_bus_and_mails_wait_for_the_server(
    make_city, siblings, broker, mail_box, until
):
    await mail_box.stop()
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        broker.kill()
        await follow(unit, city, "bob")
        broker.start()
        js = (await nats.connect(broker.url)).jetstream()
        siblings("consultation")._js = js
        await siblings("consultation").publish(ACCEPTED)

        async def away() -> bool:
            return "mail server" in (await readiness(unit))["degraded"]

        await until(away, 30)
        assert (await readiness(unit))["status"] == "ready"
        await mail_box.start(mail_box.port)
        await until(lambda: sorted(mail_box.recipients) == ["ann", "bob"], 30)


async def test_a_killed_unit_loses_no_mail_and_doubles_none_that_was_noted(
    make_city, siblings, mail_box, until
):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}", SMTP_CONNECTIONS="2")
    await siblings("consultation").publish(SUBMITTED)
    people = [f"p{number}" for number in range(40)]
    async with city.serving(signal.SIGKILL) as unit:
        await asyncio.gather(*(follow(unit, city, person) for person in people))
        await siblings("consultation").publish(ACCEPTED)
        await until(lambda: len(mail_box.mails) >= 10)
    taken = len(mail_box.mails)
    async with city.serving(signal.SIGKILL):
        await until(lambda: len(set(mail_box.recipients)) == 40, 30)
        await until(lambda: public(city))
    ids = [mail["Message-ID"] for mail in mail_box.mails]
    assert len(set(ids)) == 40
    assert len(ids) - 40 <= 2 <= taken  # at most what was on its two lines
    assert [leaf.event.mails for leaf in public(city)] == [40]


async def test_views_that_are_lost_are_folded_again_and_send_nothing(
    make_city, siblings, mail_box, until
):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        await siblings("consultation").publish(ACCEPTED)
        await until(lambda: public(city))
    for file in city.data.glob("views.db*"):
        file.unlink()
    for file in city.data.glob("inbox.db*"):
        file.unlink()
    async with city.serving() as unit:
        await siblings("consultation").publish(COMMENTED)
        await until(lambda: len(public(city)) == 2, 30)
    assert len(mail_box.mails) == 2


async def test_an_event_that_cannot_be_handled_is_redriven_by_a_person(
    make_city, siblings, broker, mail_box, until
):
    """The consumer's deliveries are used up while the unit is told nothing that it can read."""
    client = await nats.connect(broker.url)
    js = client.jetstream()
    await declare_dead_stream(js)
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
    await use_up(client, js, siblings)
    (letter,) = await list_dead(js)
    assert letter.consumer == "notifications-consultation"
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        async with asyncio.timeout(20):
            while True:
                try:
                    await redrive(client, "demo", letter.number)
                    break
                except Exception:
                    await asyncio.sleep(0.1)
        await until(lambda: mail_box.recipients == ["ann"])
    assert await list_dead(js) == []
    await client.close()


async def use_up(client, js, siblings) -> None:
    """Publishes ACCEPTED and refuses all of its deliveries to the unit's consumer."""
    name = "notifications-consultation"
    await siblings("consultation").publish(ACCEPTED)
    subscription = await js.pull_subscribe_bind(consumer=name, stream="PUBLIC_CONSULTATION")
    async with asyncio.timeout(20):
        while not await list_dead(js):
            with contextlib.suppress(TimeoutError):
                for message in await subscription.fetch(1, timeout=0.3):
                    await message.nak()
    await subscription.unsubscribe()


async def test_one_trace_leads_from_the_event_to_the_mail(make_city, siblings, until):
    city = make_city(CAPTURE="1")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        await siblings("consultation").publish(ACCEPTED)
        await until(lambda: public(city))
    reader = SqliteReader(city.data / "events.db")
    metas = {row.type: json.loads(row.meta or b"{}") for row in reader.read_all()}
    reader.close_reader()
    for topic in ("mails_planned", "mail_ended"):
        trace = metas[f"notifications.mailing.{topic}"]["traceparent"]
        assert trace.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"


async def test_logs_name_nobody(make_city, siblings, mail_box, until):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    mail_box.refuse["ann@example.org"] = "550 ann@example.org is nobody"
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        await siblings("consultation").publish(ACCEPTED)
        await until(lambda: "mail_failed" in city.log.read_text())
    log = city.log.read_text()
    assert "example.org" not in log
    assert '"ann"' not in log


async def test_an_old_event_is_told_to_nobody_who_followed_later(
    make_city, siblings, mail_box, until
):
    city = make_city(SMTP_URL=f"smtp://127.0.0.1:{mail_box.port}")
    await siblings("consultation").publish(SUBMITTED)
    async with city.serving() as unit:
        await follow(unit, city, "ann")
        old = datetime.now(UTC) - timedelta(hours=1)
        await siblings("consultation").publish(ACCEPTED, at=old)
        await siblings("consultation").publish(COMMENTED)
        await until(lambda: len(mail_box.mails) == 1)
        await asyncio.sleep(0.3)
    assert [str(mail["Subject"]) for mail in mail_box.mails] == [
        "Un nouveau commentaire sur une proposition que vous suivez"
    ]


def test_a_mail_server_that_cannot_be_read_stops_the_start(tmp_path: Path, make_city):
    city = make_city(SMTP_URL="http://user:secret@mail")
    process = city.start()
    assert process.wait(30) == 2
    assert "secret" not in city.log.read_text()
