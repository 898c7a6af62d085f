"""The only wiring of reporting: settings in, a unit that serves out."""

from __future__ import annotations

import asyncio
from functools import partial

from cahier_chassis import metrics
from cahier_chassis.bus import BusMeters, relay_outbox, run_own_projection
from cahier_chassis.erasing import Erasing, replay
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.history import serve_history
from cahier_chassis.pseudonyms import load_pseudonyms
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.reacting import run_reactions
from cahier_chassis.retention import bound_kept_answers
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.unit import Unit
from cahier_contracts.reporting.v1.reporting_service_pb2_grpc import (
    add_ReportingServiceServicer_to_server,
)
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_record.reporting import events
from cahier_reporting.adapters.read_model import SqliteReadModel
from cahier_reporting.application.commands import Commands
from cahier_reporting.application.persons import Exporting, holdings
from cahier_reporting.application.policies import Promises
from cahier_reporting.application.projections import VIEW, fold
from cahier_reporting.application.publishing import SERVICE, publish
from cahier_reporting.application.queries import Queries
from cahier_reporting.application.stored import CODEC
from cahier_reporting.entrypoints.grpc import ANONYMOUS, ReportingGrpc
from cahier_reporting.settings import ReportingSettings

TIMER_INTERVAL_S = 1.0


async def bootstrap(unit: Unit, settings: ReportingSettings) -> None:
    """Opens the store, the key and the views, and hands everything that runs to the unit."""
    ledger = unit.stores.open_ledger(on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    await keep_public_log(unit, ledger)
    pseudonyms = load_pseudonyms(
        settings.data_dir / "keys" / "pseudonym.key", may_create=ledger.head_seq() == 0
    )
    views, projection = _views(unit, ledger)
    read_model, index = SqliteReadModel(views, projection), holdings(views, projection)
    clock = unit.clock
    aggregates = Aggregates(ledger, SERVICE, publish, lambda: str(uuid7(clock.now())), trace_meta)
    servicer = ReportingGrpc(
        ledger,
        Commands(ledger, aggregates, pseudonyms, read_model, clock),
        Queries(ledger, read_model, pseudonyms),
        Exporting(ledger, index),
    )
    erasures = settings.erasures()
    erasing = Erasing(SERVICE, ledger, CODEC, events, index, erasures, clock)
    await replay(erasing, projection)
    inbox = unit.stores.open_inbox()
    unit.on_close("inbox", partial(asyncio.to_thread, inbox.close))
    run_reactions(unit, inbox, [erasing.reaction()])
    adder = partial(add_ReportingServiceServicer_to_server, servicer)
    unit.serve_grpc(GrpcServer(SERVICE, [adder], unit.verifier(), anonymous=ANONYMOUS))
    unit.timer("promises", Promises(aggregates, read_model).run_due, interval_s=TIMER_INTERVAL_S)
    relay_outbox(unit, ledger)
    bound_kept_answers(unit)


def _views(unit: Unit, ledger: Ledger) -> tuple[ViewDatabase, OwnProjection]:
    views = unit.stores.open_views()
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    serve_history(unit, ledger, views)
    # Declared before anything is served: queries and the timer read its tables at once.
    views.declare(VIEW)
    projection = OwnProjection(ledger, views, VIEW, fold, observer=BusMeters())
    run_own_projection(unit, projection, ledger)
    return views, projection
