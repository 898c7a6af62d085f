"""After the vote, on pages: books to the cent, progress, pictures, and corrected results."""

from __future__ import annotations

import csv
import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from cahier_ledger.ledger import Ledger
from cahier_record.budget.views import BudgetView
from cahier_record.events import decode_leaf

SHOTS = os.environ.get("CAHIER_SCREENSHOTS", "")
AXE = Path(__file__).parent / "vendor/axe.min.js"
SOUNDNESS = Path(__file__).parent / "soundness.js"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(width: int = 160, height: int = 120) -> bytes:
    """A meadow below a sky, as PNG."""
    sky, meadow = b"\x9c\xc9\xe8", b"\x4f\x8f\x4a"
    rows = b"".join(b"\0" + (sky if row < height // 2 else meadow) * width for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    text = chunk(b"tEXt", b"Comment\0taken at home")
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", head),
            text,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        )
    )


def vote(person: Any, election_id: str, choice: str) -> None:
    person.go(f"/budgets/{election_id}/vote")
    person.send("/vote", ("step", "review"), choice=[choice])
    person.send("/vote", ("step", "cast"))
    person.ok()


class Built:
    """An election that is announced, and its winner's desk."""

    def __init__(self, town: Any, staff: Any, election_id: str) -> None:
        self.id = election_id
        self.desk = f"/staff/budgets/{election_id}"
        api = staff.http.get(f"/api/v1/elections/{election_id}/projects").json()
        self.projects = {each["number"]: each["id"] for each in api["projects"]}
        self.staff = staff
        self.town = town

    def write(self, number: int, action: str, item: str = "", **fields: str) -> Any:
        """Sends the form of one kind of entry."""
        base = f"{self.desk}/delivery/{self.projects[number]}"
        self.staff.go(f"{base}/{action}" + (f"?item={item}" if item else ""))
        self.staff.ok()
        return self.staff.send(f"/{action}", **fields)

    def items(self, number: int, action: str) -> list[str]:
        """Ids that the project's desk offers an action for."""
        page = self.staff.go(f"{self.desk}/delivery/{self.projects[number]}").text
        return re.findall(rf"/{action}\?item=([0-9a-f-]{{36}})", page)


@pytest.fixture(scope="module")
def built(town: Any, staff: Any, new_election: Callable[..., str]) -> Built:
    election_id = new_election("Built to the cent", vote_type="choose-1")
    for choice in "2212":
        vote(town.resident(), election_id, choice)
    desk = f"/staff/budgets/{election_id}"
    for step in ("close", "count", "publish"):
        staff.go(f"{desk}/steps/{step}")
        staff.send(f"/steps/{step}", reason="Everybody has voted.")
        staff.ok()
    made = Built(town, staff, election_id)
    due = (town_today() + timedelta(days=90)).isoformat()
    made.write(2, "milestone", title="Crossings painted", due=due)
    made.write(2, "milestone", title="Lights on", due=due)
    late = (town_today() + timedelta(days=200)).isoformat()
    made.write(2, "delay", made.items(2, "delay")[0], due=late, reason="The paint is late.")
    made.write(2, "reached", made.items(2, "reached")[0], note="White and wide.")
    made.write(2, "tender", title="Paint", contractor="Lines Ltd", cents="250,000")
    made.write(2, "invoice", made.items(2, "invoice")[0], payee="Lines Ltd", cents="249,999.99")
    add_photo(made, 2)
    staff.ok()
    return made


def town_today() -> date:

    return datetime.now(UTC).date()


def add_photo(made: Built, number: int, data: bytes | None = None, alt: str = "A meadow") -> Any:
    path = f"{made.desk}/delivery/{made.projects[number]}/photo"
    made.staff.go(path)
    fields = {name: value for name, value in made.staff.form("/photo").fields if name != "alt"}
    fields.pop("photo", None)
    files = {"photo": ("../../meadow.png", picture() if data is None else data, "image/png")}
    made.staff.page = made.staff.http.post(path, data={**fields, "alt": alt}, files=files)
    return made.staff.page


