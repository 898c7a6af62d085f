"""Real elections come out as the cities announced them, and as an independent program counts them.

pabutools is a peer in tests only. It funds projects that nobody voted for and orders what costs
nothing last; its reading of each file is checked before its winners are compared with ours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pabutools.election import (
    AdditiveSatisfaction,
    Cardinality_Sat,
    Cost_Sat,
    OrdinalBallot,
    parse_pabulib,
)
from pabutools.rules import greedy_utilitarian_welfare

from cahier_record.budget.pabulib import Instance, profile_of, read, score_threshold
from cahier_record.budget.tally import Result, Terms, count, format_amount

# Files whose META names a rule of ours and whose PROJECTS say who was selected.
ANNOUNCED = ("Poland_Gdynia_2020_Grabowek__large", "Poland_Warszawa_2017_Praga-Poludnie")


def counted(instance: Instance, rule: str = "", **how: str) -> Result:
    profile = profile_of(instance)
    terms = Terms(threshold=score_threshold(instance, profile), **how)
    return count(profile, rule or instance.rule, terms)


@pytest.mark.parametrize("name", ANNOUNCED)
def test_the_announced_winners_win(real_election: Callable[[str], Path], name: str):
    path = real_election(name)
    instance = read(path.read_bytes(), path.name)
    announced = {one.id for one in instance.projects if one.fields["selected"] == "1"}
    assert set(counted(instance).selected) == announced
    assert announced


def test_toulouse_2022_funds_what_fits_by_votes(real_election: Callable[[str], Path]):
    path = real_election("France_Toulouse_2022")
    result = counted(read(path.read_bytes(), path.name))
    assert (len(result.selected), format_amount(result.spent, result.decimals)) == (79, "7999520")
    assert (result.voters, len(result.projects)) == (4532, 199)


@pytest.mark.parametrize(
    ("utility", "satisfaction"), [("cost", Cost_Sat), ("cardinality", Cardinality_Sat)]
)
def test_approval_elections_come_out_as_pabutools_counts_them(
    real_elections: list[Path], utility: str, satisfaction: type
):
    compared = 0
    for path in real_elections:
        instance = read(path.read_bytes(), path.name)
        if instance.vote_type in ("approval", "choose-1"):
            ours = counted(instance, "greedy", utility=utility, ties="lexicographic")
            assert set(ours.selected) == peer_winners(path, instance, satisfaction), path.name
            compared += 1
    assert compared >= 7


def points_of(ballot: Any, project: Any, max_length: int) -> int:
    """A ballot's points for a project, as the file's vote type gives them."""
    if isinstance(ballot, OrdinalBallot):
        return max_length - list(ballot).index(project) if project in ballot else 0
    return int(ballot.get(project, 0))


@pytest.mark.parametrize("utility", ["cost", "cardinality"])
@pytest.mark.parametrize(
    "name", ["France_Toulouse_2019", "Switzerland_Zurich_D10", "Switzerland_Zurich_S5R"]
)
def test_elections_by_points_and_places_come_out_as_pabutools_counts_them(
    real_election: Callable[[str], Path], name: str, utility: str
):
    path = real_election(name)
    instance = read(path.read_bytes(), path.name)
    longest = int(instance.meta.get("max_length", 0))

    class Points(AdditiveSatisfaction):
        """What a voter gets out of a project: its points, times its cost under cost utility."""

        def __init__(self, peer: Any, profile: Any, ballot: Any) -> None:
            super().__init__(peer, profile, ballot, self.got)

        @staticmethod
        def got(_: Any, __: Any, ballot: Any, project: Any, ___: Any) -> Any:
            points = points_of(ballot, project, longest)
            return points * project.cost if utility == "cost" else points

    peer, profile = parse_pabulib(str(path))
    allocation = greedy_utilitarian_welfare(peer, profile, sat_class=Points)
    scores = profile_of(instance).scores()
    theirs = {project.name for project in allocation if scores[project.name] > 0}
    ours = counted(instance, "greedy", utility=utility, ties="lexicographic")
    assert set(ours.selected) == theirs
    assert ours.selected


def peer_winners(path: Path, instance: Instance, satisfaction: type) -> set[str]:
    """The peer's winners with at least one vote, once it is known to have read the same file."""
    peer, profile = parse_pabulib(str(path))
    assert {project.name: project.cost for project in peer} == {
        project.id: project.cost for project in instance.projects
    }
    assert peer.budget_limit == instance.budget
    assert sorted(sorted(project.name for project in ballot) for ballot in profile) == sorted(
        sorted(ballot.projects) for ballot in instance.ballots
    )
    allocation = greedy_utilitarian_welfare(peer, profile, sat_class=satisfaction)
    votes = profile_of(instance).votes()
    return {project.name for project in allocation if votes[project.name] > 0}
