"""A city's own file is counted within the limits that it states, and no other file is."""

from __future__ import annotations

import pytest

from cahier_record.budget.pabulib import profile_of, read, with_own_terms
from cahier_record.budget.tally import Profile, Terms, count

PROJECTS = """PROJECTS
project_id;cost;district;cahier_instalments
1;1500;North;
2;3000;North;200,2800
3;400;;
VOTES
voter_id;vote
a;2
b;2,3
c;2,3
d;1,2
e;1
f;3
"""


def counted(*meta: str, rule: str = "greedy", asked: tuple[str, ...] = (), **terms: str):
    """The winners under the file's own terms; each of `meta` is a line."""
    lines = ["META", "key;value", "num_projects;3", "num_votes;6", "budget;5000"]
    lines += ["vote_type;approval", f"rule;{rule}", *meta]
    instance = read("\n".join([*lines, PROJECTS]).encode(), "own.pb")
    profile, found = with_own_terms(instance, profile_of(instance), Terms(**terms), asked)
    return list(count(profile, rule, found).selected)


def test_a_file_without_own_keys_is_counted_as_ever():
    assert counted() == ["2", "3", "1"]
    instance = read(
        b"META\nkey;value\nnum_projects;1\nnum_votes;0\nbudget;5\nvote_type;approval\n"
        b"rule;greedy\nPROJECTS\nproject_id;cost\n1;2\nVOTES\nvoter_id;vote\n",
        "other.pb",
    )
    profile, terms = profile_of(instance), Terms(ties="cheapest")
    assert with_own_terms(instance, profile, terms) == (profile, terms)


@pytest.mark.parametrize(
    ("meta", "winners"),
    [
        ("cahier_credits;2000,3000", ["2", "3"]),  # 1,400 are left of the first year
        ("cahier_credits;2100,2900", ["2", "3", "1"]),
        ('cahier_quotas;{"North": "3000"}', ["2", "3"]),
        ("cahier_least_votes;3", ["2", "3"]),
        ("cahier_least_turnout;7", []),
        ("cahier_alternatives;1,2", ["2", "3"]),
        ("cahier_fixed;1", ["1", "2", "3"]),
        ("cahier_proportion;6/5", ["3"]),  # 2 stands on 4 ballots and needs 4.32
    ],
)
def test_each_limit_of_the_file_holds(meta: str, winners: list[str]):
    assert counted(meta) == winners


def test_amounts_finer_than_the_files_costs_are_exact():
    """The costs are whole; the years' credits have cents, and one cent decides."""
    assert counted("cahier_credits;2099.99,2900.01") == ["2", "3"]
    assert counted("cahier_credits;2100.00,2900") == ["2", "3", "1"]


def test_the_file_names_its_terms_and_whoever_counts_may_choose_others():
    plain = ("cahier_completion;none", "cahier_ties;standard")
    assert counted(*plain, rule="mes", completion="add1-greedy") == ["2", "3"]
    asked = counted(*plain, rule="mes", completion="add1-greedy", asked=("completion",))
    assert asked == ["2", "3", "1"]


def test_keys_that_cannot_be_read_are_refused_by_name():
    with pytest.raises(ValueError, match="META: cahier_proportion"):
        counted("cahier_proportion;a third")


def test_the_units_of_an_election_are_no_coarser_than_a_cent():
    lines = "META\nkey;value\nnum_projects;3\nnum_votes;6\nbudget;5000\nvote_type;approval\n"
    text = f"{lines}rule;greedy\ncahier_least_votes;1\n{PROJECTS}"
    instance = read(text.encode(), "own.pb")
    found: Profile = with_own_terms(instance, profile_of(instance), Terms())[0]
    assert (found.budget, found.decimals, found.candidates[1].cost) == (500_000, 2, 300_000)
    assert found.candidates[1].instalments == (20_000, 280_000)
