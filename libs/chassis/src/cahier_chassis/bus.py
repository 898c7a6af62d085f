"""The ledger's relay and projections as parts of a unit: started, metered, drained, reported.

Every service that publishes or projects wires them the same way; here the way stands once.
"""

from __future__ import annotations

from cahier_chassis import metrics
from cahier_chassis.unit import STEP_S_MAX, Unit
from cahier_ledger.bus.health import BusObserver, Health, State
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.store import LedgerTail

# Below the unit's own bound on a step, so that the step can say that it did not get through.
DRAIN_S_MAX = STEP_S_MAX - 0.5
CATCHING_UP = "catching up"


class BusMeters(BusObserver):
    """Counts what cannot be read at scrape time. Lags are: see the functions below."""

    def handled(self, name: str, attempt: int) -> None:
        if attempt > 1:
            metrics.REDELIVERIES.labels(name).inc()

    def failed(self, name: str, attempt: int) -> None:
        if attempt > 1:
            metrics.REDELIVERIES.labels(name).inc()

    def health_changed(self, name: str, health: Health) -> None:
        kind, _, projection = name.partition(" ")
        if kind == "projection":
            metrics.PROJECTION_STOPPED.labels(projection).set(int(health.state is State.STOPPED))


def relay_outbox(unit: Unit, ledger: LedgerTail) -> None:
    """Relays the unit's public events from the moment that the bus answers; drains at the stop.

    Neither commands nor the start wait for the bus. The outbox's lag is metered from the start.
    """
    relays: list[Relay] = []

    async def run() -> None:
        client = await unit.nats()
        relay = Relay(ledger, client, unit.name, unit.settings.city, observer=BusMeters())
        relays.append(relay)
        await relay.run()

    async def drain() -> None:
        for relay in relays:
            if not await relay.drain(DRAIN_S_MAX):
                raise TimeoutError(f"{relay.lag()} public events wait for the next start")

    def lag() -> float:
        return relays[0].lag() if relays else ledger.public_head()

    metrics.OUTBOX_LAG.set_function(lag)
    unit.spawn("relay", run)
    unit.drain("relay", drain)


def run_own_projection(unit: Unit, projection: OwnProjection, ledger: LedgerTail) -> None:
    """Runs it; the unit is ready once the view has what the store held at the start."""
    head_at_start = ledger.head_seq()

    def check() -> str:
        if projection.health.state is not State.RUNNING:
            return _reason(projection.health)
        return "" if projection.position >= head_at_start else CATCHING_UP

    metrics.PROJECTION_LAG.labels(projection.name).set_function(projection.lag)
    unit.spawn(f"projection {projection.name}", projection.run)
    unit.health.add_check(f"projection {projection.name}", check)


def run_public_projection(unit: Unit, projection: PublicProjection) -> None:
    """Runs it; the unit is not ready while an event stops it. Waiting for the bus is no fault."""

    def check() -> str:
        stopped = projection.health.state is State.STOPPED
        return _reason(projection.health) if stopped else ""

    unit.spawn(f"projection {projection.name}", projection.run)
    unit.health.add_check(f"projection {projection.name}", check)


def _reason(health: Health) -> str:
    return f"{health.state.value} {health.reason}".strip()
