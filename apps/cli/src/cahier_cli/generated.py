"""An invented election of the shape of a real one, for machines that hold no real election.

Its numbers follow Toulouse 2022 (4,532 voters, 199 projects, 8 million euro, one to three
approvals): the spread of costs and votes, the length of ballots, districts that vote for their own.
Nobody in it exists. Only `random()` and exact arithmetic decide, so that one seed gives the same
bytes on every machine and every version of Python.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from fractions import Fraction
from itertools import accumulate, pairwise
from random import Random

from cahier_cli.generated_words import CATEGORIES, DISTRICTS, PLACES, WORKS
from cahier_record.budget.pabulib import Ballot, Instance, Project, write

VOTERS = 4532
PROJECTS = 199
BUDGET = 8_000_000  # for PROJECTS projects; other sizes get their share of it
PROJECTS_MAX = 5_000
VOTERS_MAX = 10_000_000

# Toulouse's quantiles: at each share of the projects (in 1/100), its cost in euro, its popularity.
_COSTS = ((0, 1_200), (10, 6_000), (25, 16_000), (50, 60_000), (75, 150_000), (90, 200_000))
_POPULARITY = ((0, 2), (25, 17), (50, 38), (75, 75), (90, 130), (95, 190), (100, 490))
_LENGTHS = (1,) * 19 + (2,) * 6 + (3,) * 75  # how many projects a hundred voters choose
_OWN_DISTRICT = 8  # times as likely to be chosen as an equally popular project elsewhere


def generated_election(seed: int = 1, *, voters: int = VOTERS, projects: int = PROJECTS) -> str:
    """The text of a Pabulib file; the same arguments give the same text, byte for byte.

    Raises ValueError for sizes that are negative or beyond what this is meant for.
    """
    if not 3 <= projects <= PROJECTS_MAX:
        raise ValueError(f"projects must be 3 to {PROJECTS_MAX}, not {projects}")
    if not 0 <= voters <= VOTERS_MAX:
        raise ValueError(f"voters must be 0 to {VOTERS_MAX}, not {voters}")
    random = Random(seed)
    districts = [number % len(DISTRICTS) for number in range(projects)]
    drawn = _projects(random, districts)
    ballots = _ballots(random, districts, voters)
    votes = Counter(one for ballot in ballots for one in ballot.projects)
    for project in drawn:
        project.fields["votes"] = str(votes[project.id])
    return write(
        Instance(
            meta=_meta(seed, voters, projects),
            project_columns=("project_id", "cost", "votes", "name", "category", "district"),
            projects=drawn,
            vote_columns=("voter_id", "vote"),
            ballots=ballots,
        )
    )


def _meta(seed: int, voters: int, projects: int) -> dict[str, str]:
    return {
        "description": f"Generated municipal PB, seed {seed}",
        "country": "France",
        "unit": "Ville-Exemple",
        "instance": str(seed),
        "num_projects": str(projects),
        "num_votes": str(voters),
        "budget": str(BUDGET * projects // PROJECTS),
        "vote_type": "approval",
        "rule": "greedy",
        "date_begin": "03.10.2022",
        "date_end": "31.10.2022",
        "min_length": "1",
        "max_length": "3",
        "language": "fr",
        "currency": "EUR",
        "comment": "Generated: no person, place or project in it is real.",
    }


def _projects(random: Random, districts: list[int]) -> list[Project]:
    names: set[str] = set()
    projects = []
    for number, district in enumerate(districts, start=1):
        category = _pick(random, CATEGORIES)
        cost = _cost(random)
        fields = {
            "name": _name(random, category, district, names),
            "category": category,
            "district": f"{district + 1} - {DISTRICTS[district]}",
        }
        projects.append(
            Project(id=str(number), cost=Fraction(cost), cost_text=str(cost), fields=fields)
        )
    return projects


def _name(random: Random, category: str, district: int, taken: set[str]) -> str:
    """A work at a place of the district; numbered when another project has that name."""
    works, places = WORKS[category], PLACES[district % len(PLACES)]
    name = f"{works[_below(random, len(works))]} – {places[_below(random, len(places))]}"
    unique, number = name, 2
    while unique in taken:  # ends: `taken` is finite
        unique, number = f"{name} ({number})", number + 1
    taken.add(unique)
    return unique


def _cost(random: Random) -> int:
    cost = _quantile(_COSTS, _below(random, 10_000))
    step = 100 if cost < 10_000 else 1_000
    return cost // step * step


def _ballots(random: Random, districts: list[int], voters: int) -> list[Ballot]:
    popularity = [_quantile(_POPULARITY, _below(random, 10_000)) for _ in districts]
    urns = [
        _Urn(
            [
                weight * (_OWN_DISTRICT if home == district else 1)
                for weight, home in zip(popularity, districts, strict=True)
            ]
        )
        for district in range(len(DISTRICTS))
    ]
    ballots = []
    for voter in range(1, voters + 1):
        urn = urns[_below(random, len(urns))]
        chosen = urn.draw(random, _LENGTHS[_below(random, len(_LENGTHS))])
        projects = tuple([str(place + 1) for place in chosen])
        ballots.append(Ballot(voter=str(voter), projects=projects))
    return ballots


class _Urn:
    """Places weighted by whole numbers, drawn without replacement."""

    def __init__(self, weights: list[int]) -> None:
        self._weights = weights
        self._ends = list(accumulate(weights))

    def draw(self, random: Random, count: int) -> list[int]:
        """`count` different places in the order in which they were drawn."""
        chosen: list[int] = []
        for _ in range(count):
            rest = self._ends[-1] - sum(self._weights[place] for place in chosen)
            at = _below(random, rest)
            for place in sorted(chosen):  # step over what is gone
                if at >= self._ends[place] - self._weights[place]:
                    at += self._weights[place]
            chosen.append(bisect_right(self._ends, at))
        return chosen


def _quantile(table: tuple[tuple[int, int], ...], at: int) -> int:
    """The value at `at` ten-thousandths, straight between the table's points (in hundredths)."""
    for (low, low_value), (high, high_value) in pairwise(table):
        if at < high * 100:
            return low_value + (high_value - low_value) * (at - low * 100) // ((high - low) * 100)
    return table[-1][1]


def _pick(random: Random, weights: dict[str, int]) -> str:
    ends = list(accumulate(weights.values()))
    return list(weights)[bisect_right(ends, _below(random, ends[-1]))]


def _below(random: Random, bound: int) -> int:
    """A whole number from 0 to bound - 1; random() is the one draw that Python promises to keep."""
    return int(random.random() * bound)
