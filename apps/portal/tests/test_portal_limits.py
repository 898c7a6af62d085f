"""Limits that cities set, played through a town: credits by years, votes in proportion to cost.

Made on the staff's form, voted on pages, counted, shown with reasons, handed out as a file, and
recounted from outside by cahier-audit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_record.budget.pabulib import INSTALMENTS_COLUMN, Instance, read, rules_of, write

pytestmark = pytest.mark.e2e
BIN = Path(sys.executable).parent


def voted_on(town: Any, staff: Any, election_id: str, ballots: tuple[str, ...]) -> dict[str, Any]:
    """Casts a ballot a resident, such as `13` for two projects; the announced result."""
    for choices in ballots:
        person = town.resident()
        person.go(f"/budgets/{election_id}/vote")
        person.send("/vote", ("step", "review"), choice=list(choices))
        person.send("/vote", ("step", "cast"))
        person.ok()
    for step in ("close", "count", "publish"):
        staff.go(f"/staff/budgets/{election_id}/steps/{step}")
        staff.send(f"/steps/{step}", reason="Everybody has voted.")
        staff.ok()
    answer = httpx.get(f"{town.url}/api/v1/elections/{election_id}/result", trust_env=False)
    result: dict[str, Any] = answer.json()
    return result


def reasons(result: dict[str, Any]) -> dict[int, str]:
    return {each["number"]: each["reason"] for each in result["outcomes"]}


def recounted(town: Any, election_id: str) -> dict[str, Any]:
    """What an auditor counts from the ballots that the town's public log holds."""
    done = subprocess.run(
        [str(BIN / "cahier-audit"), "recount", town.url, election_id, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "everything holds\n")
    told: dict[str, Any] = json.loads(done.stdout)["result"]
    return told


def open_file(town: Any, election_id: str) -> Instance:
    """The election as the open data hand it out, once the public log tells of its result."""

    def file() -> Any:
        answer = httpx.get(f"{town.url}/open-data/elections/{election_id}.pb", trust_env=False)
        return answer.content if answer.status_code == 200 else None

    return read(town.wait("the log has all of it", file), "election.pb")


def tallied(file: Instance, folder: Path) -> list[str]:
    """What `cahier tally` selects from the file, under the rules that it states."""
    path = folder / "election.pb"
    path.write_text(write(file), "utf-8")
    done = subprocess.run(
        [str(BIN / "cahier"), "tally", str(path), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    selected: list[str] = json.loads(done.stdout)["selected"]
    return selected


def test_a_budget_of_two_years_is_paid_in_instalments(
    town: Any, staff: Any, stranger: Any, new_election: Callable[..., str], tmp_path: Path
) -> None:
    """Project 1 would fit into what is left of both years, not into what the first one has left."""
    election_id = new_election(
        "Two years of shade",
        credits="200,000\n300,000",
        costs=(
            {"cost": "150000"},
            {"cost": "300000", "instalments": "20,000\n280,000"},
            {"cost": "40000"},
        ),
    )
    page = stranger.go(f"/budgets/{election_id}").text
    assert "The budget comes year by year: €200,000; €300,000." in page
    result = voted_on(town, staff, election_id, ("2", "23", "23", "12", "1", "3"))
    assert result["selected"] == [2, 3]
    assert reasons(result) == {1: "over_credit", 2: "selected", 3: "selected"}
    assert result["envelope_cents"] - result["spent_cents"] > 150_000_00
    page = stranger.go(f"/budgets/{election_id}/results").text
    assert "A year&#39;s money was used up" in page
    file = open_file(town, election_id)
    told = recounted(town, election_id)
    assert (told["selected"], told["spent_cents"]) == ([2, 3], 340_000_00)
    assert told["rules"]["credits_cents"] == [200_000_00, 300_000_00]
    assert rules_of(file).credits_cents == (200_000_00, 300_000_00)
    assert [each.fields[INSTALMENTS_COLUMN] for each in file.projects] == ["", "20000,280000", ""]
    assert tallied(file, tmp_path) == ["2", "3"]


@pytest.mark.slow
def test_a_dear_project_needs_votes_in_proportion_to_its_cost(
    town: Any, staff: Any, stranger: Any, new_election: Callable[..., str], tmp_path: Path
) -> None:
    """As in Swiecie: of 6 ballots a project at 300,000 of 520,000 needs a third of 3.46, so two.

    The greedy completion would have funded it: all three together cost the envelope.
    """
    election_id = new_election(
        "Votes for what it costs",
        envelope="520,000",
        rule="shares",
        proportion="1/3",
        costs=({"cost": "180000"}, {"cost": "300000"}, {"cost": "40000"}),
    )
    page = stranger.go(f"/budgets/{election_id}").text
    assert "1/3 of all voters if it took the whole budget" in page
    result = voted_on(town, staff, election_id, ("1", "13", "3", "3", "13", "2"))
    assert result["selected"] == [3, 1]
    assert reasons(result) == {1: "selected", 2: "below_proportion", 3: "selected"}
    page = stranger.go(f"/budgets/{election_id}/results").text
    assert "It had too few votes for its cost" in page
    file = open_file(town, election_id)
    told = recounted(town, election_id)
    assert told["selected"] == [3, 1]
    assert told["rules"]["proportion"] == [1, 3]
    assert rules_of(file).proportion == (1, 3)
    assert tallied(file, tmp_path) == ["3", "1"]
