"""Turns what the relay and the projections report into the metrics that operators watch."""

from __future__ import annotations

from cahier_chassis import metrics
from cahier_ledger.bus.health import BusObserver, Health, State


class MeteredBus(BusObserver):
    """Outbox lag and stopped projections; called on the event loop."""

    def relayed(self, service: str, relayed: int, head: int) -> None:
        metrics.OUTBOX_LAG.set(max(0, head - relayed))

    def health_changed(self, name: str, health: Health) -> None:
        kind, _, projection = name.partition(" ")
        if kind == "projection":
            stopped = health.state is State.STOPPED
            metrics.PROJECTION_STOPPED.labels(projection).set(int(stopped))
