"""What residents and staff see once they are signed in: sound, in both themes and languages."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

VIEWS = [
    (1280, "en"),
    (360, "fr"),
    pytest.param(360, "en", marks=pytest.mark.slow),
    pytest.param(1280, "fr", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_residents_pages_are_sound(
    eyes: Any, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = eyes.open("resident1@example.org", width=width, language=language)
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
        eyes.assert_sound(page, name)
    page.locator("#choice-3").check()
    page.locator('button[value="review"]').click()
    eyes.assert_sound(page, "vote-review")
    page.locator('button:not([value="cast"]).quiet').click()
    page.locator("#choice-1").check()
    page.locator("#choice-2").check()
    page.locator('button[value="review"]').click()
    eyes.assert_sound(page, "vote-refused")
    page.goto("/reports/new")
    page.locator("#lat").fill("45.1")
    page.locator("#lon").fill("5.1")
    page.locator('button[value="nearby"]').click()
    eyes.assert_sound(page, "report-nearby")
    page.locator("#lat").fill("100")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.locator('button[value="send"]').click()
    eyes.assert_sound(page, "report-refused")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_staffs_pages_are_sound(
    eyes: Any, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = eyes.open("staff@example.org", width=width, language=language)
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
        eyes.assert_sound(page, name)
    page.goto("/staff/budgets/new")
    page.locator("#title").fill("x")
    page.evaluate("document.querySelectorAll('form').forEach((form) => form.noValidate = true)")
    page.locator("main form button").click()
    eyes.assert_sound(page, "staff-budget-refused")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_pages_on_ones_own_data_are_sound(
    eyes: Any, town: Any, forgotten: dict[str, str], width: int, language: str
) -> None:
    page = eyes.open("resident1@example.org", width=width, language=language)
    for name, path in {"me-data": "/me", "export": "/me/export", "erase": "/me/erase"}.items():
        page.goto(path)
        eyes.assert_sound(page, name)
    page.locator("#password").fill("not the password")
    page.locator("main button.danger").click()
    eyes.assert_sound(page, "erase-refused")
    page.context.close()
    page = eyes.open(width=width, language=language)
    for name, path in forgotten.items():
        page.goto(path)
        eyes.assert_sound(page, name)
    page.context.close()


def test_open_data_keeps_no_word_and_no_place_of_who_was_erased(
    forgotten: dict[str, str], rows_of: Any
) -> None:
    erased = forgotten["erased-proposal"].rsplit("/", 1)[1]
    row = next(each for each in rows_of("proposals") if each["id"] == erased)
    assert (row["title"], row["body"], row["category"]) == ("[erased]", "[erased]", "Parks")
    assert (row["latitude_e7"], row["longitude_e7"]) == (None, None)
