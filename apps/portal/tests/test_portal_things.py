"""My things, and the pages of a development city, over a real city."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e


def section(page: str, name: str) -> str:
    return page.split(f'<h2 id="{name}">')[1].split("</section>")[0]


def test_my_things_hold_what_i_did_and_nobody_elses(town: Any) -> None:
    person = town.resident()
    proposal = f"/proposals/{town.proposals[2]}"
    person.go(proposal)
    person.send("/support")
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="A pond for frogs", body="Frogs need it.")
    mine = person.page.url.path
    person.send("/me/follows", ("step", "follow"), level="all")
    for _ in range(60):
        if "too new to be followed" not in person.page.text:
            break
        person.go(mine)
        person.send("/me/follows", ("step", "follow"), level="all")
    person.go("/reports/new")
    more = {"category": "LAMP", "description": "Dark.", "address": "Pond road"}
    person.send("/reports/new", ("step", "send"), **more)
    reported = person.page.url.path
    person.go(f"/budgets/{town.election_id}/vote")
    person.send("/vote", ("step", "review"), choice=["3"])
    person.send("/vote", ("step", "cast"))
    receipt = re.search(r"<code>([0-9a-f-]{36})</code>", person.page.text)
    page = person.go("/me/things").text
    assert mine in section(page, "written")
    assert proposal not in section(page, "written")
    assert proposal in section(page, "supported")
    assert mine in section(page, "followed")
    assert "A pond for frogs" in section(page, "followed")
    assert person.email in section(page, "followed")
    assert reported in section(page, "reported")
    assert receipt is not None
    assert receipt[1] in section(page, "ballots")
    other = town.resident(proved=False).go("/me/things").text
    for each in (mine, reported, receipt[1]):
        assert each not in other
    assert "You have not voted yet." in other


def test_a_follow_is_changed_and_ended_among_my_things(town: Any) -> None:
    person = town.resident(proved=False)
    path = f"/proposals/{town.proposals[1]}"
    for _ in range(60):
        person.go(path)
        person.send("/me/follows", ("step", "follow"), level="minimal")
        if person.page.status_code == 200:
            break
    person.go("/me/things")
    person.send("/me/follows", ("step", "follow"), level="all")
    assert person.page.url.path == "/me/things"
    assert "Everything" in section(person.page.text, "followed").split("<details>")[0]
    person.send("/me/follows", ("step", "stop"))
    assert person.page.url.path == "/me/things"
    assert "You follow nothing yet." in person.page.text


def test_my_things_need_a_session(town: Any, stranger: Any) -> None:
    assert stranger.go("/me/things").url.path == "/sign-in"


def test_status_tells_how_each_unit_fares_and_shows_a_click_through_the_units(town: Any) -> None:
    person = town.resident(proved=False)
    person.go(f"/proposals/{town.proposals[0]}")
    person.send("/comments", body="A comment that leaves a trace.")
    person.ok()
    page = httpx.get(f"{town.url}/dev/status", trust_env=False, timeout=30.0).text
    for unit in ("identity", "consultation", "budget", "reporting", "notifications", "portal"):
        row = page.split(f'<th scope="row">{unit}</th>')[1].split("</tr>")[0]
        assert "Ready" in row or "Degraded" in row
    appended = page.split('<th scope="row">consultation</th>')[1].split("</tr>")[0]
    numbers = re.findall(r'<td class="numeric">([\d,]+)</td>', appended)
    assert int(numbers[0].replace(",", "")) > 5
    assert "POST /proposals/{proposal_id}/comments" in page.replace(":uuid", "")
    assert "AddComment" in page
    assert "leaves a trace" not in page
