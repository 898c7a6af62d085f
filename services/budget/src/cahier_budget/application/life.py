"""What staff and the three roles do on the way to the vote: phases, analyses, merged projects.

As `commands`: each decides on the election's aggregate and is durable when it returns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from cahier_budget.application.commands import Done, Keep, keep_nothing
from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Proposals
from cahier_budget.domain import checks, life, lineage
from cahier_budget.domain.election import Election, event_id
from cahier_budget.domain.life import NewAssessment
from cahier_budget.domain.lineage import Answer
from cahier_budget.domain.phases import Planned, Text
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.clock import Clock
from cahier_kernel.ids import uuid7
from cahier_record.budget.life import Consent

ROLES = ("analyst", "supervisor", "decision_maker")


class Pseudonyms(Protocol):
    """Names a person anew for each project."""

    def of(self, person: str, thing: str) -> str:
        """43 characters of base64url; the same for the same person and thing. Blocking."""


def project_thing(project_id: str) -> str:
    """What a person is named anew for."""
    return f"project:{project_id}"


class LifeCommands:
    """Each method raises a DomainError and stores nothing, or is durable when it returns."""

    def __init__(
        self, elections: Elections, proposals: Proposals, pseudonyms: Pseudonyms, clock: Clock
    ) -> None:
        self._elections = elections
        self._proposals = proposals
        self._pseudonyms = pseudonyms
        self._clock = clock

    async def plan_phases(
        self,
        claims: Claims,
        election_id: str,
        plan: Sequence[Planned],
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Plans the phases, or plans them anew with a reason."""
        require_role(claims, "staff")
        return await self._change(
            election_id,
            lambda election: life.plan_phases(election, plan, reason, now=self._clock.now()),
            keep,
        )

    async def enter_phase(
        self,
        claims: Claims,
        election_id: str,
        phase: str,
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Enters the next phase, before its date only with a reason."""
        require_role(claims, "staff")
        return await self._change(
            election_id,
            lambda election: life.enter_phase(election, phase, reason, now=self._clock.now()),
            keep,
        )

    async def reopen_phase(
        self,
        claims: Claims,
        election_id: str,
        phase: str,
        plan: Sequence[Planned],
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Goes back to an earlier phase, never behind an opened vote."""
        require_role(claims, "staff")
        return await self._change(
            election_id,
            lambda election: life.reopen_phase(
                election, phase, plan, reason, now=self._clock.now()
            ),
            keep,
        )

    async def choose_analysis(
        self, claims: Claims, election_id: str, analysis: str, keep: Keep = keep_nothing
    ) -> Done:
        """single or three, before the analysis begins."""
        require_role(claims, "staff")
        return await self._change(
            election_id,
            lambda election: life.choose_analysis(election, analysis, now=self._clock.now()),
            keep,
        )

    async def assess(
        self, claims: Claims, election_id: str, new: NewAssessment, keep: Keep = keep_nothing
    ) -> Done:
        """One of three roles assesses a project; `new.assessor` is made here, of the caller."""
        require_role(claims, new.role if new.role in ROLES else "analyst")
        project_id = str(checks.uuid(new.project_id, "project_id"))

        def decide(election: Election) -> None:
            person = self._pseudonyms.of(claims.subject, project_thing(project_id))
            said = NewAssessment(
                project_id,
                new.role,
                person,
                new.feasibility,
                new.estimate_cents,
                new.running_cents,
                new.grounds,
            )
            life.assess(election, said, now=self._clock.now())

        return await self._change(election_id, decide, keep)

    async def state_running_cost(
        self,
        claims: Claims,
        election_id: str,
        project_id: str,
        running_cents: int,
        keep: Keep = keep_nothing,
    ) -> Done:
        """States what a project would cost in its first year of use."""
        require_role(claims, "staff")
        project = str(checks.uuid(project_id, "project_id"))
        return await self._change(
            election_id,
            lambda election: life.state_running_cost(
                election, project, running_cents, now=self._clock.now()
            ),
            keep,
        )

    async def propose_merge(
        self,
        claims: Claims,
        election_id: str,
        project_ids: Sequence[str],
        result: Text,
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Proposes to merge; completes at once where nobody is left to ask."""
        require_role(claims, "staff")
        projects = [str(checks.uuid(each, "projects")) for each in project_ids]
        change_id = uuid7(self._clock.now())

        def decide(election: Election) -> None:
            now = self._clock.now()
            lineage.propose_merge(election, projects, result, reason, change_id=change_id, now=now)
            self.settle(election, str(change_id))

        return await self._change(election_id, decide, keep, str(change_id))

    async def propose_split(
        self,
        claims: Claims,
        election_id: str,
        project_id: str,
        results: Sequence[Text],
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Proposes to split; completes at once where nobody is left to ask."""
        require_role(claims, "staff")
        project = str(checks.uuid(project_id, "project_id"))
        change_id = uuid7(self._clock.now())

        def decide(election: Election) -> None:
            now = self._clock.now()
            lineage.propose_split(election, project, results, reason, change_id=change_id, now=now)
            self.settle(election, str(change_id))

        return await self._change(election_id, decide, keep, str(change_id))

    async def withdraw_change(
        self,
        claims: Claims,
        election_id: str,
        change_id: str,
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Gives a pending merger or split up."""
        require_role(claims, "staff")
        change = str(checks.uuid(change_id, "change_id"))
        return await self._change(
            election_id,
            lambda election: lineage.withdraw_change(
                election, change, reason, now=self._clock.now()
            ),
            keep,
        )

    def settle(self, election: Election, change_id: str) -> None:
        """Takes what consultation's log says of a change's authors into account. Blocking."""
        change = election.life.changes.get(change_id)
        if change is None:
            return
        gone = self._proposals.without_author(change.asked)
        answers = {proposal: Answer("not_asked") for proposal in gone}
        for each in self._proposals.consents(change_id):
            word: Consent = "agreed" if each.agrees else "refused"
            answers.setdefault(each.proposal_id, Answer(word, each.event_id))
        lineage.settle(election, change_id, answers, now=self._clock.now())

    def enter_due(self, election: Election) -> None:
        """Enters the phases that are due. Blocking."""
        if election.state == "preparing":
            life.enter_due(election, now=self._clock.now())

    async def _change(
        self,
        election_id: str,
        decide: Callable[[Election], None],
        keep: Keep,
        change_id: str = "",
    ) -> Done:
        """The receipt is of the first event that the decision made."""
        id = checks.uuid(election_id, "election_id")

        def decided(election: Election) -> Done:
            before = election.version
            decide(election)
            first = min(before + 1, election.version)
            return Done(event_id(election.id, first), str(election.id), change_id=change_id)

        return await asyncio.to_thread(self._elections.change, id, decided, keep)
