"""What becomes public of an election's way to the vote; free text is disclosed apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from cahier_budget.domain import life, lineage
from cahier_budget.domain.phases import Planned, Text
from cahier_kernel.clock import to_rfc3339
from cahier_record.budget import life as public

Told = tuple[public.LifeEvent, dict[str, str]]


@singledispatch
def told_of_life(event: object, election: str) -> Told | None:
    """The public event with its texts; None for an event of another part of the service."""
    return None


@told_of_life.register
def _(event: life.PhasesPlanned, election: str) -> Told:
    told = public.PhasesPlanned(election=election, phases=_plan(event.phases))
    return told, {"reason": event.reason}


@told_of_life.register
def _(event: life.PhaseEntered, election: str) -> Told:
    told = public.PhaseEntered(election=election, phase=event.phase, early=event.is_early)
    return told, {"reason": event.reason}


@told_of_life.register
def _(event: life.PhaseReopened, election: str) -> Told:
    told = public.PhaseReopened(election=election, phase=event.phase, phases=_plan(event.phases))
    return told, {"reason": event.reason}


@told_of_life.register
def _(event: life.AnalysisChosen, election: str) -> Told:
    return public.AnalysisChosen(election=election, analysis=event.analysis), {}


@told_of_life.register
def _(event: life.ProjectAssessed, election: str) -> Told:
    told = public.ProjectAssessed(
        election=election,
        project=event.project_id,
        role=event.role,
        assessor=event.assessor,
        feasibility=event.feasibility,
        estimate_cents=event.estimate_cents,
        running_cents=event.running_cents,
    )
    return told, {"grounds": event.grounds}


@told_of_life.register
def _(event: life.RunningCostStated, election: str) -> Told:
    told = public.RunningCostStated(
        election=election, project=event.project_id, running_cents=event.running_cents
    )
    return told, {}


@told_of_life.register
def _(event: lineage.ChangeProposed, election: str) -> Told:
    told = public.ChangeProposed(
        election=election,
        change=event.change_id,
        kind=event.kind,
        projects=event.projects,
        results=len(event.results),
        asked=event.asked,
    )
    return told, {"reason": event.reason, **_texts(event.results)}


@told_of_life.register
def _(event: lineage.ConsentNoted, election: str) -> Told:
    told = public.ConsentNoted(
        election=election,
        change=event.change_id,
        proposal=event.proposal_id,
        consent=event.consent,
        evidence=event.evidence,
    )
    return told, {}


@told_of_life.register
def _(event: lineage.ChangeCompleted, election: str) -> Told:
    results = tuple(
        public.ChangedProject(
            project=made.project_id,
            number=made.number,
            proposal=made.proposal_id,
            category=made.category,
            district=made.district,
        )
        for made in event.results
    )
    return (
        public.ChangeCompleted(election=election, change=event.change_id, results=results),
        {},
    )


@told_of_life.register
def _(event: lineage.ChangeWithdrawn, election: str) -> Told:
    told = public.ChangeWithdrawn(election=election, change=event.change_id)
    return told, {"reason": event.reason}


def _plan(phases: Sequence[Planned]) -> tuple[public.PlannedPhase, ...]:
    return tuple(
        public.PlannedPhase(phase=each.phase, starts_at=to_rfc3339(each.starts_at))
        for each in phases
    )


def _texts(results: Sequence[Text]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for place, text in enumerate(results, 1):
        texts[f"title_{place}"] = text.title
        texts[f"description_{place}"] = text.description
    return texts
