"""The read model's answers, from the views database. Its tables: application/projections.py."""

from __future__ import annotations

import math
from typing import Any

from cahier_chassis.logs import get_logger
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_record.places import Position
from cahier_reporting.application.ports import (
    CategoryRow,
    ReportFilter,
    ReportRow,
    UpdateRow,
)
from cahier_reporting.domain.places import EARTH_RADIUS_M

SETTLE_S_MAX = 2.0
_LOG = get_logger(__name__)

_M_PER_E7 = math.radians(EARTH_RADIUS_M) / 10_000_000
_SLACK = 1.01  # the plane is cut a little wider than the sphere; the caller measures exactly
_COS_SCALE = 1_000_000

_CATEGORIES = "SELECT * FROM categories ORDER BY label, code LIMIT ?"
_REPORT = """
SELECT reports.*, coalesce(categories.label, '') AS category_label
FROM reports LEFT JOIN categories ON categories.code = reports.category
WHERE id = ?
"""
_LISTED = """
SELECT id, seq, category, coalesce(categories.label, '') AS category_label,
    reports.department, state, is_closed, lat_e7, lon_e7, address,
    substr(description, 1, 500) AS description, received_at, answer_by, promise_missed,
    '' AS answer, answered_at, duplicate_of, reporter
FROM reports LEFT JOIN categories ON categories.code = reports.category
"""
_COUNT = "SELECT count(*) FROM reports "
# One condition for each column that is chosen by, so that SQLite takes the column's index.
_CONDITIONS = {
    "state": "state = ?",
    "category": "category = ?",
    "department": "reports.department = ?",
    "person": "person = ? AND person <> ''",
}
_NEWEST = "ORDER BY seq DESC LIMIT ?"
# Distance on the plane through the middle, squared, in units of 1e-7 degrees of latitude: whole
# numbers below 2^63. Longitudes meet at 180 degrees.
_NEAREST = """
JOIN (
    SELECT id AS near, (lat_e7 - ?1) * (lat_e7 - ?1) + east * east AS square FROM (
        SELECT id, lat_e7,
            CASE WHEN abs(lon_e7 - ?2) < 1800000000 THEN abs(lon_e7 - ?2)
                ELSE 3600000000 - abs(lon_e7 - ?2) END * ?3 / 1000000 AS east
        FROM reports
        WHERE is_closed = 0 AND lat_e7 BETWEEN ?1 - ?4 AND ?1 + ?4 AND (?5 = '' OR category = ?5)
    ) WHERE east <= ?4 ORDER BY square, id LIMIT ?6
) ON near = id ORDER BY square, id
"""
_AROUND = _LISTED + _NEAREST
_UPDATES = """
SELECT kind, state, department, text, happened_at FROM (
    SELECT * FROM updates WHERE report = ? ORDER BY seq DESC LIMIT ?
) ORDER BY seq
"""
_DUE = """
SELECT id FROM reports
WHERE state = 'unconfirmed' AND promise_missed = 0 AND answer_by <> '' AND answer_by <= ?
ORDER BY answer_by LIMIT ?
"""


class SqliteReadModel:
    """ports.ReadModel on the service's views database."""

    def __init__(self, views: ViewDatabase, projection: OwnProjection) -> None:
        self._views = views
        self._projection = projection

    def categories(self, limit: int) -> list[CategoryRow]:
        rows = [dict(row) for row in self._views.fetch_all(_CATEGORIES, (limit,))]
        return [CategoryRow(**{**row, "anonymous": bool(row["anonymous"])}) for row in rows]

    def report(self, id: str) -> ReportRow | None:
        row = self._views.fetch_one(_REPORT, (id,))
        return _report(row) if row else None

    def updates(self, report: str, limit: int) -> list[UpdateRow]:
        rows = self._views.fetch_all(_UPDATES, (report, limit))
        return [UpdateRow(**dict(row)) for row in rows]

    def reports_newest(self, which: ReportFilter, before_seq: int, limit: int) -> list[ReportRow]:
        where, values = _where(which, "seq < ?")
        rows = self._views.fetch_all(_LISTED + where + _NEWEST, (before_seq, *values, limit))
        return [_report(row) for row in rows]

    def count_reports(self, which: ReportFilter) -> int:
        where, values = _where(which, "seq > 0")
        row = self._views.fetch_one(_COUNT + where, tuple(values))
        return int(row[0]) if row else 0

    def open_around(
        self, middle: Position, radius_m: int, category: str, limit: int
    ) -> list[ReportRow]:
        shrink = round(math.cos(math.radians(middle.lat_e7 / 10_000_000)) * _COS_SCALE)
        reach = math.ceil(radius_m / _M_PER_E7 * _SLACK)
        values = (middle.lat_e7, middle.lon_e7, shrink, reach, category, limit)
        return [_report(row) for row in self._views.fetch_all(_AROUND, values)]

    def due_promises(self, now: str, limit: int) -> list[str]:
        return [row[0] for row in self._views.fetch_all(_DUE, (now, limit))]

    async def settle(self, seq: int) -> None:
        if not self._projection.health.is_well:
            return
        if not await self._projection.wait_for(seq, SETTLE_S_MAX):
            _LOG.warning("views_lag", lag=self._projection.lag())


def _where(which: ReportFilter, first: str) -> tuple[str, list[str]]:
    chosen = [(_CONDITIONS[name], value) for name in _CONDITIONS if (value := getattr(which, name))]
    return f"WHERE {' AND '.join([first, *(text for text, _ in chosen)])} ", [
        value for _, value in chosen
    ]


def _report(row: Any) -> ReportRow:
    fields = dict(row)
    lat_e7, lon_e7 = fields.pop("lat_e7"), fields.pop("lon_e7")
    fields.pop("person", None)
    position = None if lat_e7 is None else Position(lat_e7, lon_e7)
    flags = {name: bool(fields[name]) for name in ("is_closed", "promise_missed")}
    return ReportRow(**{**fields, **flags, "position": position})
