"""What every counting rule needs to know of an election, whether it comes from a log or a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Self

from msgspec import Struct


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A project that could be funded. `cost` is in units of 10^-decimals of the currency.

    A withdrawn project stays visible but never wins; a fixed one is funded before the count, out of
    the envelope, whatever the ballots say. district: `""` for a city-wide project. alternative: of
    all projects with the same name here at most one is funded ('either this or that'); `""` binds
    to nothing. instalments: the cost by year, the first one first; empty: all in the first year.
    """

    id: str
    cost: int
    withdrawn: bool = False
    fixed: bool = False
    district: str = ""
    alternative: str = ""
    instalments: tuple[int, ...] = ()


class Group(Struct, frozen=True, kw_only=True, gc=False):
    """`count` equal ballots: the projects they list and, where they weigh, the points of each.

    Without points every listed project gets one. A project that is listed twice counts twice.
    """

    projects: tuple[str, ...]
    points: tuple[int, ...] = ()
    count: int = 1


class Profile(Struct, frozen=True, kw_only=True):
    """An election ready to be counted; raises ValueError when its parts do not fit together.

    budget and costs: integers in units of 10^-decimals of the currency (2: cents).
    candidates: in the order in which the election presents them; it may break ties.
    points: integers in units of 10^-score_decimals. `default_points` goes to each candidate from
    each voter who does not list it.
    """

    budget: int
    candidates: tuple[Candidate, ...]
    groups: tuple[Group, ...]
    decimals: int = 2
    score_decimals: int = 0
    default_points: int = 0

    def __post_init__(self) -> None:
        known = {candidate.id for candidate in self.candidates}
        if len(known) != len(self.candidates):
            raise ValueError("a project stands twice among the candidates")
        if self.budget < 0 or any(candidate.cost < 0 for candidate in self.candidates):
            raise ValueError("amounts must not be negative")
        for one in self.candidates:
            if one.instalments and (min(one.instalments) < 0 or sum(one.instalments) != one.cost):
                raise ValueError(f"the instalments of {one.id} must add up to its cost")
        if sum(one.cost for one in self.candidates if one.fixed) > self.budget:
            raise ValueError("the fixed projects cost more than the envelope")
        for group in self.groups:
            if not known.issuperset(group.projects):
                raise ValueError(f"a ballot names a project that is no candidate: {group.projects}")
            if group.points and len(group.points) != len(group.projects):
                raise ValueError("a ballot must have as many points as projects")

    @classmethod
    def of_approvals(
        cls,
        budget: int,
        candidates: Iterable[Candidate],
        ballots: Iterable[Sequence[str]],
        decimals: int = 2,
    ) -> Self:
        """A profile of approval ballots, each the ids it approves; equal ballots are grouped."""
        counted = Counter(map(tuple, ballots))
        return cls(
            budget=budget,
            candidates=tuple(candidates),
            groups=tuple(Group(projects=p, count=count) for p, count in counted.items()),
            decimals=decimals,
        )

    @property
    def voters(self) -> int:
        """How many ballots there are, empty ones included."""
        return sum(group.count for group in self.groups)

    def weighs(self) -> bool:
        """Whether points are anything but one for each project that a ballot lists."""
        return bool(self.default_points) or any(group.points for group in self.groups)

    def votes(self) -> dict[str, int]:
        """For each candidate, how many ballots list it."""
        return self._tally((group.count, set(group.projects)) for group in self.groups)

    def scores(self) -> dict[str, int]:
        """For each candidate, the points that all ballots give it."""
        scores = self._tally((each.count, each.projects) for each in self.groups if not each.points)
        for group in self.groups:
            for project, value in zip(group.projects, group.points, strict=False):
                scores[project] += value * group.count
        if self.default_points:
            voters = self.voters
            for project, votes in self.votes().items():
                scores[project] += self.default_points * (voters - votes)
        return scores

    def _tally(self, lists: Iterable[tuple[int, Iterable[str]]]) -> dict[str, int]:
        """How often each candidate is listed, by lists that stand so many times."""
        total = dict.fromkeys((candidate.id for candidate in self.candidates), 0)
        by_count: dict[int, list[Iterable[str]]] = {}
        for count, projects in lists:
            by_count.setdefault(count, []).append(projects)
        for count, alike in by_count.items():
            for project, times in Counter(chain.from_iterable(alike)).items():
                total[project] += count * times
        return total


def format_amount(amount: int, decimals: int) -> str:
    """The shortest decimal of an integer in units of 10^-decimals: (44682940, 2) is `446829.4`."""
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    whole, rest = divmod(amount, 10**decimals)
    return f"{sign}{whole}" + (f".{rest:0{decimals}d}".rstrip("0") if rest else "")