def test_a_project_tells_what_it_costs_stage_by_stage(
    built: Built, stranger: Any, rows_of: Callable[[str], list[dict[str, Any]]]
) -> None:
    project = built.projects[2]
    stages = [
        ("estimate", 300_000_50, "staff", 0, "", True),
        ("price", 300_000_50, "staff", 0, "+0.0", True),
        ("contract", 250_000_00, "", 1, "-16.7", True),
        ("paid", 249_999_99, "", 1, "+0.0", False),
    ]
    told = stranger.http.get(f"/api/v1/projects/{project}").json()["cost_stages"]
    assert [
        (
            each["stage"],
            each["cents"],
            each.get("by", ""),
            each.get("items", 0),
            each.get("difference_percent", ""),
            each.get("final", True),
        )
        for each in told
    ] == stages
    rows = [each for each in rows_of("cost_stages") if each["project_id"] == project]
    assert [
        (
            each["stage"],
            each["cents"],
            each["by"],
            each["items"] or 0,
            each["difference_percent"],
            each["final"],
        )
        for each in rows
    ] == stages
    assert [each["event"] for each in rows] == [each["event_id"] for each in told]
    page = stranger.go(f"/projects/{project}").text.split('<h2 id="facts">')[1].split("</table>")[0]
    lines = [re.sub(r"<[^>]+>", " ", row) for row in page.split("<tr>")[2:]]
    for line, words in zip(
        lines,
        [
            ("Estimate", "€300,000.50", "City staff"),
            ("Price voted on", "€300,000.50", "0%"),
            ("Contracts", "€250,000", "-16.7%"),
            ("Paid so far", "€249,999.99", "100% of it"),
        ],
        strict=True,
    ):
        assert [each for each in words if each not in line] == []


def test_the_books_show_every_cent_and_add_up(built: Built, stranger: Any) -> None:
    page = stranger.go(f"/budgets/{built.id}/books").text
    assert "they balance to the cent" in page
    for said in ("€500,000", "€249,999.99", "Lines Ltd", "A contract was made", "€19,999.50"):
        assert said in page, said
    assert f'href="/projects/{built.projects[2]}"' in page
    rows = list(csv.DictReader(io.StringIO(stranger.go(f"/budgets/{built.id}/books.csv").text)))
    assert sum(round(float(row["amount"]) * 100) for row in rows) == 0
    paid = [row for row in rows if row["account"] == "paid"]
    assert [(row["amount"], row["payee"], row["currency"]) for row in paid] == [
        ("249999.99", "Lines Ltd", "EUR")
    ]


def test_a_project_tells_how_it_is_built(built: Built, stranger: Any) -> None:
    page = stranger.go(f"/projects/{built.projects[2]}").text
    for said in ("Crossings painted", "Lights on", "The paint is late.", "Under way", "reached on"):
        assert said in page, said
    shown = re.search(r'<img src="(/budgets/[^"]+)" alt="A meadow"', page)
    assert shown is not None
    answer = stranger.go(shown.group(1))
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"taken at home" not in answer.content
    lost = stranger.go(f"/projects/{built.projects[3]}").text
    assert "How it is built" not in lost


def test_what_the_books_would_not_stand_is_refused_in_words(built: Built) -> None:
    built.write(1, "tender", title="Trees", cents="190000")
    assert built.staff.page.status_code == 409
    assert "Tick the box" in built.staff.page.text
    built.write(2, "invoice", built.items(2, "invoice")[0], payee="x", cents="0.02")
    assert "higher than what is left of the contract" in built.staff.page.text
    built.write(2, "finish")
    assert "still hold money" in built.staff.page.text
    assert add_photo(built, 2, b"<svg/>").status_code == 422
    assert "Only JPEG, PNG and WebP" in built.staff.page.text
    assert add_photo(built, 2, b"x" * 2_000_001).status_code == 422
    assert add_photo(built, 2, b"").status_code == 422
    assert built.staff.go(f"{built.desk}/delivery/{built.projects[2]}/dance").status_code == 404


def test_delivery_is_the_staffs(built: Built, stranger: Any, town: Any) -> None:
    resident = town.resident()
    for path in ("delivery", f"delivery/{built.projects[2]}/abandon", "corrections"):
        assert resident.go(f"{built.desk}/{path}").status_code == 403
        assert "/sign-in" in str(stranger.go(f"{built.desk}/{path}").url)


