"""The only wiring: store, views, relay, projections, timer and gRPC of one process."""

from __future__ import annotations

import asyncio
from functools import partial

from nats.js import JetStreamContext

from cahier_budget.adapters.assessors import AssessorNames
from cahier_budget.adapters.explanations import ExplanationFiles
from cahier_budget.adapters.opening import OpeningProcesses
from cahier_budget.adapters.photos import PhotoFiles
from cahier_budget.adapters.reckoning import ReckoningProcesses
from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.adapters.views import DirectoryView, OwnViewFreshness, ProposalsView
from cahier_budget.application.book_queries import BookQueries
from cahier_budget.application.casting import Casting
from cahier_budget.application.commands import Commands
from cahier_budget.application.counting import count_from_log, held_count_from_log
from cahier_budget.application.delivering import Delivering
from cahier_budget.application.elections import Elections
from cahier_budget.application.explaining import Explaining
from cahier_budget.application.forgetting import forget_erased_photos
from cahier_budget.application.life import LifeCommands
from cahier_budget.application.life_queries import LifeQueries
from cahier_budget.application.own_shares import OwnShares
from cahier_budget.application.persons import Exporting
from cahier_budget.application.policies import DueTransitions
from cahier_budget.application.projections import (
    ELECTIONS,
    PROPOSALS,
    fold_elections,
    fold_proposals,
)
from cahier_budget.application.publishing import publish
from cahier_budget.application.queries import Queries
from cahier_budget.application.stored import CODEC
from cahier_budget.application.sweeping import PhotoSweep
from cahier_budget.entrypoints.grpc import ANONYMOUS, UNTRACED, BudgetGrpc
from cahier_budget.settings import BudgetSettings
from cahier_chassis import metrics
from cahier_chassis.bus import (
    BusMeters,
    relay_outbox,
    run_own_projection,
    run_public_projection,
)
from cahier_chassis.erasing import Erasing, NothingHeld, replay
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.history import serve_history
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.reacting import run_reactions
from cahier_chassis.retention import bound_kept_answers
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.unit import Unit
from cahier_contracts.budget.v1.budget_service_pb2_grpc import (
    add_BudgetServiceServicer_to_server,
)
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.streams import public_stream
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger
from cahier_record.budget import events

SERVICE = "budget"


async def bootstrap(unit: Unit, settings: BudgetSettings) -> None:
    """Wires the service into the unit. Commands work while the bus is away."""
    ledger = unit.stores.open_ledger(on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    policy = await keep_public_log(unit, ledger)
    views = unit.stores.open_views()
    own = OwnProjection(ledger, views, ELECTIONS, fold_elections, observer=BusMeters())
    views.declare(ELECTIONS)
    views.declare(PROPOSALS)
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    serve_history(unit, ledger, views)
    run_own_projection(unit, own, ledger)
    run_public_projection(unit, PROPOSALS.name, partial(_proposals, views))
    relay_outbox(unit, ledger)
    await _forget(unit, settings, ledger, own)
    bound_kept_answers(unit)
    held_to = "" if policy is None else policy.digest()
    await _serve(unit, settings, ledger, views, own, held_to)


async def _forget(unit: Unit, settings: BudgetSettings, ledger: Ledger, own: OwnProjection) -> None:
    """Confirms erasures: nothing here stands under a person's id."""
    erasures = settings.erasures()
    erasing = Erasing(SERVICE, ledger, CODEC, events, NothingHeld(), erasures, unit.clock)
    await replay(erasing, own)
    inbox = unit.stores.open_inbox()
    unit.on_close("inbox", partial(asyncio.to_thread, inbox.close))
    run_reactions(unit, inbox, [erasing.reaction()])


async def _serve(
    unit: Unit,
    settings: BudgetSettings,
    ledger: Ledger,
    views: ViewDatabase,
    own: OwnProjection,
    held_to: str,
) -> None:
    aggregates = Aggregates(
        ledger, SERVICE, publish, lambda: str(uuid7(unit.clock.now())), trace_meta
    )
    elections = Elections(aggregates)
    keys = TrusteeKeyFiles(settings.keys_folder)
    directory, proposals = DirectoryView(views), ProposalsView(views)
    counting = partial(count_from_log, ledger)
    commands = Commands(elections, proposals, keys, counting, unit.clock, held_to)
    freshness = OwnViewFreshness(ledger, own)
    queries = Queries(ledger, elections, directory, proposals, freshness)
    assessors = AssessorNames(settings.keys_folder / "assessors.key", directory.has_assessments)
    life = LifeCommands(elections, proposals, assessors, unit.clock)
    life_queries = LifeQueries(elections, directory, freshness)
    opening = OpeningProcesses(settings.opening_processes)
    unit.on_close("opening", opening.close)
    casting = Casting(ledger, elections, keys, opening, unit.clock)
    reckoning = ReckoningProcesses()
    unit.on_close("reckoning", reckoning.close)
    explaining = Explaining(
        queries,
        partial(held_count_from_log, ledger),
        reckoning,
        ExplanationFiles(settings.explanations_folder),
    )
    shares = OwnShares(ledger, explaining)
    exporting = Exporting(elections, directory, freshness, assessors)
    photos = PhotoFiles(settings.photos_folder)
    await asyncio.to_thread(forget_erased_photos, aggregates, photos)
    servicer = BudgetGrpc(
        ledger,
        commands,
        queries,
        casting,
        life,
        life_queries,
        explaining,
        shares,
        Delivering(ledger, aggregates, elections, photos, unit.clock),
        BookQueries(elections, photos, unit.clock),
        exporting,
    )
    unit.timer("due transitions", DueTransitions(directory, elections, commands, life))
    unit.timer("pictures", PhotoSweep(aggregates, photos))
    unit.serve_grpc(
        GrpcServer(
            SERVICE,
            [partial(add_BudgetServiceServicer_to_server, servicer)],
            unit.verifier(),
            anonymous=ANONYMOUS,
            untraced=UNTRACED,
        )
    )


def _proposals(views: ViewDatabase, js: JetStreamContext) -> PublicProjection:
    return PublicProjection(
        js,
        public_stream("consultation"),
        "budget-proposals",
        views,
        PROPOSALS,
        fold_proposals,
        observer=BusMeters(),
    )
