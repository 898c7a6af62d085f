"""What programs read from the portal, over a real city."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e


def read(town: Any, path: str) -> httpx.Response:
    return httpx.get(f"{town.url}{path}", trust_env=False, timeout=30.0)


def test_processes_proposals_and_elections_are_read_as_json(town: Any) -> None:
    process = read(town, "/api/v1/processes").json()["processes"][-1]
    assert (process["id"], process["idea_phase"]) == (town.process_id, "open")
    assert process["opens_at"].endswith("Z")
    listed = read(town, f"/api/v1/processes/{town.process_id}/proposals?state=accepted").json()
    assert {each["title"] for each in listed["proposals"]} == {
        "Trees for Market Square",
        "A safe way to school",
        "Benches in the shade",
    }
    assert listed["total"] == 3
    assert "body" not in listed["proposals"][0]
    one = read(town, f"/api/v1/proposals/{town.proposals[0]}").json()
    assert one["state"] == "accepted"
    assert one["body"].startswith("Trees for Market Square: because")
    election = read(town, f"/api/v1/elections/{town.election_id}").json()
    assert election["envelope_cents"] == 50_000_000
    assert election["rules"]["max_sum_cost_cents"] == 45_000_000
    assert election["state"] == "open"
    assert "trustee" not in str(election)
    projects = read(town, f"/api/v1/elections/{town.election_id}/projects").json()["projects"]
    assert [project["number"] for project in projects] == [1, 2, 3]
    assert [project["cost_cents"] for project in projects] == [18_000_000, 30_000_050, 4_000_000]
    assert projects[0]["title"] == "Trees for Market Square"


def test_proposals_are_paged_without_gap_or_double(town: Any) -> None:
    seen: list[str] = []
    after = ""
    while True:
        path = f"/api/v1/processes/{town.process_id}/proposals?size=1&after={after}"
        page = read(town, path).json()
        seen += [each["id"] for each in page["proposals"]]
        after = page["next"]
        if not after:
            break
    assert sorted(seen) == sorted(set(seen))
    assert set(town.proposals) <= set(seen)


def test_no_result_is_read_before_it_is_published(town: Any) -> None:
    answer = read(town, f"/api/v1/elections/{town.election_id}/result")
    assert answer.status_code in (403, 404, 409)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"]


def test_unknown_things_are_problem_details(town: Any) -> None:
    for path in (f"/api/v1/proposals/{town.process_id}", "/api/v1/nothing"):
        answer = read(town, path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_disclosures_are_salt_name_and_value(town: Any) -> None:
    person = town.resident(proved=False)
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="A fountain", body="With cold water.")
    found = re.search(r"Receipt: <a href=\"/receipt/([0-9a-f-]{36})\"", person.page.text)
    assert found
    answer = read(town, f"/disclosures/consultation/{found[1]}")
    assert answer.headers["cache-control"] == "no-store"
    entries = answer.json()
    texts = {name: value for _, name, value in entries}
    assert texts["title"] == "A fountain"
    assert texts["body"] == "With cold water."
    for salt, _, _ in entries:
        assert "=" not in salt
        assert len(base64.urlsafe_b64decode(salt + "=")) == 32


@pytest.mark.parametrize("path", ["/consultation/nothing", "/nobody/x", "/budget/" + "x" * 65])
def test_unknown_disclosures_are_404(town: Any, path: str) -> None:
    answer = read(town, f"/disclosures{path}")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_that_is_sent_twice_submits_one_proposal(town: Any) -> None:
    person = town.resident(proved=False)
    form = person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="Once only", body="Please.")
    first = person.page.url.path
    person.page = form
    person.send("/proposals", title="Once only", body="Please.")
    assert person.page.url.path == first


def test_a_form_that_is_sent_again_with_other_content_is_refused(town: Any) -> None:
    person = town.resident(proved=False)
    form = person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="First thought", body="Please.")
    person.page = form
    person.send("/proposals", title="Second thought", body="Please.")
    assert person.page.status_code == 409
    assert "This form was already sent with other content" in person.page.text
    person.send("/proposals", title="Second thought", body="Please.")
    person.ok()


@pytest.mark.parametrize("key", ["\0", "clé"])
def test_a_form_whose_key_was_tampered_with_may_be_sent_again(town: Any, key: str) -> None:
    person = town.resident(proved=False)
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title="A tampered form", body="Please.", form_key=key)
    assert person.page.status_code == 422
    assert "This form cannot be sent like this" in person.page.text
    person.send("/proposals", title="A tampered form", body="Please.")
    person.ok()
