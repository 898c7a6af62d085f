"""Addresses that other programs rely on: health, the public logs and their receipts, disclosures,
the development clock, and those that a later release serves, which say so."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import HttpMethod, Request, Response, get, post, route
from litestar.enums import MediaType

from cahier_chassis.disclosures import ERASED_CODE
from cahier_chassis.health import Health
from cahier_kernel import base64url
from cahier_kernel.clock import FileClock, from_rfc3339, to_rfc3339
from cahier_kernel.errors import DomainError, Invalid, Kind, NotFound
from cahier_portal.disclosed import REQUESTS
from cahier_portal.doors import Carried
from cahier_portal.faults import problem
from cahier_portal.parameters import Caller, PathText
from cahier_portal.visit import Visit

_OUTSIDE = {"skip_session": True, "exclude_from_csrf": True}
EVENT_ID_CHARS_MAX = 64
LATER = {
    "/open311": "Open311 is served by a later release",
}


@get(["/healthz", "/readyz", "/metrics", "/traces"], opt=_OUTSIDE)
async def health_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether the portal is alive, ready, how it fares; in development its last traces."""
    health: Health = request.app.state.health
    status, content_type, body = health.answer(request.url.path.rstrip("/")) or (404, "", b"")
    headers = {"content-type": content_type, "cache-control": "no-store"}
    return Response(body, status_code=status, headers=headers)


@get("/disclosures/{service:str}/{event_id:str}", opt=_OUTSIDE)
async def disclosures(visit: Caller, service: PathText, event_id: PathText) -> Response[bytes]:
    """The texts behind a public event's digests, as SD-JWT disclosures `[salt, name, value]`.

    Salts are base64url without padding, so that `base64url(JSON of one entry)` hashes to the
    digest in the leaf. 410 where the texts were erased: the leaf stands, and they were there.
    """
    request_type = REQUESTS.get(service)
    if request_type is None or len(event_id) > EVENT_ID_CHARS_MAX:
        raise NotFound("event_not_found", "no service has such a public event")
    owner = visit.portal.services.by_name(service)
    if owner is None:
        raise NotFound("event_not_found", "no service has such a public event")
    try:
        answer = await owner.ask(request_type(event_id=event_id))
    except DomainError as error:
        if error.kind is Kind.INVALID:
            raise NotFound(error.code, error.rule) from None
        if error.code == ERASED_CODE:
            return problem(410, error.code, error.rule)
        raise
    entries = [[base64url.encode(each.salt), each.name, each.value] for each in answer.disclosures]
    # Texts may be erased at any time, and then must be nowhere.
    headers = {"cache-control": "no-store"}
    return Response(msgspec.json.encode(entries), media_type=MediaType.JSON, headers=headers)


@get("/tlog/{service:str}/{rest:path}", opt=_OUTSIDE)
async def log_file(visit: Caller, service: PathText, rest: PathText) -> Response[bytes]:
    """A file of a service's public log: C2SP tlog-tiles, byte for byte as the service has it."""
    return _carried(await visit.portal.doors.file(service, str(rest).lstrip("/")))


@get("/receipts/{event_id:str}", opt=_OUTSIDE)
async def receipt(visit: Caller, event_id: PathText) -> Response[bytes]:
    """A public event's receipt (C2SP tlog-proof); 202 until its checkpoint is there."""
    return _carried(await visit.portal.doors.receipt(event_id))


@get("/dev/clock", opt=_OUTSIDE)
async def read_clock(visit: Caller) -> Response[bytes]:
    """The city's time; development only."""
    _dev_clock(visit)
    return _now(visit)


@post("/dev/clock", status_code=200, opt=_OUTSIDE)
async def set_clock(request: Request[Any, Any, Any], visit: Caller) -> Response[bytes]:
    """Sets the city's time to `{"now": RFC 3339}`; development only."""
    clock = _dev_clock(visit)
    try:
        body = msgspec.json.decode(await request.body(), type=dict[str, str])
        clock.set(from_rfc3339(body["now"]))
    except (msgspec.DecodeError, KeyError, ValueError):
        raise Invalid("now_malformed", '{"now": RFC 3339 with an offset}', field="now") from None
    return _now(visit)


_EVERY_METHOD = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE]


@route(
    [path for prefix in LATER for path in (prefix, f"{prefix}/{{rest:path}}")],
    http_method=_EVERY_METHOD,
    opt=_OUTSIDE,
    status_code=501,
)
async def later(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Addresses whose contract stands and whose service comes with a later release."""
    path = request.url.path
    line = next(line for prefix, line in LATER.items() if path.startswith(prefix))
    return problem(501, "not_served", line)


def _dev_clock(visit: Visit) -> FileClock:
    clock = visit.portal.clock
    if not (visit.portal.settings.dev_clock and isinstance(clock, FileClock)):
        raise NotFound("dev_clock_off", "the clock of this city cannot be set")
    return clock


def _carried(carried: Carried) -> Response[bytes]:
    return Response(carried.body, status_code=carried.status, headers=carried.headers)


def _now(visit: Visit) -> Response[bytes]:
    body = msgspec.json.encode({"now": to_rfc3339(visit.portal.clock.now())})
    return Response(body, media_type=MediaType.JSON)
