"""The site's own doors with every service away: headers, cookies, limits, error pages."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_chassis.health import Health
from cahier_chassis.keys import KeyUnusable
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel.clock import FileClock
from cahier_kernel.errors import Unauthenticated
from cahier_portal.app import build_app
from cahier_portal.ballots import credential_of
from cahier_portal.bootstrap import build_portal
from cahier_portal.clients import Services
from cahier_portal.keys import session_key
from cahier_portal.pages.account import safe_next
from cahier_portal.papers import read_numbers
from cahier_portal.session import AccessTokens, Visitor
from cahier_portal.settings import PortalSettings
from cahier_portal.throttle import ADDRESSES_MAX, WINDOW_S, Throttle

NOWHERE = "127.0.0.1:1"


def settings(data_dir: Path, **more: Any) -> PortalSettings:
    return PortalSettings(
        city="old-town",
        data_dir=data_dir,
        identity_address=NOWHERE,
        consultation_address=NOWHERE,
        budget_address=NOWHERE,
        **more,
    )


async def serve(made: PortalSettings) -> AsyncIterator[httpx.AsyncClient]:
    services = Services(NOWHERE, NOWHERE, NOWHERE, made.reporting_address)
    app = build_app(build_portal(made, services), Health(), session_key(made.data_dir))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.test") as client:
        yield client
    await services.close()


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The portal with no service answering."""
    async for client in serve(settings(tmp_path, sign_in_tries_per_minute=3)):
        yield client


