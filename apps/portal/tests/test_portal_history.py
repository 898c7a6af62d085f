"""What became of a proposal, an election or a report, as its log tells it, at any moment."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import httpx
import pytest

from cahier_contracts.identity.v1 import identity_service_pb2 as identity

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def talked_about(town: Any, resident: Any) -> str:
    """A proposal of its own that was changed, supported and commented on."""
    resident.go(f"/processes/{town.process_id}")
    resident.send("/proposals", title="A lunar garden", body="Why not?", category="Parks")
    resident.ok()
    proposal = str(resident.page.url.path).rpartition("/")[2]
    resident.go(f"/proposals/{proposal}/edit")
    resident.send("/edit", title="A lunar garden, with trees", body="Trees on the moon.")
    resident.ok()
    resident.go(f"/proposals/{proposal}")
    resident.send("/support")
    resident.ok()
    for body in ("A first comment.", "A second comment."):
        resident.go(f"/proposals/{proposal}")
        resident.send("/comments", body=body)
        resident.ok()
    return proposal


def entries(page: str) -> list[str]:
    """The sentences of the entries that a page of history shows."""
    listed = page.split('<ol class="timeline">')[1]
    return re.findall(r"<p><strong>([^<]+)</strong></p>", listed)


def moments(page: str) -> list[str]:
    return re.findall(r'<option value="\d+" label="([^"]+)"', page)


def stood(page: str) -> str:
    return page.split('aria-labelledby="stood"')[1].split('aria-labelledby="events"')[0]


def at(town: Any, kind: str, thing: str, place: int) -> tuple[str, str]:
    """The page of the moment at a place of the slider, and its address, as the form leads there."""
    with httpx.Client(base_url=town.url, follow_redirects=True, trust_env=False) as http:
        page = http.get(f"/history/{kind}/{thing}?moment={place}")
    assert page.status_code == 200, page.text
    return page.text, str(page.url)


def test_a_proposals_history_tells_each_event_in_order_with_its_receipt(
    stranger: Any, talked_about: str
) -> None:
    page = stranger.go(f"/history/proposal/{talked_about}").text
    assert entries(page) == [
        "A resident made the proposal.",
        "The author changed the text.",
        "A resident supported the proposal.",
        "A resident commented.",
        "A resident commented.",
    ]
    assert len(re.findall(r"<span>No\. \d+ in the log: Ideas</span>", page)) == 5
    assert len(set(re.findall(r'href="/receipt/([0-9a-f-]{36})"', page))) == 5
    assert "A lunar garden, with trees" in stood(page)
    assert "1 support<" in stood(page)
    assert "A second comment." in stood(page)


def test_the_past_shows_what_stood_then(town: Any, talked_about: str) -> None:
    page, address = at(town, "proposal", talked_about, 0)
    assert "?at=20" in address
    assert entries(page) == ["A resident made the proposal."]
    assert "A lunar garden<" in stood(page)
    assert "with trees" not in stood(page)
    assert "0 supports" in stood(page)
    assert "4 more entries came later." in page
    page, _ = at(town, "proposal", talked_about, 3)
    assert "with trees" in stood(page)
    assert "A first comment." in stood(page)
    assert "A second comment." not in stood(page)


def test_a_history_in_french_is_french(town: Any, talked_about: str) -> None:
    with httpx.Client(base_url=town.url, trust_env=False) as http:
        page = http.get(f"/history/proposal/{talked_about}?lang=fr").text
    assert entries(page)[:2] == [
        "Une personne a fait la proposition.",
        "La personne qui propose a modifié le texte.",
    ]


def test_a_proposal_that_became_a_project_tells_so(stranger: Any, town: Any) -> None:
    said = entries(stranger.go(f"/history/proposal/{town.proposals[0]}").text)
    assert said[:2] == ["A resident made the proposal.", "The city answered: Accepted."]
    assert "The proposal became project 1 of a budget." in said
    assert "The city stated the cost of project 1: €180,000." in said
    assert "The city judged project 1: Feasible." in said


def test_an_elections_past_shows_its_rules_projects_and_ballots(
    stranger: Any, town: Any, new_election: Any, staff: Any
) -> None:
    election = new_election("Budget of the benches", min_length="1", max_length="3")
    for _ in range(2):
        person = town.resident()
        person.go(f"/budgets/{election}/vote")
        person.send("/vote", ("step", "review"), choice=["1", "2"])
        person.send("/vote", ("step", "cast"))
        person.ok()
    for step in ("close", "count", "publish"):
        staff.go(f"/staff/budgets/{election}/steps/{step}")
        more = {"reason": "Everybody has voted."} if step == "close" else {}
        staff.send(f"/steps/{step}", **more)
        staff.ok()

    def told() -> str | None:
        # The last of it, the money set aside, is written once the books were heard of.
        text = str(stranger.go(f"/history/election/{election}").text)
        return text if "books" in entries(text)[-2] else None

    page = town.wait("the books are opened", told)
    said = entries(page)
    assert said[0] == "The city prepared a budget of €500,000."
    assert "ballot" not in " ".join(said[: said.index("Voting opened.")])
    assert said[-4:-1] == [
        "The city counted 2 ballots. 2 projects won. They cost €480,000.50.",
        "The city published the result.",
        "The city opened the books of the budget.",
    ]
    assert "Somebody cast a sealed ballot." not in said
    assert stood(page).count(">Won<") == 2
    count = len(moments(page))
    before, _ = at(town, "election", election, 0)
    assert "In preparation" in stood(before)
    assert "Ballots in the log" not in stood(before)
    closed, _ = at(town, "election", election, count - 4)
    assert re.search(r"Ballots in the log</dt><dd>2<", stood(closed))
    assert ">Won<" not in stood(closed)


def test_a_reports_past_shows_department_and_answer_of_then(
    resident: Any, staff: Any, town: Any
) -> None:
    resident.go("/reports/new")
    where = {"category": "LAMP", "address": "Lime Walk 3", "lat": "45.1", "lon": "5.1"}
    resident.send("/reports/new", ("step", "send"), description="A lamp is dark.", **where)
    resident.ok()
    report = resident.page.url.path.rsplit("/", 1)[1]
    staff.go(f"/staff/reports/{report}")
    staff.send("/route", route_department="Roads", route_reason="It is their pole.")
    staff.send("/answer", answer_state="planned", answer_text="Next week.")
    staff.ok()
    page, _ = at(town, "report", report, 0)
    assert entries(page) == ["Somebody reported a problem; it went to Lighting."]
    for seen in ("Street lamp", "Lighting", "A lamp is dark.", "Lime Walk 3", "45.10000"):
        assert seen in stood(page)
    assert "Next week." not in stood(page)
    page, _ = at(town, "report", report, 99)
    assert "Roads" in stood(page)
    assert "Next week." in stood(page)


def test_a_text_that_was_erased_since_reads_as_erased_in_the_past_too(
    town: Any, resident: Any, stranger: Any
) -> None:
    proposal = town.proposals[2]
    resident.go(f"/proposals/{proposal}")
    resident.send("/comments", body="Something to regret.")
    resident.ok()
    receipt = re.search(r'href="/receipt/([0-9a-f-]{36})"', resident.page.text)
    assert receipt is not None
    assert "Something to regret." in stood(stranger.go(f"/history/proposal/{proposal}").text)
    with sqlite3.connect(town.root / "consultation" / "events.db", timeout=10) as store:
        store.execute("DELETE FROM disclosures WHERE id = ?", (receipt[1],))
    page = stranger.go(f"/history/proposal/{proposal}").text
    assert "Something to regret." not in page
    assert "[erased]" in stood(page)
    assert "[effacé]" in stood(stranger.go(f"/history/proposal/{proposal}?lang=fr").text)
    stranger.go("/?lang=en")


@pytest.mark.parametrize("when", ["yesterday", "2026-13-01T00:00:00Z", "2026-11-22"])
def test_a_moment_that_is_none_is_told_and_the_page_shows_today(
    town: Any, talked_about: str, stranger: Any, when: str
) -> None:
    page = stranger.go(f"/history/proposal/{talked_about}?at={when}")
    assert page.status_code == 422
    assert "That moment cannot be read" in page.text
    assert "As it stands today" in page.text


def test_before_its_time_a_thing_did_not_exist(stranger: Any, talked_about: str) -> None:
    page = stranger.go(f"/history/proposal/{talked_about}?at=2001-01-01T00:00:00%2B01:00").text
    assert "It did not exist yet." in page
    assert "0 entries" in page


@pytest.mark.parametrize(
    "path",
    [
        "/history/proposal/01a20347-7ef1-7181-b37a-3f32c04b25f4",
        "/history/person/01a20347-7ef1-7181-b37a-3f32c04b25f4",
        "/history/proposal/nobody",
    ],
)
def test_what_the_log_does_not_name_has_no_history(stranger: Any, path: str) -> None:
    assert stranger.go(path).status_code == 404


def test_pages_lead_to_their_history(stranger: Any, town: Any) -> None:
    for path, history in (
        (f"/proposals/{town.proposals[0]}", f"/history/proposal/{town.proposals[0]}"),
        (f"/budgets/{town.election_id}", f"/history/election/{town.election_id}"),
    ):
        assert f'href="{history}"' in stranger.go(path).text
        assert stranger.go(history).status_code == 200


def test_whoever_was_forgotten_is_forgotten_in_the_past_too(town: Any, stranger: Any) -> None:
    person = town.resident()
    resident_id = person.go("/me").text.split("<dd><code>")[1].split("<")[0]
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="A regretted idea", body="Which I made.", category="Parks")
    person.ok()
    proposal = person.page.url.path.rsplit("/", 1)[1]
    path = f"/history/proposal/{proposal}"
    assert "A regretted idea" in stood(stranger.go(path).text)
    town.as_admin(identity.EraseSubjectRequest(subject_id=resident_id, basis="order"))
    erased = "The text was erased. That there was one, and when, stays."
    town.wait("the erasure", lambda: erased in entries(stranger.go(path).text))
    for address in (path, f"{path}?moment=0", f"/proposals/{proposal}"):
        page = stranger.go(address).text
        assert "regretted" not in page
        assert "Which I made" not in page
    assert entries(stranger.go(f"{path}?moment=0").text) == ["A resident made the proposal."]
    assert "<h1>History: [erased]</h1>" in stranger.go(path).text
    assert "<h1>Historique\u00a0: [effacé]</h1>" in stranger.go(f"{path}?lang=fr").text
    assert "<h1>[effacé]</h1>" in stranger.go(f"/proposals/{proposal}").text
    stranger.go("/?lang=en")
