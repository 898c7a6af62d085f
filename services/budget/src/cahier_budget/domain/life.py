"""Planning, entering and reopening phases; the analysis of projects by three roles.

These are events and decisions of the election's own aggregate, kept in a module of their own: the
functions here decide, the events alone change the election's `life`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from cahier_budget.domain import checks
from cahier_budget.domain.election import Election
from cahier_budget.domain.phases import (
    Assessment,
    LifeChanged,
    Planned,
    Reopening,
    check_plan,
    rank,
    read_phase,
    start_of,
)
from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.life import BALLOTING, Analysis, AnalysisRole, Phase, Verdict

ASSESSMENTS_MAX = 60
REOPENINGS_MAX = 100


class PhasesPlanned(LifeChanged):
    """The election runs through these phases; voting opens and closes by them."""

    TOPIC = "budget.election.phases_planned"
    phases: tuple[Planned, ...]
    reason: str

    def apply(self, aggregate: Any) -> None:
        _take_plan(aggregate, self.phases)


class PhaseEntered(LifeChanged):
    """A phase before voting began; early ones for a reason."""

    TOPIC = "budget.election.phase_entered"
    phase: Phase
    is_early: bool
    reason: str

    def apply(self, aggregate: Any) -> None:
        aggregate.life.phase = self.phase
        aggregate.life.entered[self.phase] = self.timestamp


class PhaseReopened(LifeChanged):
    """Back to an earlier phase, by a new plan."""

    TOPIC = "budget.election.phase_reopened"
    phase: Phase
    phases: tuple[Planned, ...]
    reason: str

    def apply(self, aggregate: Any) -> None:
        life = aggregate.life
        _take_plan(aggregate, self.phases)
        life.phase = self.phase
        life.entered = {
            phase: at for phase, at in life.entered.items() if rank(phase) <= rank(self.phase)
        }
        life.reopenings.append(Reopening(self.phase, self.reason, self.timestamp))


class AnalysisChosen(LifeChanged):
    """One judgement, or three assessments."""

    TOPIC = "budget.election.analysis_chosen"
    analysis: Analysis

    def apply(self, aggregate: Any) -> None:
        aggregate.life.analysis = self.analysis


class ProjectAssessed(LifeChanged):
    """One role's estimate, verdict and grounds."""

    TOPIC = "budget.election.project_assessed"
    project_id: str
    role: AnalysisRole
    assessor: str
    feasibility: Verdict
    estimate_cents: int
    running_cents: int
    grounds: str

    def apply(self, aggregate: Any) -> None:
        said = Assessment(
            self.role,
            self.assessor,
            self.feasibility,
            self.estimate_cents,
            self.running_cents,
            self.grounds,
            self.timestamp,
            self.originator_version,
        )
        aggregate.life.assessments.setdefault(self.project_id, []).append(said)


class RunningCostStated(LifeChanged):
    """What a project would cost in its first year of use."""

    TOPIC = "budget.election.running_cost_stated"
    project_id: str
    running_cents: int

    def apply(self, aggregate: Any) -> None:
        aggregate.projects[self.project_id].running_cents = self.running_cents


@dataclass(frozen=True, slots=True)
class NewAssessment:
    """What somebody says of a project in a role, not yet checked."""

    project_id: str
    role: str
    assessor: str
    feasibility: str
    estimate_cents: int
    running_cents: int
    grounds: str


def plan_phases(election: Election, plan: Sequence[Planned], reason: str, *, now: datetime) -> None:
    """Plans, or plans anew with a reason, while preparing; enters what is due at once.

    Phases that have begun keep their dates. Raises Invalid `phases_invalid`.
    """
    election.require_preparing()
    life = election.life
    checked = check_plan(plan, life.phase)
    _require_past_kept(election, checked)
    reason = checks.prose(
        reason, "reason", longest=checks.REASON_CHARS_MAX, required=bool(life.plan)
    )
    election.trigger_event(PhasesPlanned, timestamp=now, phases=checked, reason=reason)
    enter_due(election, now=now)


def enter_due(election: Election, *, now: datetime) -> None:
    """Enters every phase before voting whose date has come, one after the other."""
    for each in election.life.due(now):
        election.trigger_event(
            PhaseEntered, timestamp=now, phase=each.phase, is_early=False, reason=""
        )


def enter_phase(election: Election, name: str, reason: str, *, now: datetime) -> None:
    """Enters the next planned phase: before its date only with a reason.

    Raises FailedPrecondition `phase_not_next`, `phase_entered_by_voting`, `phase_not_due`.
    """
    election.require_preparing()
    phase = read_phase(name)
    if rank(phase) >= BALLOTING:
        raise FailedPrecondition(
            "phase_entered_by_voting",
            "voting is opened, closed and announced by steps of their own",
            field="phase",
        )
    following = _following(election)
    if following is None or following.phase != phase:
        raise FailedPrecondition(
            "phase_not_next", "the next phase of the plan", field="phase", phase=phase
        )
    early = now < following.starts_at
    reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX)
    if early and not reason:
        raise FailedPrecondition(
            "phase_not_due", "before its date only with a reason", field="reason"
        )
    election.trigger_event(
        PhaseEntered, timestamp=now, phase=phase, is_early=early, reason=reason if early else ""
    )


