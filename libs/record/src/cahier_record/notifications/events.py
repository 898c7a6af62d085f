"""What notifications says in public: how many mails an event caused, and nothing else.

Who follows what is private: no follow, person, address or text ever stands in this log.
"""

from __future__ import annotations

from cahier_record.events import PublicEvent, public_event


@public_event("notifications.v1.mailing.mailing_handed_over")
class MailingHandedOver(PublicEvent, frozen=True, kw_only=True, omit_defaults=True):
    """All mails about an event were settled; `mails` of them were taken by the mail server.

    cause: id of the public event that the mails tell of, in a sibling's log. Once a cause.
    """

    cause: str
    mails: int
