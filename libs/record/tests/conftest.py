"""Where the real elections lie, and small ones made by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cahier_record.budget.tally import Candidate, Group, Profile

REAL_ELECTIONS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "pabulib"

META = {"description": "A test", "budget": "1000", "vote_type": "approval", "rule": "greedy"}
PROJECTS = ("project_id;cost;name", "a;400;Arbres", "b;300;Bancs", "c;500;Cour")
VOTES = ("voter_id;vote", "1;a,b", "2;b", "3;c")


@pytest.fixture(scope="session")
def real_elections() -> list[Path]:
    """The archive's files; without them the test says which folder it misses."""
    files = sorted(REAL_ELECTIONS.glob("*.pb"))
    if not files:
        pytest.skip(f"the real elections are missing: no .pb file in {REAL_ELECTIONS}")
    return files


@pytest.fixture(scope="session")
def real_election(real_elections: list[Path]) -> Callable[[str], Path]:
    """One real file by its name without `.pb`."""
    by_name = {path.stem: path for path in real_elections}
    return by_name.__getitem__


@pytest.fixture
def pb() -> Callable[..., str]:
    """The text of a small valid election, its parts replaced by name.

    META takes lines 1 to 2 + its keys (1-6 by default), PROJECTS follows (7, header 8, rows 9-11),
    then VOTES (12, header 13, rows from 14).
    """

    def text(
        projects: tuple[str, ...] = PROJECTS,
        votes: tuple[str, ...] = VOTES,
        drop: str = "",
        **meta: str,
    ) -> str:
        values = {key: value for key, value in {**META, **meta}.items() if key != drop}
        lines = ["META", "key;value", *(f"{key};{value}" for key, value in values.items())]
        return "\n".join([*lines, "PROJECTS", *projects, "VOTES", *votes]) + "\n"

    return text


@pytest.fixture
def profile() -> Callable[..., Profile]:
    """A profile from costs by project and votes as {list of ids: how many}, amounts whole."""

    def make(budget: int, costs: dict[str, int], votes: dict[str, int], **more: object) -> Profile:
        return Profile(
            budget=budget,
            decimals=0,
            candidates=tuple(Candidate(id=one, cost=cost) for one, cost in costs.items()),
            groups=tuple(
                Group(projects=tuple(ids.split()), count=count) for ids, count in votes.items()
            ),
            **more,
        )

    return make
