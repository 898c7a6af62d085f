"""Authors hear of what the city asks them, over a real city whose mails are captured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation

pytestmark = pytest.mark.e2e


def section(page: str, name: str) -> str:
    _, found, rest = page.partition(f'<h2 id="{name}">')
    return rest.split("</section>")[0] if found else ""


def local(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def proposed_by(town: Any, person: Any, title: str) -> str:
    """The id of a proposal that the person has just made."""
    person.go(f"/processes/{town.process_id}")
    person.send("/proposals", title=title, body="It is needed.")
    person.ok()
    return str(person.page.url.path).rsplit("/", 1)[1]


def follows(person: Any, proposal: str) -> bool:
    """Whether the author follows it; where the bus was too slow, signing in makes up for it."""
    if "You follow this<" not in person.go(f"/proposals/{proposal}").text:
        person.sign_in(person.email)
    return "You follow this<" in person.go(f"/proposals/{proposal}").text


def project_in_change(town: Any, staff: Any, proposals: list[str]) -> str:
    """The address of a project that the city proposes to merge, of the accepted proposals."""
    for proposal in proposals:
        staff.go(f"/staff/proposals/{proposal}")
        staff.send(f"/{proposal}", state="accepted", text="Gladly.")
        staff.ok()
    staff.go(f"/staff/budgets/new?process={town.process_id}")
    staff.send(
        "/staff/budgets/new",
        title="Budget of the authors",
        envelope="1000",
        currency="EUR",
        opens_at=local(20),
        closes_at=local(30),
    )
    staff.ok()
    desk = str(staff.page.url.path)
    town.wait(
        "candidates arrive",
        lambda: all(each in staff.go(desk).text for each in proposals),
    )
    staff.send("/projects", proposal_id=proposals)
    staff.ok()
    listed = staff.http.get(f"/api/v1/elections/{desk.rsplit('/', 1)[1]}/projects").json()
    projects = [each["id"] for each in listed["projects"]]
    staff.go(f"{desk}/changes")
    staff.send(
        "/changes/merge",
        projects=projects,
        title="Both in one",
        merge_description="One place.",
        merge_reason="They meet.",
    )
    staff.ok()
    return f"/projects/{projects[0]}"


def test_every_author_hears_of_a_merger_by_mail_and_among_their_things(
    town: Any, staff: Any
) -> None:
    first, second = town.resident(proved=False), town.resident(proved=False)
    mine = proposed_by(town, first, "A pump for the garden")
    other = proposed_by(town, second, "A bed for the garden")
    town.wait("its author follows it", lambda: follows(first, mine) and follows(second, other))
    assert not section(first.go("/me/things").text, "asked")
    project = project_in_change(town, staff, [mine, other])
    ways_out = [town.way_out(person.email, "A merger is proposed") for person in (first, second)]
    assert len(set(ways_out)) == 2
    page = town.wait(
        "my things hold the question",
        lambda: section(first.go("/me/things").text, "asked"),
    )
    assert "A pump for the garden" in page
    assert "A bed for the garden" not in page
    assert project in page
    assert f"/proposals/{mine}" in section(first.page.text, "followed")
    first.go(project)
    first.send("/consent", ("answer", "yes"))
    first.ok()
    town.wait(
        "the question is answered",
        lambda: not section(first.go("/me/things").text, "asked"),
    )
    assert section(second.go("/me/things").text, "asked")


def test_an_author_who_ended_the_mails_is_left_alone_at_the_next_sign_in(
    town: Any, staff: Any
) -> None:
    author = town.resident(proved=False)
    mine = proposed_by(town, author, "A lamp for the bridge")
    town.wait("its author follows it", lambda: follows(author, mine))
    staff.go(f"/staff/proposals/{mine}")
    staff.send(f"/{mine}", state="accepted", text="Gladly.")
    staff.ok()
    link = town.way_out(author.email, "Accepted: a proposal that you follow")
    answer = httpx.post(link, data={"List-Unsubscribe": "One-Click"}, trust_env=False)
    assert answer.status_code == 200
    again = town.person()
    again.sign_in(author.email)
    assert "You follow this<" not in again.go(f"/proposals/{mine}").text
    assert mine not in section(again.go("/me/things").text, "followed")


def test_an_author_of_before_follows_from_the_next_sign_in(town: Any) -> None:
    """What was proposed past the portal, or while notifications was away, is made up for."""
    author = town.resident(proved=False)
    request = consultation.SubmitProposalRequest(
        process_id=town.process_id, title="A ramp for the library", body="It is needed."
    )
    mine = town.as_resident(author.email, "consultation", request).proposal_id
    assert mine not in section(author.go("/me/things").text, "followed")
    again = town.person()

    def follows() -> bool:
        again.sign_in(author.email)
        return mine in section(again.go("/me/things").text, "followed")

    town.wait("signing in makes up for it", follows)
