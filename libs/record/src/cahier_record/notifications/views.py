"""Notifications' log folded: how many mails each event caused."""

from __future__ import annotations

import msgspec

from cahier_record.events import Leaf
from cahier_record.notifications import events


class NotificationsView(msgspec.Struct):
    """Mails by the id of the event that caused them."""

    mails: dict[str, int] = msgspec.field(default_factory=dict)

    def apply(self, leaf: Leaf) -> None:
        """Takes the next leaf of notifications' log into account."""
        match leaf.event:
            case events.MailingHandedOver(cause=cause, mails=mails):
                self.mails[cause] = mails
            case _:
                pass
