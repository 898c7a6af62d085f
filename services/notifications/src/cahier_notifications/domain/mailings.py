"""A mailing: the mails that one public event causes, from the plan to the last one's end.

The plan is one stream a cause, so an event causes its mails once however often it is delivered.
Each mail ends in a stream of its own, named by cause and follow, so it ends once.
"""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

import msgspec

from cahier_kernel.ids import derived_uuid
from cahier_notifications.domain.follows import ThingKind

FOLLOWS_A_PLAN_MAX = 5_000
"""Follows in one event: a plan of 36-character ids stays far below the event's largest size."""
PLANS_MAX = 1_000
"""Events of one plan: as many as one append takes."""

Outcome = Literal["handed_over", "given_up", "dropped"]
"""Taken by the mail server; refused for good; or the person follows no more."""


class MailsPlanned(msgspec.Struct, frozen=True, kw_only=True):
    """One letter is due to these follows. about: the thing whose page it links to."""

    TOPIC: ClassVar[str] = "notifications.mailing.mails_planned"
    cause: str
    letter: str
    about_kind: ThingKind
    about: str
    params: dict[str, str]
    follows: tuple[str, ...]


class MailEnded(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one mail. code: the server's last reply, 0 when it gave none."""

    TOPIC: ClassVar[str] = "notifications.mailing.mail_ended"
    cause: str
    follow: str
    outcome: Outcome
    code: int = 0


class MailingSettled(msgspec.Struct, frozen=True, kw_only=True):
    """All mails of a cause have ended; `mails` of them were handed over."""

    TOPIC: ClassVar[str] = "notifications.mailing.settled"
    cause: str
    mails: int


def mailing_key(cause: str) -> UUID:
    """What identifies a mailing; names its stream."""
    return derived_uuid("notifications.mailing", cause)


def mail_key(cause: str, follow: str) -> UUID:
    """What identifies a mail; names its stream."""
    return derived_uuid("notifications.mail", cause, follow)
