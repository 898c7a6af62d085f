"""Merging and splitting projects: proposed by staff, completed when every author has agreed.

What comes out is a project of its own, with a number, a text and a history; what it came from
stands no more and says so. Pending changes end when voting opens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from cahier_budget.domain import checks
from cahier_budget.domain.election import Election
from cahier_budget.domain.joining import require_room
from cahier_budget.domain.phases import Change, LifeChanged, Text
from cahier_budget.domain.project import Project
from cahier_budget.domain.rules import PROJECTS_MAX
from cahier_kernel.errors import AlreadyExists, FailedPrecondition, Invalid, NotFound
from cahier_kernel.ids import derived_uuid
from cahier_record.budget.life import ChangeKind, Consent
from cahier_record.budget.life_view import SUPERSEDED

PARTS_MAX = 20
CHANGES_MAX = 2_000
ASKED_MAX = 1_000
"""Authors of one change: they must fit a leaf of 65,535 bytes."""


class Made(msgspec.Struct, frozen=True):
    """A project that came out of a change."""

    project_id: str
    number: int
    proposal_id: str
    category: str
    district: str
    title: str
    description: str


class Answer(msgspec.Struct, frozen=True):
    """What became of asking an author. evidence: id of consultation's event, or ""."""

    consent: Consent
    evidence: str = ""


class ChangeProposed(LifeChanged):
    """Projects shall become one, or one several."""

    TOPIC = "budget.election.change_proposed"
    change_id: str
    kind: ChangeKind
    projects: tuple[str, ...]
    results: tuple[Text, ...]
    asked: tuple[str, ...]
    reason: str

    def apply(self, aggregate: Any) -> None:
        aggregate.life.changes[self.change_id] = Change(
            self.change_id, self.projects, self.results, self.asked, self.reason, self.timestamp
        )


class ConsentNoted(LifeChanged):
    """An author has agreed or refused, or need not be asked."""

    TOPIC = "budget.election.consent_noted"
    change_id: str
    proposal_id: str
    consent: Consent
    evidence: str

    def apply(self, aggregate: Any) -> None:
        change = aggregate.life.changes[self.change_id]
        change.consents[self.proposal_id] = self.consent
        if self.consent == "refused":
            change.state = "refused"


class ChangeCompleted(LifeChanged):
    """The new projects stand in place of the old ones."""

    TOPIC = "budget.election.change_completed"
    change_id: str
    results: tuple[Made, ...]

    def apply(self, aggregate: Any) -> None:
        change = aggregate.life.changes[self.change_id]
        change.state = "completed"
        change.made = tuple(each.project_id for each in self.results)
        old = [aggregate.projects[each] for each in change.projects]
        authors = tuple(dict.fromkeys(each for project in old for each in project.authors))
        for project in old:
            project.feasibility = SUPERSEDED
            project.became = change.made
        for made in self.results:
            aggregate.projects[made.project_id] = Project(
                made.project_id,
                made.number,
                made.proposal_id,
                "",
                made.category,
                made.district,
                title=made.title,
                description=made.description,
                came_from=change.projects,
                change=self.change_id,
                further_authors=authors,
            )


class ChangeWithdrawn(LifeChanged):
    """The city gave it up, for a reason."""

    TOPIC = "budget.election.change_withdrawn"
    change_id: str
    reason: str

    def apply(self, aggregate: Any) -> None:
        aggregate.life.changes[self.change_id].state = "withdrawn"


def propose_merge(
    election: Election,
    project_ids: Sequence[str],
    result: Text,
    reason: str,
    *,
    change_id: UUID,
    now: datetime,
) -> None:
    """Several projects shall become one, if every author agrees. The first one leads.

    Raises Invalid `change_malformed`, NotFound, FailedPrecondition `project_superseded`,
    `project_in_change`, `phase_forbids`.
    """
    if not 2 <= len(project_ids) <= PARTS_MAX or len(set(project_ids)) != len(project_ids):
        raise _malformed("projects", f"2 to {PARTS_MAX} different projects are merged")
    _propose(election, project_ids, (result,), reason, change_id, now)


