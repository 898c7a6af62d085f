"""The generated election has the shape of Toulouse 2022 and depends on its seed alone."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import pytest

from cahier_cli.generated import generated_election
from cahier_record.budget.pabulib import Instance, profile_of, read
from cahier_record.budget.tally import Terms, count

# Whoever changes the generator changes the demonstration: this pins every byte of seed 1.
SEED_1_SHA256 = "aa66a14aba3159af46421ca6baba9cbd4f027670fe1e1c7ec4f021542ec1ed2c"


@pytest.fixture(scope="module")
def text() -> str:
    return generated_election()


@pytest.fixture(scope="module")
def election(text: str) -> Instance:
    return read(text, "generated.pb", strict=True)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process(text):
    code = "import hashlib, cahier_cli.generated as g; print(g.generated_election())"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, check=True, timeout=60
    )
    assert done.stdout.decode().removesuffix("\n") == text


def test_seed_1_is_pinned(text):
    assert digest(text) == SEED_1_SHA256


def test_another_seed_gives_another_election(text):
    assert digest(generated_election(2)) != digest(text)


def test_it_is_a_sound_election_with_nothing_to_warn_of(election):
    assert (election.warnings, election.invalid) == ([], [])
    assert (election.rule, election.vote_type) == ("greedy", "approval")
    assert (len(election.ballots), len(election.projects)) == (4532, 199)
    assert election.budget == 8_000_000


def test_its_costs_lengths_and_votes_are_spread_as_in_toulouse(election):
    costs = sorted(project.cost for project in election.projects)
    assert costs[0] >= 1_200
    assert costs[-1] == 200_000
    assert 30_000 <= costs[len(costs) // 2] <= 90_000
    assert 12_000_000 <= sum(costs) <= 20_000_000
    lengths = Counter(len(ballot.projects) for ballot in election.ballots)
    assert set(lengths) == {1, 2, 3}
    assert 0.72 <= lengths[3] / 4532 <= 0.78
    votes = sorted(int(project.fields["votes"]) for project in election.projects)
    assert votes[-1] >= 4 * votes[len(votes) // 2] > 0


def test_it_states_the_votes_that_are_counted(election):
    counted = profile_of(election).votes()
    assert {one.id: int(one.fields["votes"]) for one in election.projects} == counted


def test_names_are_unique_and_districts_and_categories_are_all_there(election):
    assert len({one.fields["name"] for one in election.projects}) == 199
    assert len({one.fields["district"] for one in election.projects}) == 20
    assert len({one.fields["category"] for one in election.projects}) == 6


def test_greedy_funds_many_and_leaves_some(election):
    result = count(profile_of(election), "greedy", Terms())
    assert 50 <= len(result.selected) <= 150
    assert 7_900_000 <= result.spent / 10**result.decimals <= 8_000_000


@pytest.mark.parametrize(("voters", "projects"), [(0, 3), (7, 40), (100, 500)])
def test_other_sizes_are_sound_too(voters, projects):
    instance = read(generated_election(3, voters=voters, projects=projects), "g.pb", strict=True)
    assert (len(instance.ballots), len(instance.projects)) == (voters, projects)
    assert len({one.fields["name"] for one in instance.projects}) == projects


@pytest.mark.parametrize("sizes", [{"voters": -1}, {"projects": 2}, {"projects": 10**9}])
def test_sizes_beyond_use_are_refused(sizes):
    with pytest.raises(ValueError, match="must be"):
        generated_election(**sizes)
