"""The read model's answers, from the views database. Its tables: application/projections.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cahier_chassis.logs import get_logger
from cahier_consultation.application.ports import (
    CommentRow,
    ProcessRow,
    ProposalFilter,
    ProposalRow,
)
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase

SETTLE_S_MAX = 2.0
_LOG = get_logger(__name__)

_DUE = """
SELECT id FROM processes
WHERE (phase = 'planned' AND opens_at <= ?1)
   OR (phase = 'open' AND closes_at <= ?1)
   OR (phase = 'closed' AND opens_at <= ?1 AND closes_at > ?1)
ORDER BY seq LIMIT ?2
"""
# A thousand whole descriptions would not fit into one answer.
_PROCESSES = """
SELECT id, seq, title, substr(description, 1, 500) AS description, opens_at, closes_at,
    edit_window_seconds, phase, proposals
FROM processes ORDER BY seq DESC LIMIT ?
"""
_COUNT = """
SELECT count(*) FROM proposals
WHERE process = ?1 AND (?2 = '' OR state = ?2) AND (?3 = 1 OR withdrawn = 0)
"""
# Without bodies and answers: the database then leaves the pages unread that hold them.
_SHORT = """
SELECT id, seq, process, title, '' AS body, category, district, author, state, '' AS answer,
    submitted_at, answered_at, editable_until, withdrawn, supports, comments, position
FROM proposals
"""
_LISTED = _SHORT + "WHERE process = ?1 AND (?2 = '' OR state = ?2) AND (?3 = 1 OR withdrawn = 0) "
_AUTHORS = "SELECT id, author FROM proposals ORDER BY seq DESC LIMIT ?"
_AS_SUBMITTED = _LISTED + "AND seq > ?5 ORDER BY seq LIMIT ?4"
_NEWEST = _LISTED + "AND seq < ?5 ORDER BY seq DESC LIMIT ?4"
_BY_SUPPORTS = (
    _LISTED + "AND (supports < ?6 OR (supports = ?6 AND seq > ?5)) "
    "ORDER BY supports DESC, seq LIMIT ?4"
)
_COMMENTS = "SELECT * FROM comments WHERE proposal = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
_SUPPORTED = "SELECT proposal FROM supports WHERE (proposal, supporter) IN (VALUES "
_PAIRS_A_QUERY = 500


class SqliteReadModel:
    """ports.ReadModel on the service's views database."""

    def __init__(self, views: ViewDatabase, projection: OwnProjection) -> None:
        self._views = views
        self._projection = projection

    def process(self, id: str) -> ProcessRow | None:
        row = self._views.fetch_one("SELECT * FROM processes WHERE id = ?", (id,))
        return ProcessRow(**dict(row)) if row else None

    def processes(self, limit: int) -> list[ProcessRow]:
        rows = self._views.fetch_all(_PROCESSES, (limit,))
        return [ProcessRow(**dict(row)) for row in rows]

    def due_processes(self, now: str, limit: int) -> list[str]:
        return [row[0] for row in self._views.fetch_all(_DUE, (now, limit))]

    def proposal(self, id: str) -> ProposalRow | None:
        row = self._views.fetch_one("SELECT * FROM proposals WHERE id = ?", (id,))
        return _proposal(row) if row else None

    def count_proposals(self, which: ProposalFilter) -> int:
        row = self._views.fetch_one(_COUNT, _parameters(which))
        return int(row[0]) if row else 0

    def proposals_as_submitted(
        self, which: ProposalFilter, after_seq: int, limit: int
    ) -> list[ProposalRow]:
        return self._listed(_AS_SUBMITTED, which, limit, after_seq)

    def proposals_newest(
        self, which: ProposalFilter, before_seq: int, limit: int
    ) -> list[ProposalRow]:
        return self._listed(_NEWEST, which, limit, before_seq)

    def proposals_by_supports(
        self, which: ProposalFilter, supports: int, after_seq: int, limit: int
    ) -> list[ProposalRow]:
        return self._listed(_BY_SUPPORTS, which, limit, after_seq, supports)

    def authors(self, limit: int) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in self._views.fetch_all(_AUTHORS, (limit,))]

    def proposals_named(self, ids: Sequence[str]) -> list[ProposalRow]:
        if not ids:
            return []
        query = f"{_SHORT} WHERE id IN ({', '.join('?' * len(ids))}) ORDER BY seq DESC"
        return [_proposal(row) for row in self._views.fetch_all(query, list(ids))]

    def comments(self, proposal: str, after_seq: int, limit: int) -> list[CommentRow]:
        rows = self._views.fetch_all(_COMMENTS, (proposal, after_seq, limit))
        return [CommentRow(**dict(row)) for row in rows]

    def supported(self, supports: Sequence[tuple[str, str]]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(supports), _PAIRS_A_QUERY):
            pairs = supports[start : start + _PAIRS_A_QUERY]
            query = f"{_SUPPORTED}{', '.join(['(?, ?)'] * len(pairs))})"
            values = [value for pair in pairs for value in pair]
            found.update(row[0] for row in self._views.fetch_all(query, values))
        return found

    async def settle(self, seq: int) -> None:
        if not self._projection.health.is_well:
            return
        if not await self._projection.wait_for(seq, SETTLE_S_MAX):
            _LOG.warning("views_lag", lag=self._projection.lag())

    def _listed(
        self, query: str, which: ProposalFilter, limit: int, *key: int
    ) -> list[ProposalRow]:
        rows = self._views.fetch_all(query, (*_parameters(which), limit, *key))
        return [_proposal(row) for row in rows]


def _parameters(which: ProposalFilter) -> tuple[str, str, int]:
    return which.process, which.state, int(which.include_withdrawn)


def _proposal(row: Any) -> ProposalRow:
    fields = dict(row)
    return ProposalRow(**{**fields, "withdrawn": bool(fields["withdrawn"])})
