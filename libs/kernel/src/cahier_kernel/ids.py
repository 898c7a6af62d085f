"""Identifiers: UUIDv7 for things that happen at a time, derived ids where a key must be natural."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from uuid import UUID

from cahier_kernel.errors import Invalid

UUID_CHARS = 36
_NAMESPACE = b"cahier/derived-id/v1\0"


def uuid7(now: datetime) -> UUID:
    """A fresh UUIDv7 (RFC 9562, section 5.7): 48 bits of `now` in ms, 74 random bits."""
    unix_ms = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10), "big")
    high = (unix_ms << 16) | (0x7 << 12) | (random >> 68 & 0xFFF)
    low = (0b10 << 62) | (random & ((1 << 62) - 1))
    return UUID(int=(high << 64) | low)


def time_of(id: UUID) -> datetime | None:
    """When a UUIDv7 was made, to the millisecond, in UTC; None for an id that tells no time."""
    if id.version != 7:
        return None
    return datetime.fromtimestamp((id.int >> 80) / 1000, UTC)


def require_uuid(text: str, field: str) -> UUID:
    """The UUID in `text`, in its usual form of 36 characters; raises Invalid `id_malformed`."""
    try:
        found = UUID(text) if len(text) == UUID_CHARS else None
    except ValueError:
        found = None
    if found is None or str(found) != text.lower():
        raise Invalid("id_malformed", "a UUID such as 01890a5d-ac96-774b-...", field=field)
    return found


def derived_uuid(*parts: str) -> UUID:
    """The UUIDv8 (RFC 9562, section 5.8) of SHA-256 over the parts: same parts, same id.

    Parts are length-prefixed, so ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256(_NAMESPACE)
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big") + raw)
    number = int.from_bytes(digest.digest()[:16], "big")
    number = number & ~(0xF << 76) | (0x8 << 76)
    number = number & ~(0b11 << 62) | (0b10 << 62)
    return UUID(int=number)
