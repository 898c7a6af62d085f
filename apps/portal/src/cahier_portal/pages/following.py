"""Following: which things mail their news to the visitor, how closely, and the ways out."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import QueryParameter

from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_kernel.errors import DomainError, Kind
from cahier_portal.catalogue import language, t
from cahier_portal.forms import FormError, read_form, status_of, what_to_mend
from cahier_portal.parameters import Caller
from cahier_portal.visit import Answer, Page, Visit, or_none

KINDS = {
    "proposal": notifications.THING_KIND_PROPOSAL,
    "election": notifications.THING_KIND_ELECTION,
    "process": notifications.THING_KIND_PROCESS,
    "report": notifications.THING_KIND_REPORT,
}
LEVELS = {
    "minimal": notifications.FOLLOW_LEVEL_MINIMAL,
    "essential": notifications.FOLLOW_LEVEL_ESSENTIAL,
    "all": notifications.FOLLOW_LEVEL_ALL,
}
KIND_NAMES = {value: name for name, value in KINDS.items()}
LEVEL_NAMES = {value: name for name, value in LEVELS.items()}
_PLACES = {
    "proposal": "/proposals/",
    "election": "/budgets/",
    "process": "/processes/",
    "report": "/reports/",
}
TOKEN_CHARS_MAX = 2_000
_WITHOUT_COOKIES = {"exclude_from_csrf": True}
Token = Annotated[str, QueryParameter(name="token")]


def page_of(kind: str, thing_id: str) -> str:
    """The address of a thing's page."""
    return _PLACES[kind] + thing_id


async def followed_level(visit: Visit, kind: str, thing_id: str) -> str | None:
    """How closely the visitor follows a thing: "" not at all; None when that is not known."""
    if visit.visitor is None or "notifications" not in visit.portal.services.names:
        return None
    listed = await or_none(visit.notifications(notifications.ListFollowsRequest()))
    if listed is None:
        return None
    for each in listed.follows:
        if each.thing_id == thing_id and each.thing_kind == KINDS[kind]:
            return LEVEL_NAMES.get(each.level, "")
    return ""


@post("/me/follows", status_code=200)
async def follow(visit: Caller) -> Answer:
    """Follows a thing, changes how closely, or stops, and leads back to where one was."""
    visit.signed_in()
    form = await read_form(visit.request)
    kind, thing_id = form.text("thing_kind"), form.text("thing_id")
    back = "/me/things" if form.text("back") == "things" or kind not in KINDS else ""
    try:
        if form.text("step") == "stop":
            await visit.notifications(
                notifications.UnfollowRequest(
                    thing_kind=KINDS.get(kind, notifications.THING_KIND_UNSPECIFIED),
                    thing_id=thing_id,
                ),
                form.key,
            )
            return visit.redirect(back or page_of(kind, thing_id), "notice.unfollowed")
        await visit.notifications(
            notifications.FollowRequest(
                thing_kind=KINDS.get(kind, notifications.THING_KIND_UNSPECIFIED),
                thing_id=thing_id,
                level=LEVELS.get(form.text("level"), notifications.FOLLOW_LEVEL_UNSPECIFIED),
                language=language(),
            ),
            form.key,
        )
    except DomainError as error:
        errors = [FormError("", each.text) for each in what_to_mend(error, "thing_not_found")]
        return visit.page(
            "follow.html",
            status_of(error),
            kind=kind if kind in KINDS else "",
            thing_id=thing_id,
            back=page_of(kind, thing_id) if kind in KINDS else "/me/things",
            errors=errors,
        )
    return visit.redirect(back or page_of(kind, thing_id), "notice.followed")


@get("/unsubscribe")
async def unsubscribe_page(visit: Caller, token: Token = "") -> Page:
    """Asks once more: a mail program that fetches links must not end a follow (RFC 8058)."""
    visit.portal.services.required("notifications")
    return visit.page("unsubscribe.html", token=token[:TOKEN_CHARS_MAX], ended="", back="")


@post("/unsubscribe", status_code=200, opt=_WITHOUT_COOKIES)
async def unsubscribe(visit: Caller, token: Token = "") -> Page:
    """Ends the follow that a mail came from, by the mail's own token (RFC 8058, one click).

    Mail programs post here without cookies, so nothing but the token counts. Repeating it is fine.
    """
    service = visit.portal.services.required("notifications")
    try:
        ended = await service.ask(notifications.UnsubscribeRequest(token=token[:TOKEN_CHARS_MAX]))
    except DomainError as error:
        if error.kind is not Kind.INVALID:
            raise
        errors = [FormError("", t("error.unsubscribe_token_wrong"))]
        return visit.page(
            "unsubscribe.html", status_of(error), token="", ended="", back="", errors=errors
        )
    kind = KIND_NAMES.get(ended.thing_kind, "")
    back = page_of(kind, ended.thing_id) if kind else ""
    return visit.page("unsubscribe.html", token="", ended=kind, back=back)
