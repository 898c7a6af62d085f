"""The site as people without JavaScript use it, over a real city."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e


def test_front_page_says_what_one_can_do_today(town: Any, stranger: Any) -> None:
    page = stranger.go("/").text
    assert "What you can do today" in page
    assert f'href="/budgets/{town.election_id}/vote"' in page
    assert f'href="/processes/{town.process_id}#propose"' in page
    assert "€500,000" in page


def test_an_open_vote_says_which_witnesses_it_was_promised(town: Any, stranger: Any) -> None:
    page = html.unescape(stranger.go(f"/budgets/{town.election_id}").text)
    promised = page.split("<dt>Witnessed by</dt>")[1].split("</dd>")[0]
    assert promised == "<dd>The city's own signature; no witness"
    french = stranger.go(f"/budgets/{town.election_id}?lang=fr").text
    assert "<dt>Témoins du vote</dt><dd>La signature de la ville" in french


def test_proposals_are_filtered_by_the_citys_answer(town: Any, stranger: Any) -> None:
    page = stranger.go(f"/processes/{town.process_id}?state=accepted&order=newest").text
    assert "Trees for Market Square" in page
    assert "A moon base" not in page


def test_anonymous_visitor_is_led_to_sign_in_and_back(town: Any) -> None:
    person = town.person()
    person.go(f"/budgets/{town.election_id}/vote")
    assert person.page.url.path == "/sign-in"
    person.send("/sign-in", email="resident1@example.org", password="a long enough sentence")
    assert person.page.url.path == f"/budgets/{town.election_id}/vote"


@pytest.mark.parametrize("evil", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sign_in_leads_to_no_other_site(town: Any, evil: str) -> None:
    person = town.person()
    person.go("/sign-in")
    person.send(
        "/sign-in", email="resident1@example.org", password="a long enough sentence", next_=evil
    )
    assert str(person.page.url) == f"{town.url}/"


def test_wrong_password_is_told_in_a_summary_that_links_to_the_field(stranger: Any) -> None:
    stranger.sign_in("resident1@example.org", "not the password")
    assert stranger.page.status_code == 401
    assert '<a href="#email">Address and password do not match.</a>' in stranger.page.text
    assert 'aria-invalid="true"' in stranger.page.text
    assert "<title>Error:" in stranger.page.text
    assert "not the password" not in stranger.page.text


def test_registering_twice_with_one_address_is_refused_at_its_field(stranger: Any) -> None:
    stranger.go("/register")
    stranger.send(
        "/register",
        display_name="Again",
        email="RESIDENT1@example.org",
        password="a long enough sentence",
    )
    assert stranger.page.status_code == 409
    assert '<a href="#email">' in stranger.page.text
    assert 'value="Again"' in stranger.page.text


def test_a_form_without_its_signature_changes_nothing(town: Any, resident: Any) -> None:
    path = f"/proposals/{town.proposals[1]}/support"
    answer = resident.http.post(path, data={"form_key": "x"})
    assert answer.status_code == 403
    assert "That is not allowed" in answer.text


def test_support_is_counted_once_and_taken_back(town: Any) -> None:
    person = town.resident()
    path = f"/proposals/{town.proposals[0]}"
    api = f"{town.url}/api/v1{path}"

    def supports() -> int:
        return int(httpx.get(api, trust_env=False).json()["supports"])

    before = supports()
    person.go(path)
    person.send("/support")
    assert "Your support is counted." in person.page.text
    assert "You support this proposal" in person.page.text
    assert re.search(r'Receipt: <a href="/receipt/[0-9a-f-]{36}"><code>', person.page.text)
    assert supports() == before + 1
    person.send("/unsupport")
    assert supports() == before


def test_comments_are_answered_in_threads(town: Any, resident: Any) -> None:
    path = f"/proposals/{town.proposals[0]}"
    resident.go(path)
    resident.send("/comments", body="Which trees?\n\n<script>alert(1)</script>")
    resident.ok()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in resident.page.text
    comment = re.findall(r'id="comment-([0-9a-f-]{36})"', resident.page.text)[-1]
    resident.go(f"{path}?answering={comment}")
    resident.send("/comments", body="Lime trees.")
    resident.ok()
    assert 'class="comment depth-1"' in resident.page.text


def test_an_empty_comment_is_refused_at_its_field(town: Any, resident: Any) -> None:
    resident.go(f"/proposals/{town.proposals[0]}")
    resident.send("/comments", body="   ")
    assert resident.page.status_code == 422
    assert '<a href="#comment">This must not be empty.</a>' in resident.page.text


def test_author_edits_within_the_window_and_others_see_no_form(town: Any, resident: Any) -> None:
    path = f"/proposals/{town.proposals[3]}"
    resident.go(f"{path}/edit")
    resident.send("/edit", title="A moon base, later", body="Changed.")
    resident.ok()
    assert "Your proposal is changed." in resident.page.text
    other = town.resident(proved=False)
    assert f"{path}/edit" not in other.go(path).text


def test_a_proposal_without_title_comes_back_with_its_text(town: Any, resident: Any) -> None:
    resident.go(f"/processes/{town.process_id}")
    resident.send("/proposals", title=" ", body="A text that must not be lost.")
    assert resident.page.status_code == 422
    assert "A text that must not be lost." in resident.page.text
    assert 'href="#title"' in resident.page.text
    resident.send("/proposals", title="", body="x", lat="north", lon="900")
    for field in ("title", "lat", "lon"):
        assert f'href="#{field}"' in resident.page.text


def test_links_of_a_form_that_came_back_lead_to_its_page(town: Any, resident: Any) -> None:
    resident.go(f"/processes/{town.process_id}")
    resident.send("/proposals", title="", body="Shade.")
    came_back = resident.page.url.path
    assert came_back.endswith("/proposals")
    # The filter above the form, the other language, and whoever opens the address once more.
    for query in ("?order=supports", "?lang=en", ""):
        page = resident.go(came_back + query)
        assert page.status_code == 200
        assert str(page.url).endswith(f"/processes/{town.process_id}{query}")
    assert resident.go("/sign-out").url.path == "/"


def test_census_that_does_not_match_is_told_on_the_form(town: Any) -> None:
    person = town.resident(proved=False)
    person.go("/me")
    person.send(
        "/me/residence", document_number="no such 1", birth_date="1980-01-31", postcode="31000"
    )
    assert person.page.status_code in (403, 404, 422)
    assert "The census has no entry that matches" in person.page.text


def test_residents_do_not_see_the_citys_desk(resident: Any) -> None:
    assert resident.go("/staff").status_code == 403
    assert "City desk" not in resident.go("/").text


def test_the_desk_says_how_much_waits_for_the_city(town: Any, staff: Any) -> None:
    waiting = staff.go(f"/processes/{town.process_id}?state=not_answered").text
    number = re.findall(r">(\d+) proposals?<", waiting)[0]
    desk = staff.go("/staff").text
    assert f"{number} wait for an answer" in desk or "one waits for an answer" in desk


def test_rejection_without_reason_is_refused_at_its_field(town: Any, staff: Any) -> None:
    proposal = town.proposals[3]
    staff.go(f"/staff/proposals/{proposal}")
    staff.send(f"/{proposal}", state="rejected", text="")
    assert staff.page.status_code == 422
    assert 'href="#text"' in staff.page.text


def test_malformed_amounts_and_dates_are_told_at_their_fields(town: Any, staff: Any) -> None:
    staff.go("/staff/budgets/new")
    staff.send(
        "/staff/budgets/new",
        title="x",
        envelope="much",
        currency="EUR",
        opens_at="x",
        closes_at="y",
    )
    assert staff.page.status_code == 422
    # All at once: nobody shall mend one field to hear of the next.
    for field in ("envelope", "opens_at", "closes_at"):
        assert f'href="#{field}"' in staff.page.text


def test_unknown_addresses_get_a_page_that_knows_the_visitor(town: Any, resident: Any) -> None:
    for path in ("/nowhere", f"/proposals/{town.process_id}", "/proposals/not-an-id"):
        answer = resident.go(path)
        assert answer.status_code == 404
        assert "There is no such page" in answer.text
        assert "Resident 1" in answer.text


def test_signing_out_ends_the_session(town: Any) -> None:
    person = town.resident(proved=False)
    person.sign_out()
    assert "You are signed out." in person.page.text
    assert person.go("/me").url.path == "/sign-in"
