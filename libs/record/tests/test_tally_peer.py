"""Every rule that spends the voters' money comes out as an independent program counts it.

pabutools (exact fractions) is a peer in tests only; its reading of each file is checked before its
winners are compared. Its `add1` stops at the first exhaustive outcome, so ours is asked to do so;
projects dearer than the envelope, which ours leaves out before counting, are taken from its list,
and projects that nobody lists, which it may add in the end for nothing, from its winners.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pabutools.election import (
    ApprovalBallot,
    ApprovalProfile,
    Cardinality_Sat,
    Cost_Sat,
    parse_pabulib,
)
from pabutools.election import Instance as PeerInstance
from pabutools.fractions import frac
from pabutools.rules import (
    BudgetAllocation,
    greedy_utilitarian_welfare,
    method_of_equal_shares,
    sequential_phragmen,
)
from pabutools.tiebreaking import TieBreakingRule, lexico_tie_breaking

from cahier_record.budget.pabulib import Instance, profile_of, read
from cahier_record.budget.tally import Profile, Terms, count

SATISFACTION = {"cost": Cost_Sat, "cardinality": Cardinality_Sat}
PEER_VOTERS_MAX = 5_000
PEER_MINUTES_LONG = ("France_Toulouse_2022", "France_Toulouse_2019")

NAMES = [
    "France_Toulouse_2019",
    "France_Toulouse_2022",
    "Netherlands_Assen_2024",
    "Poland_Gdynia_2020_Grabowek__large",
    "Poland_Poznan_2024_10_-_Swierczewo_Wilda_Zielony_Debiec__large",
    "Poland_Swiecie_2023",
    "Poland_Warszawa_2017_Praga-Poludnie",
    "Poland_Wieliczka_2023_Green_Budget",
    "Switzerland_Zurich_D10",
    "Switzerland_Zurich_S5R",
    "Worldwide_Mechanical_Turk_Knapsack_7",
]
LARGE = ("Poland_Warszawa_2017_Praga-Poludnie", "Poland_Wieliczka_2023_Green_Budget")
"""Over 5,000 voters: compared by `make test-all` only."""


def slowly(names: list[str], slow: tuple[str, ...]) -> list[Any]:
    mark = (pytest.mark.slow, pytest.mark.timeout(1800))
    return [pytest.param(name, marks=mark) if name in slow else name for name in names]


@cache
def opened(path: Path) -> tuple[Instance, Profile, PeerInstance, ApprovalProfile]:
    """The election as ours and as the peer's; every ballot as the set of what it lists."""
    instance = read(path.read_bytes(), path.name)
    peer, ballots = parse_pabulib(str(path))
    assert {each.name: each.cost for each in peer} == {p.id: p.cost for p in instance.projects}
    assert peer.budget_limit == instance.budget
    assert sorted(sorted(each.name for each in ballot) for ballot in ballots) == sorted(
        sorted(ballot.projects) for ballot in instance.ballots
    )
    affordable = [each for each in peer if each.cost <= peer.budget_limit]
    reduced = PeerInstance(affordable, budget_limit=peer.budget_limit)
    profile = ApprovalProfile(
        [ApprovalBallot([p for p in ballot if p in reduced]) for ballot in ballots],
        instance=reduced,
    )
    return instance, profile_of(instance), reduced, profile


def tie_breaking(ties: str, profile: Profile) -> TieBreakingRule:
    if ties == "lexicographic":
        return lexico_tie_breaking
    votes = profile.votes()
    return TieBreakingRule(lambda _i, _p, each: (each.cost, -votes[each.name], each.name))


@cache
def peer_shares(path: Path, utility: str, raised: bool, ties: str) -> BudgetAllocation:
    """The peer's equal shares, equal ballots grouped, which makes it faster."""
    _, ours, peer, profile = opened(path)
    return method_of_equal_shares(
        peer,
        profile.as_multiprofile(),
        sat_class=SATISFACTION[utility],
        tie_breaking=tie_breaking(ties, ours),
        voter_budget_increment=frac(1) if raised else None,
    )


def peer_winners(
    path: Path, rule: str, utility: str = "cost", completion: str = "none", ties: str = ""
) -> tuple[Profile, list[str]]:
    """Ours to count, and the peer's winners in its order."""
    _, ours, peer, profile = opened(path)
    untie = tie_breaking(ties, ours)
    if rule == "phragmen":
        allocation = sequential_phragmen(peer, profile, tie_breaking=untie)
    else:
        allocation = peer_shares(path, utility, "add1" in completion, ties)
    if "greedy" in completion:
        allocation = greedy_utilitarian_welfare(
            peer,
            profile,
            sat_class=SATISFACTION[utility],
            tie_breaking=untie,
            initial_budget_allocation=allocation,
        )
    votes = ours.votes()
    return ours, [each.name for each in allocation if votes[each.name]]


@pytest.mark.parametrize("ties", ["lexicographic", "cheapest"])
@pytest.mark.parametrize("utility", ["cost", "cardinality"])
@pytest.mark.parametrize("completion", ["none", "greedy"])
@pytest.mark.parametrize("name", slowly(NAMES, LARGE))
def test_equal_shares_without_raising_comes_out_as_the_peer_counts_it(
    real_election: Callable[[str], Path], name: str, completion: str, utility: str, ties: str
):
    ours, winners = peer_winners(real_election(name), "mes", utility, completion, ties)
    terms = Terms(utility=utility, completion=completion, ties=ties)
    assert list(count(ours, "mes", terms).selected) == winners


@pytest.mark.parametrize("utility", ["cost", "cardinality"])
@pytest.mark.parametrize("completion", ["add1", "add1-greedy"])
@pytest.mark.parametrize("name", slowly(NAMES, (*LARGE, *PEER_MINUTES_LONG)))
def test_equal_shares_with_raised_endowments_comes_out_as_the_peer_counts_it(
    real_election: Callable[[str], Path], name: str, completion: str, utility: str
):
    ours, winners = peer_winners(real_election(name), "mes", utility, completion, "lexicographic")
    terms = Terms(utility=utility, completion=completion, stop="exhaustive", ties="lexicographic")
    assert list(count(ours, "mes", terms).selected) == winners


@pytest.mark.parametrize("ties", ["lexicographic", "cheapest"])
@pytest.mark.parametrize("name", slowly(NAMES, LARGE))
def test_phragmen_comes_out_as_the_peer_counts_it(
    real_election: Callable[[str], Path], name: str, ties: str
):
    ours, winners = peer_winners(real_election(name), "phragmen", ties=ties)
    assert sorted(count(ours, "phragmen", Terms(ties=ties)).selected) == sorted(winners)
