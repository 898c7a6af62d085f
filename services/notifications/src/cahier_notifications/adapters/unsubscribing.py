"""The tokens in mails: a follow's id and its HMAC, so that nobody ends a stranger's follow.

They never end: whoever keeps a mail for years can still stop the next one.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from cahier_chassis.pseudonyms import HmacPseudonyms

_THING = "unsubscribe"
_ID_CHARS = 32
TOKEN_CHARS = _ID_CHARS + 43


class SignedTokens:
    """ports.Unsubscribing under the service's key."""

    def __init__(self, key: HmacPseudonyms) -> None:
        self._key = key

    def token(self, follow: str) -> str:
        return UUID(follow).hex + self._key.of(follow, _THING)

    def follow(self, token: str) -> str | None:
        if len(token) != TOKEN_CHARS or not token.isascii():
            return None
        try:
            follow = str(UUID(token[:_ID_CHARS]))
        except ValueError:
            return None
        return follow if hmac.compare_digest(token, self.token(follow)) else None
