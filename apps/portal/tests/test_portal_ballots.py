"""Ballots of every type in a real Chromium and without JavaScript: filled in, refused, cast."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

PASSWORD = "a long enough sentence"
SHOTS = os.environ.get("CAHIER_SCREENSHOTS", "")
HERE = Path(__file__).parent
SCRIPTS = [(HERE / name).read_text("utf-8") for name in ("vendor/axe.min.js", "soundness.js")]
REVIEW, CAST, UPDATE = ("step", "review"), ("step", "cast"), ("step", "update")
RULES = {
    "choose-1": {"vote_type": "choose-1"},
    "cumulative": {"vote_type": "cumulative", "max_points": "3", "max_sum_points": "5"},
    "scoring": {"vote_type": "scoring", "max_points": "4", "min_points": "-1.5",
                "default_points": "0.5", "point_decimals": "1"},
    "ordinal": {"vote_type": "ordinal", "positions": "5; 3; 1", "max_length": "3"},
}  # fmt: skip


@pytest.fixture(scope="module")
def elections(town: Any, new_election: Callable[..., str]) -> dict[str, str]:
    """An open election of each type, by the staff's form."""
    made = {name: new_election(f"By {name}", **rules) for name, rules in RULES.items()}
    return {"approval": town.election_id, **made}


@pytest.fixture(scope="module")
def voter(town: Any) -> str:
    """The address of somebody who votes in all of them."""
    return str(town.resident().email)


def open_page(
    browser: Browser, town: Any, email: str, *, width: int = 1280, language: str = "en"
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
        reduced_motion="reduce",
        base_url=town.url,
    )
    page = context.new_page()
    page.goto("/sign-in")
    page.locator("#email").fill(email)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button").click()
    return page


def assert_sound(page: Page, name: str) -> None:
    """No flaw of layout, no violation of axe-core; in the dark, enough contrast."""
    for script in SCRIPTS:
        page.evaluate(script)
    page.emulate_media(color_scheme="light")
    keep_picture(page, name)
    assert page.evaluate("cahier.flaws()") == [], name
    assert page.evaluate("cahier.violations()") == [], name
    page.emulate_media(color_scheme="dark")
    keep_picture(page, f"{name}-dark")
    assert page.evaluate("cahier.violations(['color-contrast'])") == [], f"{name}, dark"


def keep_picture(page: Page, name: str) -> None:
    if SHOTS and page.viewport_size:
        file = f"{name}-{page.viewport_size['width']}.png"
        page.screenshot(path=str(Path(SHOTS) / file), full_page=True)


def fill_in(page: Page, vote_type: str) -> str:
    """Marks projects 1 and 3, or just 3; gives what the review must say."""
    if vote_type == "choose-1":
        page.locator("#choice-3").check()
        return "Benches in the shade"
    if vote_type == "approval":
        page.locator("#choice-3").check()
        page.locator("#choice-1").check()
        return "2 projects, together"
    if vote_type == "ordinal":
        page.locator("#place-1").select_option("1")
        page.locator("#place-3").select_option("2")
        page.get_by_role("button", name="Put in order").click()
        page.locator('button[value="down-1"]').click()
        assert page.locator("#place-1").input_value() == "2"
        return "Benches in the shade"
    given = ("2", "3") if vote_type == "cumulative" else ("-1.5", "4")
    page.locator("#points-1").fill(given[0])
    page.locator("#points-3").fill(given[1])
    total = page.locator('[data-tally="points"]').inner_text()
    assert total == ("5" if vote_type == "cumulative" else "2.5")
    return f"{given[0]} points"


def test_a_ballot_of_each_type_is_cast_in_a_browser(
    chromium: Browser, town: Any, elections: dict[str, str], voter: str
) -> None:
    page = open_page(chromium, town, voter)
    receipts = set()
    for vote_type, election_id in elections.items():
        page.goto(f"/budgets/{election_id}/vote")
        said = fill_in(page, vote_type)
        assert not page.locator('[data-tally="warning"]').is_visible(), vote_type
        assert_sound(page, f"vote-{vote_type}")
        page.get_by_role("button", name="Check my ballot").click()
        assert said in page.locator("main").inner_text(), vote_type
        assert_sound(page, f"review-{vote_type}")
        if vote_type == "ordinal":
            titles = page.locator(".chosen .option-title").all_inner_texts()
            assert titles == ["Benches in the shade", "Trees for Market Square"]
        page.get_by_role("button", name="Cast my ballot").click()
        page.wait_for_selector("text=Your ballot is cast")
        found = re.search(r"[0-9a-f-]{36}", page.locator(".receipt-card code").inner_text())
        assert found, vote_type
        receipts.add(found[0])
        told = httpx.get(f"{town.url}/api/v1/elections/{election_id}", trust_env=False).json()
        assert (told["rules"]["vote_type"], told["voters"]) == (vote_type, told["voters"] or 1)
    assert len(receipts) == len(elections)
    page.context.close()


