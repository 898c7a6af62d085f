"""The site in a real Chromium: both themes, a desk and a phone, keyboard, contrast, no overflow."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from cahier_portal.catalogue import messages

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PASSWORD = "a long enough sentence"
# Where to keep what was seen, for people to look at.
SHOTS = os.environ.get("CAHIER_SCREENSHOTS", "")

# What the browser itself found wrong, such as a style that the content policy forbids.
COMPLAINTS: list[str] = []

HERE = Path(__file__).parent
# axe-core and our own questions, put into each page by the debugger, past its content policy.
SCRIPTS = [(HERE / name).read_text("utf-8") for name in ("vendor/axe.min.js", "soundness.js")]


def open_page(
    browser: Browser, town: Any, email: str = "", *, width: int = 1280, language: str = "en"
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        # A colour that is still on its way to the other theme is nobody's colour.
        reduced_motion="reduce",
        base_url=town.url,
    )
    page = context.new_page()
    page.on("console", lambda message: COMPLAINTS.append(message.text))
    if email:
        page.goto("/sign-in")
        page.locator("#email").fill(email)
        page.locator("#password").fill(PASSWORD)
        page.locator("main button").click()
    return page


def assert_sound(page: Page, name: str) -> None:
    """Nothing is wrong with the page, light and dark, and all of it is in its own language."""
    assert [each for each in COMPLAINTS if "status of 4" not in each] == [], name
    for script in SCRIPTS:
        page.evaluate(script)
    page.emulate_media(color_scheme="light")
    keep_picture(page, name, "light")
    assert page.evaluate("cahier.flaws()") == [], name
    assert page.evaluate("cahier.violations()") == [], name
    assert page.evaluate("cahier.lowContrast()") == [], name
    page.emulate_media(color_scheme="dark")
    keep_picture(page, name, "dark")
    # Structure does not depend on the theme: colours do.
    assert page.evaluate("cahier.violations(['color-contrast'])") == [], f"{name}, dark"
    assert page.evaluate("cahier.lowContrast()") == [], f"{name}, dark"
    if page.evaluate("document.documentElement.lang") == "fr":
        assert english_left(page) == [], name


def english_left(page: Page) -> list[str]:
    text = page.locator("body").inner_text()
    return [said for said in ENGLISH if said in text]


# Whole sentences that no resident of the test's town would write.
ENGLISH = [said for said in messages("en").values() if "{" not in said and len(said) > 12]


def keep_picture(page: Page, name: str, theme: str) -> None:
    if SHOTS and page.viewport_size:
        language = page.evaluate("document.documentElement.lang")
        file = f"{name}-{page.viewport_size['width']}-{language}-{theme}.png"
        page.screenshot(path=str(Path(SHOTS) / file), full_page=True)


VIEWS = [(1280, "en"), (360, "en"), (1280, "fr"), (360, "fr")]


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_public_pages_are_sound(
    chromium: Browser, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, width=width, language=language)
    paths = {
        "home": "/",
        "processes": "/processes",
        "process": f"/processes/{town.process_id}",
        "proposal": f"/proposals/{town.proposals[0]}",
        "budgets": "/budgets",
        "budget": f"/budgets/{town.election_id}",
        "results-later": f"/budgets/{town.election_id}/results",
        "reports": "/reports",
        "report-new": "/reports/new",
        "report": handled_report,
        "events": "/events",
        "unsubscribe": "/unsubscribe?token=x",
        "inbox": "/dev/inbox",
        "status": "/dev/status",
        "sign-in": "/sign-in",
        "register": "/register",
        "fault": "/nowhere",
    }
    for name, path in paths.items():
        page.goto(path)
        assert_sound(page, name)
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_pages_of_the_public_log_are_sound(
    chromium: Browser, town: Any, handled_report: str, finished: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, width=width, language=language)
    report = handled_report.rsplit("/", 1)[1]
    for name, path in {
        "history-proposal": f"/history/proposal/{town.proposals[0]}",
        "history-election": f"/history/election/{finished}",
        "history-report": f"/history/report/{report}",
        "history-then": f"/history/election/{finished}?moment=5",
        "history-never": f"/history/report/{report}?at=2001-01-01T00:00:00Z",
        "transparency": "/transparency",
    }.items():
        page.goto(path)
        assert_sound(page, name)
    page.goto(f"/history/proposal/{town.proposals[0]}")
    page.locator('a[href^="/receipt/"]').first.click()
    assert_sound(page, "receipt")
    page.locator('a[href$="#check"]').click()
    page.wait_for_selector('[data-kind="good"]')
    page.locator("summary").last.click()
    assert_sound(page, "receipt-checked")
    page.set_input_files(
        "#receipt", {"name": "x", "mimeType": "text/plain", "buffer": b"c2sp.org/tlog-proof@v2"}
    )
    page.wait_for_selector('[data-kind="unreadable"]')
    assert_sound(page, "receipt-unreadable")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (360, "fr")])
def test_pages_about_projects_and_results_are_sound(
    chromium: Browser, town: Any, finished: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, width=width, language=language)
    for name, path in {
        "map": f"/budgets/{town.election_id}/map",
        "compare": f"/budgets/{finished}/compare?p=1&p=2&p=3",
        "what-if": f"/budgets/{finished}/what-if?envelope=200000",
        "what-if-refused": f"/budgets/{finished}/what-if?project=1",
    }.items():
        page.goto(path)
        assert_sound(page, name)
    page.goto(f"/budgets/{finished}/results/embed")
    for script in SCRIPTS:
        page.evaluate(script)
    keep_picture(page, "embed", "light")
    assert page.evaluate("cahier.violations()") == []
    assert page.evaluate("cahier.lowContrast()") == []
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_residents_pages_are_sound(
    chromium: Browser, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, "resident1@example.org", width=width, language=language)
    for name, path in {
        "me": "/me",
        "things": "/me/things",
        "report-reporter": handled_report,
        "budget-follow": f"/budgets/{town.election_id}",
        "process-form": f"/processes/{town.process_id}",
        "proposal-author": f"/proposals/{town.proposals[3]}",
        "proposal-edit": f"/proposals/{town.proposals[3]}/edit",
        "proposal-withdraw": f"/proposals/{town.proposals[3]}/withdraw",
        "vote": f"/budgets/{town.election_id}/vote",
    }.items():
        page.goto(path)
        assert_sound(page, name)
    page.locator("#choice-3").check()
    page.locator('button[value="review"]').click()
    assert_sound(page, "vote-review")
    page.locator('button:not([value="cast"]).quiet').click()
    page.locator("#choice-1").check()
    page.locator("#choice-2").check()
    page.locator('button[value="review"]').click()
    assert_sound(page, "vote-refused")
    page.goto("/reports/new")
    page.locator("#lat").fill("45.1")
    page.locator("#lon").fill("5.1")
    page.locator('button[value="nearby"]').click()
    assert_sound(page, "report-nearby")
    page.locator("#lat").fill("100")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.locator('button[value="send"]').click()
    assert_sound(page, "report-refused")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_staffs_pages_are_sound(
    chromium: Browser, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, "staff@example.org", width=width, language=language)
    for name, path in {
        "staff": "/staff",
        "staff-reports": "/staff/reports?state=",
        "staff-report": f"/staff{handled_report}",
        "staff-categories": "/staff/categories?code=LAMP",
        "staff-process-new": "/staff/processes/new",
        "staff-process": f"/staff/processes/{town.process_id}?state=accepted",
        "staff-answer": f"/staff/proposals/{town.proposals[3]}",
        "staff-budget-new": "/staff/budgets/new",
        "staff-budget": f"/staff/budgets/{town.election_id}",
        "staff-step": f"/staff/budgets/{town.election_id}/steps/close",
    }.items():
        page.goto(path)
        assert_sound(page, name)
    page.goto("/staff/budgets/new")
    page.locator("#title").fill("x")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.locator("main form button").click()
    assert_sound(page, "staff-budget-refused")
    page.context.close()


def test_the_running_total_follows_the_ticks(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, town, "resident1@example.org", width=360)
    page.goto(f"/budgets/{town.election_id}/vote")
    assert not page.get_by_role("button", name="Update total").is_visible()
    total = page.locator('[data-tally="cost"]')
    warning = page.locator('[data-tally="warning"]')
    page.get_by_label("A safe way to school").check()
    assert total.inner_text() == "€300,000.50"
    assert not warning.is_visible()
    page.get_by_label("Trees for Market Square").check()
    assert total.inner_text() == "€480,000.50"
    assert warning.is_visible()
    page.get_by_label("A safe way to school").uncheck()
    assert total.inner_text() == "€180,000"
    assert not warning.is_visible()
    page.context.close()


def test_the_running_total_is_written_as_the_reader_does(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, town, "resident1@example.org", language="fr")
    page.goto(f"/budgets/{town.election_id}/vote")
    before = page.locator('[data-tally="cost"]').text_content()
    page.locator("#choice-2").check()
    assert before == "0\u00a0€"
    assert page.locator('[data-tally="cost"]').text_content() == "300\u202f000,50\u00a0€"
    page.context.close()


def test_one_changes_the_language_on_any_page_and_keeps_it(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, town, width=360)
    page.goto(f"/processes/{town.process_id}?state=accepted&order=newest")
    page.get_by_role("link", name="Français").click()
    assert page.locator("html").get_attribute("lang") == "fr"
    assert "state=accepted" in page.url
    page.goto("/budgets")
    assert page.locator("h1").inner_text() == "Budgets participatifs"
    page.context.close()


def test_one_votes_by_keyboard_alone(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, town, town.resident().email)
    page.goto(f"/budgets/{town.election_id}/vote")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reach(page, "#choice-3")
    page.keyboard.press("Space")
    reach(page, 'button[value="review"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Is this your ballot?")
    reach(page, 'button[value="cast"]')
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Your ballot is cast")
    assert re.search(r"[0-9a-f-]{36}", page.locator(".receipt-card code").inner_text())
    assert_sound(page, "vote-done")
    page.context.close()


def reach(page: Page, selector: str) -> None:
    """Tabs until the element has the focus, and sees that nothing covers it then."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("(css) => document.activeElement.matches(css)", selector):
            break
    else:
        raise AssertionError(f"{selector} is not reached by keyboard")
    shown = page.evaluate(
        """() => {
          const at = document.activeElement.getBoundingClientRect();
          const top = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2);
          return document.activeElement === top || document.activeElement.contains(top);
        }"""
    )
    assert shown, f"{selector} has the focus and is covered"


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_pages_on_ones_own_data_are_sound(
    chromium: Browser, town: Any, forgotten: dict[str, str], width: int, language: str
) -> None:
    page = open_page(chromium, town, "resident1@example.org", width=width, language=language)
    for name, path in {"me-data": "/me", "export": "/me/export", "erase": "/me/erase"}.items():
        page.goto(path)
        assert_sound(page, name)
    page.locator("#password").fill("not the password")
    page.locator("main button.danger").click()
    assert_sound(page, "erase-refused")
    page.context.close()
    page = open_page(chromium, town, width=width, language=language)
    for name, path in forgotten.items():
        page.goto(path)
        assert_sound(page, name)
    page.context.close()


