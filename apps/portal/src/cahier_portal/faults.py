"""What people and programs get when something goes wrong: a kind page, or problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.status_codes import HTTP_405_METHOD_NOT_ALLOWED

from cahier_chassis.logs import get_logger
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import knows
from cahier_portal.forms import STATUS_OF_KIND
from cahier_portal.visit import Visit, page_of_action, visit_of

PROBLEM_JSON = "application/problem+json"
_PROGRAMS = (
    "/api/",
    "/disclosures/",
    "/tlog/",
    "/receipts/",
    "/open311/",
    "/open-data/",
    "/dev/clock/",
)
_LOG = get_logger(__name__)


def on_domain_error(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
    """A service's refusal that no form took care of."""
    status = STATUS_OF_KIND[error.kind]
    if _is_program(request):
        return problem(status, error.code, error.rule, field=error.field)
    visit = _visit(request)
    if error.kind is Kind.UNAUTHENTICATED:
        if visit.identity_away:
            return error_page(visit, 503)
        if visit.visitor is not None:
            visit.portal.tokens.forget(visit.visitor)
        return visit.to_sign_in()
    if error.kind is Kind.INVALID:
        # The address itself was wrong: a form would have shown it at its field.
        status = 404
    return error_page(visit, status)


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """No such page, wrong method, forged form, too large a body."""
    status = error.status_code
    if _is_program(request):
        field, detail = _wrong_part(request, error)
        refusal = problem(status, f"http_{status}", detail, field=field)
        refusal.headers.update(error.headers or {})  # Such as Allow beside 405.
        return refusal
    if status == HTTP_405_METHOD_NOT_ALLOWED and request.method in ("GET", "HEAD"):
        return _visit(request).redirect(page_of_action(request.url.path, request.url.query))
    return error_page(_visit(request), status, headers=error.headers or {})


def _wrong_part(request: Request[Any, Any, Any], error: HTTPException) -> tuple[str, str]:
    """(parameter, what is wrong with it); without a parameter, what the framework says."""
    parts = error.extra if isinstance(error.extra, list) else []
    for part in parts:
        if isinstance(part, dict) and part.get("key") and part.get("message"):
            return _as_asked(request, str(part["key"])), str(part["message"])
    return "", error.detail


def _as_asked(request: Request[Any, Any, Any], argument: str) -> str:
    """What the address calls the argument of a handler."""
    declared = request.route_handler.parsed_fn_signature.parameters.get(argument)
    named = getattr(declared and declared.kwarg_definition, "name", None)
    return str(named or argument)


def on_accident(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of ours: logged with its trace, told without details."""
    _LOG.error("request_failed", exc_info=error)
    if _is_program(request):
        return problem(500, "internal", "the site failed; its log says why")
    return error_page(_visit(request), 500)


def problem(status: int, code: str, detail: str, *, field: str = "") -> Response[bytes]:
    """Problem details (RFC 9457) with our stable code as an extension member.

    They are of the type about:blank, whose title is the phrase of the status.
    Kept by nobody: what is not there now, such as a tile, may be there in a second.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    if detail:
        body["detail"] = detail
    if field:
        body["field"] = field
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers={"cache-control": "no-store"},
    )


def error_page(visit: Visit, status: int, headers: dict[str, str] | None = None) -> Response[str]:
    """The page of a status, in the site's own frame."""
    known = status if knows(f"fault.s{status}.title") else 500 if status >= 500 else 400
    page = visit.page("fault.html", status, fault=f"fault.s{known}")
    for name, value in (headers or {}).items():
        page.headers[name] = value
    return page


def _visit(request: Request[Any, Any, Any]) -> Visit:
    held = request.scope.get("visit")
    if "session" not in request.scope:
        # No route, so no middleware: the page shall know who visits all the same.
        request.scope["session"] = request.app.state.sessions.read(request)
    return held if isinstance(held, Visit) else visit_of(request, request.app.state.portal)


def _is_program(request: Request[Any, Any, Any]) -> bool:
    return f"{request.url.path.rstrip('/')}/".startswith(_PROGRAMS)
