"""What staff write down after the vote: contracts, invoices, milestones, pictures, corrections.

Each kind of entry has a page of its own with one form, since none of them can be taken back: what
was wrong is corrected by another entry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litestar import get, post
from litestar.datastructures import UploadFile

from cahier_chassis.errors import CALL_TOO_LONG
from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.budget.v1 import delivery_pb2 as delivery
from cahier_kernel.errors import DomainError, NotFound
from cahier_portal.catalogue import t
from cahier_portal.forms import (
    FieldErrors,
    Form,
    FormError,
    read_form,
    status_of,
    what_to_mend,
)
from cahier_portal.pages.books import books_or_none, delivery_context
from cahier_portal.pages.budgets import ProjectCard, read_cards, read_election
from cahier_portal.parameters import Caller, PathId, PathText, QueryText
from cahier_portal.visit import Answer, Page, Visit

PHOTO_BYTES_MAX = 2_000_000
BODY_BYTES_MAX = PHOTO_BYTES_MAX + 64 * 1024
CREDENTIALS_MAX = 1_000


@dataclass(frozen=True)
class Action:
    """One kind of entry. fields: of its form, (name, kind, whether it is required).

    message: makes the request from the form, and from the ids of election and project.
    item: the field that says which contract, invoice, milestone or picture; "" for none.
    """

    fields: tuple[tuple[str, str, bool], ...]
    message: Callable[[Form, dict[str, str]], Any]
    item: str = ""


def _plain(request: type[Any], *names: str) -> Callable[[Form, dict[str, str]], Any]:
    def message(form: Form, about: dict[str, str]) -> Any:
        return request(**about, **{name: form.text(name) for name in names})

    return message


def _with_cents(request: type[Any], *names: str) -> Callable[[Form, dict[str, str]], Any]:
    def message(form: Form, about: dict[str, str]) -> Any:
        texts = {name: form.text(name) for name in names}
        return request(**about, **texts, cents=form.money("cents"))

    return message


def _tender(form: Form, about: dict[str, str]) -> Any:
    names = ("title", "contractor", "reason")
    message = _with_cents(delivery.AwardTenderRequest, *names)(form, about)
    message.top_up = bool(form.text("top_up"))
    return message


_REASON = ("reason", "area", True)
_CENTS = ("cents", "money", True)
ACTIONS: dict[str, Action] = {
    "milestone": Action(
        (("title", "line", True), ("due", "day", True)),
        _plain(delivery.PlanMilestoneRequest, "title", "due"),
    ),
    "delay": Action(
        (("due", "day", True), _REASON),
        _plain(delivery.DelayMilestoneRequest, "milestone_id", "due", "reason"),
        "milestone_id",
    ),
    "reached": Action(
        (("note", "area", False),),
        _plain(delivery.ReachMilestoneRequest, "milestone_id", "note"),
        "milestone_id",
    ),
    "photo": Action(
        (("photo", "file", True), ("alt", "line", True)),
        _plain(delivery.AddPhotoRequest, "alt", "milestone_id"),
    ),
    "erase-photo": Action(
        (("basis", "basis", True),),
        _plain(delivery.ErasePhotoRequest, "photo_id", "basis"),
        "photo_id",
    ),
    "erase-texts": Action(
        (("basis", "basis", True),),
        _plain(delivery.EraseTextsRequest, "event_id", "basis"),
        "event_id",
    ),
    "tender": Action(
        (
            ("title", "line", True),
            ("contractor", "line", False),
            _CENTS,
            ("top_up", "check", False),
            ("reason", "area", False),
        ),
        _tender,
    ),
    "close-tender": Action(
        (_REASON,), _plain(delivery.CloseTenderRequest, "tender_id", "reason"), "tender_id"
    ),
    "invoice": Action(
        (
            ("payee", "line", True),
            _CENTS,
            ("reference", "line", False),
            ("subject", "line", False),
        ),
        _with_cents(
            delivery.RecordExpenditureRequest, "tender_id", "payee", "reference", "subject"
        ),
        "tender_id",
    ),
    "reverse": Action(
        (_REASON,),
        _plain(delivery.ReverseExpenditureRequest, "invoice_id", "reason"),
        "invoice_id",
    ),
    "raise": Action((_CENTS, _REASON), _with_cents(delivery.RaiseReservationRequest, "reason")),
    "finish": Action((("report", "area", False),), _plain(delivery.FinishProjectRequest, "report")),
    "abandon": Action((_REASON,), _plain(delivery.AbandonProjectRequest, "reason")),
}


@get("/staff/budgets/{election_id:uuid}/delivery")
async def delivery_desk(visit: Caller, election_id: PathId) -> Page:
    """Projects that are built, with their money; and how to close the books."""
    visit.staff()
    return await _desk(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/delivery", status_code=200)
async def close_books(visit: Caller, election_id: PathId) -> Answer:
    """Closes the books."""
    visit.staff()
    form = await read_form(visit.request)
    try:
        message = delivery.CloseBooksRequest(election_id=str(election_id))
        answer = await visit.budget(message, form.key)
    except DomainError as error:
        return await _desk(visit, str(election_id), status_of(error), errors=what_to_mend(error))
    path = f"/staff/budgets/{election_id}/delivery"
    return visit.redirect(path, "notice.books_closed", answer.event_id)


@get("/staff/budgets/{election_id:uuid}/delivery/{project_id:uuid}")
async def project_delivery(visit: Caller, election_id: PathId, project_id: PathId) -> Page:
    """One project's money and milestones, with what may be written down next."""
    visit.staff()
    election, card = await _project(visit, str(election_id), str(project_id))
    context = await delivery_context(visit, election, str(project_id))
    return visit.page("staff/delivery_project.html", election=election, card=card, **context)


