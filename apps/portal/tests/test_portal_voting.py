"""Casting a ballot step by step without JavaScript, and an election up to its result."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough sentence"
UPDATE, REVIEW, CAST = ("step", "update"), ("step", "review"), ("step", "cast")


def receipt_on(page: str) -> str:
    found = re.search(r"<code>([0-9a-f-]{36})</code>", page)
    assert found, page
    return found[1]


def vote(person: Any, election_id: str, *choices: str) -> str:
    person.go(f"/budgets/{election_id}/vote")
    person.send("/vote", REVIEW, choice=list(choices))
    person.send("/vote", CAST)
    person.ok()
    assert "Your ballot is cast" in person.page.text
    return receipt_on(person.page.text)


def test_update_shows_the_running_total_and_keeps_the_ticks(town: Any) -> None:
    person = town.resident()
    person.go(f"/budgets/{town.election_id}/vote")
    person.send("/vote", UPDATE, choice=["1", "3"])
    assert person.page.status_code == 200
    assert 'data-tally="count">2</span>' in person.page.text
    assert "€220,000" in person.page.text
    assert re.search(r'id="choice-1"[^>]* checked', person.page.text)


def test_choices_outside_the_filter_stay_on_the_ballot(town: Any) -> None:
    person = town.resident()
    person.go(f"/budgets/{town.election_id}/vote")
    person.send("/vote", UPDATE, choice=["1"], district="Harbour")
    assert "Chosen and not in the list below" in person.page.text
    assert re.search(r'id="choice-1"[^>]* checked', person.page.text)
    assert "Benches in the shade" not in person.page.text


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        ([], "Choose at least 1."),
        (["1", "2", "3"], "You have chosen too many. The most is 2."),
        (["1", "2"], "The chosen projects cost more than a ballot may spend."),
        (["99"], "One of the chosen projects does not stand in this budget."),
        (["x"], "One of the chosen projects does not stand in this budget."),
    ],
)
def test_a_ballot_that_breaks_a_rule_is_refused_before_it_is_cast(
    town: Any, resident: Any, choices: list[str], sentence: str
) -> None:
    resident.go(f"/budgets/{town.election_id}/vote")
    resident.send("/vote", REVIEW, choice=choices)
    assert resident.page.status_code == 422
    assert f'<a href="#choices">{sentence}' in resident.page.text


def test_a_ballot_is_cast_changed_and_never_shown_again(town: Any) -> None:
    person = town.resident()
    first = vote(person, town.election_id, "1", "3")
    person.go(f"/budgets/{town.election_id}/vote")
    assert first in person.page.text
    assert not re.search(r'id="choice-\d"[^>]* checked', person.page.text)
    second = vote(person, town.election_id, "2")
    assert second != first
    assert "You have cast 2 ballots" in person.page.text


def test_a_form_that_is_sent_twice_casts_one_ballot(town: Any) -> None:
    person = town.resident()
    person.go(f"/budgets/{town.election_id}/vote")
    person.send("/vote", REVIEW, choice=["3"])
    review = person.page
    person.send("/vote", CAST)
    first = receipt_on(person.page.text)
    person.page = review
    person.send("/vote", CAST)
    assert "This form was sent a second time" in person.page.text
    assert receipt_on(person.page.text) == first


def test_who_has_not_proved_residence_is_led_to_the_proof(town: Any) -> None:
    person = town.resident(proved=False)
    answer = person.go(f"/budgets/{town.election_id}/vote")
    assert answer.status_code == 403
    assert f'href="/me?next=/budgets/{town.election_id}/vote#prove"' in answer.text


def test_who_registers_to_vote_comes_back_to_the_ballot(town: Any) -> None:
    person = town.person()
    ballot = f"/budgets/{town.election_id}/vote"
    person.go(ballot)
    person.go(re.findall(r'href="(/register\?next=[^"]+)"', person.page.text)[-1])
    number = next(town.numbers)
    name, email = f"Resident {number}", f"resident{number}@example.org"
    person.send("/register", display_name=name, email=email, password=PASSWORD)
    assert person.page.url.path == ballot
    person.go("/me" + re.findall(r'href="/me(\?next=[^"#]+)', person.page.text)[0])
    line = {"document_number": f"doc {number:06d}", "postcode": "31000"}
    person.send("/me/residence", birth_date="1980-02-01", **line)
    assert person.page.status_code == 404
    person.send("/me/residence", birth_date="1980-01-31", **line)
    assert person.page.url.path == ballot
    assert "Your ballot" in person.page.text


def test_proving_residence_counts_at_once(town: Any) -> None:
    person = town.resident(proved=False)
    assert person.go(f"/budgets/{town.election_id}/vote").status_code == 403
    person.document = person.document.upper().replace(" ", "-")
    person.prove()
    assert person.go(f"/budgets/{town.election_id}/vote").status_code == 200


def test_voting_leaves_no_choice_in_addresses_or_logs(town: Any) -> None:
    person = town.resident()
    vote(person, town.election_id, "1", "3")
    assert "choice" not in str(person.page.url)
    log = town.log("portal")
    assert "choice" not in log
    assert "/vote" not in log


def test_an_election_is_closed_counted_and_published_with_its_reasons(
    town: Any, staff: Any, stranger: Any, new_election: Callable[..., str]
) -> None:
    election_id = new_election("One project only", vote_type="choose-1")
    voters = [town.resident() for _ in range(4)]
    for voter, choice in zip(voters, "2212", strict=True):
        vote(voter, election_id, choice)
    assert stranger.go(f"/budgets/{election_id}/results").status_code == 200
    assert "No result yet" in stranger.page.text
    desk = f"/staff/budgets/{election_id}"
    staff.go(f"{desk}/steps/close")
    staff.send("/steps/close", reason="")
    assert staff.page.status_code in (409, 422)
    staff.send("/steps/close", reason="Everybody has voted.")
    staff.ok()
    for step in ("count", "publish"):
        staff.go(f"{desk}/steps/{step}")
        staff.send(f"/steps/{step}")
        staff.ok()
    page = stranger.go(f"/budgets/{election_id}/results").text
    assert "2 projects won" in page
    assert page.index("A safe way to school") < page.index("Trees for Market Square")
    assert "€480,000.50 of €500,000 spent (96" in page
    assert "Nobody voted for it" in page
    assert "<table>" in page
    assert 'role="img" aria-label="Bar: 2 projects take €480,000.50 of €500,000."' in page
    result = httpx.get(f"{town.url}/api/v1/elections/{election_id}/result", trust_env=False).json()
    assert result["selected"] == [2, 1]
    assert result["spent_cents"] == 48_000_050
    assert [outcome["votes"] for outcome in result["outcomes"]] == [1, 3, 0]
    late = town.person()
    late.sign_in(voters[0].email)
    assert late.go(f"/budgets/{election_id}/vote").status_code == 409
    # Who comes too late, and who reads of one project, hears what was decided and where to see it.
    listed = httpx.get(f"{town.url}/api/v1/elections/{election_id}/projects", trust_env=False)
    won, _, lost = (stranger.go(f"/projects/{p['id']}").text for p in listed.json()["projects"])
    for told in (late.page.text, won, lost):
        assert f'href="/budgets/{election_id}/results"' in told
    assert "1 vote</strong> · winner 2 of 2" in won
    assert "were left after it." in won
    assert "Trees for Market Square: because it is needed." in won
    assert "Did not win" in lost
    assert "Nobody voted for it." in lost
    listing = stranger.go(f"/budgets/{election_id}").text
    assert (listing.count(">Won<"), listing.count(">Did not win<")) == (2, 1)
    assert "can no longer be changed" in staff.go(f"{desk}/rules").text


def test_a_result_by_equal_shares_is_explained(
    town: Any, staff: Any, stranger: Any, new_election: Callable[..., str]
) -> None:
    election_id = new_election("Equal shares", rule="shares", ties="cheapest", least_votes="1")
    for choice in "22123":
        vote(town.resident(), election_id, choice)
    desk = f"/staff/budgets/{election_id}"
    staff.go(f"{desk}/steps/close")
    staff.send("/steps/close", reason="Everybody has voted.")
    for step in ("count", "publish"):
        staff.go(f"{desk}/steps/{step}")
        staff.send(f"/steps/{step}")
        staff.ok()
    page = stranger.go(f"/budgets/{election_id}/results").text
    assert "shared out equally among all voters" in page
    assert "The result beside what other rules would give" in page
    assert "Its voters bought it in round 1." in page
    assert "It would have won at a cost of €159,999.50 or less." in page