@pytest.fixture(scope="module")
def forgotten(town: Any) -> dict[str, str]:
    """Pages that tell of somebody who proved where they live, wrote and was erased."""
    person = town.resident()
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="Soon gone", body="All of it.", category="Parks", district="")
    person.ok()
    proposal = str(person.page.url.path)
    person.go("/me/erase")
    person.send("/me/erase", password=PASSWORD)
    person.ok()
    report = str(person.page.url.path)
    town.wait("everybody confirms", lambda: "Everything is erased" in person.go(report).text)
    assert "Last day" in person.page.text
    return {
        "erasure": report,
        "erased-proposal": proposal,
        "erased-history": f"/history/proposal/{proposal.rsplit('/', 1)[1]}",
    }


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_a_result_is_sound(
    chromium: Browser, town: Any, finished: str, width: int, language: str
) -> None:
    page = open_page(chromium, town, width=width, language=language)
    page.goto(f"/budgets/{finished}/results")
    assert_sound(page, "results")
    page.locator("summary").last.click()
    assert_sound(page, "results-table")
    page.context.close()


@pytest.fixture(scope="module")
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


def test_one_fills_in_the_place_from_the_device(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, town, "resident1@example.org", width=360)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 48.8566, "longitude": 2.3522})
    page.goto("/reports/new")
    page.locator('[data-place="ask"]').click()
    page.wait_for_selector("text=Your position is filled in.")
    assert page.locator("#lat").input_value() == "48.856600"
    assert page.locator("#lon").input_value() == "2.352200"
    page.context.close()


@pytest.fixture(scope="module")
def finished(town: Any, staff: Any, new_election: Any) -> str:
    """An election with three voters whose result is published."""
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
    return election_id
