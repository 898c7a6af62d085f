"""Pages on the way to a vote and after it: what is asked of whom, files in and out, one's share."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

VIEWS = [(1280, "en"), (360, "fr")]
FILE = """reference;title;cost;lat;long
K1;Kiosk;15 000,50;48,5734;7,7521
K2;Slide;1,000;;
"""


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_files_come_in_and_go_out_on_sound_pages(
    eyes: Any, preparing: dict[str, str], finished: str, width: int, language: str
) -> None:
    page = eyes.open("staff@example.org", width=width, language=language)
    page.goto("/open-data/")
    page.locator("details summary").nth(3).click()
    assert finished in page.content()
    eyes.assert_sound(page, "open-data")
    page.goto(f"{preparing['desk']}/import")
    file = {"name": "projects.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    page.set_input_files("#file", file)
    page.locator("main form button").click()
    page.wait_for_selector("#report")
    eyes.assert_sound(page, "import-report")
    page.goto(preparing["judged"])
    eyes.assert_sound(page, "staff-project-three")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_pages_that_ask_somebody_or_tell_one_alone_are_sound(
    eyes: Any,
    preparing: dict[str, str],
    analyst: str,
    finished_with: tuple[str, str],
    width: int,
    language: str,
) -> None:
    page = eyes.open("resident1@example.org", width=width, language=language)
    page.goto(preparing["asked"])
    # One author wrote both proposals, and is asked for each by its title.
    assert page.locator("form.consent .eyebrow").all_text_contents() == [
        "Trees for Market Square",
        "A safe way to school",
    ]
    eyes.assert_sound(page, "consent")
    page.context.close()
    page = eyes.open(finished_with[1], width=width, language=language)
    page.goto(f"/budgets/{finished_with[0]}/vote/share")
    assert page.locator(".outcomes .outcome").count() > 0
    eyes.assert_sound(page, "share")
    page.context.close()
    page = eyes.open(analyst, width=width, language=language)
    page.goto(f"{preparing['asked']}/assess")
    eyes.assert_sound(page, "assess")
    page.context.close()
