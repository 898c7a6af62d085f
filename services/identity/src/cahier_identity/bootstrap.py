"""Identity's only wiring: settings in, a unit that serves out."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from cahier_chassis import metrics
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.keys import load_public_keys
from cahier_chassis.telemetry import trace_meta
from cahier_chassis.tokens import TokenIssuer, TokenVerifier
from cahier_chassis.unit import STEP_S_MAX, Unit
from cahier_contracts.identity.v1.identity_service_pb2_grpc import (
    add_IdentityServiceServicer_to_server,
)
from cahier_identity.adapters.census_rows import CensusView
from cahier_identity.adapters.passwords import Argon2Passwords
from cahier_identity.adapters.secrets import HmacSecrets, open_key
from cahier_identity.adapters.tokens import (
    SESSION_AUDIENCE,
    JwtTokens,
    open_token_key,
    require_believed,
)
from cahier_identity.application.attempts import Attempts
from cahier_identity.application.commands import Commands
from cahier_identity.application.projections import CENSUS_VIEW, fold_census
from cahier_identity.application.publishing import SERVICE, Publishing
from cahier_identity.application.queries import Queries
from cahier_identity.application.sessions import Sessions
from cahier_identity.entrypoints.grpc import ANONYMOUS, IdentityGrpc
from cahier_identity.settings import IdentitySettings
from cahier_kernel.ids import uuid7
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.bus.health import BusObserver, Health, State
from cahier_ledger.bus.projection import OwnProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.bus.views import ViewDatabase
from cahier_ledger.ledger import Ledger


async def bootstrap(unit: Unit, settings: IdentitySettings) -> None:
    """Opens the store and the keys, and hands everything that runs to the unit."""
    ledger = Ledger.open(settings.data_dir / "events.db", on_batch=metrics.meter_commit)
    unit.on_close("ledger", ledger.close)
    keys = settings.data_dir / "keys"
    secrets = HmacSecrets(open_key(keys, may_make=ledger.head_seq() == 0))
    tokens = _tokens(settings)
    passwords = Argon2Passwords()
    unit.on_close("passwords", passwords.close)
    census = _census(unit, settings, ledger)
    publishing = Publishing(secrets)
    aggregates = Aggregates(
        ledger, SERVICE, publishing.publish, lambda: str(uuid7(unit.clock.now())), trace_meta
    )
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
    _relay(unit, settings, ledger)


def _tokens(settings: IdentitySettings) -> JwtTokens:
    pem = open_token_key(settings.token_private_key, settings.data_dir / "keys")
    require_believed(pem, settings.token_public_keys)
    public_keys = load_public_keys(settings.token_public_keys)
    sessions = TokenVerifier(public_keys, audience=SESSION_AUDIENCE, issuer=settings.city)
    return JwtTokens(TokenIssuer(pem, issuer=settings.city), sessions, time.time)


def _census(unit: Unit, settings: IdentitySettings, ledger: Ledger) -> CensusView:
    views = ViewDatabase(settings.data_dir / "views.db")
    unit.on_close("views", _closing(views.close))
    projection = OwnProjection(ledger, views, CENSUS_VIEW, fold_census, observer=Meters(ledger))
    unit.spawn("census projection", projection.run)
    unit.health.add_check(
        "census projection",
        lambda: _unless_running(projection.health),
    )
    return CensusView(views, projection)


def _relay(unit: Unit, settings: IdentitySettings, ledger: Ledger) -> None:
    """Relays in the background: commands do not wait for the bus, nor does the start."""
    relays: list[Relay] = []

    async def run() -> None:
        client = await unit.nats()
        relays.append(Relay(ledger, client, SERVICE, settings.city, observer=Meters(ledger)))
        await relays[0].run()

    async def drain() -> None:
        for relay in relays:
            await relay.drain(STEP_S_MAX)

    unit.spawn("relay", run)
    unit.drain("relay", drain)


def _unless_running(health: Health) -> str:
    return "" if health.state is State.RUNNING else health.reason or health.state.value


class Meters(BusObserver):
    """Tells the lags to the metrics."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def relayed(self, service: str, relayed: int, head: int) -> None:
        metrics.OUTBOX_LAG.set(max(0, head - relayed))

    def projected(self, name: str, position: int, events: int) -> None:
        lag = max(0, self._ledger.head_seq() - position)
        metrics.PROJECTION_LAG.labels(name).set(lag)


def _closing(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closing() -> None:
        close()

    return closing
