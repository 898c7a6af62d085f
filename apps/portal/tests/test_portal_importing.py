"""Projects from a file: a dry run changes nothing, an import is told line by line, once is all."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.e2e

FILE = """reference;title;description;cost;district;feasibility;reason;lat;long
K1;Kiosk;A kiosk in the park;15 000,50;Harbour;feasible;;48,5734;-7.7521
K2;Slide;;20000;Nowhere;;;;
K3;Swing;;1,000;;;;;
K4;Sandpit;;;;unfeasible;There is no room.;;
"""


def local(delta: timedelta) -> str:
    return (datetime.now(UTC) + delta).strftime("%Y-%m-%dT%H:%M")


@pytest.fixture(scope="module")
def budget_id(town: Any, staff: Any) -> str:
    """A budget of the town's process whose voting is not open."""
    staff.go(f"/staff/budgets/new?process={town.process_id}")
    staff.send(
        "/staff/budgets/new",
        title="Budget from a file",
        envelope="100,000",
        currency="EUR",
        opens_at=local(timedelta(days=5)),
        closes_at=local(timedelta(days=20)),
        districts="Old Town\nHarbour",
    )
    staff.ok()
    return str(staff.page.url.path.rsplit("/", 1)[1])


def upload(
    person: Any, election_id: str, raw: bytes, name: str = "projects.csv", form_of: str = ""
) -> httpx.Response:
    person.go(f"/staff/budgets/{form_of or election_id}/import")
    fields = dict(person.form("/import").fields)
    fields.pop("file", None)
    person.page = person.http.post(
        f"/staff/budgets/{election_id}/import", data=fields, files={"file": (name, raw)}
    )
    return person.page


