"""Identity's only wiring: settings in, a unit that serves out."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from functools import partial

from cahier_chassis import metrics
from cahier_chassis.bus import BusMeters, relay_outbox, run_own_projection
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.history import serve_history
from cahier_chassis.keys import load_public_keys, secret_key
from cahier_chassis.public_log import keep_public_log
from cahier_chassis.reacting import run_reactions
from cahier_chassis.retention import bound_kept_answers
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.tokens import TokenIssuer, TokenVerifier
from cahier_chassis.unit import Unit
from cahier_contracts.identity.v1.identity_service_pb2_grpc import (
    add_IdentityServiceServicer_to_server,
)
from cahier_identity.adapters.census_rows import CensusView
from cahier_identity.adapters.passwords import Argon2Passwords
from cahier_identity.adapters.secrets import HmacSecrets
from cahier_identity.adapters.subject_keys import SubjectKeys, any_key, key_encryption_keys
from cahier_identity.adapters.tokens import (
    SESSION_AUDIENCE,
    JwtTokens,
    open_token_key,
    require_believed,
)
from cahier_identity.application.attempts import Attempts
from cahier_identity.application.commands import Commands
from cahier_identity.application.erasing import Erasing
from cahier_identity.application.erasures import SCHEMA, Erasures
from cahier_identity.application.exporting import Exporting
from cahier_identity.application.projections import CENSUS_VIEW, fold_census
from cahier_identity.application.publishing import SERVICE, Publishing
from cahier_identity.application.queries import Queries
from cahier_identity.application.retention import Retention
from cahier_identity.application.sealing import SealingMapper
from cahier_identity.application.sessions import Sessions
from cahier_identity.entrypoints.grpc import ANONYMOUS, IdentityGrpc
from cahier_identity.settings import IdentitySettings
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.ledger import Ledger

RETENTION_INTERVAL_S = 1.0


async def bootstrap(unit: Unit, settings: IdentitySettings) -> None:
    """Opens the store and the keys, and hands everything that runs to the unit."""
    ledger = unit.stores.open_ledger(on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    await keep_public_log(unit, ledger)
    key = settings.data_dir / "keys" / "pseudonym.key"
    secrets = HmacSecrets(secret_key(key, may_make=ledger.head_seq() == 0))
    tokens = _tokens(settings)
    passwords = Argon2Passwords()
    unit.on_close("passwords", passwords.close)
    census = _census(unit, ledger)
    publishing = Publishing(secrets)
    subject_keys = _subject_keys(unit, settings)
    aggregates = Aggregates(
        ledger,
        SERVICE,
        publishing.publish,
        lambda: str(uuid7(unit.clock.now())),
        trace_meta,
        SealingMapper(subject_keys),
    )
    erasing = Erasing(
        ledger,
        aggregates,
        clock=unit.clock,
        secrets=secrets,
        keys=subject_keys,
        erasures=settings.erasures(),
        keep_census_row=timedelta(days=settings.keep_census_row_days),
    )
    # Before anything is served: a restored store must not remember whom it had forgotten.
    await asyncio.to_thread(erasing.replay)
    inbox = unit.stores.open_inbox(SCHEMA)
    unit.on_close("inbox", partial(asyncio.to_thread, inbox.close))
    erasures = Erasures(ledger, inbox)
    run_reactions(unit, inbox, erasures.reactions())
    servicer = IdentityGrpc(
        ledger,
        Commands(
            ledger,
            aggregates,
            clock=unit.clock,
            secrets=secrets,
            passwords=passwords,
            census=census,
            publishing=publishing,
            proof_attempts=Attempts(),
            trace=trace_meta,
        ),
        Queries(ledger, aggregates, secrets),
        Sessions(aggregates, secrets, passwords, tokens, Attempts()),
        erasing,
        erasures,
        Exporting(aggregates),
        secrets.fingerprint,
    )
    unit.serve_grpc(
        GrpcServer(
            SERVICE,
            [partial(add_IdentityServiceServicer_to_server, servicer)],
            unit.verifier(),
            anonymous=ANONYMOUS,
        )
    )
    retention = Retention(ledger, census, unit.clock)
    unit.timer("retention", retention.run_due, interval_s=RETENTION_INTERVAL_S)
    relay_outbox(unit, ledger)
    bound_kept_answers(unit)


def _subject_keys(unit: Unit, settings: IdentitySettings) -> SubjectKeys:
    database = unit.stores.open_database("subject_keys")
    unit.on_close("subject keys", partial(asyncio.to_thread, database.close))
    named = settings.key_encryption_key_file
    file = named or settings.data_dir / "keys" / "key-encryption.key"
    # Made only while nothing depends on it.
    may_make = any_key(database) is None
    keks = key_encryption_keys(settings.key_encryption_key, file, may_make=may_make)
    return SubjectKeys(database, keks)


def _tokens(settings: IdentitySettings) -> JwtTokens:
    pem = open_token_key(settings.token_private_key, settings.data_dir / "keys")
    require_believed(pem, settings.token_public_keys)
    public_keys = load_public_keys(settings.token_public_keys)
    sessions = TokenVerifier(public_keys, audience=SESSION_AUDIENCE, issuer=settings.city)
    return JwtTokens(TokenIssuer(pem, issuer=settings.city), sessions, time.time)


def _census(unit: Unit, ledger: Ledger) -> CensusView:
    views = unit.stores.open_views()
    unit.on_close("views", partial(asyncio.to_thread, views.close))
    serve_history(unit, ledger, views)
    projection = OwnProjection(ledger, views, CENSUS_VIEW, fold_census, observer=BusMeters())
    run_own_projection(unit, projection, ledger)
    return CensusView(views, projection)
