"""How private events are stored and read back. Every topic here has a golden file for ever."""

from __future__ import annotations

from cahier_ledger.codec import Codec
from cahier_ledger.model import StoredEvent
from cahier_notifications.domain.follows import ContactStated, Followed, Unfollowed
from cahier_notifications.domain.mailings import MailEnded, MailingSettled, MailsPlanned

PrivateEvent = Followed | Unfollowed | ContactStated | MailsPlanned | MailEnded | MailingSettled

CODEC = Codec()
for _struct in (Followed, Unfollowed, ContactStated, MailsPlanned, MailEnded, MailingSettled):
    CODEC.register(_struct.TOPIC, _struct)


def read(stored: StoredEvent) -> PrivateEvent:
    """The event as the domain knows it; raises CodecError when it cannot be read."""
    event: PrivateEvent = CODEC.decode(stored.type, stored.data)  # type: ignore[assignment]
    return event
