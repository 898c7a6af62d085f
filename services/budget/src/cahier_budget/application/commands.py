"""What staff may do to an election: authorise, check, decide on the aggregate, store, answer.

Commands answer with ids that were known before the append, so that the answer of a command with
an idempotency key is stored in the append's own transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Proposals, TrusteeKeys
from cahier_budget.domain import checks
from cahier_budget.domain.corrections import require_recountable
from cahier_budget.domain.election import (
    CLOSED,
    COUNTED,
    OPEN,
    PUBLISHED,
    Election,
    NewElection,
)
from cahier_budget.domain.project import AcceptedProposal
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Conflict, FailedPrecondition
from cahier_kernel.ids import uuid7
from cahier_ledger.model import Idempotency
from cahier_record.budget.events import CountResult, Feasibility, Rules

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done:
    """A command's answer. event_id: of its public event; the rest as the command says."""

    event_id: str
    election_id: str = ""
    project_id: str = ""
    number: int = 0
    change_id: str = ""


Keep = Callable[[Done], Idempotency | None]
Count = Callable[[UUID, str], CountResult]
"""Counts a closed election with the trustee's private key from the stored log; blocking."""


def keep_nothing(done: Done) -> None:
    """For callers without an idempotency key."""


class Commands:
    """Each method raises a DomainError and stores nothing, or is durable when it returns."""

    def __init__(
        self,
        elections: Elections,
        proposals: Proposals,
        keys: TrusteeKeys,
        count: Count,
        clock: Clock,
        policy: str = "",
    ) -> None:
        """policy: digest of what the public log is held to, or ""."""
        self._policy = policy
        self._elections = elections
        self._proposals = proposals
        self._keys = keys
        self._count = count
        self._clock = clock
        self._counting: dict[tuple[UUID, str], asyncio.Task[Done]] = {}

    async def create_election(
        self, claims: Claims, new: NewElection, keep: Keep = keep_nothing
    ) -> Done:
        """Prepares an election: its id and the event's."""
        require_role(claims, "staff")
        now = self._clock.now()
        election = Election.create(new, id=uuid7(now), now=now)
        done = Done(election.last_event(), election_id=str(election.id))
        await asyncio.to_thread(self._elections.add, election, keep(done))
        return done

    async def change_rules(
        self, claims: Claims, election_id: str, rules: Rules, reason: str, keep: Keep = keep_nothing
    ) -> Done:
        """New rules before voting opens."""
        require_role(claims, "staff")

        def decide(election: Election) -> Done:
            election.change_rules(rules, reason, now=self._clock.now())
            return Done(election.last_event())

        return await self._change(election_id, decide, keep)

    async def add_project(
        self,
        claims: Claims,
        election_id: str,
        proposal_id: str,
        *,
        reference: str = "",
        source: str = "",
        keep: Keep = keep_nothing,
    ) -> Done:
        """A project from a proposal that consultation's log says is accepted.

        Raises FailedPrecondition `proposal_not_accepted`; the log may lag, so callers may retry.
        """
        require_role(claims, "staff")
        proposal = await self._accepted(str(checks.uuid(proposal_id, "proposal_id")))

        def decide(election: Election) -> Done:
            now = self._clock.now()
            project = election.add_project(
                proposal, project_id=uuid7(now), reference=reference, source=source, now=now
            )
            return Done(election.last_event(), project_id=project.id, number=project.number)

        return await self._change(election_id, decide, keep)

    async def cost_project(
        self,
        claims: Claims,
        election_id: str,
        project_id: str,
        cost_cents: int,
        instalments_cents: Sequence[int] = (),
        keep: Keep = keep_nothing,
    ) -> Done:
        """States a project's cost, and what is paid of it in each year."""
        require_role(claims, "staff")
        project = str(checks.uuid(project_id, "project_id"))

        def decide(election: Election) -> Done:
            now = self._clock.now()
            election.cost_project(project, cost_cents, instalments_cents, now=now)
            return Done(election.last_event())

        return await self._change(election_id, decide, keep)

    async def judge_feasibility(
        self,
        claims: Claims,
        election_id: str,
        project_id: str,
        feasibility: Feasibility,
        reason: str,
        keep: Keep = keep_nothing,
    ) -> Done:
        """Feasible, or unfeasible for a reason."""
        require_role(claims, "staff")
        project = str(checks.uuid(project_id, "project_id"))

        def decide(election: Election) -> Done:
            election.judge(project, feasibility, reason, now=self._clock.now())
            return Done(election.last_event())

        return await self._change(election_id, decide, keep)

    async def open_voting(
        self, claims: Claims, election_id: str, keep: Keep = keep_nothing
    ) -> Done:
        """Opens voting; once it is open, the same answer again."""
        require_role(claims, "staff")
        return await self._change(election_id, self.decide_opening, keep)

    async def close_voting(
        self, claims: Claims, election_id: str, reason: str, keep: Keep = keep_nothing
    ) -> Done:
        """Closes voting and publishes the key; once it is closed, the same answer again."""
        require_role(claims, "staff")
        return await self._change(
            election_id, lambda election: self.decide_closing(election, reason), keep
        )

    async def count_ballots(
        self, claims: Claims, election_id: str, keep: Keep = keep_nothing, reason: str = ""
    ) -> Done:
        """Counts; once it is counted, the same answer again, unless there is a reason to recount.

        A count goes on when its caller leaves; who asks meanwhile waits for the same count.
        """
        require_role(claims, "staff")
        id = checks.uuid(election_id, "election_id")
        reason = checks.prose(reason, "reason", longest=checks.REASON_CHARS_MAX)
        counting = self._counting.get((id, reason))
        if counting is None:
            counting = asyncio.create_task(asyncio.to_thread(self._count_blocking, id, reason))
            self._counting[id, reason] = counting
            counting.add_done_callback(lambda _: self._counting.pop((id, reason), None))
        done = await asyncio.shield(counting)
        return await self._change(election_id, lambda election: done, keep)

    async def publish_result(
        self, claims: Claims, election_id: str, keep: Keep = keep_nothing
    ) -> Done:
        """Announces the newest count, and opens the books with it or has them follow it.

        Once it is announced, the same answer again.
        """
        require_role(claims, "staff")

        def decide(election: Election) -> Done:
            if not election.has_reached(PUBLISHED) or election.is_correction_pending:
                election.publish_result(now=self._clock.now())
            return Done(election.event_of(PUBLISHED))

        id = checks.uuid(election_id, "election_id")
        now = self._clock.now()
        return await asyncio.to_thread(self._elections.announce, id, decide, keep, now)

    def decide_opening(self, election: Election) -> Done:
        """Opens with a key pair that is durable before the event names it. Blocking."""
        if not election.has_reached(OPEN):
            now = self._clock.now()
            election.require_openable(now)
            key = self._keys.make(str(election.id))
            election.open_voting(key, now=now, policy=self._policy)
        return Done(election.event_of(OPEN))

    def decide_closing(self, election: Election, reason: str) -> Done:
        """Closes and hands out the private key. Blocking."""
        if not election.has_reached(CLOSED):
            key = self._keys.private_key(str(election.id)) if election.has_reached(OPEN) else ""
            election.close_voting(reason, key, now=self._clock.now())
        return Done(election.event_of(CLOSED))

    def _count_blocking(self, id: UUID, reason: str) -> Done:
        with self._elections.reading(id) as election:
            counts = len(election.counts)
            if counts and not reason:
                return Done(election.event_of(COUNTED))
            if not counts:
                election.require_closed()
            require_recountable(election.counts)
            key, annulled = election.trustee_private_key, len(election.annulled)
        result = self._count(id, key)

        def decide(election: Election) -> Done:
            if len(election.annulled) != annulled:
                raise Conflict("election_changing", "ballots were annulled meanwhile: try again")
            if len(election.counts) == counts:
                election.record_count(result, now=self._clock.now(), reason=reason)
            return Done(election.event_of(COUNTED))

        return self._elections.change(id, decide)

    async def _accepted(self, proposal_id: str) -> AcceptedProposal:
        proposal = await asyncio.to_thread(self._proposals.accepted, proposal_id)
        if proposal is None:
            raise FailedPrecondition(
                "proposal_not_accepted",
                "consultation's log, as far as it has arrived, does not say so",
                field="proposal_id",
            )
        return proposal

    async def _change(
        self, election_id: str, decide: Callable[[Election], Done], keep: Keep
    ) -> Done:
        id = checks.uuid(election_id, "election_id")
        return await asyncio.to_thread(self._elections.change, id, decide, keep)
