"""What may be asked: elections, projects, candidates, results, disclosed texts.

An election is read from the aggregate, so that a query sees every command answered before it.
Answers are copies: nobody holds an aggregate outside of its lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Directory, Freshness, Proposals
from cahier_budget.domain import checks
from cahier_budget.domain.election import Election
from cahier_budget.domain.project import AcceptedProposal, Project
from cahier_budget.domain.rules import PROJECTS_MAX
from cahier_chassis.disclosures import disclosed
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.errors import NotFound
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader
from cahier_record.budget.events import CountResult, Rules

ELECTIONS_MAX = 1_000
CANDIDATES_MAX = 2_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ElectionAnswer:
    """An election as of now. ballots: credentials that have voted; the keys are base64url."""

    id: UUID
    process_id: str
    title: str
    description: str
    envelope_cents: int
    currency: str
    districts: tuple[str, ...]
    opens_at: datetime
    closes_at: datetime
    rules: Rules
    state: str
    projects: int
    ballots: int
    trustee_public_key: str
    trustee_private_key: str
    ballot_size_bytes: int
    log_policy: str


@dataclass(frozen=True, slots=True)
class ResultAnswer:
    """A count, and whether it is announced."""

    election_id: UUID
    result: CountResult
    is_published: bool


class Queries:
    """Each method raises NotFound or Invalid for what it does not know."""

    def __init__(
        self,
        ledger: LedgerReader,
        elections: Elections,
        directory: Directory,
        proposals: Proposals,
        freshness: Freshness,
    ) -> None:
        self._ledger = ledger
        self._elections = elections
        self._directory = directory
        self._proposals = proposals
        self._freshness = freshness

    async def election(self, election_id: str) -> ElectionAnswer:
        """One election."""
        id = checks.uuid(election_id, "election_id")
        await self._freshness.catch_up()
        return await asyncio.to_thread(self._answer, id)

    async def elections(self, process_id: str) -> list[ElectionAnswer]:
        """All elections, or those of one process, newest first; at most ELECTIONS_MAX."""
        if process_id:
            checks.uuid(process_id, "process_id")
        await self._freshness.catch_up()
        return await asyncio.to_thread(self._answers, process_id)

    async def projects(self, election_id: str) -> list[Project]:
        """The projects of an election, by number."""
        return await self._read(
            election_id, lambda election: [copy(each) for each in election.projects.values()]
        )

    async def candidates(self, claims: Claims, election_id: str) -> list[AcceptedProposal]:
        """Accepted proposals that are not yet projects, in the order of acceptance."""
        require_role(claims, "staff")
        process_id, taken = await self._read(
            election_id, lambda election: (election.process_id, set(election.proposals))
        )
        found = await asyncio.to_thread(
            self._proposals.list_accepted, process_id, CANDIDATES_MAX + PROJECTS_MAX
        )
        return [each for each in found if each.id not in taken][:CANDIDATES_MAX]

    async def result(self, claims: Claims | None, election_id: str) -> ResultAnswer:
        """The result; before it is announced for staff alone, and for others NotFound."""
        answer = await self._read(election_id, _result)
        if answer is not None and not answer.is_published:
            may_see = claims is not None and "staff" in claims.roles
            answer = answer if may_see else None
        if answer is None:
            raise NotFound("result_not_found", "no result is announced", field="election_id")
        return answer

    async def disclosures(self, event_id: str) -> list[Disclosure]:
        """The texts behind a public event's digests.

        Raises NotFound `event_not_found` or `disclosures_erased`.
        """
        id = str(checks.uuid(event_id, "event_id"))
        return await asyncio.to_thread(disclosed, self._ledger, id)

    async def _read(self, election_id: str, read: Callable[[Election], T]) -> T:
        id = checks.uuid(election_id, "election_id")

        def locked() -> T:
            with self._elections.reading(id) as election:
                return read(election)

        return await asyncio.to_thread(locked)

    def _answers(self, process_id: str) -> list[ElectionAnswer]:
        return [self._answer(id) for id in self._directory.newest(process_id, ELECTIONS_MAX)]

    def _answer(self, id: UUID) -> ElectionAnswer:
        ballots = self._directory.ballots([id]).get(id, 0)
        with self._elections.reading(id) as election:
            return ElectionAnswer(
                id=election.id,
                process_id=election.process_id,
                title=election.title,
                description=election.description,
                envelope_cents=election.envelope_cents,
                currency=election.currency,
                districts=election.districts,
                opens_at=election.opens_at,
                closes_at=election.closes_at,
                rules=election.rules,
                state=election.state,
                projects=len(election.projects),
                ballots=ballots,
                trustee_public_key=election.trustee_public_key,
                trustee_private_key=election.trustee_private_key,
                ballot_size_bytes=election.ballot_size_bytes,
                log_policy=election.log_policy,
            )


def _result(election: Election) -> ResultAnswer | None:
    """What was announced last; before that, the newest count."""
    announced = election.announced()
    if announced is not None:
        return ResultAnswer(election.id, announced.result, True)
    return None if election.result is None else ResultAnswer(election.id, election.result, False)
