"""The whole unit as a process: gRPC over loopback, a real broker, signals, rubbish."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen
from uuid import uuid4

import grpc
import nats
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_chassis.errors import ServiceError
from cahier_contracts.consultation.v1 import consultation_service_pb2 as pb
from cahier_kernel.clock import FileClock
from cahier_kernel.errors import Kind
from cahier_ledger.ledger import Ledger
from cahier_record.events import decode_leaf

NOBODY = str(uuid4())


def resident(city, person: str = "") -> str:
    return city.token(person or str(uuid4()), "resident")


def staff(city) -> str:
    return city.token(str(uuid4()), "staff", "resident")


def new_process(**changes) -> pb.CreateProcessRequest:
    now = datetime.now(UTC)
    given = {
        "title": "Budget participatif",
        "description": "Huit millions",
        "opens_at": now - timedelta(hours=1),
        "closes_at": now + timedelta(days=30),
        "edit_window_seconds": 3600,
    }
    return pb.CreateProcessRequest(**(given | changes))


async def opened(city, unit) -> str:
    made = await unit.grpc.CreateProcess(new_process(), token=staff(city))
    return made.process_id


async def refused(call) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        await call
    return refusal.value


async def ready(unit, seconds: float = 10) -> dict:
    """The answer of /readyz once it is ready and nothing is missing but identity's stream."""
    url = f"http://127.0.0.1:{unit.ports.http}/readyz"
    for _ in range(int(seconds / 0.05)):
        try:
            with await asyncio.to_thread(urlopen, url) as response:
                answer = json.load(response)
            if set(answer["degraded"]) <= {"reactions"}:
                return answer
        except OSError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("the unit does not become ready")


async def on_the_bus(broker, count: int) -> list[str]:
    """The words of the first `count` events of the public stream."""
    client = await nats.connect(broker.url)
    try:
        js = client.jetstream()
        for _ in range(200):
            try:
                if (await js.stream_info("PUBLIC_CONSULTATION")).state.messages >= count:
                    break
            except nats.js.errors.NotFoundError:
                pass
            await asyncio.sleep(0.05)
        state = (await js.stream_info("PUBLIC_CONSULTATION")).state
        found = [await js.get_msg("PUBLIC_CONSULTATION", seq + 1) for seq in range(state.messages)]
        return [each.subject.rpartition(".")[2] for each in found]
    finally:
        await client.close()


async def test_a_proposal_goes_from_its_author_to_the_citys_answer_and_onto_the_bus(city, broker):
    async with city.serving() as unit:
        process = await opened(city, unit)
        ann, ben = resident(city), resident(city)
        made = await unit.grpc.SubmitProposal(
            pb.SubmitProposalRequest(
                process_id=process,
                title="Vélo",
                body="Vite",
                category="Mobilité",
                district="Nord",
                position=pb.Position(lat_e7=485_730_001, lon_e7=-16_750_001),
            ),
            token=ann,
        )
        proposal = made.proposal_id
        edit = pb.EditProposalRequest(proposal_id=proposal, title="Vélos", body="Plus vite")
        await unit.grpc.EditProposal(edit, token=ann)
        await unit.grpc.SupportProposal(pb.SupportProposalRequest(proposal_id=proposal), token=ben)
        top = await unit.grpc.AddComment(
            pb.AddCommentRequest(proposal_id=proposal, body="Oui"), token=ben
        )
        answer = pb.AddCommentRequest(proposal_id=proposal, parent_id=top.comment_id, body="Merci")
        await unit.grpc.AddComment(answer, token=ann)
        await unit.grpc.AnswerProposal(
            pb.AnswerProposalRequest(
                proposal_id=proposal, state=pb.PROPOSAL_STATE_REJECTED, text="Trop cher"
            ),
            token=staff(city),
        )
        request = pb.GetProposalRequest(proposal_id=proposal)
        seen = (await unit.grpc.GetProposal(request, token=ben)).proposal
        assert (seen.title, seen.body, seen.category) == ("Vélos", "Plus vite", "Mobilité")
        assert (seen.state, seen.answer) == (pb.PROPOSAL_STATE_REJECTED, "Trop cher")
        assert (seen.supports, seen.comments) == (1, 2)
        assert (seen.position.lat_e7, seen.position.lon_e7) == (485_730_001, -16_750_001)
        assert (seen.supported_by_caller, seen.written_by_caller) == (True, False)
        anonymous = (await unit.grpc.GetProposal(request)).proposal
        assert not anonymous.supported_by_caller
        listed = await unit.grpc.ListProposals(pb.ListProposalsRequest(process_id=process))
        (short,) = listed.proposals
        assert (listed.total, short.title, short.body, short.answer) == (1, "Vélos", "", "")
        comments = await unit.grpc.ListComments(pb.ListCommentsRequest(proposal_id=proposal))
        assert [each.body for each in comments.comments] == ["Oui", "Merci"]
        disclosed = await unit.grpc.GetDisclosures(pb.GetDisclosuresRequest(event_id=made.event_id))
        texts = {each.name: each.value for each in disclosed.disclosures}
        assert texts == {"title": "Vélo", "body": "Vite", "position": "485730001,-16750001"}
        assert await on_the_bus(broker, 8) == [
            "process_created",
            "idea_phase_opened",
            "proposal_submitted",
            "proposal_edited",
            "proposal_supported",
            "comment_added",
            "comment_added",
            "proposal_answered",
        ]


