"""What the city holds on the signed-in person, and how they are forgotten.

Everything comes from the services' own answers, in the visitor's own name; the portal keeps none
of it. The report of an erasure names nobody, so that it can be read without an account, which by
then is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.enums import MediaType

from cahier_contracts.budget.v1 import budget_service_pb2 as budget
from cahier_contracts.consultation.v1 import consultation_service_pb2 as consultation
from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_contracts.reporting.v1 import reporting_service_pb2 as reporting
from cahier_kernel.clock import from_rfc3339, to_rfc3339
from cahier_kernel.errors import DomainError, Kind
from cahier_portal import session
from cahier_portal.catalogue import LANGUAGES, error_sentence, knows, t
from cahier_portal.formats import instant
from cahier_portal.forms import FormError, read_form
from cahier_portal.pages.following import page_of
from cahier_portal.parameters import Caller, PathId
from cahier_portal.session import Visitor
from cahier_portal.visit import Answer, Page, Visit, or_none

_REQUESTS: Mapping[str, type[Any]] = {
    "identity": identity.ExportSubjectRequest,
    "consultation": consultation.ExportSubjectRequest,
    "reporting": reporting.ExportSubjectRequest,
    "budget": budget.ExportSubjectRequest,
    "notifications": notifications.ExportSubjectRequest,
}
"""How each service is asked for what it holds on a person, in the order of the page."""

_NOT_SHARED = {"cache-control": "no-store"}
_FILE_NAME = "cahier-export.json"


@dataclass(frozen=True)
class Held:
    """One thing that a service holds on the person. at: None where no time is kept."""

    kind: str
    id: str
    event_id: str
    at: datetime | None
    values: Mapping[str, str]

    @property
    def path(self) -> str:
        """The page of what it is about; "" where it has none."""
        if self.kind == "follow":
            return page_of(self.values["kind"], self.id)
        if self.kind == "report":
            return page_of("report", self.id)
        if self.kind in ("proposal", "edit", "comment", "support"):
            return page_of("proposal", self.values.get("proposal", self.id))
        return ""


@dataclass(frozen=True)
class Kept:
    """What is kept after an erasure. until: noon (UTC) of the last day."""

    what: str
    until: datetime
    basis: str


@dataclass(frozen=True)
class Confirmation:
    """What one service says of an erasure; confirmed_at is None until it has confirmed."""

    service: str
    confirmed_at: datetime | None
    erased: int
    kept: list[Kept]
    event_id: str


@get("/me/export")
async def export_page(visit: Caller) -> Page:
    """All that is held on the visitor, to read; None stands for a service that is away."""
    held = await _held(visit, visit.signed_in())
    return visit.page("export.html", held=held, named=_named, said=_said)


@get("/me/export.json")
async def export_file(visit: Caller) -> Response[bytes]:
    """The same as a file; it names the services that were away, for it lacks what they hold."""
    visitor = visit.signed_in()
    held = await _held(visit, visitor)
    body = {
        "person": visitor.resident_id,
        "made_at": to_rfc3339(visit.portal.clock.now()),
        "away": [service for service, items in held.items() if items is None],
        "held": {
            service: [_plain(item) for item in items or ()] for service, items in held.items()
        },
    }
    headers = {**_NOT_SHARED, "content-disposition": f'attachment; filename="{_FILE_NAME}"'}
    content = msgspec.json.format(msgspec.json.encode(body), indent=2)
    return Response(content, media_type=MediaType.JSON, headers=headers)


@get("/me/erase")
async def erase_page(visit: Caller) -> Page:
    """What goes, what stays and until when, and the form that ends it all."""
    return visit.page("erase.html", email=await _email(visit, visit.signed_in()))


@post("/me/erase", status_code=200)
async def erase(visit: Caller) -> Answer:
    """Forgets the visitor, who shows by the password that it is they who ask; signs them out."""
    visitor = visit.signed_in()
    form = await read_form(visit.request)
    if not visit.portal.throttle.admits(visit.address):
        return _erase_again(visit, 429, t("error.too_many_tries"))
    email = await _email(visit, visitor)
    refusal = await _refusal(visit, email, form.raw("password"))
    if refusal:
        return _erase_again(visit, 422, refusal, email)
    order = identity.EraseSubjectRequest(subject_id=visitor.resident_id)
    answer = await visit.identity(order, form.key)
    visit.portal.tokens.forget(visitor)
    session.sign_out(visit.request.session)
    return visit.redirect(f"/erasure/{answer.erasure_id}", "notice.erased", answer.event_id)


@get("/erasure/{erasure_id:uuid}")
async def erasure_page(visit: Caller, erasure_id: PathId) -> Page:
    """How far an erasure is. Open to whoever knows its id, which nobody can guess."""
    asked = identity.GetErasureRequest(erasure_id=str(erasure_id))
    report = await visit.portal.services.identity.ask(asked)
    running = visit.portal.services.names
    # A city without a service waits for no word of it.
    services = [_confirmation(each) for each in report.services if each.service in running]
    return visit.page(
        "erasure.html",
        report=report,
        services=services,
        complete=all(each.confirmed_at for each in services),
        named=_named,
    )


async def _held(visit: Visit, visitor: Visitor) -> dict[str, list[Held] | None]:
    running = visit.portal.services.names
    asked = [service for service in _REQUESTS if service in running]
    found = await asyncio.gather(*(_held_by(visit, visitor, service) for service in asked))
    return dict(zip(asked, found, strict=True))


async def _held_by(visit: Visit, visitor: Visitor, service: str) -> list[Held] | None:
    ask = getattr(visit, service)
    answer = await or_none(ask(_REQUESTS[service](subject_id=visitor.resident_id)))
    return None if answer is None else [_item(each) for each in answer.items]


def _item(item: Any) -> Held:
    at = instant(item.at) if item.HasField("at") else None
    # A map has no order; what a thing is called comes first.
    values = sorted(item.values.items(), key=lambda each: (each[0] != "title", each[0]))
    return Held(item.kind, item.id, item.event_id, at, dict(values))


def _plain(item: Held) -> dict[str, Any]:
    at = to_rfc3339(item.at) if item.at else None
    return {
        "kind": item.kind,
        "id": item.id,
        "event_id": item.event_id or None,
        "at": at,
        "values": dict(item.values),
    }


def _confirmation(said: identity.ServiceErasure) -> Confirmation:
    kept = [
        Kept(each.what, from_rfc3339(f"{each.until}T12:00:00Z"), each.basis) for each in said.kept
    ]
    at = instant(said.confirmed_at) if said.confirmed else None
    return Confirmation(said.service, at, said.erased, kept, said.event_id)


def _named(table: str, word: str) -> str:
    """A service's stable word in the reader's language; the word itself where none is known."""
    key = f"{table}.{word}"
    return t(key) if knows(key) else word


# Values that are stable words of a service, and where the catalogue has them.
_WORDS = {"kind": "things.kind_", "level": "follow.level_", "role": "role."}


def _said(name: str, value: str) -> str:
    """A value as people read it."""
    if name == "language":
        return LANGUAGES.get(value, value)
    key = f"{_WORDS[name]}{value}" if name in _WORDS else ""
    return t(key) if knows(key) else value


async def _email(visit: Visit, visitor: Visitor) -> str:
    """The address of the visitor's account as identity holds it; never one that a form says."""
    held = await visit.identity(identity.ExportSubjectRequest(subject_id=visitor.resident_id))
    return next((str(each.values["email"]) for each in held.items if "email" in each.values), "")


async def _refusal(visit: Visit, email: str, password: str) -> str:
    """Why the password does not prove whose account it is, by signing in once more; "" if it
    does."""
    asked = identity.SignInRequest(email=email, password=password)
    try:
        await visit.portal.services.identity.ask(asked)
    except DomainError as error:
        if error.kind is Kind.FAILED_PRECONDITION:  # Too many wrong ones: not even the right one.
            return error_sentence(error)
        if error.kind is not Kind.UNAUTHENTICATED:
            raise
        return t("erase.wrong_password")
    return ""


def _erase_again(visit: Visit, status: int, sentence: str, email: str = "") -> Page:
    errors = [FormError("password", sentence)]
    return visit.page("erase.html", status, errors=errors, email=email)