def projects(town: Any, election_id: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{town.url}/api/v1/elections/{election_id}/projects", trust_env=False)
    found: list[dict[str, Any]] = answer.json()["projects"]
    return found


def test_a_dry_run_tells_each_line_and_changes_nothing_until_it_is_confirmed(
    town: Any, staff: Any, budget_id: str, rows_of: Any
) -> None:
    upload(staff, budget_id, FILE.encode())
    staff.ok()
    assert "2 projects would be added." in staff.page.text
    assert "2 lines are refused" in staff.page.text
    assert "Write an amount such as 15000" in staff.page.text
    assert re.search(r"<th scope=\"row\">3</th><td>K2</td><td>District</td>", staff.page.text)
    assert projects(town, budget_id) == []
    staff.send("/import")
    staff.ok()
    assert "2 projects were added." in staff.page.text
    kiosk, sandpit = projects(town, budget_id)
    assert (kiosk["title"], kiosk["reference"], kiosk["number"]) == ("Kiosk", "K1", 1)
    assert (kiosk["cost_cents"], kiosk["feasibility"]) == (1_500_050, "feasible")
    assert (kiosk["district"], sandpit["feasibility"]) == ("Harbour", "unfeasible")
    places = {each["title"]: each["latitude_e7"] for each in rows_of("proposals")}
    assert (places["Kiosk"], places["Sandpit"]) == (485_734_000, None)
    assert "Kiosk" in staff.go(f"/budgets/{budget_id}/map").text
    upload(staff, budget_id, FILE.encode())
    assert "No project" in staff.page.text or "0 projects would be added." in staff.page.text
    assert "2 projects are there already." in staff.page.text
    staff.send("/import")
    assert "0 projects were added." in staff.page.text
    assert len(projects(town, budget_id)) == 2


def test_a_project_that_was_decided_otherwise_is_refused(
    town: Any, staff: Any, budget_id: str
) -> None:
    upload(staff, budget_id, FILE.replace("15 000,50", "9").encode())
    assert "it was decided otherwise" in staff.page.text


def test_a_broken_file_is_told_at_its_field_in_the_readers_language(
    staff: Any, budget_id: str
) -> None:
    assert upload(staff, budget_id, b"title;cost\nx;1\n").status_code == 422
    assert "The column “reference” is missing." in staff.page.text
    staff.go(f"/staff/budgets/{budget_id}/import?lang=fr")
    assert upload(staff, budget_id, b"title;cost\nx;1\n").status_code == 422
    assert "La colonne" in staff.page.text
    assert upload(staff, budget_id, b"").status_code == 422
    staff.go("/staff?lang=en")


def test_an_election_that_is_open_takes_no_file(town: Any, staff: Any, budget_id: str) -> None:
    page = staff.go(f"/staff/budgets/{town.election_id}/import").text
    assert "can no longer be changed" in page
    assert 'type="file"' not in page
    late = upload(staff, town.election_id, FILE.encode(), form_of=budget_id)
    assert late.status_code == 409


def test_many_projects_are_shown_a_page_at_a_time(town: Any, staff: Any, stranger: Any) -> None:
    # In a call for ideas of its own: fifty proposals would hide those of the other tests.
    dates = {"opens_at": local(timedelta(days=5)), "closes_at": local(timedelta(days=20))}
    staff.go("/staff/processes/new")
    begun = {**dates, "opens_at": local(timedelta(minutes=-5))}
    staff.send("/staff/processes/new", title="Many ideas", description="", **begun)
    staff.ok()
    process = str(staff.page.url.path.rsplit("/", 1)[1])
    town.wait("it opens", lambda: "Open for ideas" in staff.go(f"/processes/{process}").text)
    staff.go(f"/staff/budgets/new?process={process}")
    staff.send("/staff/budgets/new", title="Many", envelope="9", currency="EUR", **dates)
    many = str(staff.page.url.path.rsplit("/", 1)[1])
    rows = [f"R{n};Bench {n};;{n};;;;;" for n in range(1, 51)]
    upload(staff, many, "\n".join([FILE.split("\n", 1)[0], *rows, ""]).encode())
    staff.send("/import")
    assert "50 projects were added." in staff.page.text
    page = stranger.go(f"/budgets/{many}?order=cost_down&q=bench").text
    assert "Projects 1 to 48 of 50" in page
    assert page.count('name="p"') == 48
    following = re.findall(r'href="(\?[^"]+)#projects">Next page', page)[0].replace("&amp;", "&")
    page = stranger.go(f"/budgets/{many}{following}").text
    assert "Projects 49 to 50 of 50" in page
    assert re.findall(r"/projects/[^>]+>(Bench \d+)<", page) == ["Bench 2", "Bench 1"]
    assert "Next page" not in page
    assert re.search(r'href="\?[^"]*q=bench[^"]*#projects">First page', page)


def test_residents_import_nothing(resident: Any, stranger: Any, budget_id: str) -> None:
    assert resident.go(f"/staff/budgets/{budget_id}/import").status_code == 403
    assert stranger.go(f"/staff/budgets/{budget_id}/import").url.path == "/sign-in"


def imported(town: Any, election_id: str, file: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of `cahier import projects`."""
    command = [Path(sys.executable).parent / "cahier", "import", "projects", file]
    ran = subprocess.run(
        [*command, "--election", election_id, "--data", town.root, *options],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_command_line_lists_refused_lines_and_says_by_its_exit_code_what_happened(
    town: Any, budget_id: str, tmp_path: Path
) -> None:
    file = tmp_path / "more.csv"
    file.write_text("reference,title,cost\nC1,Canopy,500\nC2,Clock,x\n", "utf-8")
    before = len(projects(town, budget_id))
    code, out, complaints = imported(town, budget_id, file, "--dry-run")
    assert (code, out) == (1, "1 would be taken, 0 there already, 1 refused\n")
    assert f"refused: {file}:3: cost: an amount such as" in complaints
    assert len(projects(town, budget_id)) == before
    code, out, _ = imported(town, budget_id, file)
    assert (code, out) == (1, "1 taken, 0 there already, 1 refused\n")
    file.write_text("reference,title,cost\nC1,Canopy,500\n", "utf-8")
    assert imported(town, budget_id, file)[:2] == (0, "0 taken, 1 there already, 0 refused\n")
    assert [each["reference"] for each in projects(town, budget_id)].count("C1") == 1
    file.write_text("title,cost\nCanopy,500\n", "utf-8")
    code, out, complaints = imported(town, budget_id, file)
    assert (code, out) == (2, "")
    assert complaints.endswith("reference: the column 'reference' is missing\n")
    assert imported(town, town.election_id, file)[0] == 2
