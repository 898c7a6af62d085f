"""One click is one trace, up to the mail that it caused; and a ballot is in none."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from cahier_chassis.telemetry import traceparent_of
from cahier_cli.doors import Doors
from cahier_cli.people import SignIn, make_people
from cahier_cli.storage import open_stores
from cahier_ledger.bus.streams import public_stream

pytestmark = pytest.mark.e2e
COMMENTS = "POST /proposals/{proposal_id}/comments"
ADD_COMMENT = "cahier.consultation.v1.ConsultationService/AddComment"
PLAN, HAND_OVER = "notifications.plan", "notifications.hand_over"
WAY = (COMMENTS, ADD_COMMENT, PLAN, HAND_OVER)


def new_trace() -> tuple[str, str, dict[str, str]]:
    """Trace id, span id and header of a click."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return trace, span, {"traceparent": f"00-{trace}-{span}-01"}


def some_proposal(city: Any, election: str) -> str:
    """A proposal that stands in the election, still open to comments."""
    address = f"{city.url}/api/v1/elections/{election}/projects"
    return str(httpx.get(address, trust_env=False).json()["projects"][0]["proposal_id"])


def people(city: Any) -> list[SignIn]:
    async def make() -> list[SignIn]:
        async with Doors(city.folder) as doors:
            return await make_people(doors, city.folder)

    return asyncio.run(make())


def stored_traces(city: Any, service: str) -> list[tuple[str, str]]:
    """(topic, traceparent) of each of a service's private events that has a trace."""
    with open_stores(city.folder) as stores_of:
        reader = stores_of(service).open_reader()
        found = [(each.type, traceparent_of(each.meta) or "") for each in reader.read_all()]
        reader.close_reader()
    return [(topic, traceparent) for topic, traceparent in found if traceparent]


async def relayed_headers(city: Any, service: str) -> list[dict[str, str]]:
    """The headers of each message of a service's public stream."""
    import nats

    client = await nats.connect(city.running["nats"])
    try:
        js, stream = client.jetstream(), public_stream(service)
        last = (await js.stream_info(stream)).state.last_seq
        return [(await js.get_msg(stream, seq)).headers or {} for seq in range(1, last + 1)]
    finally:
        await client.close()


def log_lines(city: Any, unit: str) -> list[dict[str, Any]]:
    text = city.folder.log(unit).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def mails_to(city: Any, address: str) -> int:
    folder = city.folder.unit("notifications") / "captured"
    return sum(address in file.read_text("utf-8") for file in folder.glob("*.eml"))


def test_one_click_is_one_trace_up_to_the_mail_that_it_caused(
    traced_city: Any, collector: Any, open_vote: str, visitor: Callable[[], Any]
) -> None:
    proposal = some_proposal(traced_city, open_vote)
    follower, speaker = visitor(), visitor()
    follower.register("Fanny", "fanny@example.org")
    follower.go(f"/proposals/{proposal}")
    assert follower.send("/me/follows", level="all", step="follow").status_code == 200
    speaker.register("Sylvain", "sylvain@example.org")
    speaker.go(f"/proposals/{proposal}")
    trace, click, header = new_trace()
    assert speaker.send("/comments", header, body="A good idea.").status_code == 200

    traced_city.wait_until("a mail", lambda: mails_to(traced_city, "fanny@example.org") == 1)
    traced_city.wait_until(
        "the whole way was sent", lambda: set(WAY) <= collector.of_trace(trace).keys()
    )
    spans = collector.of_trace(trace)
    for name, parent in zip(WAY, (click, *(spans[each].id for each in WAY)), strict=False):
        assert spans[name].parent == parent, name
    assert [spans[name].unit for name in WAY] == [
        "cahier-portal",
        "cahier-consultation",
        "cahier-notifications",
        "cahier-notifications",
    ]

    def carried(traceparent: str) -> bool:
        return traceparent.split("-")[1:2] == [trace]

    assert "consultation.comment.added" in [
        topic for topic, told in stored_traces(traced_city, "consultation") if carried(told)
    ]
    headers = asyncio.run(relayed_headers(traced_city, "consultation"))
    (relayed,) = (each for each in headers if carried(each.get("traceparent", "")))
    assert relayed["ce-type"].endswith("comment_added")
    planned = {
        topic for topic, told in stored_traces(traced_city, "notifications") if carried(told)
    }
    assert len(planned) >= 2, planned  # the plan, and how the mail ended
    logged = [line for line in log_lines(traced_city, "notifications") if "trace_id" in line]
    assert trace in {line["trace_id"] for line in logged if line["event"] == "mails_planned"}


