"""The phases of an election before its vote: what a plan must say, what each phase allows.

An election without a plan allows everything until voting opens, as do all plans for what none of
their phases allows: leaving a phase out never makes a step impossible.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, cast

import msgspec
from eventsourcing.domain import Aggregate
from eventsourcing.utils import register_topic

from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.life import BALLOTING, PHASES, Analysis, Phase

Action = Literal["add_project", "change_projects", "analyse", "cost"]

_ALLOWED: dict[Action, frozenset[Phase]] = {
    "add_project": frozenset({"accepting", "reviewing", "selecting"}),
    "change_projects": frozenset({"reviewing", "selecting"}),
    "analyse": frozenset({"reviewing", "selecting", "costing"}),
    "cost": frozenset({"costing"}),
}
"""What may be done in which phases before voting; all else is bound to none."""
_VOTED: dict[str, Phase] = {
    "open": "balloting",
    "closed": "reviewing_ballots",
    "counted": "reviewing_ballots",
    "published": "finished",
}


class LifeChanged(Aggregate.Event):
    """Base of the election's events that stand in modules of their own."""

    TOPIC = "budget.election.life_changed"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Registers the topic, as the library does for events that stand inside an aggregate."""
        super().__init_subclass__(**kwargs)
        register_topic(cls.TOPIC, cls)


class Planned(msgspec.Struct, frozen=True):
    """A phase and when it is due."""

    phase: Phase
    starts_at: datetime


class Assessment(msgspec.Struct, frozen=True):
    """What one role said of a project. assessor: a pseudonym made for that project.

    version: of the election, by which it was said.
    """

    role: str
    assessor: str
    feasibility: str
    estimate_cents: int
    running_cents: int
    grounds: str
    at: datetime
    version: int


class Text(msgspec.Struct, frozen=True):
    """What a project that comes out of others is called and says."""

    title: str
    description: str


class Change:
    """A merger or a split of projects; `state` is proposed, refused, withdrawn or completed.

    asked: proposals whose authors must agree. consents: agreed, refused or not_asked, by proposal.
    """

    def __init__(
        self,
        id: str,
        projects: tuple[str, ...],
        results: tuple[Text, ...],
        asked: tuple[str, ...],
        reason: str,
        at: datetime,
    ) -> None:
        self.id = id
        self.projects = projects
        self.results = results
        self.asked = asked
        self.reason = reason
        self.at = at
        self.state = "proposed"
        self.consents: dict[str, str] = {}
        self.made: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["merge", "split"]:
        """Several projects become one, or one several."""
        return "merge" if len(self.results) == 1 else "split"

    @property
    def missing(self) -> tuple[str, ...]:
        """Proposals whose authors have not answered yet."""
        return tuple(each for each in self.asked if each not in self.consents)


class Reopening(msgspec.Struct, frozen=True):
    """When an earlier phase was opened again, and why."""

    phase: str
    reason: str
    at: datetime


class Life:
    """An election's way to the vote, as its events leave it. phase: "" before the first one."""

    def __init__(self) -> None:
        self.plan: tuple[Planned, ...] = ()
        self.phase = ""
        self.entered: dict[str, datetime] = {}
        self.reopenings: list[Reopening] = []
        self.analysis: Analysis = "single"
        self.assessments: dict[str, list[Assessment]] = {}
        self.changes: dict[str, Change] = {}

    def present(self, state: str) -> str:
        """The phase that an election in `state` is in; "" without a plan, or before it begins."""
        if not self.plan:
            return ""
        return _VOTED.get(state, self.phase)

    def require(self, action: Action) -> None:
        """Raises FailedPrecondition `phase_forbids` where the plan has another phase for this."""
        allowed = _ALLOWED[action]
        if action == "cost" and self.analysis == "three":
            allowed |= _ALLOWED["analyse"]  # The decision maker's estimate is the cost.
        fitting = allowed.intersection(each.phase for each in self.plan)
        if fitting and self.phase not in fitting:
            named = ", ".join(phase for phase in PHASES if phase in fitting)
            raise FailedPrecondition(
                "phase_forbids", f"only in these phases: {named}", phase=self.phase, phases=named
            )

    def require_single(self) -> None:
        """Raises FailedPrecondition `analysis_needs_three`."""
        if self.analysis != "single":
            raise FailedPrecondition(
                "analysis_needs_three",
                "analyst, supervisor and decision maker assess a project",
                field="feasibility",
            )

    def due(self, now: datetime) -> list[Planned]:
        """The phases before voting that should have begun and have not, in their order."""
        return [
            each
            for each in self.plan
            if each.starts_at <= now and rank(self.phase) < rank(each.phase) < BALLOTING
        ]

    def last_by_role(self, project_id: str) -> dict[str, Assessment]:
        """The newest assessment of each role."""
        return {each.role: each for each in self.assessments.get(project_id, [])}


def rank(phase: str) -> int:
    """The place of a phase in their order, from 0; -1 for none."""
    return PHASES.index(cast(Phase, phase)) if phase else -1


def read_phase(name: str, field: str = "phase") -> Phase:
    """Raises Invalid `phase_unknown`."""
    if name not in PHASES:
        raise Invalid("phase_unknown", f"one of {', '.join(PHASES)}", field=field)
    return name


def check_plan(plan: Sequence[Planned], present: str) -> tuple[Planned, ...]:
    """The same plan; raises Invalid `phases_invalid` with the rule that it breaks.

    present: the phase that the election is in, which stays in any plan.
    """
    places = [rank(read_phase(each.phase, "phases")) for each in plan]
    if places != sorted(set(places)):
        raise _broken("each phase once, in their order")
    if places[-3:] != [BALLOTING, BALLOTING + 1, BALLOTING + 2]:
        raise _broken("balloting, reviewing_ballots and finished come last, all three")
    if any(later.starts_at <= earlier.starts_at for earlier, later in pairwise(plan)):
        raise _broken("each phase starts after the one before it")
    if present and rank(present) not in places:
        raise _broken(f"the election is in the phase {present}: it stays in the plan")
    return tuple(plan)


def start_of(plan: Sequence[Planned], phase: Phase) -> datetime:
    """When a phase of a checked plan starts."""
    return next(each.starts_at for each in plan if each.phase == phase)


def _broken(rule: str) -> Invalid:
    return Invalid("phases_invalid", rule, field="phases")
