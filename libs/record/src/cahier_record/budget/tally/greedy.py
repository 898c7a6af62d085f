"""The greedy rules: take projects by score (or score per cost) as long as the envelope lasts.

Exact integers and fractions throughout. A project nobody votes for, a withdrawn one and one that
costs more than the whole envelope are no contenders: they never win, and nothing stops on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from cahier_record.budget.tally.limits import Purse
from cahier_record.budget.tally.profile import Profile
from cahier_record.budget.tally.result import Outcome, Reason, Result
from cahier_record.budget.tally.standing import Gate, Standing, standings, tie_key
from cahier_record.budget.tally.terms import Terms, Utility


def count_greedy(
    profile: Profile,
    rule: str,
    terms: Terms,
    *,
    stops: bool,
    standing: Sequence[Standing] | None = None,
) -> Result:
    """Fund by descending merit what still fits; with `stops`, nothing after the first misfit.

    Only what the envelope cannot pay stops it: a quota, an alternative or a credit just skips.
    standing: what the ballots say, where that is known already.
    """
    if standing is None:
        standing = standings(profile)
    gate, purse = Gate(profile, terms), Purse(profile, terms, profile.budget)
    outcomes: list[Outcome] = []
    stopped = False
    for one in sorted(standing, key=_precedence(terms)):
        reason = gate.refusal(one, one.score)
        left_then = None
        if reason is None and stopped:
            reason = "after_stop"
        elif reason is None:
            left_then = purse.left
            reason = purse.refusal(one.place) or "selected"
            stopped = stops and reason == "does_not_fit"
            if reason == "selected":
                purse.take(one.place)
        outcomes.append(outcome_of(one, reason, left_then))
    funded = fixed_first(outcomes)
    return Result(
        rule=rule,
        utility=terms.utility,
        ties=terms.ties,
        threshold=terms.threshold,
        budget=profile.budget,
        spent=sum(one.cost for one in funded),
        voters=profile.voters,
        selected=tuple(one.id for one in funded),
        projects=tuple(outcomes),
        decimals=profile.decimals,
        score_decimals=profile.score_decimals,
    )


def fixed_first(outcomes: list[Outcome]) -> list[Outcome]:
    """The funded ones: what was fixed, then what was selected, in order."""
    fixed = [one for one in outcomes if one.reason == "fixed"]
    return fixed + [one for one in outcomes if one.reason == "selected"]


def by_votes(standing: Standing, utility: Utility) -> tuple[object, ...]:
    """The merit of a project as utility per cost: votes, or votes per unit of cost."""
    return _MERITS[utility](standing, standing.votes)


def _precedence(terms: Terms) -> Callable[[Standing], tuple[object, ...]]:
    merit, tie = _MERITS[terms.utility], tie_key(terms.ties)
    return lambda standing: (*merit(standing, standing.score), *tie(standing))


def _by_support(standing: Standing, support: int) -> tuple[object, ...]:
    return (-support,)


def _by_support_per_cost(standing: Standing, support: int) -> tuple[object, ...]:
    """What costs nothing has no finite score per cost: it comes first."""
    if standing.cost == 0:
        return 0, Fraction(0)
    return 1, -Fraction(support, standing.cost)


def outcome_of(standing: Standing, reason: Reason, left: int | None = None) -> Outcome:
    """What became of a candidate."""
    return Outcome(
        id=standing.id,
        cost=standing.cost,
        votes=standing.votes,
        score=standing.score,
        reason=reason,
        left=left,
    )


_MERITS: dict[Utility, Callable[[Standing, int], tuple[object, ...]]] = {
    "cost": _by_support,
    "cardinality": _by_support_per_cost,
}
