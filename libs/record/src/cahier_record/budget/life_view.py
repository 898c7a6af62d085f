"""Phases, analyses and lineage folded: what an election's log says of its way to the vote.

Each leaf is judged against those before it; what breaks a rule is named and changes nothing, so
that an auditor finds a phase behind an opened vote, a decision without its assessments, or a
merger without an author's consent.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from itertools import pairwise
from typing import Any, Protocol

import msgspec

from cahier_record.budget import events, life
from cahier_record.events import Leaf

DECIDES = "decision_maker"
SUPERSEDED = "superseded"
"""The feasibility of a project that was merged or split: it cannot be voted for."""
_DECIDED = "it is about a merger or split that is decided already"


class AssessmentView(msgspec.Struct, frozen=True):
    """What one role said of a project; `event` has the grounds among its disclosures."""

    event: str
    at: str
    said: life.ProjectAssessed


class ChangeView(msgspec.Struct):
    """A merger or a split; `state` is proposed, refused, withdrawn or completed."""

    event: str
    proposed: life.ChangeProposed
    consents: dict[str, str] = msgspec.field(default_factory=dict)
    state: str = "proposed"
    results: tuple[str, ...] = ()

    def is_agreed(self) -> bool:
        """Whether every author who had to be asked has agreed."""
        answers = [self.consents.get(proposal, "") for proposal in self.proposed.asked]
        return all(answer in ("agreed", "not_asked") for answer in answers)


class LifeView(msgspec.Struct):
    """phase: the last one entered before voting, "" for none; reopened: how often one was."""

    phases: tuple[life.PlannedPhase, ...] = ()
    phase: str = ""
    reopened: int = 0
    analysis: str = "single"
    assessments: dict[str, list[AssessmentView]] = msgspec.field(default_factory=dict)
    changes: dict[str, ChangeView] = msgspec.field(default_factory=dict)


class Election(Protocol):
    """What this module needs of a folded election."""

    state: str
    life: LifeView

    @property
    def projects(self) -> MutableMapping[str, Any]:
        """By id."""


def phase_of(election: Election) -> str:
    """The phase that the election is in, "" without a plan or before its first phase."""
    if not election.life.phases:
        return ""
    voted = {"open": "balloting", "closed": "reviewing_ballots", "counted": "reviewing_ballots"}
    if election.state == "published":
        return "finished"
    return voted.get(election.state, election.life.phase)


def fault_of_life(leaf: Leaf, election: Election) -> str:
    """Takes a leaf with a LifeEvent into the election, or says which rule it breaks."""
    if election.state != "preparing":
        return f"it comes while the election is {election.state}, not preparing"
    event = leaf.event
    return _FOLDS[type(event)](leaf, event, election) if isinstance(event, life.LifeEvent) else ""


def fault_of_judgement(event: events.FeasibilityJudged, election: Election) -> str:
    """Why this judgement may not stand, "" where it may."""
    if election.projects[event.project].feasibility == SUPERSEDED:
        return "it judges a project that was merged or split"
    if election.life.analysis == "single":
        return ""
    said = election.life.assessments.get(event.project, [])
    decided = next((each.said for each in reversed(said) if each.said.role == DECIDES), None)
    if decided is None or decided.feasibility != event.feasibility:
        return "it judges otherwise than the decision maker's assessment, or without one"
    return ""


def _planned(leaf: Leaf, event: life.PhasesPlanned, election: Election) -> str:
    broken = fault_of_plan(event.phases, election.life.phase)
    if not broken:
        election.life.phases = event.phases
    return broken


def fault_of_plan(phases: tuple[life.PlannedPhase, ...], present: str) -> str:
    """Why these phases are no plan for an election that is in the phase `present`."""
    names = [each.phase for each in phases]
    places = [life.PHASES.index(name) for name in names]
    if places != sorted(set(places)):
        return "its phases do not stand in their order, each once"
    if names[-3:] != list(life.PHASES[-3:]):
        return "its phases do not end in balloting, reviewing_ballots, finished"
    starts = [each.starts_at for each in phases]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        return "its phases do not start one after the other"
    if present and present not in names:
        return "it leaves out the phase that the election is in"
    return ""


def _entered(leaf: Leaf, event: life.PhaseEntered, election: Election) -> str:
    planned = [each.phase for each in election.life.phases]
    place = life.PHASES.index(event.phase)
    present = election.life.phase
    if event.phase not in planned or place >= life.BALLOTING:
        return "it enters a phase that is not planned before voting"
    if present and place <= life.PHASES.index(present):
        return "it enters a phase that the election has passed"
    election.life.phase = event.phase
    return ""


def _reopened(leaf: Leaf, event: life.PhaseReopened, election: Election) -> str:
    present = election.life.phase
    if not present or life.PHASES.index(event.phase) >= life.PHASES.index(present):
        return "it reopens a phase that the election has not passed"
    broken = fault_of_plan(event.phases, event.phase)
    if not broken:
        election.life.phases, election.life.phase = event.phases, event.phase
        election.life.reopened += 1
    return broken


def _chosen(leaf: Leaf, event: life.AnalysisChosen, election: Election) -> str:
    judged = any(each.feasibility != "undecided" for each in election.projects.values())
    if judged or election.life.assessments:
        return "it changes how projects are analysed once the analysis has begun"
    election.life.analysis = event.analysis
    return ""


def _assessed(leaf: Leaf, event: life.ProjectAssessed, election: Election) -> str:
    if election.life.analysis != "three":
        return "it assesses a project though one judgement is enough"
    if election.projects[event.project].feasibility == SUPERSEDED:
        return "it assesses a project that was merged or split"
    said = election.life.assessments.setdefault(event.project, [])
    last = {each.said.role: each.said.assessor for each in said}
    if event.role == DECIDES and not {"analyst", "supervisor"} <= last.keys():
        return "it decides before analyst and supervisor have assessed"
    others = {role: person for role, person in last.items() if role != event.role}
    if event.assessor in others.values():
        return "one person assesses in two roles"
    said.append(AssessmentView(leaf.id, leaf.at or "", event))
    return ""


def _running(leaf: Leaf, event: life.RunningCostStated, election: Election) -> str:
    election.projects[event.project].running_cents = event.running_cents
    return ""


def _proposed(leaf: Leaf, event: life.ChangeProposed, election: Election) -> str:
    fits = (len(event.projects) >= 2 and event.results == 1) or (
        len(event.projects) == 1 and event.results >= 2
    )
    if not fits or (event.kind == "merge") != (event.results == 1):
        return "it neither merges several projects into one nor splits one into several"
    if any(election.projects[each].feasibility == SUPERSEDED for each in event.projects):
        return "it changes a project that was merged or split before"
    election.life.changes[event.change] = ChangeView(leaf.id, event)
    return ""


def _noted(leaf: Leaf, event: life.ConsentNoted, election: Election) -> str:
    change = election.life.changes[event.change]
    if change.state != "proposed":
        return _DECIDED
    if event.proposal not in change.proposed.asked:
        return "it notes the consent of somebody who was not asked"
    change.consents[event.proposal] = event.consent
    if event.consent == "refused":
        change.state = "refused"
    return ""


def _completed(leaf: Leaf, event: life.ChangeCompleted, election: Election) -> str:
    change = election.life.changes[event.change]
    if change.state != "proposed" or not change.is_agreed():
        return "it completes a merger or split without every author's consent"
    if len(event.results) != change.proposed.results:
        return "it completes a merger or split with other projects than proposed"
    change.state = "completed"
    change.results = tuple(each.project for each in event.results)
    for old in change.proposed.projects:
        election.projects[old].feasibility = SUPERSEDED
        election.projects[old].became = change.results
    return ""


def _withdrawn(leaf: Leaf, event: life.ChangeWithdrawn, election: Election) -> str:
    change = election.life.changes[event.change]
    if change.state != "proposed":
        return _DECIDED
    change.state = "withdrawn"
    return ""


_FOLDS: dict[type[life.LifeEvent], Callable[[Leaf, Any, Election], str]] = {
    life.PhasesPlanned: _planned,
    life.PhaseEntered: _entered,
    life.PhaseReopened: _reopened,
    life.AnalysisChosen: _chosen,
    life.ProjectAssessed: _assessed,
    life.RunningCostStated: _running,
    life.ChangeProposed: _proposed,
    life.ConsentNoted: _noted,
    life.ChangeCompleted: _completed,
    life.ChangeWithdrawn: _withdrawn,
}
