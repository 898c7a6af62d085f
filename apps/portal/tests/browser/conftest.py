"""A browser that looks hard at pages, and what a town needs to have something to look at."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_portal.catalogue import messages

PASSWORD = "a long enough sentence"
# Where to keep what was seen, for people to look at.
SHOTS = os.environ.get("CAHIER_SCREENSHOTS", "")

HERE = Path(__file__).parent.parent
# axe-core and our own questions, put into each page by the debugger, past its content policy.
SCRIPTS = [(HERE / name).read_text("utf-8") for name in ("vendor/axe.min.js", "soundness.js")]

# Whole sentences that no resident of the test's town would write.
ENGLISH = [said for said in messages("en").values() if "{" not in said and len(said) > 12]


class Eyes:
    """Opens pages and says whether they are sound."""

    def __init__(self, browser: Browser, town: Any) -> None:
        self._browser, self._town = browser, town
        # What the browser itself found wrong, such as a style that the content policy forbids.
        self._complaints: list[str] = []

    def open(self, email: str = "", *, width: int = 1280, language: str = "en") -> Page:
        """A page of a new visitor, who signs in if there is an address."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900},
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
            # A colour that is still on its way to the other theme is nobody's colour.
            reduced_motion="reduce",
            base_url=self._town.url,
        )
        page = context.new_page()
        page.on("console", lambda message: self._complaints.append(message.text))
        if email:
            page.goto("/sign-in")
            page.locator("#email").fill(email)
            page.locator("#password").fill(PASSWORD)
            page.locator("main button").click()
        return page

    def assert_sound(self, page: Page, name: str) -> None:
        """Nothing is wrong with the page, light and dark, and all of it is in its own language."""
        assert [each for each in self._complaints if "status of 4" not in each] == [], name
        page.emulate_media(color_scheme="light")
        self.look(page, name, "light")
        assert page.evaluate("cahier.flaws()") == [], name
        assert page.evaluate("cahier.violations()") == [], name
        assert page.evaluate("cahier.lowContrast()") == [], name
        page.emulate_media(color_scheme="dark")
        self.look(page, name, "dark", known=True)
        # Structure does not depend on the theme: colours do.
        assert page.evaluate("cahier.violations(['color-contrast'])") == [], f"{name}, dark"
        assert page.evaluate("cahier.lowContrast()") == [], f"{name}, dark"
        if page.evaluate("document.documentElement.lang") == "fr":
            assert english_left(page) == [], name

    def look(self, page: Page, name: str, theme: str, *, known: bool = False) -> None:
        """Brings the scripts into the page, unless it has them, and keeps a picture if wanted."""
        for script in () if known else SCRIPTS:
            page.evaluate(script)
        if SHOTS and page.viewport_size:
            language = page.evaluate("document.documentElement.lang")
            file = f"{name}-{page.viewport_size['width']}-{language}-{theme}.png"
            page.screenshot(path=str(Path(SHOTS) / file), full_page=True)


@pytest.fixture(scope="module")
def eyes(chromium: Browser, town: Any) -> Eyes:
    """Looks at the town's pages."""
    return Eyes(chromium, town)


def english_left(page: Page) -> list[str]:
    """English sentences, but for what is marked as such: mails are in their readers' language."""
    text = page.locator("body").inner_text()
    for marked in page.locator('body [lang]:not([lang|="fr"])').all_inner_texts():
        text = text.replace(marked, "")
    return [said for said in ENGLISH if said in text]


@pytest.fixture(scope="session")
def forgotten(town: Any) -> dict[str, str]:
    """Pages that tell of somebody who proved where they live, wrote and was erased."""
    person = town.resident()
    person.go(f"/processes/{town.process_id}")
    words = {"title": "Soon gone", "body": "All of it.", "category": "Parks", "district": ""}
    person.send("/proposals", **words, lat="48.5", lon="7.7")
    person.ok()
    proposal = str(person.page.url.path)
    person.go("/me/erase")
    person.send("/me/erase", password=PASSWORD)
    person.ok()
    report = str(person.page.url.path)
    town.wait("everybody confirms", lambda: "Everything is erased" in person.go(report).text)
    assert "Last day" in person.page.text
    assert "was forgotten at their own wish" in person.go(proposal).text
    return {
        "erasure": report,
        "erased-proposal": proposal,
        "erased-history": f"/history/proposal/{proposal.rsplit('/', 1)[1]}",
    }


