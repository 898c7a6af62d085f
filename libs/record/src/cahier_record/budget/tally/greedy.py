"""The greedy rules: take projects by score (or score per cost) as long as the envelope lasts.

Exact integers and fractions throughout. A project nobody votes for, a withdrawn one and one that
costs more than the whole envelope are no contenders: they never win, and nothing stops on them.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from msgspec import Struct

from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Outcome, Reason, Result
from cahier_record.budget.tally.terms import Terms, Utility


class Standing(Struct, frozen=True, kw_only=True):
    """A candidate with what the ballots say of it; `place` is its place among the candidates."""

    id: str
    cost: int
    withdrawn: bool
    place: int
    votes: int
    score: int


def count_greedy(profile: Profile, rule: str, terms: Terms, *, stops: bool) -> Result:
    """Fund by descending merit what still fits; with `stops`, nothing after the first misfit."""
    ranked = sorted(standings(profile), key=_precedence(terms))
    outcomes: list[Outcome] = []
    left, stopped = profile.budget, False
    for standing in ranked:
        reason = _exclusion(standing, profile.budget, terms.threshold)
        left_then = None
        if reason is None and stopped:
            reason = "after_stop"
        elif reason is None:
            left_then = left
            reason = "selected" if standing.cost <= left else "does_not_fit"
            stopped = stops and reason == "does_not_fit"
            left -= standing.cost if reason == "selected" else 0
        outcomes.append(_outcome(standing, reason, left_then))
    return Result(
        rule=rule,
        utility=terms.utility,
        ties=terms.ties,
        threshold=terms.threshold,
        budget=profile.budget,
        spent=profile.budget - left,
        voters=profile.voters,
        selected=tuple(one.id for one in outcomes if one.reason == "selected"),
        projects=tuple(outcomes),
        decimals=profile.decimals,
        score_decimals=profile.score_decimals,
    )


def standings(profile: Profile) -> list[Standing]:
    """Every candidate with its votes and score, in the order of the candidates."""
    votes, scores = profile.votes(), profile.scores()
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


def _exclusion(standing: Standing, budget: int, threshold: int | None) -> Reason | None:
    if standing.withdrawn:
        return "withdrawn"
    if standing.score <= 0:
        return "no_votes"
    if standing.cost > budget:
        return "over_budget"
    if threshold is not None and standing.score < threshold:
        return "below_threshold"
    return None


def _precedence(terms: Terms) -> Callable[[Standing], tuple[object, ...]]:
    merit, tie = _MERITS[terms.utility], _TIES[terms.ties]
    return lambda standing: (*merit(standing), *tie(standing))


def _by_score(standing: Standing) -> tuple[int, ...]:
    return (-standing.score,)


def _by_score_per_cost(standing: Standing) -> tuple[int, Fraction]:
    """What costs nothing has no finite score per cost: it comes first."""
    if standing.cost == 0:
        return 0, Fraction(0)
    return 1, -Fraction(standing.score, standing.cost)


def _outcome(standing: Standing, reason: Reason, left: int | None) -> Outcome:
    return Outcome(
        id=standing.id,
        cost=standing.cost,
        votes=standing.votes,
        score=standing.score,
        reason=reason,
        left=left,
    )


_MERITS: dict[Utility, Callable[[Standing], tuple[object, ...]]] = {
    "cost": _by_score,
    "cardinality": _by_score_per_cost,
}
_TIES: dict[str, Callable[[Standing], tuple[object, ...]]] = {
    "presented": lambda standing: (standing.place,),
    "cheapest": lambda standing: (standing.cost, -standing.votes, standing.id),
    "lexicographic": lambda standing: (standing.id,),
}