def reopen_phase(
    election: Election, name: str, plan: Sequence[Planned], reason: str, *, now: datetime
) -> None:
    """Goes back to an earlier phase, with a reason and new dates for those after it.

    Raises FailedPrecondition `phase_behind_opened_vote` once voting was opened,
    `phase_not_passed`, `phase_dates_passed` (the next one would be due at once).
    """
    phase = read_phase(name)
    if election.state != "preparing":
        raise FailedPrecondition(
            "phase_behind_opened_vote",
            "voting was opened: no phase before it opens again",
            field="phase",
            state=election.state,
        )
    planned = {each.phase for each in election.life.plan}
    if phase not in planned or not rank(phase) < rank(election.life.phase):
        raise FailedPrecondition(
            "phase_not_passed", "a phase of the plan that is over", field="phase", phase=phase
        )
    if len(election.life.reopenings) >= REOPENINGS_MAX:
        raise FailedPrecondition(
            "too_many_reopenings", f"at most {REOPENINGS_MAX}", max=REOPENINGS_MAX
        )
    checked = check_plan(plan, phase)
    if any(each.starts_at <= now for each in checked if rank(each.phase) > rank(phase)):
        raise FailedPrecondition(
            "phase_dates_passed", "the phases after it get dates to come", field="phases"
        )
    reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True)
    election.trigger_event(PhaseReopened, timestamp=now, phase=phase, phases=checked, reason=reason)


def choose_analysis(election: Election, analysis: str, *, now: datetime) -> None:
    """single or three, before the first project is judged or assessed."""
    election.require_preparing()
    if analysis not in get_args(Analysis):
        raise Invalid("analysis_unknown", "single or three", field="analysis")
    judged = any(each.feasibility != "undecided" for each in election.projects.values())
    if judged or election.life.assessments:
        raise FailedPrecondition(
            "analysis_begun", "before the first project is assessed or judged", field="analysis"
        )
    if analysis != election.life.analysis:
        election.trigger_event(AnalysisChosen, timestamp=now, analysis=analysis)


def assess(election: Election, new: NewAssessment, *, now: datetime) -> None:
    """One of three roles assesses; the decision maker's verdict decides, and states the cost.

    Raises FailedPrecondition `analysis_single`, `phase_forbids`, `assessments_missing` (the
    decision comes after the other two), `assessor_not_different` (three persons),
    `project_superseded`, `too_many_assessments`.
    """
    election.require_preparing()
    life = election.life
    if life.analysis != "three":
        raise FailedPrecondition("analysis_single", "staff judge by themselves in this election")
    life.require("analyse")
    project = election.standing_project(new.project_id)
    _check_assessment(new)
    last = life.last_by_role(project.id)
    if new.role == "decision_maker" and not {"analyst", "supervisor"} <= last.keys():
        raise FailedPrecondition(
            "assessments_missing", "analyst and supervisor assess before", field="role"
        )
    if any(each.assessor == new.assessor for role, each in last.items() if role != new.role):
        raise FailedPrecondition(
            "assessor_not_different", "three different persons assess a project", field="role"
        )
    if len(life.assessments.get(project.id, [])) >= ASSESSMENTS_MAX:
        raise FailedPrecondition(
            "too_many_assessments", f"at most {ASSESSMENTS_MAX}", max=ASSESSMENTS_MAX
        )
    _record(election, new, now)


def _record(election: Election, new: NewAssessment, now: datetime) -> None:
    grounds = checks.prose(new.grounds, "grounds", longest=checks.REASON_CHARS_MAX, required=True)
    election.trigger_event(
        ProjectAssessed,
        timestamp=now,
        project_id=new.project_id,
        role=new.role,
        assessor=new.assessor,
        feasibility=new.feasibility,
        estimate_cents=new.estimate_cents,
        running_cents=new.running_cents,
        grounds=grounds,
    )
    if new.role != "decision_maker":
        return
    if new.feasibility == "feasible":
        if election.projects[new.project_id].cost_cents != new.estimate_cents:
            election.cost_project(new.project_id, new.estimate_cents, now=now)
        _state_running(election, new.project_id, new.running_cents, now)
    verdict: Verdict = "feasible" if new.feasibility == "feasible" else "unfeasible"
    election.conclude(new.project_id, verdict, grounds, now=now)


def state_running_cost(
    election: Election, project_id: str, running_cents: int, *, now: datetime
) -> None:
    """States the first year's running cost, or another one, when costs are stated."""
    election.require_preparing()
    election.life.require("cost")
    project = election.standing_project(project_id)
    checks.cents(running_cents, "running_cents", least=0)
    _state_running(election, project.id, running_cents, now)


def _state_running(election: Election, project_id: str, cents: int, now: datetime) -> None:
    if election.projects[project_id].running_cents != cents:
        election.trigger_event(
            RunningCostStated, timestamp=now, project_id=project_id, running_cents=cents
        )


def _check_assessment(new: NewAssessment) -> None:
    if new.role not in get_args(AnalysisRole):
        raise Invalid("role_unknown", "analyst, supervisor or decision_maker", field="role")
    if new.feasibility not in get_args(Verdict):
        raise Invalid("feasibility_missing", "feasible or unfeasible", field="feasibility")
    checks.cents(new.estimate_cents, "estimate_cents", least=0)
    checks.cents(new.running_cents, "running_cents", least=0)


def _following(election: Election) -> Planned | None:
    life = election.life
    return next((each for each in life.plan if rank(each.phase) > rank(life.phase)), None)


def _require_past_kept(election: Election, plan: Sequence[Planned]) -> None:
    """Raises Invalid `phases_invalid` for another past than there was."""
    begun = rank(election.life.phase)
    past = [each for each in election.life.plan if rank(each.phase) <= begun]
    if past and past != [each for each in plan if rank(each.phase) <= begun]:
        raise Invalid("phases_invalid", "phases that have begun keep their dates", field="phases")


def _take_plan(aggregate: Any, plan: tuple[Planned, ...]) -> None:
    aggregate.life.plan = plan
    aggregate.opens_at = start_of(plan, "balloting")
    aggregate.closes_at = start_of(plan, "reviewing_ballots")
