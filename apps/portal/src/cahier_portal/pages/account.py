"""Accounts: register, sign in and out, prove where one lives."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import get, post
from litestar.params import QueryParameter

from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_kernel.errors import DomainError, Kind, Unauthenticated
from cahier_portal import session
from cahier_portal.catalogue import error_sentence, t
from cahier_portal.forms import Form, FormError, read_form, status_of, what_to_mend
from cahier_portal.pages.authorship import follow_own_of_before
from cahier_portal.parameters import Caller
from cahier_portal.visit import Answer, Page, Visit

NextPath = Annotated[str, QueryParameter(name="next")]


def safe_next(path: str) -> str:
    """A path of this site to go on to, or the front page for anything else."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    is_plain = path.isascii() and path.isprintable() and len(path) <= 500
    return path if is_ours and is_plain and not path.startswith("/sign-") else "/"


@get("/sign-in")
async def sign_in_page(visit: Caller, next_path: NextPath = "/") -> Page:
    """The sign-in form."""
    return visit.page("sign_in.html", next_path=safe_next(next_path))


@post("/sign-in", status_code=200)
async def sign_in(visit: Caller) -> Answer:
    """Proves a password and begins a session."""
    form = await read_form(visit.request)
    if not visit.portal.throttle.admits(visit.address):
        return _sign_in_again(visit, form, 429, t("error.too_many_tries"))
    try:
        await _begin_session(visit, form)
    except DomainError as error:
        if error.kind in (Kind.NOT_FOUND, Kind.NOT_SERVED):
            raise
        return _sign_in_again(visit, form, status_of(error), error_sentence(error))
    await follow_own_of_before(visit)
    return visit.redirect(safe_next(form.text("next")), "notice.signed_in")


@get("/register")
async def register_page(visit: Caller, next_path: NextPath = "/") -> Page:
    """The registration form."""
    return visit.page("register.html", next_path=safe_next(next_path))


@post("/register", status_code=200)
async def register(visit: Caller) -> Answer:
    """Registers a resident and signs them in."""
    form = await read_form(visit.request)
    if not visit.portal.throttle.admits(visit.address):
        errors = [FormError("", t("error.too_many_tries"))]
        return _register_again(visit, form, 429, errors)
    try:
        await visit.portal.services.identity.ask(
            identity.RegisterResidentRequest(
                email=form.text("email"),
                display_name=form.text("display_name"),
                password=form.raw("password"),
            ),
            idempotency_key=form.key,
        )
    except DomainError as error:
        return _register_again(visit, form, status_of(error), what_to_mend(error))
    await _begin_session(visit, form)
    path = safe_next(form.text("next"))
    return visit.redirect("/me" if path == "/" else path, "notice.registered")


@post("/sign-out", status_code=200)
async def sign_out(visit: Caller) -> Answer:
    """Ends the session on this device."""
    if visit.visitor is not None:
        visit.portal.tokens.forget(visit.visitor)
    session.sign_out(visit.request.session)
    return visit.redirect("/", "notice.signed_out")


@get("/me")
async def me(visit: Caller, next_path: NextPath = "/") -> Page:
    """What the city holds on the visitor, and the form to prove where they live.

    next: where to go on to once that is proved.
    """
    return await _me(visit, next_path=safe_next(next_path))


@post("/me/residence", status_code=200)
async def prove_residence(visit: Caller) -> Answer:
    """Proves the visitor's residence against the census."""
    visitor = visit.signed_in()
    form = await read_form(visit.request)
    message = identity.ProveResidenceRequest(
        document_number=form.text("document_number"),
        birth_date=form.text("birth_date"),
        postcode=form.text("postcode"),
    )
    try:
        answer = await visit.identity(message, form.key)
    except DomainError as error:
        # What the census does not hold comes as a refusal of its own kind: it is mended here.
        if error.kind in (Kind.FORBIDDEN, Kind.NOT_FOUND):
            errors = [FormError(error.field, error_sentence(error))]
        else:
            errors = what_to_mend(error)
        back = safe_next(form.text("next"))
        return await _me(
            visit, status_of(error), errors=errors, values=form.values(), next_path=back
        )
    visit.portal.tokens.forget(visitor)
    path = safe_next(form.text("next"))
    return visit.redirect(
        "/me" if path == "/" else path, "notice.residence_proved", answer.event_id
    )


async def _begin_session(visit: Visit, form: Form) -> None:
    answer = await visit.portal.services.identity.ask(
        identity.SignInRequest(email=form.text("email"), password=form.raw("password"))
    )
    session.sign_in(visit.request.session, answer)
    visit.visitor = session.visitor_of(visit.request.session)


def _sign_in_again(visit: Visit, form: Form, status: int, sentence: str) -> Page:
    return visit.page(
        "sign_in.html",
        status,
        next_path=safe_next(form.text("next")),
        errors=[FormError("email", sentence)],
        values=form.values(),
    )


def _register_again(visit: Visit, form: Form, status: int, errors: list[FormError]) -> Page:
    return visit.page(
        "register.html",
        status,
        next_path=safe_next(form.text("next")),
        errors=errors,
        values=form.values(),
    )


async def _me(visit: Visit, status: int = 200, **context: Any) -> Page:
    visitor = visit.signed_in()
    try:
        held = await visit.identity(identity.GetResidentRequest(resident_id=visitor.resident_id))
    except DomainError as error:
        if error.kind is Kind.NOT_FOUND:
            raise Unauthenticated("session_missing", "the resident is not known") from None
        raise
    return visit.page("me.html", status, resident=held, **context)
