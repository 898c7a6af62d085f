"""People see all that is held on them, and are forgotten when they ask for it."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e
SERVICES = {"identity", "consultation", "reporting", "budget", "notifications"}
TITLE, BODY, COMMENT = "Swings for giants", "Much higher ones.", "And a slide, I say."
NAME, EMAIL = "Gisela Gone", "gisela.gone@example.org"
TYPED = (TITLE, BODY, COMMENT, NAME, EMAIL)


def registered(town: Any, name: str, email: str) -> Any:
    person = town.person()
    person.register(name, email)
    return person


@pytest.fixture(scope="module")
def gone(town: Any) -> SimpleNamespace:
    """Somebody who wrote, followed and was forgotten; what they held before, and the report."""
    person = registered(town, NAME, EMAIL)
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title=TITLE, body=BODY, category="Parks", district="")
    person.ok()
    path = str(person.page.url.path)
    person.send("/comments", body=COMMENT)
    person.ok()
    town.wait("the proposal can be followed", lambda: follows(person, path))
    held = person.go("/me/export.json")
    page = person.go("/me/export").text
    person.go("/me/erase")
    person.send("/me/erase", password="a long enough sentence")
    person.ok()
    report = str(person.page.url.path)
    town.wait("everybody confirms", lambda: "Everything is erased" in person.go(report).text)
    return SimpleNamespace(person=person, proposal=path, held=held, page=page, report=report)


def follows(person: Any, path: str) -> bool:
    person.go(path)
    return bool(person.send("/me/follows", ("step", "follow"), level="all").status_code == 200)


def test_what_is_held_is_shown_and_downloaded(gone: SimpleNamespace) -> None:
    assert gone.held.headers["content-type"] == "application/json"
    assert "attachment" in gone.held.headers["content-disposition"]
    assert gone.held.headers["cache-control"] == "no-store"
    told = gone.held.json()
    assert (set(told["held"]), told["away"]) == (SERVICES, [])
    kinds = {service: {each["kind"] for each in items} for service, items in told["held"].items()}
    assert kinds["identity"] == {"registered"}
    assert kinds["consultation"] == {"proposal", "comment"}
    assert kinds["notifications"] == {"contact", "follow"}
    assert kinds["budget"] == kinds["reporting"] == set()
    assert [typed for typed in TYPED if typed not in gone.held.text] == []
    assert [typed for typed in TYPED if typed not in gone.page] == []
    assert "$argon2" not in gone.held.text + gone.page
    # The proposal, the comment and what is followed lead to where they are read.
    assert gone.page.count(f'<a href="{gone.proposal}">') == 3


@pytest.mark.parametrize("path", ["/me/export", "/me/export.json", "/me/erase"])
def test_only_the_person_is_shown_what_is_held(town: Any, path: str) -> None:
    answer = httpx.get(town.url + path, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


def test_nobody_is_forgotten_without_the_password(town: Any) -> None:
    person = registered(town, "Still There", "still.there@example.org")
    for wrong in ("", "not the password"):
        person.go("/me/erase")
        assert person.send("/me/erase", password=wrong).status_code == 422
        assert "This is not your password. Nothing was erased." in person.page.text
    assert person.go("/me").status_code == 200
    assert "Still There" in person.page.text


def test_guessing_the_password_of_an_open_session_ends_soon(town: Any) -> None:
    person = registered(town, "Gussie", "gussie@example.org")
    person.go("/me/erase")
    for _ in range(20):
        if "This is not your password" not in person.send("/me/erase", password="?").text:
            break
    assert person.page.status_code in (422, 429)
    assert "Too many" in person.page.text
    person.send("/me/erase", password="a long enough sentence")
    assert "Too many" in person.page.text
    assert "Gussie" in person.go("/me").text


def test_a_forged_form_forgets_nobody(town: Any) -> None:
    person = registered(town, "Not Forged", "not.forged@example.org")
    person.http.post("/me/erase", data={"password": "a long enough sentence"})
    assert "Not Forged" in person.go("/me").text


def test_who_is_forgotten_is_signed_out_and_cannot_come_back(
    town: Any, gone: SimpleNamespace
) -> None:
    assert gone.person.go("/me").url.path == "/sign-in"
    again = town.person()
    again.sign_in(EMAIL)
    assert again.page.status_code == 401


def test_a_session_elsewhere_ends_with_the_person(town: Any) -> None:
    here = registered(town, "Two Devices", "two.devices@example.org")
    there = town.person()
    there.sign_in("two.devices@example.org")
    here.go("/me/erase")
    here.send("/me/erase", password="a long enough sentence")
    here.ok()
    assert there.go("/me").url.path == "/sign-in"


def test_the_report_needs_no_account_and_names_nobody(town: Any, gone: SimpleNamespace) -> None:
    stranger = town.person()
    page = stranger.go(gone.report)
    assert page.status_code == 200
    assert page.text.count("Confirmed") == len(SERVICES)
    assert [typed for typed in TYPED if typed in page.text] == []
    person_id = gone.held.json()["person"]
    assert person_id not in page.text
    receipts = re.findall(r'href="(/receipt/[^"]+)"', page.text)
    assert len(receipts) == len(SERVICES)
    for receipt in receipts:
        assert stranger.go(receipt).status_code == 200


@pytest.mark.parametrize("id", ["01234567-89ab-7def-8123-456789abcdef", "x", "%2e%2e"])
def test_an_erasure_that_nobody_ordered_has_no_report(town: Any, id: str) -> None:
    assert town.person().go(f"/erasure/{id}").status_code == 404


def test_erased_texts_are_said_to_be_erased_in_the_readers_language(
    town: Any, gone: SimpleNamespace
) -> None:
    stranger = town.person()
    for language, word in (("en", "[erased]"), ("fr", "[effacé]")):
        page = stranger.go(f"{gone.proposal}?lang={language}").text
        assert f"<h1>{word}</h1>" in page
        assert page.count(word) >= 3  # title, body, comment
        assert [typed for typed in TYPED if typed in page] == []
        assert word in stranger.go(f"/processes/{town.process_id}").text


def test_texts_that_were_erased_are_gone_for_programs(town: Any, gone: SimpleNamespace) -> None:
    items = gone.held.json()["held"]["consultation"]
    for item in items:
        answer = httpx.get(
            f"{town.url}/disclosures/consultation/{item['event_id']}", trust_env=False
        )
        assert (answer.status_code, answer.json()["code"]) == (410, "disclosures_erased")


def test_a_service_that_is_away_is_named_in_what_is_held(town_at: Any, tmp_path: Any) -> None:
    """A city of its own, since a unit is stopped in it."""
    import json
    import os
    import signal

    made = town_at(tmp_path / "town")
    try:
        person = registered(made, "Al Away", "al.away@example.org")
        pid = json.loads((made.root / "run.json").read_text("utf-8"))["pids"]["reporting"]
        os.kill(pid, signal.SIGSTOP)
        try:
            told = person.go("/me/export.json").json()
            assert told["away"] == ["reporting"]
            assert "This part cannot be shown right now" in person.go("/me/export").text
        finally:
            os.kill(pid, signal.SIGCONT)
    finally:
        made.stop()
