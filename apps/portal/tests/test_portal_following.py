"""Following and its ways out, over a real city whose mails are captured."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e


def follow(person: Any, path: str, level: str) -> None:
    """Follows by the page's own form; a thing that is brand new takes a moment to be known."""
    for _ in range(60):
        person.go(path)
        person.send("/me/follows", ("step", "follow"), level=level)
        if "too new to be followed" not in person.page.text:
            break
    person.ok()


def test_a_proposal_is_followed_more_closely_and_no_more(town: Any) -> None:
    person = town.resident(proved=False)
    path = f"/proposals/{town.proposals[0]}"
    follow(person, path, "minimal")
    assert person.page.url.path == path
    assert "You follow this" in person.page.text
    assert re.search(r'value="minimal"[^>]* checked', person.page.text)
    person.send("/me/follows", ("step", "follow"), level="all")
    assert re.search(r'value="all"[^>]* checked', person.page.text)
    person.send("/me/follows", ("step", "stop"))
    assert "You no longer follow this." in person.page.text
    assert "You follow this<" not in person.page.text


@pytest.mark.parametrize("kind", ["budgets", "processes", "reports"])
def test_budgets_calls_and_reports_are_followed_too(town: Any, kind: str) -> None:
    person = town.resident(proved=False)
    if kind == "reports":
        person.go("/reports/new")
        more = {"category": "LAMP", "description": "Dark.", "address": "Here"}
        person.send("/reports/new", ("step", "send"), **more)
        path = person.page.url.path
    else:
        path = f"/{kind}/{town.election_id if kind == 'budgets' else town.process_id}"
    follow(person, path, "essential")
    assert "You follow this now." in person.page.text


def test_who_is_not_signed_in_is_led_to_sign_in_and_back(town: Any, stranger: Any) -> None:
    path = f"/proposals/{town.proposals[0]}"
    assert f'href="/sign-in?next={path}"' in stranger.go(path).text
    assert "/me/follows" not in stranger.page.text


def test_what_cannot_be_followed_is_said_with_a_way_back(town: Any) -> None:
    person = town.resident(proved=False)
    person.go(f"/proposals/{town.proposals[0]}")
    person.send("/me/follows", ("step", "follow"), thing_id="nonsense", level="all")
    assert person.page.status_code == 422
    person.go(f"/proposals/{town.proposals[0]}")
    person.send("/me/follows", ("step", "follow"), level="loud")
    assert person.page.status_code == 422
    assert "Choose what to hear of." in person.page.text


def test_what_nobody_knows_yet_is_said_to_be_too_new(town: Any) -> None:
    person = town.resident(proved=False)
    person.go(f"/proposals/{town.proposals[0]}")
    unknown = "01860f6c-4bc0-761f-aaab-05b0fdefac1d"
    person.send("/me/follows", ("step", "follow"), thing_id=unknown, level="all")
    assert person.page.status_code == 404
    assert "This is too new to be followed." in person.page.text
    assert f"/proposals/{unknown}" in person.page.text


def answered_report(town: Any, staff: Any) -> tuple[str, str]:
    """A report that the city has just answered, and the address of a resident who follows it."""
    person = town.resident(proved=False)
    person.go("/reports/new")
    more = {"category": "LAMP", "description": "Dark.", "address": "Here"}
    person.send("/reports/new", ("step", "send"), **more)
    path = str(person.page.url.path)
    follow(person, path, "minimal")
    staff.go(f"/staff{path}")
    staff.send("/answer", answer_state="confirmed", answer_text="We saw it.")
    staff.ok()
    return path, person.email


def test_a_mails_link_asks_first_and_the_button_ends_the_follow(town: Any, staff: Any) -> None:
    path, address = answered_report(town, staff)
    link = town.way_out(address, path)
    reader = town.person()
    assert "Stop these mails?" in reader.go(link).text
    follower = town.person()
    follower.sign_in(address)
    assert "You follow this" in follower.go(path).text
    reader.send(reader.form("").action)
    assert "You no longer follow the report." in reader.page.text
    assert "You follow this" not in follower.go(path).text


def test_a_mail_program_ends_a_follow_by_one_post_without_cookies(town: Any, staff: Any) -> None:
    path, address = answered_report(town, staff)
    link = town.way_out(address, path)
    for _ in range(2):
        answer = httpx.post(
            link, data={"List-Unsubscribe": "One-Click"}, trust_env=False, follow_redirects=False
        )
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers or "cahier_session" not in str(answer.headers)
    follower = town.person()
    follower.sign_in(address)
    assert "You follow this" not in follower.go(path).text


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 5_000])
def test_a_token_of_no_mail_ends_nothing(town: Any, token: str) -> None:
    address = f"{town.url}/unsubscribe?token={token}"
    answer = httpx.post(address, data={"List-Unsubscribe": "One-Click"}, trust_env=False)
    assert answer.status_code == 422
    assert "not one of our mails" in answer.text
    assert httpx.get(address, trust_env=False).status_code == 200