async def test_a_person_is_told_what_they_wrote_and_support_and_nobody_elses(city):
    async with city.serving() as unit:
        process, ann, ben = await opened(city, unit), resident(city), resident(city, "ben")
        made = [
            (
                await unit.grpc.SubmitProposal(
                    pb.SubmitProposalRequest(process_id=process, title=title), token=token
                )
            ).proposal_id
            for title, token in (("Un", ann), ("Deux", ben), ("Trois", ann))
        ]
        for id in made[:2]:
            await unit.grpc.SupportProposal(pb.SupportProposalRequest(proposal_id=id), token=ben)
        await unit.grpc.UnsupportProposal(
            pb.UnsupportProposalRequest(proposal_id=made[0]), token=ben
        )
        await unit.grpc.WithdrawProposal(pb.WithdrawProposalRequest(proposal_id=made[0]), token=ann)
        request = pb.ListOwnProposalsRequest()
        of_ann = await unit.grpc.ListOwnProposals(request, token=ann)
        assert [each.title for each in of_ann.written] == ["Trois", "Un"]
        assert of_ann.written[1].withdrawn
        assert not of_ann.supported
        of_ben = await unit.grpc.ListOwnProposals(request, token=ben)
        assert [each.title for each in of_ben.written] == ["Deux"]
        assert [each.title for each in of_ben.supported] == ["Deux"]
        assert of_ben.supported[0].supported_by_caller
        with pytest.raises(ServiceError) as refusal:
            await unit.grpc.ListOwnProposals(request)
        assert refusal.value.kind is Kind.UNAUTHENTICATED


async def test_the_phase_opens_and_closes_by_the_citys_clock(city):
    clock = FileClock(city.folder / "clock")
    opens = datetime.now(UTC) + timedelta(days=10)
    closes = opens + timedelta(days=10)
    async with city.serving() as unit:
        made = await unit.grpc.CreateProcess(
            new_process(opens_at=opens, closes_at=closes), token=staff(city)
        )
        request = pb.GetProcessRequest(process_id=made.process_id)
        seen = [(await unit.grpc.GetProcess(request)).process.idea_phase]
        for now, phase in ((opens, pb.IDEA_PHASE_OPEN), (closes, pb.IDEA_PHASE_CLOSED)):
            clock.set(now + timedelta(seconds=1))
            for _ in range(100):
                found = (await unit.grpc.GetProcess(request)).process.idea_phase
                if found == phase:
                    break
                await asyncio.sleep(0.05)
            seen.append(found)
        assert seen == [pb.IDEA_PHASE_PLANNED, pb.IDEA_PHASE_OPEN, pb.IDEA_PHASE_CLOSED]


async def test_a_repeated_key_gets_the_first_answer_and_another_body_is_refused(city):
    async with city.serving() as unit:
        process, ann = await opened(city, unit), resident(city)
        request = pb.SubmitProposalRequest(process_id=process, title="Vélo")
        answers = await asyncio.gather(
            *(
                unit.grpc.SubmitProposal(request, token=ann, idempotency_key="key-1")
                for _ in range(5)
            )
        )
        assert len({each.proposal_id for each in answers}) == 1
        request.title = "Auto"
        error = await refused(unit.grpc.SubmitProposal(request, token=ann, idempotency_key="key-1"))
        assert (error.code, error.status) == (
            "idempotency_key_reused",
            grpc.StatusCode.ALREADY_EXISTS,
        )
        own_key = await unit.grpc.SubmitProposal(
            request, token=resident(city), idempotency_key="key-1"
        )
        assert own_key.proposal_id != answers[0].proposal_id


