"""The page of one project, from its own address."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cahier_contracts.identity.v1 import identity_service_pb2 as identity

pytestmark = pytest.mark.e2e


@pytest.fixture
def project(town: Any) -> str:
    """Id of a project of the town's open election."""
    listed = httpx.get(f"{town.url}/api/v1/elections/{town.election_id}/projects", trust_env=False)
    return str(listed.json()["projects"][0]["id"])


def test_a_project_has_a_page_of_its_own(town: Any, stranger: Any, project: str) -> None:
    page = stranger.go(f"/projects/{project}")
    assert page.status_code == 200
    assert "Trees for Market Square" in page.text
    assert f'href="/budgets/{town.election_id}"' in page.text
    assert re.search(r"€[0-9,]+", page.text)


def test_a_project_that_is_none_is_not_found(stranger: Any) -> None:
    assert stranger.go("/projects/00000000-0000-7000-8000-000000000000").status_code == 404


@pytest.fixture(scope="module")
def preparing(town: Any, staff: Any) -> str:
    """Id of an election that is prepared, with the town's three accepted proposals."""
    staff.go(f"/staff/budgets/new?process={town.process_id}")
    staff.send(
        "/staff/budgets/new",
        title="Budget with phases",
        envelope="300,000",
        currency="EUR",
        opens_at=local(20),
        closes_at=local(30),
        min_length="1",
    )
    staff.ok()
    path = staff.page.url.path
    town.wait("candidates arrive", lambda: staff.go(path).text.count('name="proposal_id"') >= 3)
    staff.send("/projects", proposal_id=town.proposals[:3])
    staff.ok()
    return str(path.rsplit("/", 1)[1])


def local(days: float) -> str:
    """A `datetime-local` value, so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def projects_of(town: Any, election: str) -> list[dict[str, Any]]:
    listed = httpx.get(f"{town.url}/api/v1/elections/{election}/projects", trust_env=False)
    return list(listed.json()["projects"])


def test_an_election_goes_from_phases_and_consent_to_a_decision_by_three(
    town: Any, staff: Any, resident: Any, stranger: Any, preparing: str
) -> None:
    base = f"/staff/budgets/{preparing}"
    staff.go(f"{base}/life")
    staff.send("/life/analysis", analysis="three")
    staff.ok()
    dates = {"reviewing": -1, "costing": 10, "balloting": 20, "reviewing_ballots": 30}
    planned = {f"starts_{phase}": local(days) for phase, days in dates.items()}
    staff.send("/life/plan", **planned, starts_finished=local(40))
    staff.ok()
    assert "Review</span>" in staff.page.text

    first, second = [each["id"] for each in projects_of(town, preparing)[:2]]
    staff.go(f"{base}/changes")
    staff.send(
        "/changes/merge",
        projects=[first, second],
        title="A green way to school",
        merge_description="Trees along the way.",
        merge_reason="They meet on one street.",
    )
    staff.ok()
    assert "has not answered yet" in staff.page.text

    for answered in range(2):
        town.wait(
            "the answer before is noted",
            lambda count=answered: (
                resident.go(f"/projects/{first}").text.count(": agrees") == count
            ),
        )
        resident.send("/consent", button=("answer", "yes"))
        resident.ok()
    town.wait(
        "the merger is done",
        lambda: any(
            each["title"] == "A green way to school" for each in projects_of(town, preparing)
        ),
    )
    merged = next(
        each for each in projects_of(town, preparing) if each["title"] == "A green way to school"
    )
    old = stranger.go(f"/projects/{first}").text
    assert "It was merged and lives on as" in old
    assert f'href="/projects/{merged["id"]}"' in old
    new = stranger.go(f"/projects/{merged['id']}").text
    assert "It was made of" in new
    assert f'href="/projects/{first}"' in new

    for role, verdict in (
        ("analyst", "unfeasible"),
        ("supervisor", "feasible"),
        ("decision_maker", "feasible"),
    ):
        person = assessor(town, role)
        person.go(f"/projects/{merged['id']}/assess")
        person.send(
            "/assess",
            feasibility=verdict,
            estimate="45,000",
            running_cost="1,200",
            grounds=f"Seen as {role}.",
        )
        person.ok()
    page = stranger.go(f"/projects/{merged['id']}").text
    assert "Seen as supervisor." in page
    assert "€1,200" in page
    assert projects_of(town, preparing)[-1]["feasibility"] == "feasible"
    assert "Trees for Market Square" not in stranger.go(f"/budgets/{preparing}/vote").text

    staff.go(f"{base}/life")
    staff.send("/life/enter", early_reason="All is reviewed.")
    staff.ok()
    staff.send("/life/plan", back_to="reviewing", reason="One was forgotten.")
    staff.ok()
    assert "was opened again on" in stranger.go(f"/projects/{first}").text


def assessor(town: Any, role: str) -> Any:
    """A newly registered person who holds the role."""
    person = town.resident(proved=False)
    number = person.go("/me").text.split("<dd><code>")[1].split("<")[0]
    town.as_admin(identity.GrantRoleRequest(resident_id=number, role=role))
    email = person.email
    person.sign_out()
    person.sign_in(email)
    return person


def test_open_data_and_history_tell_of_phases_analyses_and_lineage(
    town: Any, staff: Any, stranger: Any, preparing: str, rows_of: Any
) -> None:
    def own(name: str) -> list[dict[str, Any]]:
        return [each for each in rows_of(name) if each["election_id"] == preparing]

    election = next(each for each in rows_of("elections") if each["id"] == preparing)
    assert (election["analysis"], election["phase"]) == ("three", "reviewing")
    phases = {each["phase"]: each for each in own("election_phases")}
    assert list(phases)[-1] == "finished"
    assert [name for name, each in phases.items() if each["present"]] == ["reviewing"]
    assert phases["reviewing"]["reopening_reason"] == "One was forgotten."
    merged = own("projects")[-1]
    assert merged["title"] == "A green way to school"
    assert merged["running_cost_cents"] == 1_200_00
    change = own("lineage")[0]
    assert (change["kind"], change["state"]) == ("merge", "completed")
    assert change["made_projects"] == [merged["id"]]
    assert [each.split(":")[1] for each in change["consents"]] == ["agreed", "agreed"]
    said = [(each["role"], each["feasibility"]) for each in own("assessments")]
    assert said == [
        ("analyst", "unfeasible"),
        ("supervisor", "feasible"),
        ("decision_maker", "feasible"),
    ]
    assert own("assessments")[0]["grounds"] == "Seen as analyst."
    assert "A green way to school" in stranger.go(f"/history/election/{preparing}").text
    desk = staff.go(f"/staff/budgets/{preparing}/projects/{merged['id']}").text
    assert "Three roles decide" in desk
    assert 'name="feasibility"' not in desk


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_text_lacks_on_the_pages_of_phases_and_changes(
    staff: Any, preparing: str, language: str
) -> None:
    for path in ("", "/life", "/changes"):
        page = staff.go(f"/staff/budgets/{preparing}{path}?lang={language}")
        assert page.status_code == 200
        assert re.search(r"(staff_life|project|phase|consent)\.[a-z_]+", page.text) is None
    staff.go("/?lang=en")
