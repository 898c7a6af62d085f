"""The only wiring of notifications: settings in, a unit that serves, reacts and sends out."""

from __future__ import annotations

import asyncio
from functools import partial

from nats.js import JetStreamContext

from cahier_chassis import metrics
from cahier_chassis.bus import (
    BusMeters,
    relay_outbox,
    run_own_projection,
    run_public_projection,
)
from cahier_chassis.erasing import Erasing, replay
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.history import serve_history
from cahier_chassis.pseudonyms import load_pseudonyms
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.reacting import run_reactions
from cahier_chassis.retention import bound_kept_answers
from cahier_chassis.roles import Role
from cahier_chassis.unit import Unit
from cahier_contracts.notifications.v1.notifications_service_pb2_grpc import (
    add_NotificationsServiceServicer_to_server,
)
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.streams import public_stream
from cahier_ledger.bus.views import Fold, View, ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_notifications.adapters.capture import HOST, CapturedMails, CaptureServer
from cahier_notifications.adapters.holdings import SqlHoldings
from cahier_notifications.adapters.letters import CatalogueLetters
from cahier_notifications.adapters.read_model import SqlReadModel
from cahier_notifications.adapters.smtp import NoServer, SmtpAddress, SmtpServer
from cahier_notifications.adapters.unsubscribing import SignedTokens
from cahier_notifications.application.commands import Commands
from cahier_notifications.application.handing_over import HandingOver
from cahier_notifications.application.planning import Planning
from cahier_notifications.application.ports import MailServer
from cahier_notifications.application.projections import (
    BUDGET,
    CONSULTATION,
    OWN,
    REPORTING,
    fold_budget,
    fold_consultation,
    fold_own,
    fold_reporting,
)
from cahier_notifications.application.publishing import SERVICE
from cahier_notifications.application.queries import Queries
from cahier_notifications.application.stored import CODEC
from cahier_notifications.entrypoints.grpc import ANONYMOUS, NotificationsGrpc
from cahier_notifications.entrypoints.subscribers import reactions
from cahier_notifications.settings import NotificationsSettings
from cahier_record.notifications import events

OTHERS: dict[str, tuple[View, Fold[PublicMessage]]] = {
    "consultation": (CONSULTATION, fold_consultation),
    "budget": (BUDGET, fold_budget),
    "reporting": (REPORTING, fold_reporting),
}


async def bootstrap(unit: Unit, settings: NotificationsSettings) -> None:
    """Opens the store, the views and the key, and hands everything that runs to the unit."""
    ledger = unit.stores.open_ledger(on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    await keep_public_log(unit, ledger)
    key = load_pseudonyms(
        settings.data_dir / "keys" / "unsubscribe.key", may_create=ledger.head_seq() == 0
    )
    unsubscribing = SignedTokens(key)
    views, own = _views(unit, ledger)
    read_model = _read_model(unit, ledger, views, own)
    captured = CapturedMails(settings.data_dir / "captured") if _captures(settings) else None
    server = await _mail_server(unit, settings, captured)
    letters = CatalogueLetters(
        settings.city, settings.portal_url.rstrip("/"), _sender(settings), unsubscribing
    )
    handing_over = HandingOver(
        ledger, read_model, letters, server, unit.clock, connections=settings.smtp_connections
    )
    commands = Commands(ledger, read_model, unsubscribing, unit.clock)
    servicer = NotificationsGrpc(ledger, commands, Queries(ledger, read_model, captured))
    adder = partial(add_NotificationsServiceServicer_to_server, servicer)
    unit.serve_grpc(GrpcServer(SERVICE, [adder], unit.verifier(), anonymous=ANONYMOUS))
    planning = Planning(ledger, read_model, unit.clock, handing_over.wake)
    erasing = Erasing(
        SERVICE,
        ledger,
        CODEC,
        events,
        SqlHoldings(views, own, captured),
        settings.erasures(),
        unit.clock,
    )
    await replay(erasing, own)
    # The inbox is as durable as the store: without it mails would be planned twice.
    inbox = unit.stores.open_inbox()
    unit.on_close("inbox", partial(asyncio.to_thread, inbox.close))
    siblings = reactions(planning.react, planning.react_to_many)
    run_reactions(unit, inbox, [*siblings, erasing.reaction()])
    # In one process at a time: two would hand every mail over twice.
    unit.spawn("handing over", handing_over.run, role=Role.REACT, stand_by=asyncio.Event().wait)
    unit.health.add_degradation("mail server", handing_over.away)
    relay_outbox(unit, ledger)
    bound_kept_answers(unit)


def _views(unit: Unit, ledger: Ledger) -> tuple[ViewDatabase, OwnProjection]:
    views = unit.stores.open_views()
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    serve_history(unit, ledger, views)
    # Declared before anything is served: queries and commands read the tables at once.
    for view in (OWN, *(view for view, _ in OTHERS.values())):
        views.declare(view)
    own = OwnProjection(ledger, views, OWN, fold_own, observer=BusMeters())
    run_own_projection(unit, own, ledger)
    return views, own


def _read_model(
    unit: Unit, ledger: Ledger, views: ViewDatabase, own: OwnProjection
) -> SqlReadModel:
    read_model = SqlReadModel(ledger, views, own)
    for service in OTHERS:
        run_public_projection(unit, service, partial(_projection, read_model, views, service))
    return read_model


def _projection(
    read_model: SqlReadModel, views: ViewDatabase, service: str, js: JetStreamContext
) -> PublicProjection:
    view, fold = OTHERS[service]
    durable = f"{SERVICE}-things"
    projection = PublicProjection(
        js, public_stream(service), durable, views, view, fold, observer=BusMeters()
    )
    return read_model.feed(service, projection)


def _captures(settings: NotificationsSettings) -> bool:
    return settings.capture and settings.smtp_url is None


async def _mail_server(
    unit: Unit, settings: NotificationsSettings, captured: CapturedMails | None
) -> MailServer:
    if settings.smtp_url is not None:
        address = SmtpAddress.parse(settings.smtp_url.get_secret_value())
    elif captured is not None:
        capture = CaptureServer(captured)
        unit.on_close("capture", capture.close)
        address = SmtpAddress(HOST, await capture.start())
    else:
        return NoServer()
    return SmtpServer(address, _sender(settings), settings.smtp_timeout_s)


def _sender(settings: NotificationsSettings) -> str:
    return settings.sender or f"no-reply@{settings.city}.cahier.localhost"