async def test_after_a_kill_every_acknowledged_command_is_there_once(city, broker):
    acknowledged: list[str] = []
    enough = asyncio.Event()
    person = [str(uuid4()) for _ in range(200)]

    async def support(unit, proposal: str, number: int) -> None:
        request = pb.SupportProposalRequest(proposal_id=proposal)
        token = resident(city, person[number])
        answer = await unit.grpc.SupportProposal(request, token=token, timeout_s=5)
        acknowledged.append(answer.event_id)
        if len(acknowledged) == 40:
            enough.set()

    async with city.serving(signal.SIGKILL) as unit:
        process = await opened(city, unit)
        made = await unit.grpc.SubmitProposal(
            pb.SubmitProposalRequest(process_id=process, title="Vélo"), token=resident(city)
        )
        tasks = [asyncio.create_task(support(unit, made.proposal_id, n)) for n in range(200)]
        await asyncio.wait_for(enough.wait(), 30)
        unit.process.kill()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert 40 <= len(acknowledged) < 200
    async with city.serving() as unit:
        await ready(unit)
        request = pb.GetProposalRequest(proposal_id=made.proposal_id)
        seen = (await unit.grpc.GetProposal(request)).proposal
        for n in range(200):
            await support(unit, made.proposal_id, n)
        again = (await unit.grpc.GetProposal(request)).proposal
    ledger = Ledger.open(city.folder / "data" / "events.db")
    leaves = [decode_leaf(row.leaf) for row in ledger.read_public(0, 1_000)]
    await ledger.close()
    supports = [leaf.id for leaf in leaves if leaf.type.endswith("proposal_supported")]
    assert set(acknowledged) == set(supports)
    assert len(supports) == again.supports == 200
    assert 40 <= seen.supports <= 200
    words = await on_the_bus(broker, 203)
    assert (len(words), words.count("proposal_supported")) == (203, 200)


async def test_commands_are_answered_while_the_bus_is_away_and_relayed_when_it_is_back(
    city, broker
):
    async with city.serving() as unit:
        process = await opened(city, unit)
        await on_the_bus(broker, 2)
        broker.kill()
        ann = resident(city)
        for title in "abc":
            await unit.grpc.SubmitProposal(
                pb.SubmitProposalRequest(process_id=process, title=title), token=ann
            )
        listed = await unit.grpc.ListProposals(pb.ListProposalsRequest(process_id=process))
        assert listed.total == 3
        broker.start()
        assert (await on_the_bus(broker, 5)).count("proposal_submitted") == 3


async def test_it_starts_and_answers_without_a_bus(make_city):
    city = make_city("nats://127.0.0.1:9")
    async with city.serving() as unit:
        assert await opened(city, unit)
        url = f"http://127.0.0.1:{unit.ports.http}/readyz"
        with await asyncio.to_thread(urlopen, url) as response:
            answer = json.load(response)
        assert (answer["status"], answer["degraded"]) == ("ready", {"nats": "not connected"})


async def test_a_stop_relays_what_is_committed_and_ends_with_zero(city, broker):
    async with city.serving() as unit:
        await ready(unit)
        process = await opened(city, unit)
        for n in range(20):
            await unit.grpc.SubmitProposal(
                pb.SubmitProposalRequest(process_id=process, title=f"{n}"), token=resident(city)
            )
    assert unit.process.returncode == 0
    assert len(await on_the_bus(broker, 22)) == 22


