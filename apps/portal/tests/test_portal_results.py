"""A published result from all its sides: embedded elsewhere, asked `what if`, told to a voter."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

REVIEW, CAST = ("step", "review"), ("step", "cast")


def vote(person: Any, election_id: str, *choices: str) -> None:
    person.go(f"/budgets/{election_id}/vote")
    person.send("/vote", REVIEW, choice=list(choices))
    person.send("/vote", CAST)
    person.ok()


@pytest.fixture(scope="module")
def voters(town: Any) -> list[Any]:
    return [town.resident() for _ in range(4)]


@pytest.fixture(scope="module")
def result(town: Any, staff: Any, new_election: Callable[..., str], voters: list[Any]) -> str:
    """By equal shares, completed by votes: 2 and 3 win of 500,000; then 1 does not fit."""
    election_id = new_election("A result to look at", rule="shares", completion="greedy")
    for person, choices in zip(voters, (["2", "3"], ["2"], ["1", "2"], ["3"]), strict=True):
        vote(person, election_id, *choices)
    desk = f"/staff/budgets/{election_id}"
    for step, reason in (("close", "Everybody has voted."), ("count", ""), ("publish", "")):
        staff.go(f"{desk}/steps/{step}")
        staff.send(f"/steps/{step}", reason=reason)
        staff.ok()
    return str(election_id)


def seen(town: Any, person: Any, path: str, sign: str) -> str:
    """The page once it holds the sign: an explanation may be worked out a little later."""
    return str(town.wait(sign, lambda: sign in (text := person.go(path).text) and text))


def test_a_result_shows_rounds_districts_and_who_other_rules_would_serve(
    town: Any, stranger: Any, result: str
) -> None:
    page = seen(town, stranger, f"/budgets/{result}/results", "District by district")
    assert "How the money was spent" in page
    assert "voters who still had money for it paid" in page
    assert "Who would gain and who would lose" in page
    assert re.search(r'<th scope="row">Harbour</th><td class="numeric">1 of 1</td>', page)
    assert f'href="/budgets/{result}/what-if"' in page


def test_the_embedded_result_may_be_framed_sets_no_cookie_and_runs_no_script(
    town: Any, result: str
) -> None:
    person = town.person()
    person.http.cookies.clear()
    path = f"/budgets/{result}/results/embed?lang=fr"
    answer = person.http.get(path)
    assert answer.status_code == 200
    assert "frame-ancestors *" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert answer.headers["vary"] == "accept-language, cookie"
    assert '<html lang="fr">' in answer.text
    assert "<script" not in answer.text
    assert "A safe way to school" in answer.text
    assert len(answer.content) < 10_000


def test_no_other_page_may_be_framed(town: Any, stranger: Any, result: str) -> None:
    missing = "00000000-0000-0000-0000-000000000000"
    for path in (f"/budgets/{result}/results", f"/budgets/{missing}/results/embed"):
        answer = stranger.go(path)
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_the_snippet_names_the_embedded_page(town: Any, stranger: Any, result: str) -> None:
    page = stranger.go(f"/budgets/{result}/results").text
    (snippet,) = re.findall(r'<textarea id="snippet"[^>]*>(.*?)</textarea>', page, re.S)
    assert f"/budgets/{result}/results/embed?lang=en" in snippet
    assert snippet.startswith("&lt;iframe src=")


def test_another_envelope_rule_or_cost_is_counted_for_the_reader(
    town: Any, stranger: Any, result: str
) -> None:
    path = f"/budgets/{result}/what-if"
    assert "The rule that was in force" in stranger.go(path).text
    larger = stranger.go(f"{path}?envelope=600,000").text
    assert "3 projects would win" in larger
    assert "Would win, too" in larger
    assert "Trees for Market Square" in larger
    smaller = stranger.go(f"{path}?envelope=50000").text
    assert "Would not win" in smaller
    same = stranger.go(f"{path}?way=greedy_cost").text
    assert "Counted by: In the order of votes" in same
    cheaper = stranger.go(f"{path}?project=1&cost=1000").text
    assert "3 projects would win" in cheaper


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("envelope=much", "error"),
        ("way=dice", "Choose a rule from the list."),
        ("project=1", "Name a project and its other cost, or neither."),
        ("project=99&cost=5", "This project did not stand in this budget."),
    ],
)
def test_a_question_that_cannot_be_asked_is_mended_on_the_page(
    town: Any, stranger: Any, result: str, query: str, sentence: str
) -> None:
    answer = stranger.go(f"/budgets/{result}/what-if?{query}")
    assert answer.status_code == 422
    assert sentence in answer.text


def test_a_voter_learns_what_the_own_ballot_helped_pay_for(
    town: Any, voters: list[Any], result: str
) -> None:
    page = voters[0].go(f"/budgets/{result}/vote/share").text
    assert "What your ballot helped pay for" in page
    assert "A safe way to school" in page
    assert "Trees for Market Square" not in page
    other = voters[2].go(f"/budgets/{result}/vote/share").text
    assert "Also on your ballot" in other
    assert "Trees for Market Square" in other
    log = town.log("portal") + town.log("budget")
    assert "vote/share" not in log
    assert "GetOwnShare" not in log


def test_a_share_is_for_who_is_signed_in_and_has_voted(
    town: Any, stranger: Any, result: str
) -> None:
    stranger.go(f"/budgets/{result}/vote/share")
    assert stranger.page.url.path == "/sign-in"
    idle = town.resident()
    assert "You have no ballot in this budget" in idle.go(f"/budgets/{result}/vote/share").text
    assert "No result yet" in idle.go(f"/budgets/{town.election_id}/vote/share").text


def test_projects_are_found_by_words_status_and_order(town: Any, stranger: Any) -> None:
    base = f"/budgets/{town.election_id}"
    found = stranger.go(f"{base}?q=school").text
    assert "A safe way to school" in found
    assert "Benches in the shade" not in found
    assert "No project here." in stranger.go(f"{base}?standing=undecided").text
    assert "3 projects shown" in stranger.go(f"{base}?standing=standing&order=supports").text


def test_two_to_four_projects_stand_side_by_side(town: Any, stranger: Any, result: str) -> None:
    stranger.go(f"/budgets/{result}")
    assert 'action="/budgets/' in stranger.page.text
    page = stranger.go(f"/budgets/{result}/compare?p=2&p=1&p=junk").text
    table = page[page.index("<table") : page.index("</table>")]
    assert table.index("A safe way to school") < table.index("Trees for Market Square")
    assert "It won." in table
    assert "because it is needed" in table
    assert "Choose at least 2 projects." in stranger.go(f"/budgets/{result}/compare?p=1").text
    assert "<table" not in stranger.go(f"/budgets/{result}/compare").text


def test_a_proposal_with_a_place_is_on_the_map_and_the_others_in_its_list(
    town: Any, stranger: Any, resident: Any
) -> None:
    page = stranger.go(f"/budgets/{town.election_id}/map").text
    assert 'href="#place-1"' in page
    assert 'id="place-1"' in page
    assert "Without a place of their own" in page
    resident.go(f"/processes/{town.process_id}")
    resident.send("/proposals", title="A place too far", body="", lat="91", lon="2")
    assert resident.page.status_code == 422
    assert 'href="#lat"' in resident.page.text
