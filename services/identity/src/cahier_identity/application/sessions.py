"""Signing in, and turning a session into a token for one service or for one vote."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from uuid import UUID

from cahier_identity.application.attempts import Attempts
from cahier_identity.application.ports import IssuedToken, Passwords, Secrets, Tokens
from cahier_identity.domain.fields import (
    EMAIL_CHARS_MAX,
    PASSWORD_CHARS_MAX,
    normal_email,
)
from cahier_identity.domain.resident import AddressHolder, Resident
from cahier_kernel.errors import (
    FailedPrecondition,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
)
from cahier_kernel.ids import require_uuid
from cahier_ledger.aggregates import Aggregates

AUDIENCES = frozenset({"identity", "consultation", "reporting", "budget", "notifications"})
VOTING_AUDIENCE = "budget"
MAILING_AUDIENCE = "notifications"
"""The one service that learns a resident's address, and only from the resident's own token."""
ROLE_OF_ALL = "resident"


@dataclass(frozen=True, slots=True)
class Session:
    """A resident who has proved their password."""

    token: str
    resident_id: str
    display_name: str
    roles: tuple[str, ...]


class Sessions:
    """Nothing here appends: a session is a signed token, roles are read anew for each token."""

    def __init__(
        self,
        aggregates: Aggregates,
        secrets: Secrets,
        passwords: Passwords,
        tokens: Tokens,
        attempts: Attempts,
    ) -> None:
        self._aggregates = aggregates
        self._secrets = secrets
        self._passwords = passwords
        self._tokens = tokens
        self._attempts = attempts

    async def sign_in(self, email: str, password: str) -> Session:
        """Raises Unauthenticated `sign_in_refused`, alike for an unknown address and a wrong
        password, and FailedPrecondition `sign_in_locked` after too many failures.
        """
        if len(email) > EMAIL_CHARS_MAX or len(password) > PASSWORD_CHARS_MAX:
            raise _refused()
        address_id = self._secrets.address_id(normal_email(email))
        wait_s = math.ceil(self._attempts.begin(address_id))
        if wait_s:
            raise FailedPrecondition(
                "sign_in_locked", "too many failed attempts for this address", wait_s=wait_s
            )
        resident = await asyncio.to_thread(self._resident_at, address_id)
        expected = resident.password_hash if resident is not None else ""
        if not await self._passwords.verify(expected, password) or resident is None:
            raise _refused()
        self._attempts.succeeded(address_id)
        resident_id = str(resident.id)
        return Session(
            self._tokens.session(resident_id),
            resident_id,
            resident.display_name,
            tuple(sorted(resident.roles)),
        )

    async def access_token(self, session: str, audience: str, election_id: str) -> IssuedToken:
        """A token for one service, or for one vote when an election is named.

        Raises Unauthenticated (no session), Invalid `audience_unknown`, `election_not_expected`,
        and Forbidden `residence_not_proved`.
        """
        subject = self._tokens.session_subject(session)
        if audience not in AUDIENCES:
            raise Invalid("audience_unknown", "no service has this name", field="audience")
        if election_id and audience != VOTING_AUDIENCE:
            rule = f"an election is named with the audience {VOTING_AUDIENCE} only"
            raise Invalid("election_not_expected", rule, field="election_id")
        resident = await asyncio.to_thread(self._resident, subject)
        if election_id:
            return self._vote_token(resident, require_uuid(election_id, "election_id"))
        return self._tokens.access(
            subject,
            audience=audience,
            roles={ROLE_OF_ALL, *resident.roles},
            district=resident.district,
            verified=resident.proved,
            email=resident.email if audience == MAILING_AUDIENCE else "",
        )

    def _vote_token(self, resident: Resident, election_id: UUID) -> IssuedToken:
        if not resident.proved:
            raise Forbidden("residence_not_proved", "who votes has proved their residence")
        thing = election_thing(election_id)
        return self._tokens.vote(self._secrets.pseudonym(str(resident.id), thing), thing=thing)

    def _resident_at(self, address_id: UUID) -> Resident | None:
        try:
            holder = self._aggregates.get(AddressHolder, address_id)
        except NotFound:
            return None
        if holder.is_free:
            return None
        resident = self._aggregates.get(Resident, UUID(holder.resident_id))
        return None if resident.erasure else resident

    def _resident(self, subject: str) -> Resident:
        try:
            resident = self._aggregates.get(Resident, UUID(subject))
        except (NotFound, ValueError):
            raise Unauthenticated("session_unknown", "the session is nobody's") from None
        if resident.erasure:
            raise Unauthenticated("session_unknown", "the session is nobody's")
        return resident


def election_thing(election_id: UUID) -> str:
    """What a credential is a pseudonym for, as in the claim `thing`."""
    return f"election:{election_id}"


def _refused() -> Unauthenticated:
    return Unauthenticated("sign_in_refused", "address and password do not match")
