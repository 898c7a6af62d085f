"""The staff's work on street reports: hand over, answer, close; and the kinds of problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import get, post

from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError
from cahier_portal.catalogue import t
from cahier_portal.forms import (
    FieldErrors,
    Form,
    FormError,
    read_form,
    status_of,
    what_to_mend,
)
from cahier_portal.pages.reports import STATES, StateFilter, listed, read_categories, read_report
from cahier_portal.parameters import Caller, PathId, PathText, QueryText
from cahier_portal.visit import Answer, Page, Visit

PROMISE_DAYS_MAX = 365
ANSWERS = ("confirmed", "investigating", "planned", "in_progress", "action_scheduled")
OUTCOMES = ("fixed", "unable_to_fix", "not_responsible", "duplicate", "internal_referral")


@get("/staff/reports")
async def report_desk(
    visit: Caller,
    standing: StateFilter = "unconfirmed",
    category: QueryText = "",
    department: QueryText = "",
    after: QueryText = "",
) -> Page:
    """Reports that wait for the city."""
    visit.staff()
    chosen = {"state": standing, "category": category, "department": department}
    return await listed(visit, "staff/reports.html", chosen, after)


@get("/staff/reports/{report_id:uuid}")
async def handle_page(visit: Caller, report_id: PathId) -> Page:
    """The forms to hand a report over, answer it or close it."""
    visit.staff()
    return await _handle(visit, str(report_id))


@post("/staff/reports/{report_id:uuid}/{action:str}", status_code=200)
async def handle(visit: Caller, report_id: PathId, action: PathText) -> Answer:
    """Does one of them."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        message = _MESSAGES.get(action, _no_action)(str(report_id), form)
        answer = await visit.reporting(message, form.key)
    except (DomainError, FieldErrors) as error:
        # Three forms stand on the page: each field has the name of its form in front.
        mended = what_to_mend(error, "duplicate_of_not_found")
        errors = [_at(action, each) for each in mended]
        return await _handle(
            visit, str(report_id), status_of(error), errors=errors, values=form.values()
        )
    return visit.redirect(f"/staff/reports/{report_id}", f"notice.report_{action}", answer.event_id)


def _at(action: str, error: FormError) -> FormError:
    field = {"outcome": "state"}.get(error.field, error.field)
    return FormError(f"{action}_{field}" if field else "", error.text)


def _route(report_id: str, form: Form) -> Any:
    return reporting.RouteReportRequest(
        report_id=report_id,
        department=form.text("route_department"),
        reason=form.text("route_reason"),
    )


def _answer(report_id: str, form: Form) -> Any:
    return reporting.AnswerReportRequest(
        report_id=report_id,
        state=_chosen(form, "answer_state", ANSWERS),
        text=form.text("answer_text"),
    )


def _close(report_id: str, form: Form) -> Any:
    return reporting.CloseReportRequest(
        report_id=report_id,
        outcome=_chosen(form, "close_state", OUTCOMES),
        text=form.text("close_text"),
        duplicate_of=form.text("close_duplicate_of").rstrip("/").rpartition("/")[2],
    )


def _no_action(report_id: str, form: Form) -> Any:
    raise FieldErrors(FormError("", t("error.not_an_option")))


_MESSAGES: dict[str, Callable[[str, Form], Any]] = {
    "route": _route,
    "answer": _answer,
    "close": _close,
}


def _chosen(form: Form, name: str, known: tuple[str, ...]) -> Any:
    value = form.text(name)
    if value not in known:
        raise FieldErrors(FormError("state", t("error.not_an_option")))
    return STATES[value]


async def _handle(visit: Visit, report_id: str, status: int = 200, **context: Any) -> Page:
    report = await read_report(visit, report_id)
    categories = await read_categories(visit)
    return visit.page(
        "staff/report.html",
        status,
        report=report,
        position=report.position if report.HasField("position") else None,
        answers=ANSWERS,
        outcomes=OUTCOMES,
        departments=sorted({each.department for each in categories}),
        **context,
    )


@get("/staff/categories")
async def categories_page(visit: Caller, code: QueryText = "") -> Page:
    """All kinds of problems, and the form to define one; code: which one to define anew."""
    visit.staff()
    return await _categories(visit, code=code)


@post("/staff/categories", status_code=200)
async def define_category(visit: Caller) -> Answer:
    """Defines a kind of problem, or defines it anew."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        answer = await visit.reporting(
            reporting.DefineCategoryRequest(
                category=reporting.Category(
                    code=form.text("code"),
                    label=form.text("label"),
                    department=form.text("department"),
                    promise_days=form.count("promise_days", PROMISE_DAYS_MAX),
                    anonymous=form.text("anonymous") == "yes",
                )
            ),
            form.key,
        )
    except (DomainError, FieldErrors) as error:
        return await _categories(
            visit, status_of(error), errors=what_to_mend(error), values=form.values()
        )
    return visit.redirect("/staff/categories", "notice.category_defined", answer.event_id)


async def _categories(
    visit: Visit,
    status: int = 200,
    code: str = "",
    values: dict[str, str] | None = None,
    **context: Any,
) -> Page:
    categories = await read_categories(visit)
    held = next((each for each in categories if each.code == code), None)
    if values is None and held is not None:
        values = {
            "code": held.code,
            "label": held.label,
            "department": held.department,
            "promise_days": str(held.promise_days or ""),
            "anonymous": "yes" if held.anonymous else "",
        }
    return visit.page(
        "staff/categories.html", status, categories=categories, values=values or {}, **context
    )
