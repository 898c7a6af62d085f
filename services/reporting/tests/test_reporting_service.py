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

from cahier_chassis.errors import ServiceError
from cahier_contracts.reporting.v1 import reporting_service_pb2 as pb
from cahier_kernel.clock import FileClock
from cahier_kernel.errors import Kind
from cahier_ledger.ledger import Ledger
from cahier_record.events import decode_leaf

NOBODY = str(uuid4())
HERE = pb.Position(lat_e7=488_566_000, lon_e7=23_522_000)


def resident(city, person: str = "") -> str:
    return city.token(person or str(uuid4()), "resident")


def staff(city) -> str:
    return city.token(str(uuid4()), "staff", "resident")


def light(**changes) -> pb.DefineCategoryRequest:
    given = {"code": "light", "label": "A light is out", "department": "traffic"}
    values = pb.Category(**(given | {"promise_days": 4} | changes))
    return pb.DefineCategoryRequest(category=values)


def problem(**changes) -> pb.ReportProblemRequest:
    given = {"category": "light", "position": HERE, "description": "Dark since Monday"}
    return pb.ReportProblemRequest(**(given | changes))


async def refused(call) -> ServiceError:
    with pytest.raises(ServiceError) as refusal:
        await call
    return refusal.value


async def on_the_bus(broker, count: int) -> list[str]:
    """The words of the public stream once it holds `count` events."""
    client = await nats.connect(broker.url)
    try:
        js = client.jetstream()
        for _ in range(200):
            try:
                if (await js.stream_info("PUBLIC_REPORTING")).state.messages >= count:
                    break
            except nats.js.errors.NotFoundError:
                pass
            await asyncio.sleep(0.05)
        state = (await js.stream_info("PUBLIC_REPORTING")).state
        found = [await js.get_msg("PUBLIC_REPORTING", seq + 1) for seq in range(state.messages)]
        return [each.subject.rpartition(".")[2] for each in found]
    finally:
        await client.close()


async def test_a_report_goes_from_a_street_to_its_outcome_and_onto_the_bus(city, broker):
    async with city.serving() as unit:
        sue, ann = staff(city), resident(city)
        await unit.grpc.DefineCategory(light(), token=sue)
        first = await unit.grpc.ReportProblem(problem(), token=resident(city))
        made = await unit.grpc.ReportProblem(problem(address="9 Elm Street"), token=ann)
        assert made.answer_by.ToDatetime(UTC) > datetime.now(UTC) + timedelta(days=3)
        await unit.grpc.RouteReport(
            pb.RouteReportRequest(report_id=made.report_id, department="power", reason="Theirs"),
            token=sue,
        )
        await unit.grpc.AnswerReport(
            pb.AnswerReportRequest(report_id=made.report_id, state=pb.REPORT_STATE_PLANNED),
            token=sue,
        )
        near = await unit.grpc.ListNearby(pb.ListNearbyRequest(position=HERE, radius_m=100))
        assert [each.report.report_id for each in near.reports] == [
            first.report_id,
            made.report_id,
        ]
        await unit.grpc.CloseReport(
            pb.CloseReportRequest(
                report_id=made.report_id,
                outcome=pb.REPORT_STATE_DUPLICATE,
                text="Seen",
                duplicate_of=first.report_id,
            ),
            token=sue,
        )
        request = pb.GetReportRequest(report_id=made.report_id)
        seen = (await unit.grpc.GetReport(request, token=ann)).report
        assert (seen.state, seen.closed) == (pb.REPORT_STATE_DUPLICATE, True)
        assert (seen.category_label, seen.department) == ("A light is out", "power")
        assert (seen.position, seen.address, seen.duplicate_of) == (
            HERE,
            "9 Elm Street",
            first.report_id,
        )
        assert [each.kind for each in seen.updates] == [
            pb.UPDATE_KIND_ROUTED,
            pb.UPDATE_KIND_ANSWERED,
            pb.UPDATE_KIND_CLOSED,
        ]
        assert seen.reported_by_caller
        assert not (await unit.grpc.GetReport(request)).report.reported_by_caller
        own = await unit.grpc.ListReports(pb.ListReportsRequest(reported_by_caller=True), token=ann)
        assert [each.report_id for each in own.reports] == [made.report_id]
        closed = pb.ListReportsRequest(state=pb.REPORT_STATE_DUPLICATE, department="power")
        assert (await unit.grpc.ListReports(closed)).total == 1
        categories = await unit.grpc.ListCategories(pb.ListCategoriesRequest())
        assert [each.code for each in categories.categories] == ["light"]
        disclosed = await unit.grpc.GetDisclosures(pb.GetDisclosuresRequest(event_id=made.event_id))
        assert {each.name: each.value for each in disclosed.disclosures} == {
            "description": "Dark since Monday",
            "address": "9 Elm Street",
            "position": "488566000,23522000",
        }
        assert await on_the_bus(broker, 6) == [
            "category_defined",
            "report_received",
            "report_received",
            "report_routed",
            "report_answered",
            "report_closed",
        ]


