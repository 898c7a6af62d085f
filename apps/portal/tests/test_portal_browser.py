"""The site in a real Chromium: both themes, a desk and a phone, keyboard, contrast, no overflow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "a long enough sentence"
# Where to keep what was seen, for people to look at.
SHOTS = os.environ.get("CAHIER_SCREENSHOTS", "")

# What the browser itself found wrong, such as a style that the content policy forbids.
COMPLAINTS: list[str] = []

# Text whose contrast is below WCAG 2.2 AA (4.5, or 3 where it is large), with its ratio.
LOW_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => {
      c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgba("Canvas");
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest(".hidden, script, svg, title")) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push([texts.currentNode.data.trim(), ratio.toFixed(2)]);
  }
  return found;
}"""

# What a screen reader or a thumb would miss.
FLAWS = """() => {
  const flaws = [];
  const count = (selector) => document.querySelectorAll(selector).length;
  for (const [selector, wanted] of [["main", 1], ["h1", 1], ["header", 1], ["footer", 1]])
    if (count(selector) !== wanted) flaws.push(`${count(selector)} of ${selector}`);
  if (!document.documentElement.lang) flaws.push("no language");
  const levels = [...document.querySelectorAll("h1,h2,h3,h4")]
    .filter((heading) => heading.checkVisibility()).map((heading) => Number(heading.tagName[1]));
  levels.forEach((level, index) => {
    const before = index ? levels[index - 1] : level;
    if (level > before + 1) flaws.push(`heading ${level} after ${before}`);
  });
  for (const control of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
    if (!control.labels.length) flaws.push(`no label: ${control.name}`);
  for (const named of document.querySelectorAll("a, button, summary"))
    if (!(named.textContent.trim() || named.ariaLabel)) flaws.push(`no name: ${named.outerHTML}`);
  for (const pointing of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-labelledby"])
      for (const id of (pointing.getAttribute(name) || "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) flaws.push(`${name} names no ${id}`);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => flaws.push(`twice: ${id}`));
  for (const link of document.querySelectorAll('a[href^="#"]'))
    if (!document.getElementById(link.hash.slice(1))) flaws.push(`leads nowhere: ${link.hash}`);
  const targets = "button, .button, input, select, nav a, summary";
  for (const target of document.querySelectorAll(targets)) {
    const box = target.getBoundingClientRect();
    if (target.checkVisibility() && target.type !== "hidden" && box.width && box.height < 23.5)
      flaws.push(`small target (${box.height}): ${target.outerHTML.slice(0, 90)}`);
  }
  const over = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (over > 0) flaws.push(`${over} px too wide`);
  return flaws;
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: scripts/chromium.sh brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


def open_page(browser: Browser, width: int, scheme: Any, town: Any, email: str = "") -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=town.url
    )
    page = context.new_page()
    page.on("console", lambda message: COMPLAINTS.append(message.text))
    if email:
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
    return page


def assert_sound(page: Page, name: str) -> None:
    width = page.viewport_size["width"] if page.viewport_size else 0
    if SHOTS:
        scheme = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        theme = "dark" if scheme else "light"
        page.screenshot(path=str(Path(SHOTS) / f"{name}-{width}-{theme}.png"), full_page=True)
    assert [each for each in COMPLAINTS if "status of 4" not in each] == [], name
    assert page.evaluate(FLAWS) == [], name
    assert page.evaluate(LOW_CONTRAST) == [], name


VIEWS = [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_public_pages_are_sound(chromium: Browser, town: Any, width: int, scheme: str) -> None:
    page = open_page(chromium, width, scheme, town)
    paths = {
        "home": "/",
        "processes": "/processes",
        "process": f"/processes/{town.process_id}",
        "proposal": f"/proposals/{town.proposals[0]}",
        "budgets": "/budgets",
        "budget": f"/budgets/{town.election_id}",
        "results-later": f"/budgets/{town.election_id}/results",
        "sign-in": "/sign-in",
        "register": "/register",
    }
    for name, path in paths.items():
        page.goto(path)
        assert_sound(page, name)
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_residents_pages_are_sound(chromium: Browser, town: Any, width: int, scheme: str) -> None:
    page = open_page(chromium, width, scheme, town, "resident1@example.org")
    for name, path in {
        "me": "/me",
        "process-form": f"/processes/{town.process_id}",
        "proposal-author": f"/proposals/{town.proposals[3]}",
        "proposal-edit": f"/proposals/{town.proposals[3]}/edit",
        "proposal-withdraw": f"/proposals/{town.proposals[3]}/withdraw",
        "vote": f"/budgets/{town.election_id}/vote",
    }.items():
        page.goto(path)
        assert_sound(page, name)
    page.get_by_label("Benches in the shade").check()
    page.get_by_role("button", name="Check my ballot").click()
    assert_sound(page, "vote-review")
    page.get_by_role("button", name="Change my choices").click()
    page.get_by_label("Trees for Market Square").check()
    page.get_by_label("A safe way to school").check()
    page.get_by_role("button", name="Check my ballot").click()
    assert_sound(page, "vote-refused")
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_staffs_pages_are_sound(
    chromium: Browser, town: Any, staff: Any, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme, town, "staff@example.org")
    for name, path in {
        "staff": "/staff",
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
    page.get_by_label("Title").fill("x")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.get_by_role("button", name="Create the budget").click()
    assert_sound(page, "staff-budget-refused")
    page.context.close()


def test_the_running_total_follows_the_ticks(chromium: Browser, town: Any) -> None:
    page = open_page(chromium, 360, "light", town, "resident1@example.org")
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


def test_one_votes_by_keyboard_alone(chromium: Browser, town: Any) -> None:
    town.resident(40)
    page = open_page(chromium, 1280, "light", town, "resident40@example.org")
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


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_a_result_is_sound(
    chromium: Browser, town: Any, finished: str, width: int, scheme: str
) -> None:
    page = open_page(chromium, width, scheme, town)
    page.goto(f"/budgets/{finished}/results")
    assert_sound(page, "results")
    page.get_by_text("All projects as a table").click()
    assert_sound(page, "results-table")
    page.context.close()


@pytest.fixture(scope="module")
def finished(town: Any, staff: Any, new_election: Any) -> str:
    """An election with three voters whose result is published."""
    election_id: str = new_election("Budget of the squares", min_length="1", max_length="3")
    for number, choices in ((41, ["1", "2"]), (42, ["2"]), (43, ["2", "3"])):
        person = town.resident(number)
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
