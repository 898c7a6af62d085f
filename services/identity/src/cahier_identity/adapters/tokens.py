"""Signs sessions and access tokens with the city's token key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cahier_chassis.keys import ensure_key_pair, key_id, load_public_keys
from cahier_chassis.tokens import TTL_S_DEFAULT, TokenIssuer, TokenVerifier
from cahier_identity.application.ports import IssuedToken
from cahier_kernel.errors import Unauthenticated

SESSION_AUDIENCE = "identity.session"
"""No service has this name, so a session opens nothing but IssueAccessToken."""
SESSION_S = 12 * 3600
KEY_NAME = "token"


class JwtTokens:
    """ports.Tokens by chassis tokens; the machine's own clock, as for all tokens."""

    def __init__(
        self, issuer: TokenIssuer, sessions: TokenVerifier, now_s: Callable[[], float]
    ) -> None:
        """sessions: believes tokens for SESSION_AUDIENCE. now_s: Unix time."""
        self._issuer = issuer
        self._sessions = sessions
        self._now_s = now_s

    def session(self, resident_id: str) -> str:
        return self._issuer.issue(
            resident_id, audience=[SESSION_AUDIENCE], ttl_s=SESSION_S, session=True
        )

    def session_subject(self, token: str) -> str:
        claims = self._sessions.verify(token)
        if not claims.session:
            raise Unauthenticated("not_a_session", "this token is no session")
        return claims.subject

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
        until = self._until()
        token = self._issuer.issue(
            subject,
            roles=roles,
            audience=[audience],
            district=district,
            verified=verified,
            email=email,
        )
        return IssuedToken(token, until)

    def vote(self, pseudonym: str, *, thing: str) -> IssuedToken:
        until = self._until()
        token = self._issuer.issue(pseudonym, audience=["budget"], thing=thing, verified=True)
        return IssuedToken(token, until)

    def _until(self) -> datetime:
        """Never later than the token's own end."""
        return datetime.fromtimestamp(int(self._now_s()) + TTL_S_DEFAULT, UTC)


class TokenKeyMissing(Exception):
    """The token key that the settings name is not there, or nobody would believe it."""


def open_token_key(named: Path | None, folder: Path) -> bytes:
    """The PEM of the private key: the one named, else that of `folder`, made at the first start.

    Raises TokenKeyMissing when a key is named but not there.
    """
    if named is not None:
        if not named.is_file():
            raise TokenKeyMissing(f"there is no token key {named}")
        return named.read_bytes()
    private, _ = ensure_key_pair(folder, KEY_NAME)
    return private.read_bytes()


def require_believed(private_key_pem: bytes, public_keys: Path) -> None:
    """Raises TokenKeyMissing unless the services' public keys hold this key's other half."""
    key = load_pem_private_key(private_key_pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TokenKeyMissing("the token key is not an Ed25519 private key")
    if key_id(key.public_key()) not in load_public_keys(public_keys):
        raise TokenKeyMissing(f"{public_keys} does not hold the public half of the token key")
