"""Which public events of which sibling are reacted to: one durable consumer a sibling."""

from __future__ import annotations

from cahier_ledger.bus.reactions import Handler, ManyHandler, Reaction
from cahier_notifications.domain.notices import TYPES


def reactions(handle: Handler, handle_many: ManyHandler) -> list[Reaction]:
    """A reaction to each sibling's events that concern followers."""
    return [
        Reaction(f"notifications-{service}", service, handle, types, handle_many=handle_many)
        for service, types in TYPES.items()
    ]
