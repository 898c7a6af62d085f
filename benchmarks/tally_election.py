"""Big elections out of a seed, for measuring counts: the same seed makes the same file.

Voters and projects live in a plane of districts; three projects in ten are city-wide; costs are
lognormal, the envelope pays for 22 % of them; a voter approves up to ten projects that are good
and near. Ballot lengths follow Warsaw's elections of 2020 to 2022.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

BLOCK = 20_000
DISTRICTS = 18
LENGTH_MAX = 10
COST_MEDIAN = 600_000
Floats = npt.NDArray[np.float64]


def write_election(path: Path, voters: int, projects: int = 130, seed: int = 1) -> Path:
    """Writes a Pabulib file of approval ballots to `path`."""
    random = np.random.Generator(np.random.PCG64(seed))
    centres = random.random((DISTRICTS, 2)) * 20
    people = random.dirichlet(np.full(DISTRICTS, 4.0))
    home = random.choice(DISTRICTS, projects, p=people)
    places = centres[home] + random.normal(0, 1.2, (projects, 2))
    city_wide = random.random(projects) < 0.3
    costs = np.round(np.exp(random.normal(np.log(COST_MEDIAN), 1.1, projects)) / 10) * 10
    budget = float(np.round(costs.sum() * 0.22))
    costs = np.maximum(np.minimum(costs, np.floor(budget * 0.3 / 10) * 10), 1000)
    quality = random.normal(0, 0.9, projects)
    votes = np.zeros(projects, np.int64)
    lines: list[str] = []
    for start in range(0, voters, BLOCK):
        count = min(BLOCK, voters - start)
        near = _nearness(random, count, centres, people, places, city_wide)
        liking = quality[None, :] + near + random.gumbel(size=(count, projects))
        lengths = _lengths(random, count)
        best = np.argsort(-liking, axis=1)[:, :LENGTH_MAX]
        random.normal(44, 17, count), random.random(count), random.random(count)  # age, sex, net
        for voter, (row, length) in enumerate(zip(best, lengths.tolist(), strict=True), start + 1):
            chosen = np.sort(row[:length])
            votes[chosen] += 1
            lines.append(f"{voter};{','.join(map(str, (chosen + 1).tolist()))}")
    path.write_text(_head(voters, int(budget), costs, votes) + "\n".join(lines) + "\n", "utf-8")
    return path


def _nearness(
    random: np.random.Generator,
    count: int,
    centres: Floats,
    people: Floats,
    places: Floats,
    city_wide: npt.NDArray[np.bool_],
) -> Floats:
    home = random.choice(DISTRICTS, count, p=people)
    at = centres[home] + random.normal(0, 1.5, (count, 2))
    distance = np.sqrt(((at[:, None, :] - places[None, :, :]) ** 2).sum(2))
    return np.where(city_wide[None, :], -2.0, -distance / 1.8)


def _lengths(random: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    full = random.random(count) < 0.35
    some = 1 + random.binomial(LENGTH_MAX - 1, random.beta(1.1, 1.6, count))
    return np.where(full, LENGTH_MAX, some)


def _head(voters: int, budget: int, costs: Floats, votes: npt.NDArray[np.int64]) -> str:
    meta = {
        "description": "Generated",
        "num_projects": len(costs),
        "num_votes": voters,
        "budget": budget,
        "vote_type": "approval",
        "rule": "unknown",
        "min_length": 1,
        "max_length": LENGTH_MAX,
    }
    order = sorted(range(len(costs)), key=lambda each: (-votes[each], each))
    rows = (f"{each + 1};{int(costs[each])}" for each in order)
    keys = (f"{key};{value}" for key, value in meta.items())
    return (
        "\n".join(
            [
                "META",
                "key;value",
                *keys,
                "PROJECTS",
                "project_id;cost",
                *rows,
                "VOTES",
                "voter_id;vote",
            ]
        )
        + "\n"
    )
