"""The ledger's relay and projections as parts of a unit: started, metered, drained, reported.

Every service that publishes or projects wires them the same way; here the way stands once.
Whatever waits for the bus makes the unit degraded; a view of its own store that does not run, or
any that an event has stopped, makes it unready.
"""

from __future__ import annotations

from collections.abc import Callable

from nats.js import JetStreamContext

from cahier_chassis import metrics
from cahier_chassis.nats import jetstream
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
        unit.health.add_degradation("relay", lambda: _unless_running(relay.health))
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
        caught_up = projection.position >= head_at_start
        return _unless_running(projection.health) or ("" if caught_up else CATCHING_UP)

    metrics.PROJECTION_LAG.labels(projection.name).set_function(projection.lag)
    unit.spawn(f"projection {projection.name}", projection.run)
    unit.health.add_check(f"projection {projection.name}", check)


def run_public_projection(
    unit: Unit, name: str, make: Callable[[JetStreamContext], PublicProjection]
) -> None:
    """Runs what `make` answers, a view called `name` of others' events, once the bus answers."""
    name = f"projection {name}"

    async def run() -> None:
        projection = make(jetstream(await unit.nats()))
        unit.health.add_check(name, lambda: _if_stopped(projection.health))
        unit.health.add_degradation(name, lambda: _if_waiting(projection.health))
        await projection.run()

    unit.spawn(name, run)


def _unless_running(health: Health) -> str:
    return "" if health.state is State.RUNNING else f"{health.state.value} {health.reason}".strip()


def _if_waiting(health: Health) -> str:
    return "" if health.state is State.STOPPED else _unless_running(health)


def _if_stopped(health: Health) -> str:
    return _unless_running(health) if health.state is State.STOPPED else ""
