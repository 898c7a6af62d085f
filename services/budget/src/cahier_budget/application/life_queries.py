"""Where an election and each of its projects stand on the way to the vote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Directory, Freshness
from cahier_budget.domain import checks
from cahier_budget.domain.election import Election
from cahier_budget.domain.phases import Assessment, Change, Planned, Reopening
from cahier_budget.domain.project import Project
from cahier_kernel.errors import NotFound

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LifeAnswer:
    """An election's phases. entered: by phase, as long as it was not reopened since."""

    plan: tuple[Planned, ...]
    phase: str
    entered: dict[str, datetime]
    reopenings: tuple[Reopening, ...]
    analysis: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ProjectAnswer:
    """A project with what was said of it. changes: those that name it, or that made it."""

    project: Project
    election_id: UUID
    assessments: tuple[Assessment, ...]
    changes: tuple[Change, ...]


class LifeQueries:
    """Each method raises NotFound or Invalid for what it does not know."""

    def __init__(self, elections: Elections, directory: Directory, freshness: Freshness) -> None:
        self._elections = elections
        self._directory = directory
        self._freshness = freshness

    async def election(self, election_id: str) -> LifeAnswer:
        """An election's phases, analysis and changes."""
        return await self._read(checks.uuid(election_id, "election_id"), _life)

    async def project(self, project_id: str) -> ProjectAnswer:
        """Where one project stands, whichever election it is of."""
        id = str(checks.uuid(project_id, "project_id"))
        await self._freshness.catch_up()
        election_id = await asyncio.to_thread(self._directory.election_of, id)
        if election_id is None:
            raise NotFound("project_not_found", "no such project", field="project_id")
        return await self._read(election_id, lambda election: _project(election, id))

    async def of_proposal(self, proposal_id: str) -> list[ProjectAnswer]:
        """The projects that a proposal became, those it was merged into among them."""
        id = str(checks.uuid(proposal_id, "proposal_id"))
        await self._freshness.catch_up()
        found: list[ProjectAnswer] = []
        for election_id in await asyncio.to_thread(self._directory.elections_with, id):
            found += await self._read(election_id, lambda election: _of_proposal(election, id))
        return found

    async def _read(self, id: UUID, read: Callable[[Election], T]) -> T:
        def locked() -> T:
            with self._elections.reading(id) as election:
                return read(election)

        return await asyncio.to_thread(locked)


def _life(election: Election) -> LifeAnswer:
    life = election.life
    return LifeAnswer(
        life.plan,
        life.present(election.state),
        dict(life.entered),
        tuple(life.reopenings),
        life.analysis,
        tuple(_changes(election)),
    )


def _project(election: Election, id: str) -> ProjectAnswer:
    project = election.projects[id]
    changes = [each for each in _changes(election) if id in (*each.projects, *each.made)]
    said = tuple(election.life.assessments.get(id, ()))
    return ProjectAnswer(copy(project), election.id, said, tuple(changes))


def _of_proposal(election: Election, proposal_id: str) -> list[ProjectAnswer]:
    return [
        _project(election, project.id)
        for project in election.projects.values()
        if proposal_id in project.authors
    ]


def _changes(election: Election) -> list[Change]:
    """Copies; what was pending when voting opened has lapsed."""
    found = []
    for each in election.life.changes.values():
        change = copy(each)
        change.consents = dict(each.consents)
        if change.state == "proposed" and election.state != "preparing":
            change.state = "lapsed"
        found.append(change)
    return found