async def test_rubbish_is_refused_with_code_and_field_and_stores_nothing(city):
    async with city.serving() as unit:
        process = await opened(city, unit)
        ann, sue = resident(city), staff(city)
        made = await unit.grpc.SubmitProposal(
            pb.SubmitProposalRequest(process_id=process, title="Vélo"), token=ann
        )
        own, rpc = made.proposal_id, unit.grpc
        past = Timestamp(seconds=-1)
        far = Timestamp(seconds=2**62)
        cases = [
            (rpc.CreateProcess, new_process(title=""), sue, "text_required", "title"),
            (rpc.CreateProcess, new_process(opens_at=None), sue, "instant_required", "opens_at"),
            (
                rpc.CreateProcess,
                new_process(opens_at=past),
                sue,
                "instant_out_of_range",
                "opens_at",
            ),
            (
                rpc.CreateProcess,
                new_process(closes_at=far),
                sue,
                "instant_out_of_range",
                "closes_at",
            ),
            (rpc.CreateProcess, new_process(), ann, "role_required", ""),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id="x", title="T"),
                ann,
                "id_malformed",
                "process_id",
            ),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id=process.replace("-", ""), title="T"),
                ann,
                "id_malformed",
                "process_id",
            ),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id=NOBODY, title="T"),
                ann,
                "process_not_found",
                "",
            ),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id=process, title="T" * 151),
                ann,
                "text_too_long",
                "title",
            ),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id=process, title="T", on_behalf_of=NOBODY),
                ann,
                "role_required",
                "on_behalf_of",
            ),
            (
                rpc.SubmitProposal,
                pb.SubmitProposalRequest(process_id=process, title="T", on_behalf_of="me"),
                ann,
                "id_malformed",
                "on_behalf_of",
            ),
            (
                rpc.EditProposal,
                pb.EditProposalRequest(proposal_id=own, title="T"),
                resident(city),
                "not_the_author",
                "",
            ),
            (
                rpc.AnswerProposal,
                pb.AnswerProposalRequest(proposal_id=own, state=99),
                sue,
                "answer_state_required",
                "state",
            ),
            (
                rpc.AnswerProposal,
                pb.AnswerProposalRequest(proposal_id=own, state=pb.PROPOSAL_STATE_REJECTED),
                sue,
                "text_required",
                "text",
            ),
            (
                rpc.AddComment,
                pb.AddCommentRequest(proposal_id=own, parent_id="-", body="b"),
                ann,
                "id_malformed",
                "parent_id",
            ),
            (
                rpc.AddComment,
                pb.AddCommentRequest(proposal_id=own, body="\0"),
                ann,
                "text_unprintable",
                "body",
            ),
            (
                rpc.SupportProposal,
                pb.SupportProposalRequest(proposal_id=own),
                city.token("pseudonym", thing=f"election:{NOBODY}"),
                "role_required",
                "",
            ),
            (
                rpc.ListProposals,
                pb.ListProposalsRequest(process_id=process, state=42),
                None,
                "state_unknown",
                "state",
            ),
            (
                rpc.ListProposals,
                pb.ListProposalsRequest(process_id=process, order=42),
                None,
                "order_unknown",
                "order",
            ),
            (
                rpc.ListProposals,
                pb.ListProposalsRequest(process_id=process, page_size=-5),
                None,
                "page_size_out_of_range",
                "page_size",
            ),
            (
                rpc.GetDisclosures,
                pb.GetDisclosuresRequest(event_id="' OR 1=1 --"),
                None,
                "id_malformed",
                "event_id",
            ),
        ]
        found = []
        for call, request, token, *_ in cases:
            error = await refused(call(request, token=token) if token else call(request))
            assert error.domain == "consultation.cahier"
            found.append((error.code, error.field))
        assert found == [(code, field) for *_, code, field in cases]
        listed = await rpc.ListProcesses(pb.ListProcessesRequest())
        assert [(each.title, each.proposals) for each in listed.processes] == [
            ("Budget participatif", 1)
        ]


async def test_nobody_and_strangers_are_turned_away_before_their_body_is_read(city):
    async with city.serving() as unit:
        support = pb.SupportProposalRequest(proposal_id="rubbish")
        tokens = {
            "": "token_missing",
            "rubbish": "token_malformed",
            city.token("p", "resident", audience="budget"): "token_audience",
        }
        for token, code in tokens.items():
            error = await refused(
                unit.grpc.SupportProposal(support, token=token)
                if token
                else unit.grpc.SupportProposal(support)
            )
            assert (error.kind, error.code) == (Kind.UNAUTHENTICATED, code)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{unit.ports.grpc}") as channel:
            method = "/cahier.consultation.v1.ConsultationService/GetProposal"
            raw = channel.unary_unary(method)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await raw(b"\xff\xff\xff\xff")
            assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await raw(b"\0" * (5 << 20))
            assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_logs_hold_no_text_and_no_person(city):
    async with city.serving() as unit:
        process = await opened(city, unit)
        person = str(uuid4())
        await unit.grpc.SubmitProposal(
            pb.SubmitProposalRequest(process_id=process, title="Unmistakable"),
            token=resident(city, person),
        )
        await refused(
            unit.grpc.SubmitProposal(
                pb.SubmitProposalRequest(process_id=process, title="Unmistakable\0"),
                token=resident(city, person),
            )
        )
    log = city.log.read_text()
    assert "unit_running" in log
    assert person not in log
    assert "Unmistakable" not in log


async def test_a_store_whose_pseudonym_key_is_gone_is_not_served(city):
    async with city.serving() as unit:
        await opened(city, unit)
    key = Path(city.environment["CONSULTATION_DATA_DIR"]) / "keys" / "pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    whole = key.read_bytes()
    key.unlink()
    process = city.start()
    assert await asyncio.to_thread(process.wait, 20) == 2
    key.write_bytes(whole[:-1])
    process = city.start()
    assert await asyncio.to_thread(process.wait, 20) == 2
    assert "KeyUnusable" in city.log.read_text()
    key.write_bytes(whole)
    async with city.serving() as unit:
        assert await opened(city, unit)


def test_roles_cannot_be_split_on_sqlite():
    done = subprocess.run(
        [sys.executable, "-m", "cahier_consultation", "--role", "relay"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "PostgreSQL" in done.stderr


def test_missing_settings_are_named(monkeypatch):
    monkeypatch.delenv("CONSULTATION_CITY", raising=False)
    done = subprocess.run(
        [sys.executable, "-m", "cahier_consultation", "--role", "all"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "city" in done.stderr.lower()
