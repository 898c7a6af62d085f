"""Whom a sibling's public event concerns, and which letter they get. The whole table is here.

Titles and texts stand in no public event, so letters name a thing by its kind and link to its
page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cahier_notifications.domain.follows import Level, Thing, ThingKind
from cahier_record.budget import delivery, life
from cahier_record.budget import events as budget
from cahier_record.consultation import events as consultation
from cahier_record.events import PublicEvent
from cahier_record.reporting import events as reporting

TYPES: dict[str, tuple[str, ...]] = {
    "consultation": (
        consultation.ProposalAnswered.TYPE,
        consultation.CommentAdded.TYPE,
        consultation.IdeaPhaseOpened.TYPE,
        consultation.IdeaPhaseClosed.TYPE,
    ),
    "budget": (
        budget.ProjectAdded.TYPE,
        budget.ProjectCosted.TYPE,
        budget.FeasibilityJudged.TYPE,
        budget.VotingOpened.TYPE,
        budget.VotingClosed.TYPE,
        budget.ResultPublished.TYPE,
        life.ChangeProposed.TYPE,
        delivery.TenderAwarded.TYPE,
        delivery.MilestoneReached.TYPE,
        delivery.MilestoneDelayed.TYPE,
        delivery.PhotoAdded.TYPE,
        delivery.ProjectFinished.TYPE,
        delivery.ProjectAbandoned.TYPE,
    ),
    "reporting": (reporting.ReportAnswered.TYPE, reporting.ReportClosed.TYPE),
}
"""The events that concern followers, by the service that publishes them."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Followers of `thing` at `level` or closer get `letter`, which links to `about`.

    Of the notices of one event a person gets each (letter, about) once, whatever they follow.
    """

    thing: Thing
    level: Level
    letter: str
    about: Thing
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownProject:
    """A project. won: what the last count says; None before it."""

    proposal: str
    won: bool | None


@dataclass(frozen=True, slots=True)
class KnownElection:
    """An election. process: "" for none."""

    process: str
    currency: str


class Facts(Protocol):
    """What earlier public events of budget said."""

    def project(self, project: str) -> KnownProject | None: ...

    def projects(self, election: str) -> Sequence[KnownProject]: ...

    def election(self, election: str) -> KnownElection | None: ...


def notices_of(event: PublicEvent | None, facts: Facts) -> list[Notice]:
    """Whom the event concerns; nobody for events that are not in TYPES."""
    match event:
        case consultation.ProposalAnswered(proposal=id, state=state):
            proposal = _proposal(id)
            return [Notice(proposal, Level.MINIMAL, f"proposal_{state}", proposal)]
        case consultation.CommentAdded(proposal=id):
            return [Notice(_proposal(id), Level.ALL, "comment_added", _proposal(id))]
        case consultation.IdeaPhaseOpened(process=id):
            return [Notice(_process(id), Level.ESSENTIAL, "ideas_opened", _process(id))]
        case consultation.IdeaPhaseClosed(process=id):
            return [Notice(_process(id), Level.ESSENTIAL, "ideas_closed", _process(id))]
        case (
            reporting.ReportAnswered(report=id, state=state)
            | reporting.ReportClosed(report=id, state=state)
        ):
            report = Thing(ThingKind.REPORT, id)
            return [Notice(report, Level.MINIMAL, f"report_{state}", report)]
        case _:
            return _notices_of_budget(event, facts)


def _notices_of_budget(event: PublicEvent | None, facts: Facts) -> list[Notice]:
    match event:
        case budget.ProjectAdded(proposal=id):
            return [Notice(_proposal(id), Level.ESSENTIAL, "project_added", _proposal(id))]
        case budget.ProjectCosted(election=election, project=id, cost_cents=cents):
            known = facts.election(election)
            params = {"cents": str(cents), "currency": known.currency if known else ""}
            return _to_its_followers(facts.project(id), "project_costed", params)
        case budget.FeasibilityJudged(project=id, feasibility=feasibility):
            return _to_its_followers(facts.project(id), f"project_{feasibility}", {})
        case budget.VotingOpened(election=election):
            return _to_all_around(election, "voting_opened", facts)
        case budget.VotingClosed(election=election):
            return _to_all_around(election, "voting_closed", facts)
        case budget.ResultPublished(election=election, corrects=corrected):
            return _corrections(election, facts) if corrected else _results(election, facts)
        case life.ChangeProposed(kind=kind, asked=asked):
            # Authors are asked for consent: who among the followers they are is not known here.
            return [
                Notice(_proposal(id), Level.MINIMAL, f"{kind}_proposed", _proposal(id))
                for id in asked
            ]
        case _:
            return _notices_of_delivery(event, facts)


def _notices_of_delivery(event: PublicEvent | None, facts: Facts) -> list[Notice]:
    match event:
        case delivery.TenderAwarded(project=id):
            return _to_its_followers(facts.project(id), "tender_awarded", {}, Level.ALL)
        case delivery.MilestoneReached(project=id):
            return _to_its_followers(facts.project(id), "milestone_reached", {})
        case delivery.MilestoneDelayed(project=id):
            return _to_its_followers(facts.project(id), "milestone_delayed", {})
        case delivery.PhotoAdded(project=id):
            return _to_its_followers(facts.project(id), "photo_added", {}, Level.ALL)
        case delivery.ProjectFinished(project=id):
            return _to_its_followers(facts.project(id), "project_finished", {}, Level.MINIMAL)
        case delivery.ProjectAbandoned(project=id):
            return _to_its_followers(facts.project(id), "project_abandoned", {}, Level.MINIMAL)
        case _:
            return []


def _to_its_followers(
    project: KnownProject | None,
    letter: str,
    params: dict[str, str],
    level: Level = Level.ESSENTIAL,
) -> list[Notice]:
    if project is None:
        return []
    proposal = _proposal(project.proposal)
    return [Notice(proposal, level, letter, proposal, params)]


def _to_all_around(election: str, letter: str, facts: Facts) -> list[Notice]:
    """One letter a person: to who follows the election, its process or one of its projects."""
    about = Thing(ThingKind.ELECTION, election)
    things = [about, *_process_of(election, facts)]
    things += [_proposal(project.proposal) for project in facts.projects(election)]
    return [Notice(thing, Level.ESSENTIAL, letter, about) for thing in things]


def _corrections(election: str, facts: Facts) -> list[Notice]:
    """One letter a person, whatever they follow: what changed stands on the result's page."""
    about = Thing(ThingKind.ELECTION, election)
    things = [about, *_process_of(election, facts)]
    things += [_proposal(project.proposal) for project in facts.projects(election)]
    return [Notice(thing, Level.MINIMAL, "result_corrected", about) for thing in things]


def _results(election: str, facts: Facts) -> list[Notice]:
    about = Thing(ThingKind.ELECTION, election)
    general = [
        Notice(thing, Level.MINIMAL, "result_published", about)
        for thing in (about, *_process_of(election, facts))
    ]
    return general + [
        Notice(
            _proposal(project.proposal),
            Level.MINIMAL,
            "project_won" if project.won else "project_lost",
            _proposal(project.proposal),
        )
        for project in facts.projects(election)
        if project.won is not None
    ]


def _process_of(election: str, facts: Facts) -> list[Thing]:
    known = facts.election(election)
    return [_process(known.process)] if known is not None and known.process else []


def _proposal(id: str) -> Thing:
    return Thing(ThingKind.PROPOSAL, id)


def _process(id: str) -> Thing:
    return Thing(ThingKind.PROCESS, id)
