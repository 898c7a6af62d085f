"""The only wiring of consultation: settings in, a unit that serves out."""

from __future__ import annotations

import asyncio
from functools import partial

from cahier_chassis import metrics
from cahier_chassis.bus import BusMeters, relay_outbox, run_own_projection
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.history import serve_history
from cahier_chassis.pseudonyms import load_pseudonyms
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.unit import Unit
from cahier_consultation.adapters.read_model import SqliteReadModel
from cahier_consultation.application.commands import Commands
from cahier_consultation.application.policies import IdeaPhases
from cahier_consultation.application.projections import VIEW, fold
from cahier_consultation.application.publishing import SERVICE, publish
from cahier_consultation.application.queries import Queries
from cahier_consultation.application.voices import Voices
from cahier_consultation.entrypoints.grpc import ANONYMOUS, ConsultationGrpc
from cahier_consultation.settings import ConsultationSettings
from cahier_contracts.consultation.v1.consultation_service_pb2_grpc import (
    add_ConsultationServiceServicer_to_server,
)
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.ledger import Ledger

TIMER_INTERVAL_S = 0.5


async def bootstrap(unit: Unit, settings: ConsultationSettings) -> None:
    """Opens the store, the key and the views, and hands everything that runs to the unit."""
    ledger = unit.stores.open_ledger(on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    await keep_public_log(unit, ledger)
    pseudonyms = load_pseudonyms(
        settings.data_dir / "keys" / "pseudonym.key", may_create=ledger.head_seq() == 0
    )
    views = _read_model(unit, ledger)
    clock = unit.clock
    aggregates = Aggregates(ledger, SERVICE, publish, lambda: str(uuid7(clock.now())), trace_meta)
    servicer = ConsultationGrpc(
        ledger,
        Commands(aggregates, pseudonyms, views, clock),
        Voices(ledger, aggregates, pseudonyms, views, clock),
        Queries(ledger, views, pseudonyms, clock),
    )
    adder = partial(add_ConsultationServiceServicer_to_server, servicer)
    unit.serve_grpc(GrpcServer(SERVICE, [adder], unit.verifier(), anonymous=ANONYMOUS))
    unit.timer("idea_phases", IdeaPhases(aggregates, views).run_due, interval_s=TIMER_INTERVAL_S)
    relay_outbox(unit, ledger)


def _read_model(unit: Unit, ledger: Ledger) -> SqliteReadModel:
    views = unit.stores.open_views()
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    serve_history(unit, ledger, views)
    # Declared before anything is served: queries and the timer read its tables at once.
    views.declare(VIEW)
    projection = OwnProjection(ledger, views, VIEW, fold, observer=BusMeters())
    run_own_projection(unit, projection, ledger)
    return SqliteReadModel(views, projection)