@get("/staff/budgets/{election_id:uuid}/delivery/{project_id:uuid}/{action:str}")
async def action_page(
    visit: Caller,
    election_id: PathId,
    project_id: PathId,
    action: PathText,
    item: QueryText = "",
) -> Page:
    """The form of one kind of entry."""
    visit.staff()
    return await _action(visit, str(election_id), str(project_id), action, item=item)


@post(
    "/staff/budgets/{election_id:uuid}/delivery/{project_id:uuid}/{action:str}",
    status_code=200,
    request_max_body_size=BODY_BYTES_MAX,
)
async def take_action(
    visit: Caller, election_id: PathId, project_id: PathId, action: PathText
) -> Answer:
    """Writes the entry."""
    visit.staff()
    fields = await visit.request.form()
    form, known = Form(fields), _known(action)
    about = {"election_id": str(election_id), "project_id": str(project_id)}
    try:
        message = known.message(form, about)
        if action == "photo":
            message.data = await _photo(fields.get("photo"))
        answer = await visit.budget(message, form.key)
    except (DomainError, FieldErrors) as error:
        return await _action(
            visit,
            str(election_id),
            str(project_id),
            action,
            status_of(error),
            item=form.text(known.item) if known.item else "",
            errors=_mend(error, {"data": "photo"}),
            values=form.values(),
        )
    path = f"/staff/budgets/{election_id}/delivery/{project_id}"
    return visit.redirect(path, "notice.written_down", answer.event_id)


def _mend(error: DomainError | FieldErrors, named: dict[str, str]) -> list[FormError]:
    """As what_to_mend. named: what the form calls a field of the request's."""
    return [FormError(named.get(each.field, each.field), each.text) for each in what_to_mend(error)]


async def _photo(sent: Any) -> bytes:
    data = await sent.read(PHOTO_BYTES_MAX + 1) if isinstance(sent, UploadFile) else b""
    if not data:
        raise FieldErrors(FormError("photo", t("error.no_photo")))
    if len(data) > PHOTO_BYTES_MAX:
        raise FieldErrors(FormError("photo", t("error.photo_too_large")))
    return data


@get("/staff/budgets/{election_id:uuid}/corrections")
async def corrections_page(visit: Caller, election_id: PathId) -> Page:
    """Counts so far, and the forms to annul ballots, to count again, to announce."""
    visit.staff()
    return await _corrections(visit, str(election_id))


@post("/staff/budgets/{election_id:uuid}/corrections/{step:str}", status_code=200)
async def correct(visit: Caller, election_id: PathId, step: PathText) -> Answer:
    """Annuls, counts again or announces."""
    visit.staff()
    form = await read_form(visit.request)
    path = f"/staff/budgets/{election_id}/corrections"
    try:
        answer = await visit.budget(_correction(step, str(election_id), form), form.key)
    except (DomainError, FieldErrors) as error:
        if step == "count" and isinstance(error, DomainError) and error.code in CALL_TOO_LONG:
            return visit.redirect(path, "notice.count_goes_on")
        return await _corrections(
            visit,
            str(election_id),
            status_of(error),
            errors=_mend(error, {"reason": f"{step}_reason"}),
            values=form.values(),
        )
    return visit.redirect(path, "notice.written_down", answer.event_id)


def _correction(step: str, election_id: str, form: Form) -> Any:
    if step == "annul":
        return delivery.AnnulBallotsRequest(
            election_id=election_id,
            credentials=form.text("credentials").split()[: CREDENTIALS_MAX + 1],
            reason=form.text("annul_reason"),
        )
    if step == "count":
        reason = form.text("count_reason")
        if not reason:
            raise FieldErrors(FormError("count_reason", t("error.text_missing")))
        return budget.CountBallotsRequest(election_id=election_id, reason=reason)
    if step == "publish":
        return budget.PublishResultRequest(election_id=election_id)
    raise NotFound("page_not_found", "no such form")


async def _corrections(visit: Visit, election_id: str, status: int = 200, **context: Any) -> Page:
    election = await read_election(visit, election_id)
    answer = await visit.budget(delivery.ListResultVersionsRequest(election_id=election_id))
    versions = list(answer.versions)
    pending = bool(versions) and not versions[-1].announced_event_id
    return visit.page(
        "staff/corrections.html",
        status,
        election=election,
        versions=versions,
        pending=pending,
        **context,
    )


async def _desk(visit: Visit, election_id: str, status: int = 200, **context: Any) -> Page:
    election = await read_election(visit, election_id)
    books = await books_or_none(visit, election_id)
    if books is None:
        raise NotFound("books_not_found", "no result is announced")
    cards = {card.project.project_id: card for card in await read_cards(visit, election)}
    return visit.page(
        "staff/delivery.html", status, election=election, books=books, cards=cards, **context
    )


async def _action(
    visit: Visit,
    election_id: str,
    project_id: str,
    action: str,
    status: int = 200,
    **context: Any,
) -> Page:
    known = _known(action)
    election, card = await _project(visit, election_id, project_id)
    held = await delivery_context(visit, election, project_id)
    return visit.page(
        "staff/deliver.html",
        status,
        election=election,
        card=card,
        action=action,
        fields=known.fields,
        item_field=known.item,
        **{**held, **context},
    )


async def _project(
    visit: Visit, election_id: str, project_id: str
) -> tuple[budget.Election, ProjectCard]:
    election = await read_election(visit, election_id)
    for card in await read_cards(visit, election):
        if card.project.project_id == project_id:
            return election, card
    raise NotFound("project_not_found", "the election has no such project")


def _known(action: str) -> Action:
    found = ACTIONS.get(action)
    if found is None:
        raise NotFound("page_not_found", "no such form")
    return found