@pytest.fixture(scope="session")
def handled_report(town: Any, resident: Any, staff: Any) -> str:
    """The address of a report with a history and a neighbour, whose reporter follows it."""
    paths = []
    for description, lat in (("A lamp is dark.", "45.1"), ("Another one too.", "45.1005")):
        resident.go("/reports/new")
        where = {"category": "LAMP", "address": "Lime Walk 3", "lat": lat, "lon": "5.1"}
        resident.send("/reports/new", ("step", "send"), description=description, **where)
        resident.ok()
        paths.append(str(resident.page.url.path))
    town.wait("the report can be followed", lambda: follows(resident, paths[0]))
    desk = f"/staff{paths[0]}"
    staff.go(desk)
    staff.send("/route", route_department="Roads", route_reason="It is their pole.")
    staff.send("/answer", answer_state="planned", answer_text="Next week.")
    staff.ok()
    return paths[0]


def follows(person: Any, path: str) -> bool:
    person.go(path)
    person.send("/me/follows", ("step", "follow"), level="essential")
    return bool(person.page.status_code == 200)


@pytest.fixture(scope="session")
def finished_with(town: Any, staff: Any, new_election: Any) -> tuple[str, str]:
    """An election with three voters whose result is published, and one of them by address."""
    election_id: str = new_election("Budget of the squares", min_length="1", max_length="3")
    for choices in (["1", "2"], ["2"], ["2", "3"]):
        person = town.resident()
        person.go(f"/budgets/{election_id}/vote")
        person.send("/vote", ("step", "review"), choice=choices)
        person.send("/vote", ("step", "cast"))
        person.ok()
    for step in ("close", "count", "publish"):
        staff.go(f"/staff/budgets/{election_id}/steps/{step}")
        more = {"reason": "Everybody has voted."} if step == "close" else {}
        staff.send(f"/steps/{step}", **more)
        staff.ok()
    return election_id, str(person.email)


@pytest.fixture(scope="session")
def finished(finished_with: tuple[str, str]) -> str:
    """An election with three voters whose result is published."""
    return finished_with[0]


@pytest.fixture(scope="session")
def preparing(town: Any, staff: Any, resident: Any) -> dict[str, str]:
    """An election where three roles decide and a merger asks its authors, by what to look at."""
    staff.go(f"/staff/budgets/new?process={town.process_id}")
    staff.send(
        "/staff/budgets/new",
        title="Budget of the lanes",
        envelope="300,000",
        currency="EUR",
        opens_at=local(20),
        closes_at=local(30),
        districts="Old Town\nHarbour",
        min_length="1",
    )
    staff.ok()
    desk = str(staff.page.url.path)
    town.wait("candidates arrive", lambda: staff.go(desk).text.count('name="proposal_id"') >= 3)
    staff.send("/projects", proposal_id=town.proposals[:3])
    staff.ok()
    listed = staff.http.get(f"/api/v1/elections/{desk.rsplit('/', 1)[1]}/projects").json()
    first, second = [each["id"] for each in listed["projects"][:2]]
    staff.go(f"{desk}/life")
    staff.send("/life/analysis", analysis="three")
    staff.ok()
    staff.go(f"{desk}/changes")
    staff.send(
        "/changes/merge",
        projects=[first, second],
        title="Lanes with trees",
        merge_description="One street.",
        merge_reason="They meet on one street.",
    )
    staff.ok()
    asked = f"/projects/{first}"
    town.wait("its author is asked", lambda: "/consent" in resident.go(asked).text)
    return {"desk": desk, "asked": asked, "judged": f"{desk}/projects/{first}"}


@pytest.fixture(scope="session")
def analyst(town: Any) -> str:
    """The address of somebody who assesses projects."""
    person = town.resident(proved=False)
    number = person.go("/me").text.split("<dd><code>")[1].split("<")[0]
    town.as_admin(identity.GrantRoleRequest(resident_id=number, role="analyst"))
    return str(person.email)


def local(days: float) -> str:
    """A `datetime-local` value, so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")
