"""The views database behind the application's Directory, Proposals and Freshness."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cahier_budget.application.ports import Due
from cahier_budget.domain.election import OPEN, PREPARING
from cahier_budget.domain.project import AcceptedProposal
from cahier_kernel.clock import from_rfc3339
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.store import LedgerReader

DUE_MAX = 1_000
CATCH_UP_S_MAX = 2.0


class DirectoryView:
    """ports.Directory on the view ELECTIONS."""

    def __init__(self, views: ViewDatabase) -> None:
        self._views = views

    def newest(self, process_id: str, limit: int) -> list[UUID]:
        rows = self._views.fetch_all(
            "SELECT election_id FROM elections WHERE ? IN ('', process_id) "
            "ORDER BY created_seq DESC LIMIT ?",
            (process_id, limit),
        )
        return [UUID(row[0]) for row in rows]

    def election_of(self, project_id: str) -> UUID | None:
        row = self._views.fetch_one(
            "SELECT election_id FROM projects WHERE project_id = ?", (project_id,)
        )
        return UUID(row[0]) if row else None

    def due(self, now: datetime) -> list[Due]:
        rows = self._views.fetch_all(
            "SELECT election_id, state, opens_at, closes_at FROM elections "
            "WHERE state IN (?, ?) ORDER BY created_seq LIMIT ?",
            (PREPARING, OPEN, DUE_MAX),
        )
        return [
            Due(UUID(election_id), state == PREPARING)
            for election_id, state, opens_at, closes_at in rows
            if _is_due(state, from_rfc3339(opens_at), from_rfc3339(closes_at), now)
        ]

    def ballots(self, election_ids: Sequence[UUID]) -> dict[UUID, int]:
        found: dict[UUID, int] = {}
        for id in election_ids:
            row = self._views.fetch_one(
                "SELECT ballots FROM elections WHERE election_id = ?", (str(id),)
            )
            if row is not None:
                found[id] = int(row[0])
        return found


def _is_due(state: str, opens_at: datetime, closes_at: datetime, now: datetime) -> bool:
    return opens_at <= now < closes_at if state == PREPARING else now >= closes_at


class ProposalsView:
    """ports.Proposals on the view PROPOSALS."""

    def __init__(self, views: ViewDatabase) -> None:
        self._views = views

    def accepted(self, proposal_id: str) -> AcceptedProposal | None:
        row = self._views.fetch_one(
            "SELECT proposal_id, process_id, category, district FROM proposals "
            "WHERE proposal_id = ? AND accepted_seq IS NOT NULL",
            (proposal_id,),
        )
        return AcceptedProposal(*row) if row else None

    def list_accepted(self, process_id: str, limit: int) -> list[AcceptedProposal]:
        rows = self._views.fetch_all(
            "SELECT proposal_id, process_id, category, district FROM proposals "
            "WHERE accepted_seq IS NOT NULL AND ? IN ('', process_id) "
            "ORDER BY accepted_seq LIMIT ?",
            (process_id, limit),
        )
        return [AcceptedProposal(*row) for row in rows]


class OwnViewFreshness:
    """ports.Freshness: waits, at most CATCH_UP_S_MAX, for the projection of own events."""

    def __init__(self, ledger: LedgerReader, projection: OwnProjection) -> None:
        self._ledger = ledger
        self._projection = projection

    async def catch_up(self) -> None:
        head = await asyncio.to_thread(self._ledger.head_seq)
        if self._projection.position < head:
            await self._projection.wait_for(head, CATCH_UP_S_MAX)
