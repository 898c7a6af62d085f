"""What the application needs from outside: keys, password hashing, tokens, the census view."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cahier_identity.domain.census import CensusProof


class Secrets(Protocol):
    """What is derived from identity's one secret key; pure, fast, the same for ever.

    Without the key none of the results can be computed or guessed from, so they may be stored
    where the personal data itself must not be.
    """

    def pseudonym(self, person_id: str, thing: str) -> str:
        """43 characters of base64url: the person's name in one thing, joined with no other."""

    def address_id(self, address: str) -> UUID:
        """The id under which a normalised e-mail address is taken."""

    def census_key(self, proof: CensusProof) -> str:
        """43 characters of base64url: the key of a census row."""

    def fingerprint(self, secret: bytes) -> str:
        """43 characters that stand for a request's secret field where repeats are compared."""


class Passwords(Protocol):
    """Slow password hashing, off the event loop, bounded in memory and in callers.

    Both raise Unavailable `sign_in_busy` when too many wait.
    """

    async def hash(self, password: str) -> str:
        """A salted Argon2id hash in its standard text form."""

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether they match; takes the same time for a hash that is empty (nobody's)."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token and when it ends."""

    token: str
    expires_at: datetime


class Tokens(Protocol):
    """Signs sessions and access tokens in the city's name. Event loop only."""

    def session(self, resident_id: str) -> str:
        """A session of SESSION_S seconds."""

    def session_subject(self, token: str) -> str:
        """The resident of a session; raises Unauthenticated `token_...` or `not_a_session`."""

    def access(
        self,
        subject: str,
        *,
        audience: str,
        roles: Iterable[str],
        district: str,
        verified: bool,
        email: str,
    ) -> IssuedToken:
        """An access token for one service. email: "" where the service need not know it."""

    def vote(self, pseudonym: str, *, thing: str) -> IssuedToken:
        """An access token for one vote: a pseudonym, no roles, nothing else about the person."""


class SubjectKeys(Protocol):
    """A key for each person, known by the digest of their id. Blocks; thread-safe.

    Raises Unavailable where a key is missing that was never erased.
    """

    def seal(self, subject: str, context: str, value: str) -> str:
        """The value, readable only with the person's key and in this context.

        Makes the key at the first call, durably; raises Unauthenticated `person_erased`.
        """

    def open(self, subject: str, context: str, value: str) -> str:
        """What was sealed; ERASED once the key is erased; a value in clear as it is.

        Raises ValueError for a value that was moved or altered.
        """

    def erase(self, subject: str) -> None:
        """Deletes the key for good; durable when it returns. Any number of times."""


class CensusRows(Protocol):
    """The census roll as a view of the log."""

    async def caught_up(self, seq: int) -> None:
        """Returns when the view has taken in event `seq`; raises Unavailable `census_lagging`."""

    def district(self, key: str) -> str | None:
        """The district of a row, or None when the roll has no such row. Blocks shortly."""

    def kept_until_before(self, day: str, limit: int) -> list[str]:
        """Forgotten persons, by digest, whose rows were kept until a day before this one."""

    def places_of(self, subject: str) -> list[str]:
        """Where it stands that a person, by digest, holds a row (texts.place_of)."""

    def known(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys that are on the roll. Blocks."""