async def test_nobody_signs_in_where_the_category_lets_them(city):
    async with city.serving() as unit:
        sue = staff(city)
        await unit.grpc.DefineCategory(light(), token=sue)
        error = await refused(unit.grpc.ReportProblem(problem()))
        assert (error.code, error.kind) == ("sign_in_required", Kind.UNAUTHENTICATED)
        await unit.grpc.DefineCategory(light(anonymous=True), token=sue)
        made = await unit.grpc.ReportProblem(problem())
        shown = await unit.grpc.GetReport(pb.GetReportRequest(report_id=made.report_id))
        assert shown.report.reporter == ""
        # A bad token is refused where none would do.
        bad = await refused(unit.grpc.ReportProblem(problem(), token="rubbish"))
        assert bad.code == "token_malformed"


async def test_a_promise_is_missed_by_the_citys_clock(city, broker):
    clock = FileClock(city.folder / "clock")
    async with city.serving() as unit:
        await unit.grpc.DefineCategory(light(), token=staff(city))
        made = await unit.grpc.ReportProblem(problem(), token=resident(city))
        clock.set(datetime.now(UTC) + timedelta(days=5))
        request = pb.GetReportRequest(report_id=made.report_id)
        for _ in range(100):
            report = (await unit.grpc.GetReport(request)).report
            if report.promise_missed:
                break
            await asyncio.sleep(0.1)
        assert report.promise_missed
        assert (await on_the_bus(broker, 3))[-1] == "promise_missed"


async def test_a_repeated_key_gets_the_first_answer_and_another_body_is_refused(city):
    async with city.serving() as unit:
        await unit.grpc.DefineCategory(light(anonymous=True), token=staff(city))
        for token in (resident(city), ""):
            more = {"token": token, "idempotency_key": "key-1"}
            answers = await asyncio.gather(
                *(unit.grpc.ReportProblem(problem(), **more) for _ in range(5))
            )
            assert len({each.report_id for each in answers}) == 1
            assert answers[0].HasField("answer_by")
            error = await refused(unit.grpc.ReportProblem(problem(address="x"), **more))
            assert error.code == "idempotency_key_reused"
        assert (await unit.grpc.ListReports(pb.ListReportsRequest())).total == 2


async def test_after_a_kill_every_acknowledged_report_is_there_once(city, broker):
    acknowledged: set[str] = set()
    enough = asyncio.Event()

    async def report(unit, number: int) -> None:
        key = f"report-{number}"
        answer = await unit.grpc.ReportProblem(
            problem(), token=person, idempotency_key=key, timeout_s=5
        )
        acknowledged.add(answer.event_id)
        if len(acknowledged) == 30:
            enough.set()

    person = resident(city)
    async with city.serving(signal.SIGKILL) as unit:
        await unit.grpc.DefineCategory(light(), token=staff(city))
        tasks = [asyncio.create_task(report(unit, n)) for n in range(150)]
        await asyncio.wait_for(enough.wait(), 30)
        unit.process.kill()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert 30 <= len(acknowledged) < 150
    async with city.serving() as unit:
        for number in range(150):
            await report(unit, number)
        assert (await unit.grpc.ListReports(pb.ListReportsRequest())).total == 150
    ledger = Ledger.open(city.folder / "data" / "events.db")
    leaves = [decode_leaf(row.leaf) for row in ledger.read_public(0, 1_000)]
    await ledger.close()
    received = {leaf.id for leaf in leaves if leaf.type.endswith("report_received")}
    assert acknowledged == received
    assert len(await on_the_bus(broker, 151)) == 151


