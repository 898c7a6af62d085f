"""What anybody sees, in a real Chromium: both themes, a desk and a phone, contrast, no overflow."""

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
def test_public_pages_are_sound(
    eyes: Any, town: Any, handled_report: str, width: int, language: str
) -> None:
    page = eyes.open(width=width, language=language)
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
        eyes.assert_sound(page, name)
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_pages_of_the_public_log_are_sound(
    eyes: Any, town: Any, handled_report: str, finished: str, width: int, language: str
) -> None:
    page = eyes.open(width=width, language=language)
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
        eyes.assert_sound(page, name)
    page.goto(f"/history/proposal/{town.proposals[0]}")
    page.locator('a[href^="/receipt/"]').first.click()
    eyes.assert_sound(page, "receipt")
    page.locator('a[href$="#check"]').click()
    page.wait_for_selector('[data-kind="good"]')
    page.locator("summary").last.click()
    eyes.assert_sound(page, "receipt-checked")
    page.set_input_files(
        "#receipt", {"name": "x", "mimeType": "text/plain", "buffer": b"c2sp.org/tlog-proof@v2"}
    )
    page.wait_for_selector('[data-kind="unreadable"]')
    eyes.assert_sound(page, "receipt-unreadable")
    page.context.close()


@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (360, "fr")])
def test_pages_about_projects_and_results_are_sound(
    eyes: Any, town: Any, finished: str, width: int, language: str
) -> None:
    page = eyes.open(width=width, language=language)
    listed = page.request.get(f"/api/v1/elections/{finished}/projects").json()["projects"]
    for name, path in {
        "project-won": f"/projects/{listed[1]['id']}",
        "project-lost": f"/projects/{listed[2]['id']}",
        "budget-over": f"/budgets/{finished}",
        "versions": f"/budgets/{finished}/results/versions",
        "books": f"/budgets/{finished}/books",
        "map": f"/budgets/{town.election_id}/map",
        "compare": f"/budgets/{finished}/compare?p=1&p=2&p=3",
        "what-if": f"/budgets/{finished}/what-if?envelope=200000",
        "what-if-refused": f"/budgets/{finished}/what-if?project=1",
    }.items():
        page.goto(path)
        eyes.assert_sound(page, name)
    page.goto(f"/budgets/{finished}/results/embed")
    eyes.look(page, "embed", "light")
    assert page.evaluate("cahier.violations()") == []
    assert page.evaluate("cahier.lowContrast()") == []
    page.context.close()


@pytest.mark.parametrize(("width", "language"), VIEWS)
def test_a_result_is_sound(eyes: Any, town: Any, finished: str, width: int, language: str) -> None:
    page = eyes.open(width=width, language=language)
    page.goto(f"/budgets/{finished}/results")
    eyes.assert_sound(page, "results")
    page.locator("summary").last.click()
    eyes.assert_sound(page, "results-table")
    page.context.close()
