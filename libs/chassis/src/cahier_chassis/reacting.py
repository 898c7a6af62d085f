"""A service's reactions to its siblings' public events as a part of its unit."""

from __future__ import annotations

from collections.abc import Sequence

from faststream.nats import NatsBroker

from cahier_chassis.bus import BusMeters
from cahier_chassis.roles import Role
from cahier_chassis.unit import Unit
from cahier_ledger.bus.inbox import Inbox
from cahier_ledger.bus.reactions import Reaction, Reactions


def run_reactions(unit: Unit, inbox: Inbox, reactions: Sequence[Reaction]) -> None:
    """Reacts once the bus answers, in the role react; whoever made the inbox closes it."""

    async def run() -> None:
        await unit.nats()
        settings = unit.settings
        broker = NatsBroker(
            settings.nats_url,
            name=f"{settings.city}-{unit.name}-reactions",
            max_reconnect_attempts=-1,
            logger=None,
        )
        running = Reactions(broker, inbox, settings.city, observer=BusMeters())
        for reaction in reactions:
            running.add(reaction)
        unit.health.add_degradation("reactions", lambda: _unless_running(running))
        await running.run()

    unit.spawn("reactions", run, role=Role.REACT)


def _unless_running(running: Reactions) -> str:
    return "; ".join(
        f"{name} {health.state.value} {health.reason}".strip()
        for name, health in running.health().items()
        if not health.is_well
    )
