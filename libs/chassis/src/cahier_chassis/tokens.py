"""Access tokens: short-lived Ed25519 JWTs (RFC 7519, RFC 8037) that each service checks by itself.

Identity issues them; every service verifies them locally with public keys, so no command waits
for a sibling. Time is the machine's own, never the development clock: a token lives five minutes
of real time however far a demonstration has jumped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cahier_chassis.keys import key_id
from cahier_kernel.errors import Forbidden, Unauthenticated

TTL_S_DEFAULT = 300
LEEWAY_S = 5
CACHED_TOKENS_MAX = 16_384
TOKEN_CHARS_MAX = 4_096
_ALGORITHM = "EdDSA"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says about its bearer.

    subject: a person's id, or the pseudonym that the person has in `thing`.
    roles: what the bearer may do, for example `staff`.
    thing: what a pseudonym is for, for example an election's id, or "".
    district: the bearer's proven district, or "".
    verified: whether the bearer's residence is proven.
    session: whether the token stands for a signed-in person (not for one single thing).
    email: the bearer's address, in tokens for notifications alone, or "".
    """

    subject: str
    roles: frozenset[str]
    thing: str
    district: str
    verified: bool
    session: bool
    expires_at: datetime
    email: str = ""


class TokenIssuer:
    """Signs tokens with one private key, in the name of one city."""

    def __init__(
        self, private_key_pem: bytes, issuer: str, now_s: Callable[[], float] = time.time
    ) -> None:
        key = load_pem_private_key(private_key_pem, password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("the token key is not an Ed25519 private key")
        self._key = key
        self._issuer = issuer
        self._now_s = now_s
        self._headers = {"kid": key_id(key.public_key())}

    def issue(
        self,
        subject: str,
        *,
        roles: Iterable[str] = (),
        audience: Iterable[str],
        ttl_s: int = TTL_S_DEFAULT,
        thing: str = "",
        district: str = "",
        verified: bool = False,
        session: bool = False,
        email: str = "",
    ) -> str:
        """A signed token for the named services, good for `ttl_s` seconds from now."""
        now_s = int(self._now_s())
        payload: dict[str, Any] = {
            "iss": self._issuer,
            "sub": subject,
            "aud": sorted(audience),
            "iat": now_s,
            "exp": now_s + ttl_s,
            "roles": sorted(roles),
        }
        optional = {
            "thing": thing,
            "district": district,
            "verified": verified,
            "session": session,
            "email": email,
        }
        payload.update({name: value for name, value in optional.items() if value})
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM, headers=self._headers)


class TokenVerifier:
    """Believes tokens of one issuer that are meant for one audience (the service's name).

    A token that was verified is remembered by its exact text until it expires; the memory is
    bounded, the oldest entry goes first. Not thread-safe: one event loop owns a verifier.
    """

    def __init__(
        self,
        public_keys: Mapping[str, Ed25519PublicKey],
        *,
        audience: str,
        issuer: str,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._keys = dict(public_keys)
        self._audience = audience
        self._issuer = issuer
        self._now_s = now_s
        self._known: dict[str, tuple[float, Claims]] = {}

    def verify(self, token: str) -> Claims:
        """The token's claims.

        Raises Unauthenticated with one of the codes token_missing, token_malformed,
        token_signature, token_audience (another service or city) and token_expired.
        """
        known = self._known.get(token)
        if known is not None and self._now_s() < known[0]:
            return known[1]
        payload = self._checked(token)
        claims = payload.claims()
        self._remember(token, payload.exp + LEEWAY_S, claims)
        return claims

    def _remember(self, token: str, until_s: float, claims: Claims) -> None:
        self._known.pop(token, None)
        if len(self._known) >= CACHED_TOKENS_MAX:
            del self._known[next(iter(self._known))]
        self._known[token] = (until_s, claims)

    def _checked(self, token: str) -> _Payload:
        if not token:
            raise Unauthenticated("token_missing", "the call needs an access token")
        payload = self._decoded(token)
        audience = [payload.aud] if isinstance(payload.aud, str) else payload.aud
        if payload.iss != self._issuer or self._audience not in audience:
            raise Unauthenticated("token_audience", "the token is meant for somebody else")
        if self._now_s() >= payload.exp + LEEWAY_S:
            raise Unauthenticated("token_expired", "the token has expired")
        return payload

    def _decoded(self, token: str) -> _Payload:
        if len(token) > TOKEN_CHARS_MAX:
            raise Unauthenticated("token_malformed", "the token is too long")
        try:
            key = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if key is None:
                raise Unauthenticated("token_signature", "the token's key is not known")
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], options=_OPTIONS)
            return msgspec.convert(claims, _Payload)
        except jwt.InvalidSignatureError:
            raise Unauthenticated("token_signature", "the token's signature is wrong") from None
        except (jwt.PyJWTError, msgspec.ValidationError):
            raise Unauthenticated("token_malformed", "this is not an access token") from None


# Audience, issuer and expiry are checked above, where each has a code of its own.
_OPTIONS: Any = {
    "verify_aud": False,
    "verify_iss": False,
    "verify_exp": False,
    "verify_iat": False,
    "verify_sub": False,
}


class _Payload(msgspec.Struct, frozen=True):
    iss: str
    sub: Annotated[str, msgspec.Meta(min_length=1)]
    aud: str | list[str]
    exp: Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
    roles: frozenset[str] = frozenset()
    thing: str = ""
    district: str = ""
    verified: bool = False
    session: bool = False
    email: str = ""

    def claims(self) -> Claims:
        return Claims(
            subject=self.sub,
            roles=self.roles,
            thing=self.thing,
            district=self.district,
            verified=self.verified,
            session=self.session,
            expires_at=datetime.fromtimestamp(self.exp, UTC),
            email=self.email,
        )


def require_self_or_admin(claims: Claims, person: str) -> None:
    """Raises Forbidden `role_required` unless the bearer is that person, signed in, or an admin."""
    if claims.subject != person or claims.thing:
        require_role(claims, "admin")


def require_role(claims: Claims, *roles: str) -> None:
    """Raises Forbidden `role_required` unless the bearer has at least one of the roles."""
    if claims.roles.isdisjoint(roles):
        wanted = " or ".join(roles)
        raise Forbidden("role_required", f"this needs the role {wanted}", role=wanted)
