"""Histories that earlier versions signed: each verifies, replays and recounts for ever.

Never change a golden bundle or what is expected of it; add another (scripts/golden_history.py).
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
    }
}


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
    counted = json.loads(audit("recount", GOLDEN / name, expected["election"], "--json"))["result"]
    assert counted["selected"] == expected["selected"]
    assert counted["spent_cents"] == expected["spent_cents"]
    assert counted["ballots_counted"] == expected["ballots"]