def propose_split(
    election: Election,
    project_id: str,
    results: Sequence[Text],
    reason: str,
    *,
    change_id: UUID,
    now: datetime,
) -> None:
    """One project shall become several, if its authors agree; raises as `propose_merge`."""
    if not 2 <= len(results) <= PARTS_MAX:
        raise _malformed("results", f"a project is split into 2 to {PARTS_MAX}")
    _propose(election, (project_id,), results, reason, change_id, now)


def _propose(
    election: Election,
    project_ids: Sequence[str],
    results: Sequence[Text],
    reason: str,
    change_id: UUID,
    now: datetime,
) -> None:
    election.require_preparing()
    election.life.require("change_projects")
    old = [election.standing_project(each) for each in project_ids]
    _require_unbound(election, project_ids)
    if len(election.life.changes) >= CHANGES_MAX:
        raise FailedPrecondition("too_many_changes", f"at most {CHANGES_MAX}", max=CHANGES_MAX)
    require_room(election.projects, len(results))
    asked = tuple(dict.fromkeys(each for project in old for each in project.authors))
    if len(asked) > ASKED_MAX:
        raise _malformed("projects", f"at most {ASKED_MAX} authors are asked")
    election.trigger_event(
        ChangeProposed,
        timestamp=now,
        change_id=str(change_id),
        kind="merge" if len(project_ids) > 1 else "split",
        projects=tuple(project_ids),
        results=tuple(_checked(each) for each in results),
        asked=asked,
        reason=checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True),
    )


def settle(
    election: Election, change_id: str, answers: Mapping[str, Answer], *, now: datetime
) -> None:
    """Notes what authors answered, and completes the change once all have agreed.

    answers: by proposal, as far as known. Repeated, or after the change has ended, it does
    nothing.
    """
    change = election.life.changes.get(change_id)
    if change is None or change.state != "proposed" or election.state != "preparing":
        return
    for proposal in change.missing:
        answer = answers.get(proposal)
        if answer is None:
            continue
        election.trigger_event(
            ConsentNoted,
            timestamp=now,
            change_id=change_id,
            proposal_id=proposal,
            consent=answer.consent,
            evidence=answer.evidence,
        )
        if answer.consent == "refused":
            return
    if not change.missing and len(election.projects) + len(change.results) <= PROJECTS_MAX:
        election.trigger_event(
            ChangeCompleted, timestamp=now, change_id=change_id, results=_made(election, change)
        )


def withdraw_change(election: Election, change_id: str, reason: str, *, now: datetime) -> None:
    """Gives a pending change up; raises NotFound, FailedPrecondition `change_ended`."""
    election.require_preparing()
    change = election.life.changes.get(change_id)
    if change is None:
        raise NotFound("change_not_found", "no such merger or split", field="change_id")
    if change.state != "proposed":
        raise FailedPrecondition("change_ended", "it is decided already", state=change.state)
    reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX, required=True)
    election.trigger_event(ChangeWithdrawn, timestamp=now, change_id=change_id, reason=reason)


def _made(election: Election, change: Change) -> tuple[Made, ...]:
    """The new projects; a district or category that the old ones do not share is left open."""
    old = [election.projects[each] for each in change.projects]
    first = len(election.projects) + 1
    return tuple(
        Made(
            str(derived_uuid("budget.project", change.id, str(place))),
            first + place,
            old[0].proposal_id,
            _shared([each.category for each in old]),
            _shared([each.district for each in old]),
            text.title,
            text.description,
        )
        for place, text in enumerate(change.results)
    )


def _shared(labels: Sequence[str]) -> str:
    return labels[0] if len(set(labels)) == 1 else ""


def _require_unbound(election: Election, project_ids: Sequence[str]) -> None:
    pending = {
        project
        for change in election.life.changes.values()
        if change.state == "proposed"
        for project in change.projects
    }
    if pending.intersection(project_ids):
        raise AlreadyExists(
            "project_in_change", "it waits for its authors' answer already", field="projects"
        )


def _checked(text: Text) -> Text:
    return Text(
        checks.line(text.title, "title", longest=checks.TITLE_CHARS_MAX, required=True),
        checks.prose(text.description, "description", longest=checks.REASON_CHARS_MAX),
    )


def _malformed(field: str, rule: str) -> Invalid:
    return Invalid("change_malformed", rule, field=field)
