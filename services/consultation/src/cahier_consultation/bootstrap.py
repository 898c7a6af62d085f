"""The only wiring of consultation: settings in, a unit that serves out."""

from __future__ import annotations

import asyncio
from functools import partial

from cahier_chassis import metrics
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.unit import STEP_S_MAX, Unit
from cahier_consultation.adapters.pseudonyms import load_pseudonyms
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
from cahier_ledger.bus.health import BusObserver, Health, State
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger

TIMER_INTERVAL_S = 0.5


async def bootstrap(unit: Unit, settings: ConsultationSettings) -> None:
    """Opens the store, the key and the views, and hands everything that runs to the unit."""
    ledger = Ledger.open(settings.data_dir / "events.db", on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    pseudonyms = load_pseudonyms(
        settings.data_dir / "keys" / "pseudonym.key", may_create=ledger.head_seq() == 0
    )
    meters = Meters(ledger)
    views = _read_model(unit, settings, ledger, meters)
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
    _relay(unit, settings, ledger, meters)


def _read_model(
    unit: Unit, settings: ConsultationSettings, ledger: Ledger, meters: Meters
) -> SqliteReadModel:
    """Ready once the views have taken in what the store held at the start."""
    views = ViewDatabase(settings.data_dir / "views.db")
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    views.declare(VIEW)
    projection = OwnProjection(ledger, views, VIEW, fold, observer=meters)
    head_at_start = ledger.head_seq()

    def check() -> str:
        if projection.health.state is not State.RUNNING:
            return projection.health.reason or projection.health.state.value
        return "" if projection.position >= head_at_start else "catching up"

    unit.spawn("projection", projection.run)
    unit.health.add_check("projection", check)
    return SqliteReadModel(views, projection)


def _relay(unit: Unit, settings: ConsultationSettings, ledger: Ledger, meters: Meters) -> None:
    """Relays in the background: neither commands nor the start wait for the bus."""
    relays: list[Relay] = []

    async def run() -> None:
        client = await unit.nats()
        relays.append(Relay(ledger, client, SERVICE, settings.city, observer=meters))
        await relays[0].run()

    async def drain() -> None:
        for relay in relays:
            await relay.drain(STEP_S_MAX)

    unit.spawn("relay", run)
    unit.drain("relay", drain)


class Meters(BusObserver):
    """Tells the bus's progress to the metrics."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def relayed(self, service: str, relayed: int, head: int) -> None:
        metrics.OUTBOX_LAG.set(max(0, head - relayed))

    def projected(self, name: str, position: int, events: int) -> None:
        metrics.PROJECTION_LAG.labels(name).set(max(0, self._ledger.head_seq() - position))

    def health_changed(self, name: str, health: Health) -> None:
        kind, _, view = name.partition(" ")
        if kind == "projection":
            stopped = health.state is State.STOPPED
            metrics.PROJECTION_STOPPED.labels(view).set(int(stopped))