def test_an_erased_picture_is_nowhere(built: Built, stranger: Any) -> None:
    add_photo(built, 2, alt="A neighbour")
    built.staff.ok()
    page = stranger.go(f"/projects/{built.projects[2]}").text
    shown = re.search(r'<img src="(/budgets/[^"]+/([0-9a-f-]{36}))" alt="A neighbour"', page)
    assert shown is not None
    built.write(2, "erase-photo", shown.group(2), basis="request")
    built.staff.ok()
    assert stranger.go(shown.group(1)).status_code == 404
    assert "A neighbour" not in stranger.go(f"/projects/{built.projects[2]}").text


def test_erased_texts_of_an_entry_are_nowhere_and_its_money_stays(
    built: Built, stranger: Any
) -> None:
    built.write(2, "tender", title="Advice", contractor="Ann Smith", cents="0.01")
    built.staff.ok()
    project = f"/projects/{built.projects[2]}"
    assert "Ann Smith" in stranger.go(project).text
    page = stranger.go(f"/budgets/{built.id}/books").text
    before = page.count("<tr><td>")
    (event,) = re.findall(r'Ann Smith.*?href="/receipt/([0-9a-f-]{36})"', page)
    built.write(2, "erase-texts", event, basis="request")
    built.staff.ok()
    assert event not in built.items(2, "erase-texts")
    assert stranger.go(f"/disclosures/budget/{event}").status_code == 410
    assert "Ann Smith" not in stranger.go(project).text
    page = stranger.go(f"/budgets/{built.id}/books").text
    assert "Ann Smith" not in page
    assert "they balance to the cent" in page
    assert "[erased]" in page
    assert page.count("<tr><td>") == before
    assert "Ann Smith" not in stranger.go(f"/budgets/{built.id}/books.csv").text
    built.write(2, "erase-texts", event, basis="request")
    assert "are erased already" in built.staff.page.text


def test_programs_read_books_and_projects_as_json(built: Built, town: Any, stranger: Any) -> None:
    books = stranger.go(f"/api/v1/elections/{built.id}/books?size=2").json()
    accounts = ("unallocated", "reserved", "committed", "paid", "returned")
    assert sum(books[f"{each}_cents"] for each in accounts) == books["envelope_cents"]
    entries = books["entries"]
    assert [each["kind"] for each in entries] == ["opened", "funds_reserved"]
    assert "texts" in entries[0]
    while books["next"]:
        path = f"/api/v1/elections/{built.id}/books?size=2&after={books['next']}"
        books = stranger.go(path).json()
        entries += books["entries"]
    numbers = [each["number"] for each in entries]
    assert numbers == sorted(set(numbers))
    assert all(sum(one["cents"] for one in each["postings"]) == 0 for each in entries)
    (paid,) = [each for each in entries if each["kind"] == "expenditure_recorded"]
    assert paid["texts"] == {"payee": "Lines Ltd"}
    told = stranger.go(f"/api/v1/projects/{built.projects[2]}").json()
    assert (told["number"], told["title"]) == (2, "A safe way to school")
    assert told["cost_cents"] == 30_000_050
    assert told["delivery"]["money"]["paid_cents"] == 249_999_99
    assert {each["title"] for each in told["delivery"]["milestones"]} == {
        "Crossings painted",
        "Lights on",
    }
    photo = told["delivery"]["photos"][0]
    assert stranger.go(photo["path"]).headers["content-type"] == "image/png"
    assert (told["assessments"], told["came_from"], told["became"]) == ([], [], [])
    lost = stranger.go(f"/api/v1/projects/{built.projects[3]}").json()
    assert "delivery" not in lost
    early = stranger.go(f"/api/v1/elections/{town.election_id}/books")
    assert (early.status_code, early.json()["code"]) == (404, "books_not_found")
    assert stranger.go(f"/api/v1/projects/{built.id}").status_code == 404


