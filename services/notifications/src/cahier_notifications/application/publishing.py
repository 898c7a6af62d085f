"""Which private events become public: only that a mailing is settled, and how many mails it was.

Follows, contacts and single mails are told to nobody.
"""

from __future__ import annotations

from datetime import datetime

from cahier_chassis.telemetry import trace_meta
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.ids import derived_uuid
from cahier_ledger.leaves import make_leaf
from cahier_ledger.model import NewEvent
from cahier_ledger.texts import apart
from cahier_notifications.application.stored import CODEC, PrivateEvent
from cahier_notifications.domain.mailings import MailingSettled
from cahier_record.events import PublicEvent
from cahier_record.notifications.events import MailingHandedOver

SERVICE = "notifications"


def publish(event: PrivateEvent) -> PublicEvent | None:
    """What the public learns of an event; None for almost all."""
    match event:
        case MailingSettled(cause=cause, mails=mails) if mails:
            return MailingHandedOver(cause=cause, mails=mails)
        case _:
            return None


def new_event(event: PrivateEvent, now: datetime) -> NewEvent:
    """The event as it is stored, with its leaf where it has one."""
    topic, data = CODEC.encode(event)
    told = publish(event)
    leaf = None
    if isinstance(told, MailingHandedOver):
        leaf_id = str(derived_uuid("notifications.event", told.cause))
        leaf = make_leaf(SERVICE, told.TYPE, leaf_id, now, told.data())
    new = NewEvent(topic, data, trace_meta(), to_rfc3339(now), leaf)
    return apart(new, getattr(event, "PRIVATE", ()))
