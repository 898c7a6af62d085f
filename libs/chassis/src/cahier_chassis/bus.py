"""The ledger's relay and projections as parts of a unit: started, metered, drained, reported.

Every service that publishes or projects wires them the same way; here the way stands once.
Whatever waits for the bus makes the unit degraded; a view of its own store that does not run, or
any that an event has stopped, makes it unready.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from nats.js import JetStreamContext

from cahier_chassis import metrics
from cahier_chassis.nats import jetstream
from cahier_chassis.roles import Role
from cahier_chassis.unit import STEP_S_MAX, Unit
from cahier_ledger.bus.health import BusObserver, Health, State
from cahier_ledger.bus.projection import OwnProjection, PublicProjection
from cahier_ledger.bus.relay import Relay
from cahier_ledger.model import StoreUnavailable
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

    In the role relay. Neither commands nor the start wait for the bus. The outbox's lag is metered
    from the start, by the process that relays.
    """
    if Role.RELAY not in unit.roles:
        return
    outbox = _Outbox(unit, ledger)
    metrics.OUTBOX_LAG.set_function(_or_nan(outbox.lag))
    unit.spawn("relay", outbox.run, stand_by=outbox.stand_by)
    unit.drain("relay", outbox.drain)


class _Outbox:
    """The relay of this process while it is the one that relays."""

    def __init__(self, unit: Unit, ledger: LedgerTail) -> None:
        self._unit = unit
        self._ledger = ledger
        self._relay: Relay | None = None
        self._is_elsewhere = False

    async def run(self) -> None:
        unit = self._unit
        client = await unit.nats()
        relay = Relay(self._ledger, client, unit.name, unit.settings.city, observer=BusMeters())
        self._relay = relay
        unit.health.add_degradation("relay", self._reason)
        await relay.run()

    async def stand_by(self) -> None:
        self._relay = None
        self._is_elsewhere = True
        try:
            await asyncio.Event().wait()
        finally:
            self._is_elsewhere = False

    async def drain(self) -> None:
        relay = self._relay
        if relay is not None and not await relay.drain(DRAIN_S_MAX):
            raise TimeoutError(f"{relay.lag()} public events wait for the next start")

    def _reason(self) -> str:
        return "" if self._relay is None else _unless_well(self._relay.health)

    def lag(self) -> float:
        if self._is_elsewhere:
            return math.nan
        return self._ledger.public_head() if self._relay is None else self._relay.lag()


def run_own_projection(unit: Unit, projection: OwnProjection, ledger: LedgerTail) -> None:
    """Runs it; the unit is ready once the view has what the store held at the start.

    In the role project, in one process at a time; the others follow how far it is.
    """
    head_at_start = ledger.head_seq()

    def check() -> str:
        caught_up = projection.position >= head_at_start
        return _unless_well(projection.health) or ("" if caught_up else CATCHING_UP)

    unit.health.add_check("store", ledger.away)
    metrics.PROJECTION_LAG.labels(projection.name).set_function(_or_nan(projection.lag))
    _spawn(unit, f"projection {projection.name}", projection)
    unit.health.add_check(f"projection {projection.name}", check)


def run_public_projection(
    unit: Unit, name: str, make: Callable[[JetStreamContext], PublicProjection]
) -> None:
    """Runs what `make` answers, a view called `name` of others' events, once the bus answers.

    In the role project, in one process at a time; the others follow how far it is.
    """
    name = f"projection {name}"

    async def run() -> None:
        projection = make(jetstream(await unit.nats()))
        unit.health.add_check(name, lambda: _if_stopped(projection.health))
        unit.health.add_degradation(name, lambda: _if_waiting(projection.health))
        if Role.PROJECT in unit.roles:
            await unit.stores.alone(name, projection.run, projection.stand_by)
        else:
            await projection.stand_by()

    unit.spawn(name, run)


def _or_nan(lag: Callable[[], float]) -> Callable[[], float]:
    """A lag that is unknown while the store is away must not take the other metrics with it."""

    def known() -> float:
        try:
            return lag()
        except StoreUnavailable:
            return math.nan

    return known


def _spawn(unit: Unit, name: str, projection: OwnProjection) -> None:
    if Role.PROJECT in unit.roles:
        unit.spawn(name, projection.run, stand_by=projection.stand_by)
    else:
        unit.spawn(name, projection.stand_by)


def _unless_well(health: Health) -> str:
    return "" if health.is_well else f"{health.state.value} {health.reason}".strip()


def _if_waiting(health: Health) -> str:
    return "" if health.state is State.STOPPED else _unless_well(health)


def _if_stopped(health: Health) -> str:
    return _unless_well(health) if health.state is State.STOPPED else ""