async def test_commands_are_answered_while_the_bus_is_away_and_relayed_when_it_is_back(
    city, broker
):
    async with city.serving() as unit:
        await unit.grpc.DefineCategory(light(), token=staff(city))
        await on_the_bus(broker, 1)
        broker.kill()
        for _ in range(3):
            await unit.grpc.ReportProblem(problem(), token=resident(city))
        assert (await unit.grpc.ListReports(pb.ListReportsRequest())).total == 3
        broker.start()
        assert (await on_the_bus(broker, 4)).count("report_received") == 3


async def test_it_starts_and_answers_without_a_bus(make_city):
    city = make_city("nats://127.0.0.1:9")
    async with city.serving() as unit:
        assert (await unit.grpc.DefineCategory(light(), token=staff(city))).event_id
        url = f"http://127.0.0.1:{unit.ports.http}/readyz"
        with await asyncio.to_thread(urlopen, url) as response:
            assert json.load(response)["status"] == "ready"
    assert unit.process.returncode == 0


async def test_rubbish_is_refused_with_code_and_field_and_stores_nothing(city):
    async with city.serving() as unit:
        ann, sue, rpc = resident(city), staff(city), unit.grpc
        await rpc.DefineCategory(light(), token=sue)
        own = (await rpc.ReportProblem(problem(), token=ann)).report_id
        far = pb.Position(lat_e7=900_000_001)
        route = pb.RouteReportRequest(report_id=own, department="power", reason="r")
        vote = city.token("pseudonym", thing=f"election:{NOBODY}")
        malformed = ("id_malformed", "report_id")
        unknown, no_outcome = ("report_not_found", "report_id"), ("outcome_required", "outcome")
        cases = [
            (rpc.DefineCategory, light(), ann, "role_required", ""),
            (rpc.DefineCategory, pb.DefineCategoryRequest(), sue, "text_required", "category.code"),
            (rpc.DefineCategory, light(label="\x07"), sue, "text_unprintable", "category.label"),
            (
                rpc.DefineCategory,
                light(promise_days=2**31 - 1),
                sue,
                "promise_out_of_range",
                "category.promise_days",
            ),
            (rpc.ReportProblem, problem(category="x"), ann, "category_not_found", ""),
            (rpc.ReportProblem, problem(category="\0"), ann, "category_not_found", ""),
            (rpc.ReportProblem, problem(description=""), ann, "text_required", "description"),
            (rpc.ReportProblem, problem(position=None), ann, "place_required", "position"),
            (rpc.ReportProblem, problem(position=far), ann, "position_out_of_range", "position"),
            (rpc.ReportProblem, problem(on_behalf_of="x"), ann, "id_malformed", "on_behalf_of"),
            (rpc.ReportProblem, problem(on_behalf_of=NOBODY), ann, "role_required", "on_behalf_of"),
            (rpc.ReportProblem, problem(), vote, "role_required", ""),
            (rpc.RouteReport, route, ann, "role_required", ""),
            (
                rpc.RouteReport,
                pb.RouteReportRequest(report_id="x"),
                sue,
                "id_malformed",
                "report_id",
            ),
            (
                rpc.RouteReport,
                pb.RouteReportRequest(report_id=own, department="traffic", reason="r"),
                sue,
                "already_routed",
                "",
            ),
            (
                rpc.AnswerReport,
                pb.AnswerReportRequest(report_id=own, state=99),
                sue,
                "answer_state_required",
                "state",
            ),
            (
                rpc.AnswerReport,
                pb.AnswerReportRequest(report_id=NOBODY, state=pb.REPORT_STATE_PLANNED),
                sue,
                "report_not_found",
                "",
            ),
            (
                rpc.CloseReport,
                pb.CloseReportRequest(report_id=own),
                sue,
                *no_outcome,
            ),
            (
                rpc.CloseReport,
                pb.CloseReportRequest(
                    report_id=own,
                    outcome=pb.REPORT_STATE_DUPLICATE,
                    text="t",
                    duplicate_of=NOBODY,
                ),
                sue,
                "duplicate_of_not_found",
                "",
            ),
            (
                rpc.GetReport,
                pb.GetReportRequest(report_id=NOBODY),
                "",
                *unknown,
            ),
            (rpc.GetReport, pb.GetReportRequest(report_id=f"{0:032}----"), "", *malformed),
            (rpc.ListReports, pb.ListReportsRequest(state=99), "", "state_unknown", "state"),
            (
                rpc.ListReports,
                pb.ListReportsRequest(page_token="x"),
                "",
                "page_token_malformed",
                "page_token",
            ),
            (
                rpc.ListReports,
                pb.ListReportsRequest(reported_by_caller=True),
                "",
                "token_missing",
                "",
            ),
            (rpc.ListNearby, pb.ListNearbyRequest(), "", "position_required", "position"),
            (
                rpc.ListNearby,
                pb.ListNearbyRequest(position=HERE, radius_m=5_001),
                "",
                "radius_out_of_range",
                "radius_m",
            ),
            (
                rpc.GetDisclosures,
                pb.GetDisclosuresRequest(event_id=NOBODY),
                "",
                "event_not_found",
                "event_id",
            ),
        ]
        found = []
        for call, request, token, *_ in cases:
            error = await refused(call(request, token=token) if token else call(request))
            assert error.domain == "reporting.cahier"
            found.append((error.code, error.field))
        assert found == [(code, field) for *_, code, field in cases]
        report = (await rpc.GetReport(pb.GetReportRequest(report_id=own))).report
        assert (report.state, list(report.updates)) == (pb.REPORT_STATE_UNCONFIRMED, [])
        assert (await rpc.ListReports(pb.ListReportsRequest())).total == 1


