"""What the application needs from outside: read models, a mail server, letters, tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cahier_notifications.domain.follows import Level, Thing
from cahier_notifications.domain.notices import Facts


@dataclass(frozen=True, slots=True)
class FollowRow:
    """A follow that stands. since: RFC 3339, when it began at whatever level."""

    id: str
    person: str
    thing: Thing
    level: Level
    since: str
    seq: int


@dataclass(frozen=True, slots=True)
class ContactRow:
    """Where a person's mails go."""

    email: str
    language: str


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that has not ended.

    place: (seq, number), its place in the queue. contact: None when the person follows no more.
    planned_at: RFC 3339, the city's time. traceparent: of what caused it, or None.
    """

    cause: str
    follow: str
    place: tuple[int, int]
    letter: str
    about: Thing
    params: dict[str, str]
    planned_at: str
    traceparent: str | None
    contact: ContactRow | None


@dataclass(frozen=True, slots=True)
class EndedMailing:
    """A mailing whose mails have all ended. version: its stream's, as planned."""

    cause: str
    version: int
    mails: int


class ReadModel(Protocol):
    """Answers from the views. Reads see whole events only; they may lag behind the logs.

    Short reads, thread-safe.
    """

    def count_follows(self, person: str) -> int: ...

    def follows_of(self, person: str, limit: int) -> list[FollowRow]:
        """Newest first."""

    def followers(self, things: Sequence[Thing], at_least: Level) -> list[FollowRow]:
        """Who follows one of the things at `at_least` or closer, by seq, at most FOLLOWERS_MAX.

        Raises TooLarge `too_many_followers`.
        """

    def contact(self, person: str) -> ContactRow | None: ...

    def knows(self, thing: Thing) -> bool:
        """Whether a sibling has told that the thing exists."""

    def waiting(self, after: tuple[int, int], limit: int) -> list[WaitingMail]:
        """Mails that have not ended, by place, those behind `after`."""

    def count_waiting(self) -> int: ...

    def ended_mailings(self, limit: int) -> list[EndedMailing]:
        """Mailings without a waiting mail that are not settled."""

    @property
    def facts(self) -> Facts:
        """What budget's events said."""

    async def settle(self, seq: int) -> None:
        """Returns when the view of own events has taken in `seq`, or after a bounded wait."""

    async def caught_up(self) -> None:
        """Waits, however long, until all own events of this moment are taken in."""

    async def require(self, service: str, public_seq: int) -> None:
        """Waits until all own events and the sibling's up to `public_seq` are taken in.

        Raises Unavailable `views_lag` after a bounded wait.
        """


class Unsubscribing(Protocol):
    """The tokens in mails, by which a follow is ended without signing in."""

    def token(self, follow: str) -> str:
        """The same for the same follow, for ever; at most 80 URL-safe characters."""

    def follow(self, token: str) -> str | None:
        """The follow that the token was made for, or None for any text that is no token."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to be handed over: bytes as RFC 5322 has them, the same at every try."""

    recipient: str
    content: bytes


class Letters(Protocol):
    """Writes letters, in the follower's language."""

    def write(self, mail: WaitingMail, contact: ContactRow) -> Letter:
        """Raises LookupError for a letter that the catalogue does not hold."""


class MailRefused(Exception):
    """The server answered that it does not take this mail. The text is for logs: no address.

    for_good: it will not take it later either (a reply of 5xx).
    """

    def __init__(self, code: int, *, for_good: bool) -> None:
        self.code = code
        self.for_good = for_good
        super().__init__(f"the server answered {code}")


class HandOverUnsure(Exception):
    """The line dropped or the server stalled after the mail was begun: it may have been taken."""


class ServerAway(Exception):
    """The server cannot be reached, or refuses to talk at all: no mail's fault."""


class MailSession(Protocol):
    """One conversation with the mail server; one mail at a time."""

    async def hand_over(self, letter: Letter) -> None:
        """Returns when the server has answered that it took the mail.

        Raises MailRefused (the session goes on), HandOverUnsure or ServerAway (it is over).
        """

    async def answers(self) -> bool:
        """Whether the server still answers between two mails, in bounded time; never raises."""

    async def close(self) -> None:
        """Ends it politely, in bounded time. Safe to call twice; never raises."""


class MailServer(Protocol):
    """Where mails go out."""

    async def connect(self) -> MailSession:
        """Raises ServerAway."""


@dataclass(frozen=True, slots=True)
class CapturedMail:
    """A mail that the capture server took in."""

    number: int
    received_at: datetime
    recipient: str
    subject: str
    message_id: str
    text: str
    html: str
    unsubscribe_url: str
    language: str


class Captured(Protocol):
    """The capture server's mails, of a development city."""

    def newest(self, before: int, limit: int) -> list[CapturedMail]:
        """Newest first, those with a number below `before`. Blocks."""

    def count(self) -> int:
        """How many there are. Blocks."""
