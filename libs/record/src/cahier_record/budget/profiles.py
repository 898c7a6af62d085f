"""An election of the log as the counting rules take it: its profile and its terms.

Kept apart from counting because explanations ask for the same election again and again.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    election: ElectionView, papers: Mapping[tuple[int, ...], int]
) -> tuple[Profile, dict[str, int]]:
    """The profile of so many ballots with these choices, and each candidate's project number.

    Raises ValueError where costs and envelope do not fit together.
    """
    standing = _standing(election)
    digits = len(str(len(standing)))
    names = {one.number: f"{place:0{digits}d}" for place, one in enumerate(standing)}
    fixed, alternatives = set(election.rules.fixed), _alternatives(election.rules)
    profile = Profile(
        budget=election.created.envelope_cents,
        candidates=tuple(
            Candidate(
                id=names[project.number],
                cost=project.cost_cents or 0,
                district=project.district,
                fixed=project.number in fixed,
                alternative=alternatives.get(project.number, ""),
            )
            for project in standing
        ),
        groups=tuple(
            Group(projects=tuple(names[number] for number in choices), count=times)
            for choices, times in papers.items()
        ),
    )
    return profile, {name: number for number, name in names.items()}


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
        quotas={quota.district: quota.amount_cents for quota in rules.quotas},
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