async def test_nobody_is_turned_away_from_staffs_commands_before_the_body_is_read(city):
    async with city.serving() as unit:
        error = await refused(unit.grpc.CloseReport(pb.CloseReportRequest(report_id="rubbish")))
        assert error.code == "token_missing"
        async with grpc.aio.insecure_channel(f"127.0.0.1:{unit.ports.grpc}") as channel:
            raw = channel.unary_unary("/cahier.reporting.v1.ReportingService/ReportProblem")
            for body, status in (
                (b"\xff\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
                (b"\0" * (5 << 20), grpc.StatusCode.RESOURCE_EXHAUSTED),
            ):
                with pytest.raises(grpc.aio.AioRpcError) as refusal:
                    await raw(body)
                assert refusal.value.code() is status


async def test_logs_hold_no_text_no_place_and_no_person(city):
    async with city.serving() as unit:
        await unit.grpc.DefineCategory(light(), token=staff(city))
        person = str(uuid4())
        token = resident(city, person)
        report = problem(description="Unmistakable", address="9 Elm Street")
        await unit.grpc.ReportProblem(report, token=token)
        report.description += "\0"
        await refused(unit.grpc.ReportProblem(report, token=token))
    log = city.log.read_text()
    assert "unit_running" in log
    for secret in (person, "Unmistakable", "Elm", "488566000"):
        assert secret not in log


async def test_a_store_whose_pseudonym_key_is_gone_is_not_served(city):
    async with city.serving() as unit:
        await unit.grpc.DefineCategory(light(), token=staff(city))
    key = Path(city.environment["REPORTING_DATA_DIR"]) / "keys" / "pseudonym.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.unlink()
    process = city.start()
    assert await asyncio.to_thread(process.wait, 20) == 2
    assert "pseudonym.key is missing" in city.log.read_text()


def test_an_unknown_role_is_refused():
    done = subprocess.run(
        [sys.executable, "-m", "cahier_reporting", "--role", "rubbish"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "--role" in done.stderr
