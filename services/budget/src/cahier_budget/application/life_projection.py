"""The read model's part on phases and changes: which dates are due, what waits for whom."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cahier_budget.domain.life import (
    PhaseEntered,
    PhaseReopened,
    PhasesPlanned,
    ProjectAssessed,
)
from cahier_budget.domain.lineage import (
    ChangeCompleted,
    ChangeProposed,
    ChangeWithdrawn,
    ConsentNoted,
)
from cahier_budget.domain.phases import rank
from cahier_ledger.bus.database import Sql
from cahier_ledger.model import StoredEvent


class _Planned(msgspec.Struct):
    phase: str
    starts_at: str


class _Plan(msgspec.Struct):
    phases: list[_Planned]
    phase: str = ""


class _Phase(msgspec.Struct):
    phase: str


class _Change(msgspec.Struct):
    change_id: str
    consent: str = ""


class _Made(msgspec.Struct):
    project_id: str
    proposal_id: str


class _Completed(msgspec.Struct):
    change_id: str
    results: list[_Made]


def _fold_plan(db: Sql, event: StoredEvent) -> None:
    plan = msgspec.json.decode(event.data, type=_Plan)
    db.execute("DELETE FROM phases WHERE election_id = ?", (event.stream,))
    rows = [(event.stream, rank(each.phase), each.starts_at) for each in plan.phases]
    db.executemany("INSERT INTO phases VALUES (?, ?, ?)", rows)
    starts = {each.phase: each.starts_at for each in plan.phases}
    db.execute(
        "UPDATE elections SET opens_at = ?, closes_at = ? WHERE election_id = ?",
        (starts["balloting"], starts["reviewing_ballots"], event.stream),
    )
    if plan.phase:
        _enter(db, event.stream, plan.phase)


def _fold_entered(db: Sql, event: StoredEvent) -> None:
    _enter(db, event.stream, msgspec.json.decode(event.data, type=_Phase).phase)


def _enter(db: Sql, election_id: str, phase: str) -> None:
    db.execute(
        "INSERT INTO life VALUES (?, ?, 0) "
        "ON CONFLICT (election_id) DO UPDATE SET place = excluded.place",
        (election_id, rank(phase)),
    )


def _fold_assessed(db: Sql, event: StoredEvent) -> None:
    db.execute(
        "INSERT INTO life VALUES (?, -1, 1) "
        "ON CONFLICT (election_id) DO UPDATE SET assessments = life.assessments + 1",
        (event.stream,),
    )


def _fold_proposed(db: Sql, event: StoredEvent) -> None:
    change = msgspec.json.decode(event.data, type=_Change)
    db.execute("INSERT INTO changes VALUES (?, ?)", (change.change_id, event.stream))


def _fold_consent(db: Sql, event: StoredEvent) -> None:
    change = msgspec.json.decode(event.data, type=_Change)
    if change.consent == "refused":
        _end(db, change.change_id)


def _fold_withdrawn(db: Sql, event: StoredEvent) -> None:
    _end(db, msgspec.json.decode(event.data, type=_Change).change_id)


def _fold_completed(db: Sql, event: StoredEvent) -> None:
    done = msgspec.json.decode(event.data, type=_Completed)
    rows = [(each.project_id, event.stream, each.proposal_id) for each in done.results]
    db.executemany("INSERT INTO projects VALUES (?, ?, ?)", rows)
    _end(db, done.change_id)


def _end(db: Sql, change_id: str) -> None:
    db.execute("DELETE FROM changes WHERE change_id = ?", (change_id,))


_FOLDS: dict[str, Callable[[Sql, StoredEvent], None]] = {
    PhasesPlanned.TOPIC: _fold_plan,
    PhaseReopened.TOPIC: _fold_plan,
    PhaseEntered.TOPIC: _fold_entered,
    ProjectAssessed.TOPIC: _fold_assessed,
    ChangeProposed.TOPIC: _fold_proposed,
    ConsentNoted.TOPIC: _fold_consent,
    ChangeWithdrawn.TOPIC: _fold_withdrawn,
    ChangeCompleted.TOPIC: _fold_completed,
}
LIFE_TOPICS = frozenset(_FOLDS)


def fold_life(db: Sql, event: StoredEvent) -> None:
    """Takes an event of LIFE_TOPICS into the view of elections."""
    _FOLDS[event.type](db, event)
