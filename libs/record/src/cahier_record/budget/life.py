"""What budget says in public of an election's way to the vote: phases, analyses, merged projects.

An election without a plan of phases knows none of this and stays as it always was. Instants are
RFC 3339 in UTC, money is in cents of the election's currency. Who assesses appears under a
pseudonym made for the one project.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from cahier_record.events import PublicEvent, public_event

Phase = Literal[
    "informing",
    "accepting",
    "reviewing",
    "selecting",
    "costing",
    "publishing_prices",
    "balloting",
    "reviewing_ballots",
    "finished",
]
PHASES: tuple[Phase, ...] = (
    "informing",
    "accepting",
    "reviewing",
    "selecting",
    "costing",
    "publishing_prices",
    "balloting",
    "reviewing_ballots",
    "finished",
)
"""In their order; a plan has some of them, and always the last three."""
BALLOTING = PHASES.index("balloting")

Analysis = Literal["single", "three"]
AnalysisRole = Literal["analyst", "supervisor", "decision_maker"]
Verdict = Literal["feasible", "unfeasible"]
ChangeKind = Literal["merge", "split"]
Consent = Literal["agreed", "refused", "not_asked"]


class LifeEvent(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the events here, all of which come before voting."""

    election: str


class PlannedPhase(msgspec.Struct, frozen=True, kw_only=True):
    """A phase and the instant from which on it is due."""

    phase: Phase
    starts_at: str


class ChangedProject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A project that came out of others; `proposal` is the one whose page it shows."""

    project: str
    number: int
    proposal: str
    category: str = ""
    district: str = ""


@public_event("budget.v1.election.phases_planned")
class PhasesPlanned(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The election runs through these phases. Disclosed, for another plan: reason.

    Voting opens when `balloting` starts and closes when `reviewing_ballots` does, whatever the
    election said when it was created.
    """

    phases: tuple[PlannedPhase, ...]


@public_event("budget.v1.election.phase_entered")
class PhaseEntered(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A phase before voting began; early: before its date. Disclosed, when early: reason."""

    phase: Phase
    early: bool = False


@public_event("budget.v1.election.phase_reopened")
class PhaseReopened(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The election went back to an earlier phase, by a new plan. Disclosed: reason."""

    phase: Phase
    phases: tuple[PlannedPhase, ...]


@public_event("budget.v1.election.analysis_chosen")
class AnalysisChosen(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """single: staff judge alone; three: analyst and supervisor assess before somebody decides."""

    analysis: Analysis


@public_event("budget.v1.project.project_assessed")
class ProjectAssessed(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """One of three roles says what a project would cost and whether it can be built.

    running_cents: in its first year of use, beside the estimate. Disclosed: grounds.
    """

    project: str
    role: AnalysisRole
    assessor: str
    feasibility: Verdict
    estimate_cents: int
    running_cents: int = 0


@public_event("budget.v1.project.running_cost_stated")
class RunningCostStated(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What a project would cost in its first year of use, beside its price: an estimate."""

    project: str
    running_cents: int


@public_event("budget.v1.project.change_proposed")
class ChangeProposed(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city proposes to merge projects into one, or to split one into `results` projects.

    asked: proposals whose authors must all agree. Disclosed: reason, and title_1, description_1
    and so on of each result.
    """

    change: str
    kind: ChangeKind
    projects: tuple[str, ...]
    results: int
    asked: tuple[str, ...] = ()


@public_event("budget.v1.project.consent_noted")
class ConsentNoted(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What came of asking a proposal's author; `evidence` is the event of consultation's log.

    not_asked: the proposal was withdrawn, or its author is forgotten.
    """

    change: str
    proposal: str
    consent: Consent
    evidence: str = ""


@public_event("budget.v1.project.change_completed")
class ChangeCompleted(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """All consents are there: the old projects stand no more, the results do."""

    change: str
    results: tuple[ChangedProject, ...]


@public_event("budget.v1.project.change_withdrawn")
class ChangeWithdrawn(LifeEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The city gave its proposal up. Disclosed: reason."""

    change: str
