"""How satisfied voters are with an outcome: who got anything, and how much of what they listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from msgspec import Struct

from cahier_record.budget.tally.profile import Group, Profile
from cahier_record.budget.tally.result import Result


class Satisfaction(Struct, frozen=True, kw_only=True):
    """Sums over voters. with_one: who list at least one funded project. projects, cost: the number
    and the cost, in units of 10^-decimals, of the funded projects that each lists, added up.
    """

    voters: int
    with_one: int
    projects: int
    cost: int

    @property
    def share_with_one(self) -> Fraction:
        """The share of voters who list at least one funded project; nothing without voters."""
        return Fraction(self.with_one, self.voters) if self.voters else Fraction(0)

    @property
    def average_cost(self) -> Fraction:
        """The cost of funded projects that a voter lists, on average."""
        return Fraction(self.cost, self.voters) if self.voters else Fraction(0)

    @property
    def average_projects(self) -> Fraction:
        """The number of funded projects that a voter lists, on average."""
        return Fraction(self.projects, self.voters) if self.voters else Fraction(0)


def satisfaction(result: Result, groups: Iterable[Group]) -> Satisfaction:
    """How satisfied the voters of these ballots are with the result; empty ballots count."""
    costs = {one.id: one.cost for one in result.projects}
    funded = {one: costs[one] for one in result.selected}
    voters = with_one = projects = cost = 0
    for group in groups:
        won = [funded[one] for one in set(group.projects) if one in funded]
        voters += group.count
        with_one += group.count if won else 0
        projects += group.count * len(won)
        cost += group.count * sum(won)
    return Satisfaction(voters=voters, with_one=with_one, projects=projects, cost=cost)


def satisfaction_by(
    result: Result, districts: Mapping[str, Iterable[Group]]
) -> dict[str, Satisfaction]:
    """The same for each district's ballots, by its name."""
    return {name: satisfaction(result, groups) for name, groups in sorted(districts.items())}


def supporters_by_district(profile: Profile) -> dict[str, list[Group]]:
    """The ballots that list at least one project of each district, by its name.

    Ballots carry no district of their own: who lists projects of several stands in each of them.
    """
    districts = {one.id: one.district for one in profile.candidates}
    found: dict[str, list[Group]] = {one.district: [] for one in profile.candidates}
    for group in profile.groups:
        for district in {districts[one] for one in group.projects}:
            found[district].append(group)
    return found


def voters_with_one_of(groups: Iterable[Group], projects: Iterable[str]) -> int:
    """How many voters of these ballots list at least one of the projects."""
    names = set(projects)
    return sum(group.count for group in groups if not names.isdisjoint(group.projects))
