"""The only wiring: store, views, relay, projections, timer and gRPC of one process."""

from __future__ import annotations

import asyncio
from functools import partial

from cahier_budget.adapters.metering import MeteredBus
from cahier_budget.adapters.opening import OpeningProcesses
from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.adapters.views import DirectoryView, OwnViewFreshness, ProposalsView
from cahier_budget.application.casting import Casting
from cahier_budget.application.commands import Commands
from cahier_budget.application.counting import count_from_log
from cahier_budget.application.elections import Elections
from cahier_budget.application.policies import DueTransitions
from cahier_budget.application.projections import (
    ELECTIONS,
    PROPOSALS,
    fold_elections,
    fold_proposals,
)
from cahier_budget.application.publishing import publish
from cahier_budget.application.queries import Queries
from cahier_budget.entrypoints.grpc import ANONYMOUS, UNTRACED, BudgetGrpc
from cahier_budget.settings import BudgetSettings
from cahier_chassis import metrics
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.nats import jetstream
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.unit import Unit
from cahier_contracts.budget.v1.budget_service_pb2_grpc import (
    add_BudgetServiceServicer_to_server,
)
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.health import State
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.streams import public_stream
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger

SERVICE = "budget"
RELAY_DRAIN_S = 4.0


async def bootstrap(unit: Unit, settings: BudgetSettings) -> None:
    """Wires the service into the unit. Commands work while the bus is away."""
    ledger = Ledger.open(settings.events_file, on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    views = ViewDatabase(settings.views_file)
    own = OwnProjection(ledger, views, ELECTIONS, fold_elections, observer=MeteredBus())
    views.declare(ELECTIONS)
    views.declare(PROPOSALS)
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    unit.spawn("projection of own events", own.run)
    unit.health.add_check("projections", lambda: _lacks(own))
    unit.spawn("bus", partial(_run_bus, unit, settings, ledger, views))
    _serve(unit, settings, ledger, views, own)


def _serve(
    unit: Unit, settings: BudgetSettings, ledger: Ledger, views: ViewDatabase, own: OwnProjection
) -> None:
    aggregates = Aggregates(
        ledger, SERVICE, publish, lambda: str(uuid7(unit.clock.now())), trace_meta
    )
    elections = Elections(aggregates)
    keys = TrusteeKeyFiles(settings.keys_folder)
    directory, proposals = DirectoryView(views), ProposalsView(views)
    commands = Commands(elections, proposals, keys, partial(count_from_log, ledger), unit.clock)
    queries = Queries(ledger, elections, directory, proposals, OwnViewFreshness(ledger, own))
    opening = OpeningProcesses(settings.opening_processes)
    unit.on_close("opening", opening.close)
    casting = Casting(ledger, elections, keys, opening, unit.clock)
    servicer = BudgetGrpc(ledger, commands, queries, casting)
    unit.timer("due transitions", DueTransitions(directory, elections, commands))
    unit.serve_grpc(
        GrpcServer(
            SERVICE,
            [partial(add_BudgetServiceServicer_to_server, servicer)],
            unit.verifier(),
            anonymous=ANONYMOUS,
            untraced=UNTRACED,
        )
    )


async def _run_bus(
    unit: Unit, settings: BudgetSettings, ledger: Ledger, views: ViewDatabase
) -> None:
    """Starts what needs the bus once it answers; ends only with the unit."""
    client = await unit.nats()
    relay = Relay(ledger, client, SERVICE, settings.city, observer=MeteredBus())
    unit.drain("relay", partial(relay.drain, RELAY_DRAIN_S))
    proposals = PublicProjection(
        jetstream(client),
        public_stream("consultation"),
        "budget-proposals",
        views,
        PROPOSALS,
        fold_proposals,
        observer=MeteredBus(),
    )
    unit.spawn("projection of proposals", proposals.run)
    unit.health.add_check("proposals", lambda: _stopped(proposals))
    await relay.run()


def _lacks(projection: OwnProjection) -> str:
    health = projection.health
    return "" if health.state is State.RUNNING else f"{health.state.value} {health.reason}".strip()


def _stopped(projection: PublicProjection) -> str:
    return projection.health.reason if projection.health.state is State.STOPPED else ""
