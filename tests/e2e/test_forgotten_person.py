"""Somebody takes part in everything, is forgotten at the portal, and the public record holds.

One city for all: what the person wrote, supported, reported, followed and cast comes first, then
their erasure, then the end of the vote without them.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cahier_cli.doors import Doors
from cahier_cli.generated import generated_election
from cahier_cli.people import make_people
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_record.events import SERVICES

pytestmark = pytest.mark.e2e
AUDIT = str(Path(sys.executable).parent / "cahier-audit")
NAME, EMAIL = "Olympe Martin", "resident@demo.example"
TITLE, BODY = "A carousel for grandmothers", "With brass rings, and slowly."
COMMENT, REPLY = "Open on Sundays, too.", "I would ride it every day."
WHERE, WHAT = "17 Hippogriff Lane", "The manhole sings at night."
PERSONAL = (NAME, EMAIL, TITLE, BODY, COMMENT, WHERE, WHAT)
VOTERS_IMPORTED = 20


class Town:
    """A city with an open vote and an open call for ideas, and how people come to it."""

    def __init__(self, city: Any, election: str, process: str, visitor_class: Any) -> None:
        self.city, self.election, self.process = city, election, process
        self.visitor: Callable[[], Any] = lambda: visitor_class(city.url)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.city.url + path, trust_env=False, timeout=30)

    def mails_to(self, address: str) -> int:
        folder = self.city.folder.unit("notifications") / "captured"
        mails = [file.read_text("utf-8") for file in folder.glob("*.eml")]
        return sum(f"To: {address}" in mail for mail in mails)


@pytest.fixture(scope="module")
def town(
    shared_city: Any, cahier_of_module: Any, visitor_class: Any, tmp_path_factory: Any
) -> SimpleNamespace:
    """The town, its staff's and its resident's way in."""
    file = tmp_path_factory.mktemp("pb") / "small.pb"
    file.write_bytes(generated_election(7, voters=VOTERS_IMPORTED, projects=3).encode())
    folder = shared_city.folder.root
    done = cahier_of_module("import", "pabulib", file, "--leave-open", "--data", folder)
    assert done.returncode == 0, done.stderr
    process, people = asyncio.run(prepare(shared_city))
    made = Town(shared_city, done.stdout.splitlines()[-1], process, visitor_class)
    return SimpleNamespace(town=made, resident=people[0], staff=people[1])


async def prepare(city: Any) -> tuple[str, Any]:
    async with Doors(city.folder) as doors:
        now = await doors.settable_clock()
        assert now is not None
        process = await doors.consultation.CreateProcess(
            consultation.CreateProcessRequest(
                title="Squares", opens_at=now - timedelta(hours=1), closes_at=now + timedelta(9)
            )
        )
        manholes = reporting.Category(code="manholes", label="Manholes", department="Streets")
        await doors.reporting.DefineCategory(reporting.DefineCategoryRequest(category=manholes))
        return process.process_id, await make_people(doors, city.folder)


@pytest.fixture(scope="module")
def acted(town: SimpleNamespace) -> SimpleNamespace:
    """The person has done everything that one can do, and others have answered."""
    place: Town = town.town
    olympe, bob = place.visitor(), place.visitor()
    olympe.sign_in(town.resident.email, town.resident.password)
    bob.register("Bob", "bob@example.org")
    place.city.wait_until("ideas may be sent", lambda: ideas_open(olympe, place.process))
    ok(olympe.send("/proposals", title=TITLE, body=BODY, category="Parks", district=""))
    proposal = str(olympe.page.url.path)
    follow(place, olympe, proposal, "minimal")
    ok(olympe.send("/comments", body=COMMENT))
    bob.go(proposal)
    ok(bob.send("/support"))
    ok(bob.send("/comments", body=REPLY))
    follow(place, bob, proposal)
    other = f"/proposals/{some_proposal(place)}"
    olympe.go(other)
    ok(olympe.send("/support"))
    follow(place, olympe, other)
    follow(place, bob, other)
    olympe.go("/reports/new")
    where = {"category": "manholes", "address": WHERE, "lat": "43.6", "lon": "1.44"}
    ok(olympe.send("/reports/new", step="send", description=WHAT, **where))
    report = str(olympe.page.url.path)
    olympe.go(f"/budgets/{place.election}/vote")
    ok(olympe.send("/vote", choice="1", step="review"))
    ok(olympe.send("/vote", step="cast"))
    bob.go(other)
    ok(bob.send("/comments", body="First."))
    place.city.wait_until("a mail to both", lambda: mailed(place) >= (1, 1))
    return SimpleNamespace(
        olympe=olympe, bob=bob, proposal=proposal, other=other, report=report, before=mailed(place)
    )


@pytest.fixture(scope="module")
def erased(town: SimpleNamespace, acted: SimpleNamespace) -> SimpleNamespace:
    """As `acted`, and the person is forgotten by every service. held: what they could see."""
    place, person = town.town, acted.olympe
    held = person.go("/me/export.json").json()
    person.go("/me/erase")
    ok(person.send("/me/erase", password=town.resident.password))
    report = str(person.page.url.path)
    place.city.wait_until("all confirm", lambda: "Everything is erased" in place.get(report).text)
    return SimpleNamespace(**vars(acted), held=held, erasure=report)


@pytest.fixture(scope="module")
def bundle(
    town: SimpleNamespace,
    erased: SimpleNamespace,
    cahier_of_module: Any,
    tmp_path_factory: Any,
) -> Path:
    """The logs after the vote has ended and its result was published."""
    place, staff = town.town, town.town.visitor()
    staff.sign_in(town.staff.email, town.staff.password)
    for step in ("close", "count", "publish"):
        staff.go(f"/staff/budgets/{place.election}/steps/{step}")
        more = {"reason": "Everybody has voted."} if step == "close" else {}
        ok(staff.send(f"/steps/{step}", **more))
    out: Path = tmp_path_factory.mktemp("bundle") / "bundle"
    done = cahier_of_module("export", "bundle", out, "--data", place.city.folder.root)
    assert done.returncode == 0, done.stderr
    return out


def ok(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text


def ideas_open(person: Any, process: str) -> bool:
    return '/proposals">' in person.go(f"/processes/{process}").text


def some_proposal(place: Town) -> str:
    projects = place.get(f"/api/v1/elections/{place.election}/projects").json()["projects"]
    return str(projects[0]["proposal_id"])


def follow(place: Town, person: Any, path: str, level: str = "all") -> None:
    def followed() -> bool:
        person.go(path)
        return bool(person.send("/me/follows", level=level, step="follow").status_code == 200)

    place.city.wait_until(f"{path} can be followed", followed)


def mailed(place: Town) -> tuple[int, int]:
    return place.mails_to(EMAIL), place.mails_to("bob@example.org")


def audit(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True)


def events_held(erased: SimpleNamespace) -> Iterator[tuple[str, str]]:
    for service in ("consultation", "reporting"):
        for item in erased.held["held"][service]:
            if item["kind"] != "support":
                yield service, item["event_id"]


def test_a_person_sees_all_that_they_did_before_they_go(erased: SimpleNamespace) -> None:
    kinds = {
        service: sorted(item["kind"] for item in items)
        for service, items in erased.held["held"].items()
    }
    assert kinds == {
        "identity": ["registered", "residence_proved"],
        "consultation": ["comment", "proposal", "support"],
        "reporting": ["report"],
        "budget": [],
        "notifications": ["contact", "follow", "follow"],
    }
    told = json.dumps(erased.held, ensure_ascii=False)
    assert [text for text in PERSONAL if text not in told] == []


def test_the_page_of_a_forgotten_persons_proposal_stands(
    town: SimpleNamespace, erased: SimpleNamespace
) -> None:
    page = town.town.get(erased.proposal).text
    assert "<h1>[erased]</h1>" in page
    assert '<p class="figure">1</p>' in page  # Bob's support is counted.
    assert REPLY in page
    assert [text for text in PERSONAL if text in page] == []
    report = town.town.get(erased.report).text
    assert "[erased]" in report
    assert [text for text in PERSONAL if text in report] == []


def test_no_public_page_shows_what_was_erased(
    town: SimpleNamespace, erased: SimpleNamespace
) -> None:
    proposal, report = erased.proposal.rsplit("/", 1)[1], erased.report.rsplit("/", 1)[1]
    for path in (
        f"/processes/{town.town.process}",
        f"/history/proposal/{proposal}",
        f"/history/report/{report}",
        "/reports",
        "/reports?near=43.6,1.44",
        f"/api/v1/proposals/{proposal}",
        f"/api/v1/processes/{town.town.process}/proposals",
        erased.erasure,
        "/events",
        "/transparency",
    ):
        page = town.town.get(path)
        assert page.status_code == 200, path
        assert [text for text in PERSONAL if text in page.text] == [], path


def test_the_texts_are_gone_and_their_receipts_stay(
    town: SimpleNamespace, erased: SimpleNamespace
) -> None:
    found = list(events_held(erased))
    assert len(found) == 3
    for service, event in found:
        gone = town.town.get(f"/disclosures/{service}/{event}")
        assert (gone.status_code, gone.json()["code"]) == (410, "disclosures_erased")
        proof = town.town.get(f"/receipts/{event}")
        assert proof.status_code == 200
        assert proof.text.startswith("c2sp.org/tlog-proof@v1\n")


def test_a_forgotten_person_gets_no_mail(town: SimpleNamespace, erased: SimpleNamespace) -> None:
    place = town.town
    to_bob = mailed(place)[1]
    carol = place.visitor()
    carol.register("Carol", "carol@example.org")
    carol.go(erased.other)
    ok(carol.send("/comments", body="Second."))
    place.city.wait_until("a mail to who is left", lambda: mailed(place)[1] > to_bob)
    assert mailed(place)[0] == 0  # Those that were caught before are deleted, too.
    assert erased.before[0] >= 1


def test_a_forgotten_person_cannot_sign_in(town: SimpleNamespace, erased: SimpleNamespace) -> None:
    assert erased.olympe.go("/me").url.path == "/sign-in"
    again = town.town.visitor()
    again.go("/sign-in")
    answer = again.send("/sign-in", email=EMAIL, password=town.resident.password)
    assert answer.status_code == 401


def test_the_log_still_verifies_and_names_the_erasure(bundle: Path) -> None:
    done = audit("verify", bundle)
    assert done.returncode == 0, done.stdout + done.stderr
    leaves = "".join(
        file.read_bytes().decode("utf-8", "replace")
        for file in bundle.glob("tlog/*/tile/entries/**/*")
        if file.is_file()
    )
    for service in SERVICES:
        assert f'"{service}.v1.erasure.erasure_confirmed"' in leaves, service
    assert leaves.count(".v1.erasure.content_erased") >= 3


def test_the_bundle_holds_nothing_of_the_forgotten_person(bundle: Path) -> None:
    files = [file for file in bundle.rglob("*") if file.is_file()]
    assert len(files) > 20
    singing = [
        (file.name, text)
        for file in files
        for text in PERSONAL
        if text.encode() in file.read_bytes()
    ]
    assert singing == []


def test_replay_and_recount_hold_and_count_the_forgotten_persons_ballot(
    town: SimpleNamespace, erased: SimpleNamespace, bundle: Path
) -> None:
    replayed = audit("replay", bundle, "--json")
    assert replayed.returncode == 0, replayed.stderr
    proposal = erased.proposal.rsplit("/", 1)[1]
    assert proposal in replayed.stdout
    assert [text for text in PERSONAL if text in replayed.stdout] == []
    recounted = audit("recount", bundle, town.town.election, "--json")
    assert recounted.returncode == 0, recounted.stdout + recounted.stderr
    page = town.town.get(f"/budgets/{town.town.election}/results").text
    assert re.search(rf"\b{VOTERS_IMPORTED + 1}\b", page)
