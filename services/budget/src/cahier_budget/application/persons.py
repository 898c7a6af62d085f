"""What budget holds on a person, to be handed to that person: what they said in one of three roles.

It stands under pseudonyms that the person's id leads to by a key of this service, so that nobody
else can tell who said it. Ballots are not here: their pseudonyms are identity's to make.
"""

from __future__ import annotations

import asyncio
from uuid import UUID

from cahier_budget.application.elections import Elections
from cahier_budget.application.life import Pseudonyms, project_thing
from cahier_budget.application.ports import Directory, Freshness
from cahier_budget.domain.election import Election, event_id
from cahier_budget.domain.phases import Assessment
from cahier_chassis.holdings import HeldItem
from cahier_kernel.clock import to_rfc3339


class Exporting:
    """All that is held on a person, for that person."""

    def __init__(
        self,
        elections: Elections,
        directory: Directory,
        freshness: Freshness,
        pseudonyms: Pseudonyms,
    ) -> None:
        self._elections = elections
        self._directory = directory
        self._freshness = freshness
        self._pseudonyms = pseudonyms

    async def held(self, person: str) -> list[HeldItem]:
        """Assessments in order of time; raises keys.KeyUnusable."""
        await self._freshness.catch_up()
        return await asyncio.to_thread(self._read, person)

    def _read(self, person: str) -> list[HeldItem]:
        items: list[HeldItem] = []
        for id in self._directory.assessed():
            items += self._of_election(id, person)
        return sorted(items, key=lambda item: item.at)

    def _of_election(self, id: UUID, person: str) -> list[HeldItem]:
        with self._elections.reading(id) as election:
            return [
                _item(election, project, said)
                for project, all_said in election.life.assessments.items()
                for said in all_said
                if said.assessor == self._pseudonyms.of(person, project_thing(project))
            ]


def _item(election: Election, project: str, said: Assessment) -> HeldItem:
    return HeldItem(
        kind="assessment",
        id=project,
        event_id=event_id(election.id, said.version),
        at=to_rfc3339(said.at),
        values={
            "role": said.role,
            "feasibility": said.feasibility,
            "estimate_cents": str(said.estimate_cents),
            "running_cost_cents": str(said.running_cents),
            "grounds": said.grounds,
        },
    )
