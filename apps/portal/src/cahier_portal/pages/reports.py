"""Street reports for everybody: the list, one report with all that happened to it, a new one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import get, post
from litestar.params import QueryParameter

from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import t
from cahier_portal.forms import (
    FieldErrors,
    Form,
    FormError,
    read_form,
    status_of,
    together,
    what_to_mend,
)
from cahier_portal.pages.following import followed_level
from cahier_portal.parameters import Caller, PathId, QueryText
from cahier_portal.places import read_position
from cahier_portal.visit import Answer, Page, Visit, or_none

PAGE_SIZE = 24
NEARBY_M = 300
NEARBY_MAX = 6
STATES: dict[str, Any] = {
    name.removeprefix("REPORT_STATE_").lower(): value
    for name, value in reporting.ReportState.items()
    if value != reporting.REPORT_STATE_UNSPECIFIED
}
StateFilter = Annotated[str, QueryParameter(name="state")]


@get("/reports")
async def report_list(
    visit: Caller,
    standing: StateFilter = "",
    category: QueryText = "",
    department: QueryText = "",
    after: QueryText = "",
) -> Page:
    """Reports, newest first, with filters."""
    chosen = {"state": standing, "category": category, "department": department}
    return await listed(visit, "reports.html", chosen, after)


async def listed(visit: Visit, template: str, chosen: dict[str, str], after: str) -> Page:
    """A page of reports with its filters; raises DomainError."""
    categories = await read_categories(visit)
    found = await visit.reporting(
        reporting.ListReportsRequest(
            state=STATES.get(chosen["state"], reporting.REPORT_STATE_UNSPECIFIED),
            category=chosen["category"],
            department=chosen["department"],
            page_size=PAGE_SIZE,
            page_token=after,
        )
    )
    following = urlencode({**chosen, "after": found.next_page_token})
    return visit.page(
        template,
        reports=found.reports,
        total=found.total,
        next_link=f"?{following}#reports" if found.next_page_token else "",
        first_link=f"?{urlencode(chosen)}#reports" if after else "",
        chosen=chosen,
        states=list(STATES),
        categories=categories,
        departments=sorted({each.department for each in categories}),
    )


@get("/reports/new")
async def new_report_page(visit: Caller) -> Page:
    """The form to report a problem."""
    return await _form(visit)


@post("/reports/new", status_code=200)
async def new_report(visit: Caller) -> Answer:
    """One step: `nearby` shows what is reported around there, `send` sends the report."""
    form = await read_form(visit.request)
    try:
        is_sent = form.text("step") != "nearby"
        needed = (partial(_category, form), partial(form.needed, "description"))
        *_, position = together(*(needed if is_sent else ()), partial(read_position, form))
        if not is_sent:
            return await _form(visit, values=form.values(), nearby=await _nearby(visit, position))
        if visit.visitor is None and not visit.portal.anonymous_throttle.admits(visit.address):
            errors = [FormError("", t("error.too_many_tries"))]
            return await _form(visit, 429, errors=errors, values=form.values())
        answer = await _send(visit, form, position)
    except (DomainError, FieldErrors) as error:
        if not (isinstance(error, DomainError) and error.code == "sign_in_required"):
            return await _form(visit, status_of(error), errors=_mended(error), values=form.values())
        errors = [FormError("category", t("error.sign_in_required"))]
        return await _form(visit, 401, errors=errors, values=form.values())
    path = f"/reports/{answer.report_id}"
    return visit.redirect(path, "notice.report_received", answer.event_id)


def _category(form: Form) -> None:
    if not form.text("category"):
        raise FieldErrors(FormError("category", t("error.category_not_found")))


async def _send(visit: Visit, form: Form, position: reporting.Position | None) -> Any:
    return await visit.reporting(
        reporting.ReportProblemRequest(
            category=form.text("category"),
            position=position,
            address=form.text("address"),
            description=form.text("description"),
        ),
        form.key,
    )


def _mended(error: DomainError | FieldErrors) -> list[FormError]:
    # A place is missing, or it lies nowhere: told where places are typed.
    return [
        FormError("address" if each.field == "position" else each.field, each.text)
        for each in what_to_mend(error, "category_not_found")
    ]


@get("/reports/{report_id:uuid}")
async def report_page(visit: Caller, report_id: PathId) -> Page:
    """One report: what, where, who looks after it, what happened."""
    report = await read_report(visit, str(report_id))
    position = report.position if report.HasField("position") else None
    around = await _nearby(visit, position)
    return visit.page(
        "report.html",
        report=report,
        position=position,
        nearby=[each for each in around or [] if each.report.report_id != report.report_id],
        following=await followed_level(visit, "report", report.report_id),
    )


async def read_report(visit: Visit, report_id: str) -> reporting.Report:
    """One report; raises DomainError."""
    answer = await visit.reporting(reporting.GetReportRequest(report_id=report_id))
    report: reporting.Report = answer.report
    return report


async def read_categories(visit: Visit) -> list[reporting.Category]:
    """All categories, by label; raises DomainError."""
    answer = await visit.reporting(reporting.ListCategoriesRequest())
    return list(answer.categories)


async def _nearby(
    visit: Visit, position: reporting.Position | None
) -> list[reporting.NearbyReport] | None:
    """The open reports around a point; None where no point is known."""
    if position is None:
        return None
    answer = await or_none(
        visit.reporting(
            reporting.ListNearbyRequest(position=position, radius_m=NEARBY_M, limit=NEARBY_MAX)
        )
    )
    return list(answer.reports) if answer else None


async def _form(
    visit: Visit,
    status: int = 200,
    nearby: list[reporting.NearbyReport] | None = None,
    errors: list[FormError] | None = None,
    values: dict[str, str] | None = None,
) -> Page:
    away = False
    try:
        categories = await read_categories(visit)
    except DomainError as error:
        if error.kind is not Kind.UNAVAILABLE or not values:
            raise
        # What was typed is worth more than a list.
        categories, away = [], True
    return visit.page(
        "report_new.html",
        status,
        categories=categories,
        categories_away=away,
        nearby=nearby,
        radius=NEARBY_M,
        errors=errors or [],
        values=values or {},
    )
