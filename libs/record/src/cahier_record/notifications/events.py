"""What notifications says in public: how many mails an event caused, and nothing else.

Who follows what is private: no follow, person, address or text ever stands in this log.
"""

from __future__ import annotations

from cahier_record import erasure, log
from cahier_record.events import PublicEvent, public_event


@public_event("notifications.v1.mailing.mailing_handed_over")
class MailingHandedOver(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """All mails about an event were settled; `mails` of them were taken by the mail server.

    cause: id of the public event that the mails tell of, in a sibling's log. Once a cause.
    """

    cause: str
    mails: int


@public_event("notifications.v1.erasure.content_erased")
class ContentErased(erasure.ContentErased, frozen=True, kw_only=True, omit_defaults=True):
    """The texts behind a leaf of this log were deleted."""


@public_event("notifications.v1.erasure.erasure_confirmed")
class ErasureConfirmed(erasure.ErasureConfirmed, frozen=True, kw_only=True, omit_defaults=True):
    """Notifications has deleted what it held on a person."""


@public_event("notifications.v1.log.epoch_opened")
class EpochOpened(log.EpochOpened, frozen=True, kw_only=True, omit_defaults=True):
    """This log began anew after a restore."""
