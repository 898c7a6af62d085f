"""How candidates stand before any money is spent: what ballots say of them, who may win, ties."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from cahier_record.budget.tally.electorate import Electorate
from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Reason
from cahier_record.budget.tally.terms import Terms, TieOrder


class Standing(Struct, frozen=True, kw_only=True):
    """A candidate with what the ballots say of it; `place` is its place among the candidates."""

    id: str
    cost: int
    withdrawn: bool
    place: int
    votes: int
    score: int


def standings(profile: Profile, electorate: Electorate | None = None) -> list[Standing]:
    """Every candidate with its votes and score, in the order of the candidates.

    electorate: of the same profile, if there is one already; then ballots are not read again.
    """
    if electorate is None:
        votes = profile.votes()
    else:
        votes = {one.id: n for one, n in zip(profile.candidates, electorate.votes, strict=True)}
    plain = electorate is not None and not electorate.repeats and not profile.weighs()
    scores = votes if plain else profile.scores()
    return [
        Standing(
            id=one.id,
            cost=one.cost,
            withdrawn=one.withdrawn,
            place=place,
            votes=votes[one.id],
            score=scores[one.id],
        )
        for place, one in enumerate(profile.candidates)
    ]


class Gate:
    """Who may win at all, whatever the others do; what a gate refuses, no rule considers."""

    def __init__(self, profile: Profile, terms: Terms) -> None:
        self._terms, self._voters = terms, profile.voters
        fixed = sum(one.cost for one in profile.candidates if one.fixed)
        self._envelope, self.budget = profile.budget, profile.budget - fixed
        self._candidates = profile.candidates
        self._purse = Purse(profile, terms, self.budget + fixed)

    def refusal(self, standing: Standing, support: int) -> Reason | None:
        """Why the candidate can never win, or None; without support (score, votes) it cannot."""
        if self._candidates[standing.place].fixed:
            return "fixed"
        if standing.withdrawn:
            return "withdrawn"
        if support <= 0:
            return "no_votes"
        if standing.cost > self.budget:
            return "over_budget"
        return self._below(standing) or self._purse.refusal(standing.place)

    def _below(self, standing: Standing) -> Reason | None:
        terms = self._terms
        if terms.threshold is not None and standing.score < terms.threshold:
            return "below_threshold"
        if self._voters < terms.least_turnout:
            return "turnout_too_low"
        if standing.votes < terms.least_votes:
            return "below_least_votes"
        part, whole = terms.proportion
        if standing.votes * self._envelope * whole < part * self._voters * standing.cost:
            return "below_proportion"
        return None


def tie_key(ties: TieOrder) -> Callable[[Standing], tuple[object, ...]]:
    """The key by which equals are ordered; no two candidates share one."""
    return _TIES[ties]


def tie_ranks(standing: Sequence[Standing], terms: Terms) -> list[int]:
    """For each of `standing`, its rank among equals: the lower rank goes first."""
    key = tie_key(terms.ties)
    ranks = [0] * len(standing)
    for rank, at in enumerate(sorted(range(len(standing)), key=lambda at: key(standing[at]))):
        ranks[at] = rank
    return ranks


_TIES: dict[TieOrder, Callable[[Standing], tuple[object, ...]]] = {
    "presented": lambda standing: (standing.place,),
    "cheapest": lambda standing: (standing.cost, -standing.votes, standing.id),
    "lexicographic": lambda standing: (standing.id,),
}
