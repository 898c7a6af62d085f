"""Questions and their answers: bounded pages from the read model, seen by the one who asks."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from cahier_chassis.disclosures import disclosed
from cahier_chassis.pages import NUMBER_MAX, checked_size, make_token, read_token
from cahier_kernel.errors import Invalid, NotFound, Unauthenticated
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader
from cahier_record.places import Position, require_position
from cahier_reporting.application.ports import (
    CategoryRow,
    Pseudonyms,
    ReadModel,
    ReportFilter,
    ReportRow,
    UpdateRow,
)
from cahier_reporting.domain.places import distance_m

CATEGORIES_MAX = 1_000
REPORTS_PAGE_DEFAULT = 50
UPDATES_MAX = 200
RADIUS_M_MAX = 5_000
RADIUS_M_DEFAULT = 500
NEARBY_MAX = 100
NEARBY_DEFAULT = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A report, and whether the one who asks reported it."""

    row: ReportRow
    is_own: bool


@dataclass(frozen=True, slots=True)
class ReportPage:
    reports: list[Seen]
    next_page_token: str
    total: int


class Queries:
    """Reads only. `person` is the id of the person who asks, or "" for anybody."""

    def __init__(self, ledger: LedgerReader, views: ReadModel, pseudonyms: Pseudonyms) -> None:
        self._ledger = ledger
        self._views = views
        self._pseudonyms = pseudonyms

    def categories(self) -> list[CategoryRow]:
        """By label, at most CATEGORIES_MAX."""
        return self._views.categories(CATEGORIES_MAX)

    def report(self, report_id: UUID, person: str) -> tuple[Seen, list[UpdateRow]]:
        """A report and its last UPDATES_MAX updates. Raises NotFound `report_not_found`."""
        row = self._views.report(str(report_id))
        if row is None:
            raise NotFound("report_not_found", "there is no such report", field="report_id")
        return self._seen(row, person), self._views.updates(row.id, UPDATES_MAX)

    def reports(
        self, which: ReportFilter, page_size: int, page_token: str, person: str
    ) -> ReportPage:
        """A page, newest first.

        Raises Invalid `page_size_out_of_range`, `page_token_malformed`.
        """
        size = checked_size(page_size, REPORTS_PAGE_DEFAULT)
        before = read_token(page_token, "r", 1)[0] if page_token else NUMBER_MAX
        rows = self._views.reports_newest(which, before, size + 1)
        token = make_token("r", rows[size - 1].seq) if len(rows) > size else ""
        seen = [self._seen(row, person) for row in rows[:size]]
        return ReportPage(seen, token, self._views.count_reports(which))

    def nearby(
        self, middle: Position, radius_m: int, limit: int, category: str, person: str
    ) -> list[tuple[Seen, int]]:
        """Open reports and their distances in whole metres, nearest first.

        Raises Invalid `position_out_of_range`, `radius_out_of_range`, `limit_out_of_range`.
        """
        require_position(middle)
        radius_m = _bounded(radius_m, RADIUS_M_MAX, RADIUS_M_DEFAULT, "radius")
        limit = _bounded(limit, NEARBY_MAX, NEARBY_DEFAULT, "limit")
        rows = self._views.open_around(middle, radius_m, category, limit)
        far = [(distance_m(middle, row.position), row) for row in rows if row.position]
        near = sorted((pair for pair in far if pair[0] <= radius_m), key=_by_distance)
        return [(self._seen(row, person), round(metres)) for metres, row in near]

    def disclosures(self, event_id: str) -> list[Disclosure]:
        """Raises NotFound `event_not_found` or `disclosures_erased`."""
        return disclosed(self._ledger, event_id)

    def _seen(self, row: ReportRow, person: str) -> Seen:
        if not person:
            return Seen(row, is_own=False)
        return Seen(row, is_own=row.reporter == self._pseudonyms.of(person, row.id))


def own_reports_of(person: str) -> str:
    """The person whose own reports are asked for; raises Unauthenticated `token_missing`."""
    if not person:
        raise Unauthenticated("token_missing", "the call needs an access token")
    return person


def _by_distance(pair: tuple[float, ReportRow]) -> tuple[float, int]:
    return pair[0], pair[1].seq


def _bounded(asked: int, most: int, default: int, what: str) -> int:
    if not 0 <= asked <= most:
        field = "radius_m" if what == "radius" else what
        raise Invalid(f"{what}_out_of_range", f"1 to {most}, or 0", field=field, limit=most)
    return asked or default