@pytest.fixture
async def with_logs(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The portal of a city whose services keep logs, and are all away."""
    doors = {"budget": f"http://{NOWHERE}", "consultation": f"http://{NOWHERE}"}
    async for client in serve(settings(tmp_path, unit_metrics=doors)):
        yield client


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The portal of a city that is reached over TLS, with a clock that can be set."""
    more = {"public_url": "https://town.example", "dev_clock": True}
    async for client in serve(settings(tmp_path, clock_file=tmp_path / "clock", **more)):
        yield client


PATHS = ["/", "/processes", "/nowhere", "/static/cahier.css", "/api/v1/processes", "/tlog/x", "/me"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_carries_the_strict_headers(alone: httpx.AsyncClient, path: str) -> None:
    answer = await alone.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "strict-transport-security" not in answer.headers


async def test_with_every_service_away_the_public_logs_page_says_so(
    with_logs: httpx.AsyncClient,
) -> None:
    answer = await with_logs.get("/transparency")
    assert answer.status_code == 200
    assert answer.text.count("Away for a moment") == 2
    thing = "0190a7c0-0000-7000-8000-000000000000"
    for path in (f"/receipt/{thing}", f"/history/proposal/{thing}", f"/history/election/{thing}"):
        assert (await with_logs.get(path)).status_code == 503
    for path in (f"/receipts/{thing}", "/tlog/budget/checkpoint"):
        answer = await with_logs.get(path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_receipt_that_cannot_be_checked_now_is_not_called_wrong(
    with_logs: httpx.AsyncClient,
) -> None:
    await with_logs.get("/transparency")
    form = {"_csrf_token": with_logs.cookies["cahier_csrf"]}
    answer = await with_logs.post("/transparency", data=form, files={"receipt": b"c2sp"})
    assert answer.status_code == 503
    assert "The log does not answer at the moment." in answer.text
    assert '<div class="verdict' not in answer.text.split("<template")[0]


async def test_how_units_fare_is_told_in_development_only(with_logs: httpx.AsyncClient) -> None:
    assert (await with_logs.get("/dev/status")).status_code == 404


async def test_with_every_service_away_the_front_page_still_answers(
    alone: httpx.AsyncClient,
) -> None:
    answer = await alone.get("/")
    assert answer.status_code == 200
    assert "Budgets cannot be shown right now" in answer.text
    assert "Ideas cannot be shown right now" in answer.text


async def test_a_page_whose_service_is_away_is_kind_and_503(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/budgets")
    assert answer.status_code == 503
    assert "Just a moment" in answer.text


async def test_the_api_tells_problems_as_problem_details(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/api/v1/elections")
    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "grpc_unavailable",
        "detail": answer.json()["detail"],
    }
    assert (await alone.get("/api/v1/elections/no-uuid")).json()["status"] == 404
    page = f"/api/v1/processes/{'0' * 8}-0000-7000-8000-{'0' * 12}/proposals"
    assert (await alone.get(f"{page}?size=201")).json()["status"] == 400
    assert (await alone.get(f"{page}?state=maybe")).json()["status"] == 400


async def test_the_api_describes_itself_in_openapi_3_1(alone: httpx.AsyncClient) -> None:
    described = (await alone.get("/api/v1/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {
        "/api/v1/processes",
        "/api/v1/processes/{process_id}/proposals",
        "/api/v1/proposals/{proposal_id}",
        "/api/v1/elections",
        "/api/v1/elections/{election_id}",
        "/api/v1/elections/{election_id}/projects",
        "/api/v1/elections/{election_id}/result",
        "/api/v1/elections/{election_id}/results",
        "/api/v1/elections/{election_id}/books",
        "/api/v1/projects/{project_id}",
    }


async def test_the_description_tells_every_refusal_as_it_is_sent(alone: httpx.AsyncClient) -> None:
    described = (await alone.get("/api/v1/openapi.json")).json()
    for path, methods in described["paths"].items():
        refusals = {code: each for code, each in methods["get"]["responses"].items() if code > "3"}
        assert {"400", "404", "422", "503"} <= set(refusals), path
        for each in refusals.values():
            assert set(each["content"]) == {"application/problem+json"}, path
    told = described["components"]["schemas"]["Problem"]
    sent = (await alone.get("/api/v1/elections")).json()
    assert set(told["required"]) <= set(sent) <= set(told["properties"])


@pytest.mark.parametrize(
    ("query", "field"),
    [("size=201", "size"), ("size=1e3", "size"), ("state=maybe", "state"), ("order=x", "order")],
)
async def test_a_refused_parameter_is_named(
    alone: httpx.AsyncClient, query: str, field: str
) -> None:
    page = f"/api/v1/processes/{'0' * 8}-0000-7000-8000-{'0' * 12}/proposals"
    refusal = (await alone.get(f"{page}?{query}")).json()
    assert (refusal["status"], refusal["field"]) == (400, field)
    assert "Validation failed" not in refusal["detail"]


@pytest.mark.parametrize(
    "path", ["/api/v1/elections", "/receipts/x", "/dev/clock", "/open-data/books.csv"]
)
async def test_a_refused_method_is_told_which_are_not(alone: httpx.AsyncClient, path: str) -> None:
    answer = await alone.request("PATCH", path)
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]  # RFC 9110, section 15.5.6


@pytest.mark.parametrize("name", ["%00", "a" * 300, "%ff", "..%2Fapp.py", "none.css"])
async def test_a_name_that_no_file_has_is_not_found(alone: httpx.AsyncClient, name: str) -> None:
    assert (await alone.get("/static/cahier.css")).status_code == 200
    assert (await alone.get(f"/static/{name}")).status_code == 404


@pytest.mark.parametrize("path", ["/api", "/tlog", "/receipts", "/disclosures/"])
async def test_addresses_for_programs_answer_programs(alone: httpx.AsyncClient, path: str) -> None:
    answer = await alone.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/open311/v2/requests.json"],
)
async def test_addresses_of_later_releases_say_so(alone: httpx.AsyncClient, path: str) -> None:
    answer = await alone.get(path)
    assert answer.status_code == 501
    assert "later release" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/reports",
        "/reports/new",
        "/unsubscribe?token=x",
        f"/reports/{'0' * 8}-0000-7000-8000-{'0' * 12}",
    ],
)
async def test_what_this_city_does_not_run_is_said_and_not_linked(
    alone: httpx.AsyncClient, path: str
) -> None:
    assert (await alone.get(path)).status_code == 501
    assert 'href="/reports"' not in (await alone.get("/")).text


async def test_all_public_events_are_described_in_asyncapi_3(alone: httpx.AsyncClient) -> None:
    answer = await alone.get("/asyncapi.json")
    assert answer.headers["content-type"].startswith("application/vnd.aai.asyncapi+json")
    described = answer.json()
    assert described["asyncapi"].startswith("3.")
    services = {channel["title"].split(".")[0] for channel in described["channels"].values()}
    assert services == {"identity", "consultation", "reporting", "budget", "notifications"}
    page = (await alone.get("/events")).text
    for channel in described["channels"].values():
        assert channel["title"] in page
        assert channel["address"] in page


@pytest.mark.parametrize("path", ["/dev/status", "/dev/inbox"])
async def test_development_pages_are_not_there_in_a_city_that_is_none(
    alone: httpx.AsyncClient, path: str
) -> None:
    assert (await alone.get(path)).status_code == 404


async def test_head_is_answered_like_get(alone: httpx.AsyncClient) -> None:
    assert (await alone.head("/sign-in")).status_code == 200
    assert (await alone.head("/nowhere")).status_code == 404


async def test_wrong_methods_and_large_bodies_get_pages(alone: httpx.AsyncClient) -> None:
    assert (await alone.delete("/sign-in")).status_code == 405
    token = await csrf(alone)
    big = {"_csrf_token": token, "email": "x" * (1024 * 1024)}
    assert (await alone.post("/sign-in", data=big)).status_code == 413


async def csrf(client: httpx.AsyncClient) -> str:
    await client.get("/sign-in")
    return client.cookies["cahier_csrf"]


async def test_sign_in_is_slowed_down_after_too_many_tries(alone: httpx.AsyncClient) -> None:
    form = {"_csrf_token": await csrf(alone), "email": "a@b.example", "password": "x"}
    found = [(await alone.post("/sign-in", data=form)).status_code for _ in range(4)]
    assert found == [503, 503, 503, 429]


async def test_who_does_not_sign_in_is_slowed_down_in_reporting(tmp_path: Path) -> None:
    more = {"reporting_address": NOWHERE, "anonymous_reports_per_minute": 2}
    async for client in serve(settings(tmp_path, **more)):
        await client.get("/sign-in")
        form = {"_csrf_token": client.cookies["cahier_csrf"], "description": "A dark lamp."}
        form["category"] = "LAMP"
        answers = [await client.post("/reports/new", data=form) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [503, 503, 429]
        assert all("A dark lamp." in answer.text for answer in answers)


async def test_a_form_keeps_what_was_typed_while_the_service_is_away(
    alone: httpx.AsyncClient,
) -> None:
    form = {"_csrf_token": await csrf(alone), "email": "a@b.example", "password": "secret-x"}
    answer = await alone.post("/register", data={**form, "display_name": "Ada"})
    assert answer.status_code == 503
    assert 'value="Ada"' in answer.text
    assert "What you typed is still here" in answer.text
    assert "secret-x" not in answer.text


@pytest.mark.parametrize("cookie", ["x", "null", "AAAA", "YXNzb2NpYXRlZF9kYXRhPQ=="])
async def test_a_cookie_that_is_not_ours_is_nobodys(alone: httpx.AsyncClient, cookie: str) -> None:
    answer = await alone.get("/me", headers={"cookie": f"cahier_session={cookie}"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/me"


async def test_cookies_are_closed_to_scripts_other_sites_and_plain_http(
    secure: httpx.AsyncClient,
) -> None:
    answer = await secure.get("/me")
    assert "max-age=31536000" in answer.headers["strict-transport-security"]
    cookies = (await secure.get("/sign-in")).headers.get_list("set-cookie")
    assert cookies
    for cookie in cookies:
        flags = cookie.lower()
        assert "httponly" in flags
        assert "samesite=lax" in flags
        assert "secure" in flags


async def test_the_clock_is_closed_but_in_development(alone: httpx.AsyncClient) -> None:
    assert (await alone.get("/dev/clock")).status_code == 404
    answer = await alone.post("/dev/clock", json={"now": "2030-01-01T00:00:00Z"})
    assert answer.status_code == 404


async def test_the_development_clock_reaches_what_was_asked(
    secure: httpx.AsyncClient, tmp_path: Path
) -> None:
    for part in range(10):
        # Whatever the fraction of a second is now, some of these would be rounded down.
        wanted = datetime(2030, 1, 1, 0, 0, 0, part * 100_000, tzinfo=UTC)
        answer = await secure.post("/dev/clock", json={"now": wanted.isoformat()})
        assert answer.status_code == 200
        now = FileClock(tmp_path / "clock").now()
        assert wanted <= now < wanted + timedelta(seconds=3)
        told = datetime.fromisoformat(answer.json()["now"])
        assert told >= wanted


@pytest.mark.parametrize("body", [b"", b"{}", b'{"now": 5}', b'{"now": "2030-01-01T00:00:00"}'])
async def test_a_malformed_clock_is_refused(secure: httpx.AsyncClient, body: bytes) -> None:
    answer = await secure.post("/dev/clock", content=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "now_malformed"


async def test_health_and_metrics_stand_on_the_sites_own_port(alone: httpx.AsyncClient) -> None:
    assert (await alone.get("/healthz")).json() == {"status": "alive"}
    assert (await alone.get("/readyz")).json()["status"] == "ready"
    await alone.get("/sign-in")
    metrics = (await alone.get("/metrics")).text
    assert 'cahier_http_requests_total{route="/sign-in"}' in metrics


def test_the_session_key_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    key = session_key(tmp_path)
    assert len(key) == 32
    assert session_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "keys/session.key").stat().st_mode) == 0o600
    (tmp_path / "keys/session.key").write_bytes(b"short")
    with pytest.raises(KeyUnusable, match="instead of 32"):
        session_key(tmp_path)


@pytest.mark.parametrize(
    ("given", "path"),
    [("/budgets/1/vote", "/budgets/1/vote"), ("/a?b=c", "/a?b=c"), ("", "/"), ("//x", "/"),
     ("https://x", "/"), ("/\\x", "/"), ("/sign-out", "/"), ("/a\nb", "/"), ("/" + "x" * 500, "/")],
)  # fmt: skip
def test_after_signing_in_one_stays_on_this_site(given: str, path: str) -> None:
    assert safe_next(given) == path


def test_throttle_counts_by_address_and_forgets_after_its_window() -> None:
    now_s = 0.0
    throttle = Throttle(2, lambda: now_s)
    assert [throttle.admits("a") for _ in range(3)] == [True, True, False]
    assert throttle.admits("b")
    now_s = WINDOW_S
    assert throttle.admits("a")


def test_throttle_is_bounded() -> None:
    throttle = Throttle(1, lambda: 0.0)
    for number in range(ADDRESSES_MAX + 10):
        throttle.admits(str(number))
    assert len(throttle._windows) == ADDRESSES_MAX


class Issuer:
    """Identity's answer to token requests, counted; the service itself is tested elsewhere."""

    def __init__(self, now: datetime) -> None:
        self.asked: list[tuple[str, str]] = []
        self._now = now

    async def ask(self, request: Any) -> identity.IssueAccessTokenResponse:
        self.asked.append((request.audience, request.election_id))
        answer = identity.IssueAccessTokenResponse(access_token=f"token {len(self.asked)}")
        answer.expires_at.FromDatetime(self._now + timedelta(minutes=5))
        return answer


async def test_tokens_are_kept_by_audience_and_election_until_shortly_before_they_end() -> None:
    start = now = datetime(2026, 1, 1, tzinfo=UTC)
    issuer = Issuer(now)
    tokens = AccessTokens(issuer, lambda: now)  # type: ignore[arg-type]
    visitor = Visitor("session", "id", "name", ())
    first = await tokens.get(visitor, "budget")
    assert await tokens.get(visitor, "budget") == first
    assert await tokens.get(visitor, "budget", "election") != first
    now = start + timedelta(minutes=5) - timedelta(seconds=31)
    assert await tokens.get(visitor, "budget") == first
    now = start + timedelta(minutes=5) - timedelta(seconds=30)
    assert await tokens.get(visitor, "budget") != first
    tokens.forget(visitor)
    assert tokens._held == {}


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.e30.c"])
def test_a_token_that_names_nobody_is_no_vote_token(token: str) -> None:
    with pytest.raises(Unauthenticated):
        credential_of(token)


def test_choices_are_read_ascending_and_once() -> None:
    assert read_numbers(["3", "1", "3"]) == (1, 3)
    assert read_numbers([]) == ()


def test_settings_name_no_unknown_zone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Nowhere"):
        settings(tmp_path, time_zone="Nowhere/Land")
