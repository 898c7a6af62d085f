"""The site in a real Chromium, used: by keyboard alone, with a running total, from the device."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.browser]


def test_the_running_total_follows_the_ticks(eyes: Any, town: Any) -> None:
    page = eyes.open("resident1@example.org", width=360)
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


def test_the_running_total_is_written_as_the_reader_does(eyes: Any, town: Any) -> None:
    page = eyes.open("resident1@example.org", language="fr")
    page.goto(f"/budgets/{town.election_id}/vote")
    before = page.locator('[data-tally="cost"]').text_content()
    page.locator("#choice-2").check()
    assert before == "0\u00a0€"
    assert page.locator('[data-tally="cost"]').text_content() == "300\u202f000,50\u00a0€"
    page.context.close()


def test_one_changes_the_language_on_any_page_and_keeps_it(eyes: Any, town: Any) -> None:
    page = eyes.open(width=360)
    page.goto(f"/processes/{town.process_id}?state=accepted&order=newest")
    page.get_by_role("link", name="Français").click()
    assert page.locator("html").get_attribute("lang") == "fr"
    assert "state=accepted" in page.url
    page.goto("/budgets")
    assert page.locator("h1").inner_text() == "Budgets participatifs"
    page.context.close()


def test_one_votes_by_keyboard_alone(eyes: Any, town: Any) -> None:
    page = eyes.open(town.resident().email)
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
    eyes.assert_sound(page, "vote-done")
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


def test_one_fills_in_the_place_from_the_device(eyes: Any, town: Any) -> None:
    page = eyes.open("resident1@example.org", width=360)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 48.8566, "longitude": 2.3522})
    page.goto("/reports/new")
    page.locator('[data-place="ask"]').click()
    page.wait_for_selector("text=Your position is filled in.")
    assert page.locator("#lat").input_value() == "48.856600"
    assert page.locator("#lon").input_value() == "2.352200"
    page.context.close()
