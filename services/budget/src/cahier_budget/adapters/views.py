"""The views database behind the application's Directory, Proposals and Freshness."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cahier_budget.application.ports import Consent, Due, PendingChange
from cahier_budget.domain.election import OPEN, PREPARING
from cahier_budget.domain.project import AcceptedProposal
from cahier_kernel.clock import from_rfc3339
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.store import LedgerReader
from cahier_record.budget.life import BALLOTING

DUE_MAX = 1_000
ELECTIONS_WITH_MAX = 100
ASSESSED_MAX = 10_000
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

    def elections_with(self, proposal_id: str) -> list[UUID]:
        rows = self._views.fetch_all(
            "SELECT DISTINCT election_id FROM projects WHERE proposal_id = ? "
            "ORDER BY election_id LIMIT ?",
            (proposal_id, ELECTIONS_WITH_MAX),
        )
        return [UUID(row[0]) for row in rows]

    def due_phases(self, now: datetime) -> list[UUID]:
        rows = self._views.fetch_all(
            "SELECT elections.election_id, min(phases.starts_at) FROM elections "
            "JOIN phases ON phases.election_id = elections.election_id "
            "LEFT JOIN life ON life.election_id = elections.election_id "
            "WHERE state = ? AND phases.place < ? AND phases.place > coalesce(life.place, -1) "
            "GROUP BY elections.election_id LIMIT ?",
            (PREPARING, BALLOTING, DUE_MAX),
        )
        return [UUID(row[0]) for row in rows if from_rfc3339(row[1]) <= now]

    def pending_changes(self) -> list[PendingChange]:
        rows = self._views.fetch_all(
            "SELECT election_id, change_id FROM changes ORDER BY change_id LIMIT ?", (DUE_MAX,)
        )
        return [PendingChange(UUID(row[0]), row[1]) for row in rows]

    def has_assessments(self) -> bool:
        return self._views.fetch_one("SELECT 1 FROM life WHERE assessments > 0 LIMIT 1") is not None

    def assessed(self) -> list[UUID]:
        rows = self._views.fetch_all(
            "SELECT election_id FROM life WHERE assessments > 0 ORDER BY election_id LIMIT ?",
            (ASSESSED_MAX,),
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

    def consents(self, change_id: str) -> list[Consent]:
        rows = self._views.fetch_all(
            "SELECT proposal_id, agrees, event_id FROM consents WHERE change_id = ?", (change_id,)
        )
        return [Consent(row[0], bool(row[1]), row[2]) for row in rows]

    def without_author(self, proposal_ids: Sequence[str]) -> set[str]:
        found = set()
        for id in proposal_ids:
            row = self._views.fetch_one(
                "SELECT author_gone FROM proposals WHERE proposal_id = ?", (id,)
            )
            if row is not None and row[0]:
                found.add(id)
        return found


class OwnViewFreshness:
    """ports.Freshness: waits, at most CATCH_UP_S_MAX, for the projection of own events."""

    def __init__(self, ledger: LedgerReader, projection: OwnProjection) -> None:
        self._ledger = ledger
        self._projection = projection

    async def catch_up(self) -> None:
        head = await asyncio.to_thread(self._ledger.head_seq)
        if self._projection.position < head:
            await self._projection.wait_for(head, CATCH_UP_S_MAX)