def test_a_corrected_result_says_why_and_the_old_one_stays(
    built: Built, staff: Any, stranger: Any, town: Any
) -> None:
    staff.go(f"{built.desk}/corrections")
    staff.send("/corrections/annul", credentials="x" * 43, annul_reason="Twice.")
    assert "has cast no ballot" in staff.page.text
    staff.go(f"{built.desk}/corrections")
    staff.send("/corrections/count", count_reason="A recount was asked for.")
    staff.ok()
    before = stranger.go(f"/budgets/{built.id}/results/versions").text
    assert "Version 1" in before
    assert "Version 2" not in before
    staff.go(f"{built.desk}/corrections")
    staff.send("/corrections/publish")
    staff.ok()
    page = stranger.go(f"/budgets/{built.id}/results/versions").text
    assert (
        page.index("Version 2") < page.index("A recount was asked for.") < page.index("Version 1")
    )
    assert "corrects an earlier one" in stranger.go(f"/budgets/{built.id}/results").text
    told = stranger.go(f"/api/v1/elections/{built.id}/results").json()["versions"]
    assert [each["version"] for each in told] == [1, 2]
    assert [each["reason"] for each in told] == ["", "A recount was asked for."]
    assert told[0]["selected"] == told[1]["selected"]
    assert all(each["announced_at"].endswith("Z") for each in told)


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (360, "fr")])
def test_pages_of_the_delivery_are_sound(
    chromium: Browser, built: Built, town: Any, width: int, language: str
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900},
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        reduced_motion="reduce",
        base_url=town.url,
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("#email").fill("staff@example.org")
    page.locator("#password").fill("a long enough sentence")
    page.locator("main button").click()
    project = f"{built.desk}/delivery/{built.projects[2]}"
    for name, path in {
        "books": f"/budgets/{built.id}/books",
        "project": f"/projects/{built.projects[2]}",
        "versions": f"/budgets/{built.id}/results/versions",
        "delivery": f"{built.desk}/delivery",
        "delivery-project": project,
        "tender": f"{project}/tender",
        "photo": f"{project}/photo",
        "erase-texts": f"{project}/erase-texts?item=x",
        "corrections": f"{built.desk}/corrections",
    }.items():
        page.goto(path)
        for script in (AXE, SOUNDNESS):
            page.evaluate(script.read_text("utf-8"))
        if SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{language}.png", full_page=True)
        assert page.evaluate("cahier.flaws()") == [], name
        assert page.evaluate("cahier.violations()") == [], name
        assert page.evaluate("cahier.lowContrast()") == [], name
    context.close()


def test_open_data_tells_of_works_and_books_as_the_pages_do(built: Built, rows_of: Any) -> None:
    def own(name: str) -> list[dict[str, Any]]:
        return [each for each in rows_of(name) if each["election_id"] == built.id]

    entries = own("books")
    for entry in entries:
        assert entry["postings"]
        assert sum(int(each.split(":")[1]) for each in entry["postings"]) == 0
    paid = next(each for each in entries if each["payee"] == "Lines Ltd")
    assert any(each.startswith("paid:24999999:2:") for each in paid["postings"])
    assert (paid["kind"], paid["currency"]) == ("expenditure_recorded", "EUR")
    works = next(each for each in own("deliveries") if each["number"] == 2)
    assert (works["state"], works["paid_cents"], works["ended_at"]) == ("building", 249_999_99, "")
    planned = {each["title"]: each for each in own("milestones")}
    painted, lights = planned["Crossings painted"], planned["Lights on"]
    late = next(each for each in planned.values() if each["delays"])
    assert sorted(each["delays"] for each in (painted, lights)) == [0, 1]
    assert late["due"] > late["planned_due"]
    delay = own("milestone_delays")[0]
    assert delay["milestone_id"] == late["id"]
    assert (delay["due"], delay["reason"]) == (late["due"], "The paint is late.")
    versions = own("result_versions")
    assert [each["version"] for each in versions] == list(range(1, len(versions) + 1))
    assert versions[0]["selected"] == [2, 1]
    assert versions[0]["rule"]


def test_the_public_log_says_the_same_without_a_fault(built: Built, town: Any) -> None:
    view = BudgetView()
    found = next(iter(Path(town.root).rglob("budget/events.db")))
    ledger = Ledger.open(found)
    try:
        for row in ledger.read_public(0, 5_000):
            view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    finally:
        ledger.close_blocking()
    assert view.faults == []
    books = view.elections[built.id].books
    assert books is not None
    assert books.accounts.total("paid") == 249_999_99
