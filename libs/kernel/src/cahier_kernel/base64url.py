"""base64url without padding (RFC 4648, section 5), read strictly: one text for each value.

Signed and hashed texts must not have two spellings, so stray characters, padding and unused bits
that are not zero are refused.
"""

from __future__ import annotations

import base64
import binascii


def encode(raw: bytes) -> str:
    """The one spelling of these bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes; raises ValueError for any text that `encode` would not have written."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url without padding") from error
    if encode(raw) != text:
        raise ValueError("not base64url without padding")
    return raw