def test_each_unit_shows_its_part_of_the_last_traces(
    traced_city: Any, open_vote: str, visitor: Callable[[], Any]
) -> None:
    trace, click, header = new_trace()
    visitor().http.get("/processes", headers=header)

    def names(unit: str) -> dict[str, str]:
        answer = httpx.get(f"{traced_city.running['metrics'][unit]}/traces", trust_env=False)
        found = [each for each in answer.json()["traces"] if each["trace_id"] == trace]
        return {span["name"]: span["parent_id"] for each in found for span in each["spans"]}

    traced_city.wait_until("the portal tells", lambda: bool(names("portal")))
    assert names("portal") == {"GET /processes": click}
    assert "cahier.consultation.v1.ConsultationService/ListProcesses" in names("consultation")
    for unit, base in traced_city.running["metrics"].items():
        answer = httpx.get(f"{base}/traces", trust_env=False)
        assert answer.status_code == 200, unit
        assert answer.json()["unit"] == f"cahier-{unit}"


def test_a_ballot_is_in_no_trace(
    traced_city: Any, collector: Any, open_vote: str, visitor: Callable[[], Any]
) -> None:
    resident = people(traced_city)[0]
    voter = visitor()
    voter.sign_in(resident.email, resident.password)
    trace, _, header = new_trace()
    voter.http.headers.update(header)
    voter.go(f"/budgets/{open_vote}/vote")
    voter.send("/vote", choice="1", step="review")
    answer = voter.send("/vote", step="cast")
    assert answer.status_code == 200, answer.text
    assert answer.url.path.endswith("/vote/done")
    voter.http.headers.pop("traceparent")

    # What is sent after the ballot says that what was sent before it has come.
    last, _, header = new_trace()
    voter.http.get("/budgets", headers=header)
    listing = "cahier.budget.v1.BudgetService/ListElections"
    traced_city.wait_until(
        "later spans", lambda: {"GET /budgets", listing} <= collector.of_trace(last).keys()
    )
    assert collector.of_trace(trace) == {}
    named = {span.name for span in collector.spans}
    assert not [name for name in named if re.search(r"/vote|Ballot", name)]
    assert any("OpenVoting" in name for name in named)
    topics = {topic for topic, _ in stored_traces(traced_city, "budget")}
    assert topics
    assert not [topic for topic in topics if "ballot" in topic]
    headers = asyncio.run(relayed_headers(traced_city, "budget"))
    ballots = [each for each in headers if each["ce-type"].endswith("ballot_cast")]
    assert len(ballots) == 21
    assert not [each for each in ballots if "traceparent" in each or "ce-time" in each]
    for unit in ("portal", "budget", "identity"):
        assert trace not in traced_city.folder.log(unit).read_text("utf-8")


def test_every_span_and_attribute_of_a_city_is_registered(
    traced_city: Any, collector: Any, open_vote: str
) -> None:
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parents[2] / "telemetry/spans.toml").read_text("utf-8")
    register = tomllib.loads(text)
    known = {each["name"] for each in register["attribute"]}
    fixed = {each["name"] for each in register["span"] if "{" not in each["name"]}
    traced_city.wait_until("some spans", lambda: len(collector.spans) > 20)
    for span in collector.spans:
        assert span.attributes <= known, span
        rpc = span.name.startswith("cahier.") and span.name.count("/") == 1
        page = re.fullmatch(r"(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|_OTHER|HTTP) \S+", span.name)
        assert rpc or page or span.name in fixed, span
