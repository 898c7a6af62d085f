"""Who is visiting: an encrypted cookie, and access tokens kept in memory until they run out.

The cookie holds the session token and what the header of a page shows (name, roles). Services
believe neither: they check the access token of every call.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from litestar.connection import ASGIConnection
from litestar.exceptions import SerializationException
from litestar.middleware.session.client_side import ClientSideSessionBackend, CookieBackendConfig

from cahier_contracts.identity.v1 import identity_service_pb2 as identity
from cahier_portal.clients import Service
from cahier_portal.formats import instant

SESSION_S = 12 * 3600
EARLY_S = 30
TOKENS_MAX = 20_000
_VISITOR = "visitor"
_NOTICE = "notice"


_NOT_OURS = (InvalidTag, ValueError, KeyError, TypeError, SerializationException)


@dataclass(frozen=True)
class Visitor:
    """A signed-in person. The session token never leaves the portal."""

    session_token: str
    resident_id: str
    name: str
    roles: tuple[str, ...]

    @property
    def is_staff(self) -> bool:
        """Whether to show the staff's pages; services decide what staff may do."""
        return "staff" in self.roles


@dataclass(frozen=True)
class Notice:
    """What the next page says at its top: a message's key, and a receipt where there is one."""

    message: str
    receipt: str = ""


class SafeCookieBackend(ClientSideSessionBackend):
    """A cookie that somebody tampered with is no cookie, never an error."""

    async def load_from_connection(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> dict[str, Any]:
        """The session's data; empty for anything that this portal did not write."""
        return self.read(connection)

    def read(self, connection: ASGIConnection[Any, Any, Any, Any]) -> dict[str, Any]:
        """As `load_from_connection`, for where nothing can be awaited."""
        parts = [connection.cookies[key].encode() for key in self.get_cookie_keys(connection)]
        with contextlib.suppress(*_NOT_OURS):
            data = self.load_data(parts) if parts else {}
            return data if isinstance(data, dict) else {}
        return {}


@dataclass
class SafeCookieConfig(CookieBackendConfig):
    """The cookie of a session: encrypted, HttpOnly, SameSite=Lax."""

    _backend_class = SafeCookieBackend


CSRF_COOKIE = "cahier_csrf"


def cookie_config(key: bytes, *, secure: bool) -> SafeCookieConfig:
    """How the session cookie is made. It lives as long as a session does."""
    return SafeCookieConfig(
        secret=key,
        key="cahier_session",
        max_age=SESSION_S,
        secure=secure,
        httponly=True,
        samesite="lax",
        exclude_opt_key="skip_session",
    )


def visitor_of(session: dict[str, Any]) -> Visitor | None:
    """The signed-in person, or None."""
    held = session.get(_VISITOR)
    if not isinstance(held, dict):
        return None
    return Visitor(held["session_token"], held["resident_id"], held["name"], tuple(held["roles"]))


def sign_in(session: dict[str, Any], answer: identity.SignInResponse) -> None:
    """Begins a session; whatever the cookie held before is gone."""
    session.clear()
    session[_VISITOR] = {
        "session_token": answer.session_token,
        "resident_id": answer.resident_id,
        "name": answer.display_name,
        "roles": list(answer.roles),
    }


def sign_out(session: dict[str, Any]) -> None:
    """Ends the session on this device."""
    session.clear()


def leave_notice(session: dict[str, Any], message: str, receipt: str = "") -> None:
    """Keeps one notice for the next page."""
    session[_NOTICE] = {"message": message, "receipt": receipt}


def take_notice(session: dict[str, Any]) -> Notice | None:
    """The notice left for this page, once."""
    held = session.pop(_NOTICE, None)
    return Notice(held["message"], held["receipt"]) if isinstance(held, dict) else None


class AccessTokens:
    """Access tokens by session, audience and election, until EARLY_S before they expire.

    Kept in memory alone and bounded: the oldest goes first. Only a digest of the session token
    serves as key. Token times are the machine's own, as in services.
    """

    def __init__(self, identity_service: Service, now: Callable[[], datetime]) -> None:
        self._identity = identity_service
        self._now = now
        self._held: OrderedDict[tuple[str, str, str], tuple[float, str]] = OrderedDict()

    async def get(self, visitor: Visitor, audience: str, election: str = "") -> str:
        """A token that is good for at least EARLY_S more; raises DomainError from identity."""
        digest = hashlib.sha256(visitor.session_token.encode()).hexdigest()
        key = (digest, audience, election)
        held = self._held.get(key)
        if held is not None and self._now().timestamp() < held[0]:
            return held[1]
        answer = await self._identity.ask(
            identity.IssueAccessTokenRequest(
                session_token=visitor.session_token, audience=audience, election_id=election
            )
        )
        until_s = instant(answer.expires_at).timestamp() - EARLY_S
        self._held[key] = (until_s, answer.access_token)
        self._held.move_to_end(key)
        if len(self._held) > TOKENS_MAX:
            self._held.popitem(last=False)
        return str(answer.access_token)

    def forget(self, visitor: Visitor) -> None:
        """Drops all tokens of a session, so that new roles or a proved residence count at once."""
        digest = hashlib.sha256(visitor.session_token.encode()).hexdigest()
        for key in [key for key in self._held if key[0] == digest]:
            del self._held[key]
