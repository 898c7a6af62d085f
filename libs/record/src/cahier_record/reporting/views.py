"""Reporting's log folded: every category and report as the log leaves them."""

from __future__ import annotations

import msgspec

from cahier_record.events import Leaf
from cahier_record.reporting import events


class CategoryView(msgspec.Struct):
    """A category; `label` is the id of the event whose disclosures hold its present label."""

    category: str
    department: str
    promise_days: int
    anonymous: bool
    label: str


class ReportView(msgspec.Struct):
    """A report; `texts`, `answer`: ids of the events whose disclosures hold them."""

    report: str
    category: str
    department: str
    received_at: str
    answer_by: str
    texts: str
    lat_e2: int | None = None
    lon_e2: int | None = None
    state: str = "unconfirmed"
    is_closed: bool = False
    promise_missed: bool = False
    answer: str = ""
    duplicate_of: str = ""


class ReportingView(msgspec.Struct):
    """Everything that reporting's log says, by code and by id.

    erased: events whose texts were deleted; they read `cahier_kernel.texts.ERASED`.
    """

    categories: dict[str, CategoryView] = msgspec.field(default_factory=dict)
    reports: dict[str, ReportView] = msgspec.field(default_factory=dict)
    erased: set[str] = msgspec.field(default_factory=set)

    def apply(self, leaf: Leaf) -> None:
        """Takes the next leaf of reporting's log into account.

        Raises KeyError with the code or id of a category or report that the log has not made.
        """
        match leaf.event:
            case events.CategoryDefined() as event:
                self.categories[event.category] = CategoryView(
                    event.category, event.department, event.promise_days, event.anonymous, leaf.id
                )
            case events.ReportReceived() as event:
                self._receive(leaf, event)
            case events.ReportRouted(report=report, department=department):
                self.reports[report].department = department
            case events.ReportAnswered() as event:
                self._answer(event.report, event.state, leaf.id, is_closed=False)
            case events.ReportClosed() as event:
                self._answer(event.report, event.state, leaf.id, is_closed=True)
                self.reports[event.report].duplicate_of = event.duplicate_of
            case events.PromiseMissed(report=report):
                self.reports[report].promise_missed = True
            case events.ContentErased(leaf=erased):
                self.erased.add(erased)
            case _:
                pass

    def _receive(self, leaf: Leaf, event: events.ReportReceived) -> None:
        self.reports[event.report] = ReportView(
            report=event.report,
            category=self.categories[event.category].category,
            department=event.department,
            received_at=leaf.at or "",
            answer_by=event.answer_by,
            texts=leaf.id,
            lat_e2=event.lat_e2,
            lon_e2=event.lon_e2,
            state=event.state,
        )

    def _answer(self, report: str, state: str, leaf_id: str, *, is_closed: bool) -> None:
        view = self.reports[report]
        view.state, view.answer, view.is_closed = state, leaf_id, is_closed
        view.duplicate_of = ""
