"""Street reports, from a broken lamp to its repair, without JavaScript over a real city."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.e2e


def report(person: Any, **fields: str) -> None:
    person.go("/reports/new")
    person.send("/reports/new", ("step", "send"), **{"category": "LAMP", **fields})


def test_a_report_is_sent_found_and_read(town: Any) -> None:
    person = town.resident(proved=False)
    report(
        person,
        description="The lamp at the bridge is dark.\n\n<b>Dangerous.</b>",
        address="Mill Bridge",
        lat="48,8566",
        lon="2.3522",
    )
    person.ok()
    page = person.page.text
    assert "Thank you. The city has your report." in page
    assert "&lt;b&gt;Dangerous.&lt;/b&gt;" in page
    assert "48.85660, 2.35220" in page
    assert "(by you)" in page
    assert "Answer promised by" in page
    path = person.page.url.path
    listed = town.person().go("/reports?state=unconfirmed&category=LAMP&department=Lighting").text
    assert path in listed
    assert path not in town.person().go("/reports?state=fixed").text
    assert "(by you)" not in town.person().go(path).text


def test_what_is_reported_nearby_is_shown_before_sending(town: Any) -> None:
    person = town.resident(proved=False)
    report(person, description="A hole in the road.", lat="47.1", lon="1.1")
    first = person.page.url.path
    person.go("/reports/new")
    near = {"lat": "47.1005", "lon": "1.1", "description": "Also a hole."}
    person.send("/reports/new", ("step", "nearby"), category="LAMP", **near)
    assert person.page.status_code == 200
    assert "One open report within 300 metres." in person.page.text
    assert first in person.page.text
    assert re.search(r"5\d m away", person.page.text)
    assert "Also a hole." in person.page.text
    person.send("/reports/new", ("step", "nearby"), category="LAMP", **{**near, "lat": "46"})
    assert "No open report within 300 metres" in person.page.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"address": "Here"}, '<a href="#description">This must not be empty.'),
        ({"description": "Dark."}, '<a href="#address">Say where it is'),
        ({"description": "Dark.", "lat": "91", "lon": "0"}, '<a href="#lat">Type degrees'),
        ({"description": "Dark.", "lat": "48", "lon": ""}, '<a href="#lon">Type degrees'),
        ({"description": "Dark.", "lat": "1e3", "lon": "0"}, '<a href="#lat">Type degrees'),
        ({"description": "Dark.", "lat": "NaN", "lon": "0"}, '<a href="#lat">Type degrees'),
        ({"description": "Dark.", "address": "x", "category": "NO"}, '<a href="#category">Choose'),
        ({"description": "x" * 4001, "address": "x"}, '<a href="#description">This is too long.'),
    ],
)
def test_a_report_that_lacks_something_comes_back_with_what_was_typed(
    town: Any, resident: Any, fields: dict[str, str], sentence: str
) -> None:
    report(resident, **fields)
    assert resident.page.status_code in (404, 413, 422)
    assert sentence in resident.page.text
    for name, typed in fields.items():
        assert name == "category" or typed[:50] in resident.page.text


def test_some_kinds_are_reported_without_signing_in_and_others_are_not(town: Any) -> None:
    person = town.person()
    report(person, category="LITTER", description="Bottles.", address="The park")
    person.ok()
    report(person, category="LAMP", description="Dark.", address="The park")
    assert person.page.status_code == 401
    assert "This kind of problem is reported after signing in." in person.page.text
    assert "Dark." in person.page.text


def test_staff_hand_a_report_over_answer_it_close_it_and_open_it_again(
    town: Any, staff: Any
) -> None:
    person = town.resident(proved=False)
    report(person, description="The lamp hums.", address="Station")
    path = person.page.url.path
    desk = f"/staff{path}"
    assert desk in staff.go("/staff/reports").text
    staff.go(desk)
    staff.send("/route", route_department="Roads", route_reason="It is their pole.")
    staff.ok()
    staff.send("/answer", answer_state="planned", answer_text="Next week.")
    staff.ok()
    staff.send("/close", close_state="unable_to_fix", close_text="")
    assert staff.page.status_code == 422
    assert '<a href="#close_text">' in staff.page.text
    staff.send("/close", close_state="fixed", close_text="It is silent now.")
    staff.ok()
    page = town.person().go(path).text
    order = ["Reported", "Handed over to", "Roads", "It is their pole.", "Planned", "Next week.",
             "Closed", "Fixed", "It is silent now."]  # fmt: skip
    found = page[page.index('class="timeline"') :]
    places = [found.index(text) for text in order]
    assert places == sorted(places)
    staff.go(desk)
    staff.send("/answer", answer_state="investigating", answer_text="It hums again.")
    staff.ok()
    assert "It hums again." in town.person().go(path).text
    assert path in town.person().go("/reports?state=investigating").text


def test_a_duplicate_names_the_earlier_report_by_its_address(town: Any, staff: Any) -> None:
    person = town.resident(proved=False)
    report(person, description="Dark there.", address="Quay")
    first = person.page.url.path
    report(person, description="Dark there too.", address="Quay")
    second = person.page.url.path
    staff.go(f"/staff{second}")
    wrong = {"close_state": "duplicate", "close_text": "No.", "close_duplicate_of": town.process_id}
    staff.send("/close", **wrong)
    assert '<a href="#close_duplicate_of">There is no such earlier report.' in staff.page.text
    staff.send(
        "/close",
        close_state="duplicate",
        close_text="See the other.",
        close_duplicate_of=f"{town.url}{first}",
    )
    staff.ok()
    assert f'<a href="{first}">an earlier report</a>' in town.person().go(second).text


def test_residents_do_not_handle_reports(town: Any, resident: Any) -> None:
    assert resident.go("/staff/reports").status_code == 403
    assert resident.go("/staff/categories").status_code == 403


def test_staff_define_a_kind_of_problem_and_define_it_anew(town: Any, staff: Any) -> None:
    staff.go("/staff/categories")
    staff.send(
        "/staff/categories", code="SNOW", label="Snow and ice", department="Roads", promise_days="2"
    )
    staff.ok()
    staff.go("/staff/categories?code=SNOW")
    assert 'value="Snow and ice"' in staff.page.text
    staff.send("/staff/categories", label="Snow, ice and slush", promise_days="999")
    assert staff.page.status_code == 422
    assert '<a href="#promise_days">' in staff.page.text
    staff.send("/staff/categories", label="Snow, ice and slush", promise_days="")
    staff.ok()
    assert "Snow, ice and slush" in town.person().go("/reports/new").text


def test_no_report_is_a_page_that_says_so(town: Any, stranger: Any) -> None:
    assert stranger.go(f"/reports/{town.process_id}").status_code == 404
    assert stranger.go("/reports?state=nonsense").status_code == 200
