"""Reporting's log folded: what a reader of the leaves alone knows of categories and reports."""

from __future__ import annotations

import pytest

from cahier_record.events import Leaf, PublicEvent
from cahier_record.reporting import events
from cahier_record.reporting.views import ReportingView

AT = "2026-10-03T12:00:00.000Z"


def folded(*told: PublicEvent) -> ReportingView:
    view = ReportingView()
    for number, event in enumerate(told):
        view.apply(Leaf("reporting", f"e{number}", event.TYPE, AT, event, ()))
    return view


LIGHT = events.CategoryDefined(category="light", department="traffic", promise_days=4)
RECEIVED = events.ReportReceived(
    report="r",
    category="light",
    department="traffic",
    state="unconfirmed",
    lat_e2=4885,
    lon_e2=235,
    answer_by="2026-10-07T12:00:00.000Z",
)


def test_a_category_has_its_last_values() -> None:
    again = events.CategoryDefined(category="light", department="power", anonymous=True)
    category = folded(LIGHT, again).categories["light"]
    assert (category.department, category.promise_days) == ("power", 0)
    assert (category.anonymous, category.label) == (True, "e1")


def test_a_report_goes_from_its_reporter_through_departments_to_its_outcome() -> None:
    view = folded(
        LIGHT,
        RECEIVED,
        events.PromiseMissed(report="r", answer_by=RECEIVED.answer_by),
        events.ReportRouted(report="r", department="power"),
        events.ReportAnswered(report="r", state="planned"),
        events.ReportClosed(report="r", state="duplicate", duplicate_of="q"),
    )
    report = view.reports["r"]
    assert (report.department, report.state, report.is_closed) == ("power", "duplicate", True)
    assert (report.texts, report.answer, report.duplicate_of) == ("e1", "e5", "q")
    assert (report.lat_e2, report.lon_e2, report.received_at) == (4885, 235, AT)
    assert report.promise_missed


def test_an_answer_after_a_closing_opens_the_report_again() -> None:
    closed = events.ReportClosed(report="r", state="duplicate", duplicate_of="q")
    view = folded(LIGHT, RECEIVED, closed, events.ReportAnswered(report="r", state="confirmed"))
    report = view.reports["r"]
    assert (report.state, report.is_closed, report.duplicate_of) == ("confirmed", False, "")


def test_a_report_of_an_unknown_category_or_report_is_named() -> None:
    with pytest.raises(KeyError, match="light"):
        folded(RECEIVED)
    with pytest.raises(KeyError, match="r"):
        folded(events.ReportRouted(report="r", department="power"))


def test_a_place_on_the_equator_is_told_and_a_missing_one_left_out() -> None:
    here = events.ReportReceived(
        report="r", category="c", department="d", state="unconfirmed", lat_e2=0, lon_e2=0
    )
    assert (here.data()["lat_e2"], here.data()["lon_e2"]) == (0, 0)
    nowhere = events.ReportReceived(
        report="r", category="c", department="d", state="unconfirmed"
    ).data()
    assert not {"lat_e2", "lon_e2", "reporter", "answer_by"} & set(nowhere)