def test_ballots_by_points_and_places_are_sound_on_a_phone_in_french(
    chromium: Browser, town: Any, elections: dict[str, str], voter: str
) -> None:
    page = open_page(chromium, town, voter, width=360, language="fr")
    for vote_type in ("cumulative", "scoring", "ordinal"):
        page.goto(f"/budgets/{elections[vote_type]}/vote")
        field = "place" if vote_type == "ordinal" else "points"
        if field == "place":
            page.locator("#place-2").select_option("1")
            page.locator('button[name="move"][value="add-3"]').click()
            assert page.evaluate("document.activeElement.value") == "up-3"
        else:
            page.locator("#points-2").fill("2")
            page.locator("#points-1").fill("9")
            page.locator('button[value="review"]').click()
            assert page.locator('[role="alert"]').is_visible()
        assert_sound(page, f"fill-{vote_type}-fr")
    page.context.close()


def test_the_counter_of_points_warns_of_too_many(
    chromium: Browser, town: Any, elections: dict[str, str], voter: str
) -> None:
    page = open_page(chromium, town, voter)
    page.goto(f"/budgets/{elections['cumulative']}/vote")
    left, warning = page.locator('[data-tally="left"]'), page.locator('[data-tally="warning"]')
    page.locator("#points-1").fill("3")
    assert left.inner_text() == "2"
    page.locator("#points-2").fill("3")
    assert left.inner_text() == "0"
    assert warning.is_visible()
    page.locator("#points-2").fill("2")
    assert not warning.is_visible()
    page.context.close()


@pytest.mark.parametrize(
    ("vote_type", "fields", "sentence"),
    [
        ("cumulative", {"points-1": "4"}, "One project gets too many points. The most is 3."),
        ("cumulative", {"points-1": "-1"}, "One project gets too few points. The least is 0."),
        ("cumulative", {"points-1": "3", "points-2": "3"},
         "You give too many points in all. The most is 5."),
        ("cumulative", {"points-1": "1.5"}, "Write whole points, such as 3."),
        ("scoring", {"points-1": "-2"}, "One project gets too few points. The least is -1.5."),
        ("scoring", {"points-1": "0.25"}, "Write points with at most 1 decimals, such as 2.5."),
        ("ordinal", {"place-1": "2", "place-3": "2"}, "Two projects have place 2."),
        ("ordinal", {"place-1": "best"}, "Write a place such as 1, 2 or 3."),
        ("ordinal", {"place-99": "1"}, "One of the chosen projects does not stand"),
    ],
)  # fmt: skip
def test_each_broken_rule_of_points_and_places_is_named(
    town: Any, elections: dict[str, str], resident: Any, vote_type: str, fields: Any, sentence: str
) -> None:
    resident.go(f"/budgets/{elections[vote_type]}/vote")
    resident.send("/vote", REVIEW, **fields)
    assert resident.page.status_code == 422
    assert sentence in resident.page.text
    for name, text in fields.items():
        if not name.endswith("-99"):
            assert re.search(rf'name="{name}".*?(value="{text}"|value="{text}" selected|<select)',
                             resident.page.text, re.S)  # fmt: skip


def test_a_ranking_is_made_moved_and_cast_without_javascript(
    town: Any, elections: dict[str, str]
) -> None:
    person = town.resident()
    person.go(f"/budgets/{elections['ordinal']}/vote")
    person.send("/vote", UPDATE, **{"place-2": "1", "place-3": "3"})
    assert ranking_on(person.page.text) == ["A safe way to school", "Benches in the shade"]
    person.send("/vote", ("move", "up-3"))
    assert ranking_on(person.page.text) == ["Benches in the shade", "A safe way to school"]
    assert re.search(r'value="up-3" autofocus', person.page.text)
    assert "now in place 1" in person.page.text
    person.send("/vote", ("move", "add-1"))
    person.send("/vote", ("move", "off-2"))
    assert ranking_on(person.page.text) == ["Benches in the shade", "Trees for Market Square"]
    person.send("/vote", REVIEW)
    person.send("/vote", CAST)
    person.ok()
    assert "Your ballot is cast" in person.page.text


def ranking_on(page: str) -> list[str]:
    found = re.search(r'<ol class="ranking">(.*?)</ol>', page, re.S)
    assert found, page
    return re.findall(r'class="option-title">([^<]*)<', found[1])


def test_a_result_by_places_says_the_points_that_decided(
    town: Any, staff: Any, stranger: Any, elections: dict[str, str]
) -> None:
    election_id = elections["ordinal"]
    person = town.resident()
    person.go(f"/budgets/{election_id}/vote")
    person.send("/vote", REVIEW, **{"place-2": "2", "place-1": "1"})
    person.send("/vote", CAST)
    person.ok()
    desk = f"/staff/budgets/{election_id}"
    staff.go(f"{desk}/steps/close")
    staff.send("/steps/close", reason="Everybody has voted.")
    for step in ("count", "publish"):
        staff.go(f"{desk}/steps/{step}")
        staff.send(f"/steps/{step}")
        staff.ok()
    page = stranger.go(f"/budgets/{election_id}/results").text
    told = httpx.get(f"{town.url}/api/v1/elections/{election_id}/result", trust_env=False).json()
    scores = [outcome["score"] for outcome in told["outcomes"]]
    assert scores[0] >= 5
    assert sum(scores) >= 8
    assert f"<strong>{scores[0]} points · " in page
    bars = re.findall(r'class="bar-(?:won|lost)" x="0" y="0" width="(\d+)"', page)
    told_bars = sorted((each * 1000 // max(scores) for each in scores if each), reverse=True)
    assert sorted(map(int, bars[: len(told_bars)]), reverse=True) == told_bars
    assert "From the first place on, a project gets points: 5; 3; 1." in page
