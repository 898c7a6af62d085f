"""Histories that earlier versions signed: each verifies, replays and recounts for ever.

Never change a golden bundle or what is expected of it; add another (scripts/golden_history.py, or
golden_budget.py for a budget's whole life).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(sys.executable).parent / "cahier-audit"
GOLDEN = Path(__file__).parent / "golden"
EXPECTED: dict[str, Any] = {
    "0001": {
        "sizes": {
            "budget": 28,
            "consultation": 22,
            "identity": 19,
            "notifications": 1,
            "reporting": 12,
        },
        "election": "01a20369-335a-71e2-a479-8a348fb9d380",
        "selected": [2, 3],
        "spent_cents": 11_980_000,
        "ballots": 12,
        "proposals": 5,
        "reports": 4,
        "erased": "01a21b56-39bb-7acb-9806-3e1bd41643fb",
    },
    "0002": {
        "sizes": {
            "budget": 84,
            "consultation": 18,
            "identity": 18,
            "notifications": 1,
            "reporting": 1,
        },
        "election": "01a22b3c-acd4-7920-b60d-239fd45e9c26",
        "selected": [6, 4],
        "spent_cents": 6_000_000,
        "ballots": 8,
        "proposals": 6,
        "reports": 0,
        "erased": "01a22b3c-aa81-7fe8-9c7f-b810a6824d80",
    },
}
WHOLE_LIFE = "0002"
"""Phases, analyses, mergers, a corrected result, and books from the envelope to their closing."""


def audit(*arguments: object) -> str:
    done = subprocess.run([AUDIT, *map(str, arguments)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "everything holds\n"), done.stdout
    return done.stdout


def test_every_golden_history_is_expected_to_be_something() -> None:
    assert {folder.name for folder in GOLDEN.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_golden_history_verifies(name: str) -> None:
    told = json.loads(audit("verify", GOLDEN / name, "--json"))
    assert {log["log"]: log["size"] for log in told["logs"]} == EXPECTED[name]["sizes"]
    assert all(log["older_checkpoints"] for log in told["logs"])


@pytest.mark.parametrize("name", EXPECTED)
def test_a_golden_history_replays(name: str) -> None:
    expected = EXPECTED[name]
    state = json.loads(audit("replay", GOLDEN / name, "--json"))
    assert state["sizes"] == expected["sizes"]
    assert state["unknown"] == {}
    assert len(state["consultation"]["proposals"]) == expected["proposals"]
    assert len(state["reporting"]["reports"]) == expected["reports"]
    assert state["titles"][expected["erased"]] == "[erased]"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_golden_history_recounts(name: str) -> None:
    expected = EXPECTED[name]
    counted = counts_of(name)[-1]
    assert counted["selected"] == expected["selected"]
    assert counted["spent_cents"] == expected["spent_cents"]
    assert counted["ballots_counted"] == expected["ballots"]


def counts_of(name: str) -> list[dict[str, Any]]:
    """Every announced count of the election, counted again."""
    told = audit("recount", GOLDEN / name, EXPECTED[name]["election"], "--json")
    return [json.loads(line)["result"] for line in told.splitlines()]


def test_a_corrected_result_is_recounted_beside_the_one_before_it() -> None:
    first, corrected = counts_of(WHOLE_LIFE)
    assert (first["selected"], first["spent_cents"], first["log_size"]) == ([3, 4], 5_500_000, 56)
    assert (corrected["ballots_annulled"], corrected["log_size"]) == (1, 62)


@pytest.fixture(scope="module")
def whole_life() -> dict[str, Any]:
    """The election of the second history, as it replays."""
    told: dict[str, Any] = json.loads(audit("replay", GOLDEN / WHOLE_LIFE, "--json"))
    (election,) = told["elections"]
    return dict(election)


def test_phases_analyses_and_lineage_replay(whole_life: dict[str, Any]) -> None:
    life = whole_life["life"]
    assert (whole_life["phase"], life["analysis"], life["reopened"]) == ("finished", "three", 1)
    assert [each["state"] for each in life["changes"].values()] == [
        "completed",
        "refused",
        "withdrawn",
    ]
    assert {len(said) for said in life["assessments"].values()} == {3}
    projects = {each["number"]: each for each in whole_life["projects"]}
    assert {number: each["feasibility"] for number, each in projects.items()} == {
        1: "superseded",
        2: "superseded",
        3: "feasible",
        4: "feasible",
        5: "unfeasible",
        6: "feasible",
    }
    assert projects[1]["became"] == projects[2]["became"] == [projects[6]["project"]]
    assert projects[6]["came_from"] == [projects[1]["project"], projects[2]["project"]]


def test_books_replay_to_the_cent(whole_life: dict[str, Any]) -> None:
    books = whole_life["books"]
    assert books["closed"]
    assert (books["envelope_cents"], books["paid_cents"]) == (6_200_000, 1_100_000)
    assert books["returned_cents"] == 5_100_000
    assert {each["number"]: each["state"] for each in whole_life["works"]} == {
        4: "finished",
        6: "abandoned",
    }


def test_costs_replay_stage_by_stage(whole_life: dict[str, Any]) -> None:
    project = next(each for each in whole_life["projects"] if each["number"] == 4)
    costs = project["costs"]
    assert [(each["by"], each["cents"]) for each in costs["estimates"]] == [
        ("analyst", 1_800_000),
        ("supervisor", 2_200_000),
        ("decision_maker", 2_000_000),
    ]
    stages = ("price", "contracts", "payments", "running")
    assert [costs[each]["cents"] for each in stages] == [2_000_000, 1_000_000, 1_000_000, 20_000]


def test_an_earlier_moment_of_a_whole_life_replays_as_it_was() -> None:
    """Before the vote closed: nothing is counted, and there are no books."""
    at = "2026-12-17T00:00:00Z"
    told = json.loads(audit("replay", GOLDEN / WHOLE_LIFE, "--at", at, "--json"))
    (election,) = told["elections"]
    assert (election["state"], election["phase"]) == ("open", "balloting")
    assert election["result"] is None
    assert election["ballots"] == 9
