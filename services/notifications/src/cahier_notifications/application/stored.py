"""How private events are stored and read back. Every topic here has a golden file for ever."""

from __future__ import annotations

from cahier_chassis.erasing import Confirmed, Ordered, TextsErased, register_erasing
from cahier_ledger.codec import Codec
from cahier_ledger.model import StoredEvent
from cahier_notifications.domain.follows import ContactStated, Followed, Unfollowed
from cahier_notifications.domain.mailings import MailEnded, MailingSettled, MailsPlanned

PrivateEvent = Followed | Unfollowed | ContactStated | MailsPlanned | MailEnded | MailingSettled
ErasingEvent = Ordered | TextsErased | Confirmed

CODEC = Codec()
for _struct in (Followed, Unfollowed, ContactStated, MailsPlanned, MailEnded, MailingSettled):
    CODEC.register(_struct.TOPIC, _struct)
register_erasing(CODEC, "notifications")


def read(stored: StoredEvent) -> PrivateEvent | ErasingEvent:
    """The event as the domain knows it; raises CodecError when it cannot be read."""
    event: PrivateEvent | ErasingEvent = CODEC.decode(stored.type, stored.data)  # type: ignore[assignment]
    return event
