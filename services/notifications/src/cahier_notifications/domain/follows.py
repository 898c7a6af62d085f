"""A person's follow of a thing, and where that person's mails go.

One person's follow of one thing is one stream, named by both: uniqueness by construction. Its
last event alone is its state. A person has one address and one language for all mails.
"""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from enum import IntEnum, StrEnum
from typing import ClassVar, Literal, NamedTuple
from uuid import UUID

import msgspec

from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_kernel.ids import derived_uuid

FOLLOWS_MAX = 1_000
"""Things that one person follows at a time."""
EMAIL_CHARS_MAX = 254
LANGUAGES = ("en", "fr")
LANGUAGE_FIRST = LANGUAGES[0]

Way = Literal["asked", "mail"]


class ThingKind(StrEnum):
    """What can be followed."""

    PROPOSAL = "proposal"
    ELECTION = "election"
    PROCESS = "process"
    REPORT = "report"


class Level(IntEnum):
    """How much a follower wants to hear; each level holds those before it."""

    MINIMAL = 1
    ESSENTIAL = 2
    ALL = 3


class Thing(NamedTuple):
    """Something of the city's. id: a UUID as text."""

    kind: ThingKind
    id: str


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """A person follows a thing, from now on or at another level than before."""

    TOPIC: ClassVar[str] = "notifications.follow.followed"
    PRIVATE: ClassVar[tuple[str, ...]] = ("person",)
    person: str
    kind: ThingKind
    thing: str
    level: Level


class Unfollowed(msgspec.Struct, frozen=True, kw_only=True):
    """The same person follows it no more. way: by a command, or by the link in a mail."""

    TOPIC: ClassVar[str] = "notifications.follow.unfollowed"
    PRIVATE: ClassVar[tuple[str, ...]] = ("person",)
    person: str
    kind: ThingKind
    thing: str
    way: Way


class ContactStated(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person's mails go from now on, and in which language."""

    TOPIC: ClassVar[str] = "notifications.contact.stated"
    PRIVATE: ClassVar[tuple[str, ...]] = ("person", "email")
    person: str
    email: str
    language: str


FollowEvent = Followed | Unfollowed


def follow_id(person: str, thing: Thing) -> UUID:
    """What identifies one person's follow of one thing; names its stream."""
    return derived_uuid("notifications.follow", person, thing.kind, thing.id)


def decide_follow(
    last: FollowEvent | None,
    person: str,
    thing: Thing,
    level: Level,
    following: int,
    *,
    only_first: bool = False,
) -> Followed | None:
    """The event that makes the follow stand at this level, or None when it does already.

    last: of the follow's stream. following: how many things the person follows. only_first:
    nothing happens where the person has ever followed the thing, so that what begins by itself
    never undoes what they chose. Raises FailedPrecondition `too_many_follows`.
    """
    if only_first and last is not None:
        return None
    if isinstance(last, Followed) and last.level == level:
        return None
    if not isinstance(last, Followed) and following >= FOLLOWS_MAX:
        raise FailedPrecondition(
            "too_many_follows", f"one follows at most {FOLLOWS_MAX} things", limit=FOLLOWS_MAX
        )
    return Followed(person=person, kind=thing.kind, thing=thing.id, level=level)


def decide_unfollow(last: FollowEvent | None, way: Way) -> Unfollowed | None:
    """The event that ends the follow, or None when there is none."""
    if not isinstance(last, Followed):
        return None
    return Unfollowed(person=last.person, kind=last.kind, thing=last.thing, way=way)


def decide_contact(
    last: ContactStated | None, person: str, email: str, language: str
) -> ContactStated | None:
    """The event that changes where mails go, or None when nothing changes.

    language: "" for the one so far, at first LANGUAGE_FIRST. Raises FailedPrecondition
    `address_required`, Invalid `address_unusable`, `language_unknown`.
    """
    if language and language not in LANGUAGES:
        rule = f"mails are written in {' or '.join(LANGUAGES)}"
        raise Invalid("language_unknown", rule, field="language")
    spoken = language or (last.language if last else LANGUAGE_FIRST)
    stated = ContactStated(person=person, email=checked_address(email), language=spoken)
    return None if stated == last else stated


def checked_address(email: str) -> str:
    """An address that a mail can be sent to; raises as decide_contact."""
    if not email:
        raise FailedPrecondition("address_required", "the access token names no address")
    try:
        usable = email.isascii() and Address(addr_spec=email).addr_spec == email
    except (MessageError, ValueError, IndexError):
        usable = False
    if not usable or len(email) > EMAIL_CHARS_MAX:
        raise Invalid("address_unusable", "no mail can be sent to this address", field="email")
    return email
