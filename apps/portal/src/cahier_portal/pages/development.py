"""Pages of a development city alone: captured mails, how the units fare. `cahier up` opens them."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.params import FromQuery

from cahier_chassis.health import Health
from cahier_contracts.notifications.v1 import notifications_service_pb2 as notifications
from cahier_kernel.errors import DomainError, Kind, NotFound
from cahier_portal.parameters import Caller
from cahier_portal.visit import Page

MAILS_SHOWN = 50


@get("/dev/inbox")
async def inbox(visit: Caller, before: FromQuery[int] = 0) -> Page:
    """The mails that the city's capture server took in, newest first."""
    service = visit.portal.services.by_name("notifications")
    if service is None:
        raise NotFound("capture_off", "no mails are captured here")
    try:
        answer = await service.ask(
            notifications.ListCapturedMailsRequest(
                page_size=MAILS_SHOWN, before_number=max(0, before)
            )
        )
    except DomainError as error:
        if error.kind is Kind.NOT_SERVED:
            raise NotFound(error.code, error.rule) from None
        raise
    older = answer.mails[-1].number if len(answer.mails) == MAILS_SHOWN else 0
    return visit.page("dev/inbox.html", mails=answer.mails, total=answer.total, older=older)


@get("/dev/status")
async def status(request: Request[Any, Any, Any], visit: Caller) -> Page:
    """Readiness, lags, rates and dead letters of each unit, and the last traces through them."""
    watch = visit.portal.watch
    if not watch.is_on:
        raise NotFound("status_off", "this city does not tell how its units fare")
    health: Health = request.app.state.health
    units, traces = await watch.look(health)
    return visit.page("dev/status.html", units=units, traces=traces)
