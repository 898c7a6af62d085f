"""An election of the log as the counting rules take it: its profile and its terms.

Kept apart from counting because explanations ask for the same election again and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cahier_record.budget.ballots import Voted
from cahier_record.budget.events import Rules
from cahier_record.budget.tally import Candidate, Group, Profile, Terms, TieOrder
from cahier_record.budget.views import ElectionView, ProjectView

_TIE_ORDERS: dict[str, TieOrder] = {
    "standard": "presented",
    "lexicographic": "presented",
    "cheapest": "cheapest",
}
"""Which order the rules apply to candidates that stand here in the order of their numbers or, for
the others, of their references: their ids are places in that order, so that equals go by it."""


def profile_of(
    election: ElectionView, papers: Mapping[Voted, int]
) -> tuple[Profile, dict[str, int]]:
    """The profile of so many ballots that say this, and each candidate's project number.

    Raises ValueError where costs and envelope do not fit together.
    """
    standing = _standing(election)
    digits = len(str(len(standing)))
    names = {one.number: f"{place:0{digits}d}" for place, one in enumerate(standing)}
    fixed, alternatives = set(election.rules.fixed), _alternatives(election.rules)
    scale = points_by_place(election.rules, len(standing))
    profile = Profile(
        budget=election.created.envelope_cents,
        candidates=tuple(
            Candidate(
                id=names[project.number],
                cost=project.cost_cents or 0,
                district=project.district,
                fixed=project.number in fixed,
                alternative=alternatives.get(project.number, ""),
                instalments=project.instalments_cents,
            )
            for project in standing
        ),
        groups=tuple(
            Group(
                projects=tuple(names[number] for number in said.choices),
                points=said.points or tuple(scale[: len(said.choices)]),
                count=times,
            )
            for said, times in papers.items()
        ),
        score_decimals=election.rules.point_decimals,
        default_points=election.rules.default_points,
    )
    return profile, {name: number for number, name in names.items()}


def points_by_place(rules: Rules, standing: int) -> Sequence[int]:
    """What each place of a ballot gives, from the first, in the rules' unit; empty if unranked.

    standing: how many projects stand; no ballot has more places.
    """
    if rules.vote_type != "ordinal":
        return ()
    if rules.positions:
        return (*rules.positions, *[0] * standing)[:standing]
    top, unit = rules.max_length or standing, 10**rules.point_decimals
    return [max(top - place, 0) * unit for place in range(standing)]


def terms_of(rules: Rules) -> Terms:
    """The terms that an election's rules set."""
    return Terms(
        utility=rules.utility,
        ties=_TIE_ORDERS[rules.ties],
        threshold=rules.threshold_votes if rules.rule == "greedy-threshold" else None,
        completion=rules.completion,
        stop=rules.stop,
        least_turnout=rules.least_turnout,
        least_votes=rules.least_votes,
        proportion=rules.proportion,
        quotas={quota.district: quota.amount_cents for quota in rules.quotas},
        credits=rules.credits_cents,
    )


def _alternatives(rules: Rules) -> dict[int, str]:
    return {
        number: str(group) for group, numbers in enumerate(rules.alternatives) for number in numbers
    }


def _standing(election: ElectionView) -> list[ProjectView]:
    """The projects that stood, in the order that breaks ties."""
    standing = [p for p in election.projects.values() if p.feasibility == "feasible"]
    if election.rules.ties == "standard":
        return sorted(standing, key=lambda project: project.number)
    return sorted(standing, key=lambda project: project.reference or str(project.number))
