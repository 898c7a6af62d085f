"""The portal's one secret: what session cookies are encrypted with and forms are signed with."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from cahier_chassis.keys import secret_key


def session_key(data_dir: Path) -> bytes:
    """The 32 bytes in `keys/session.key`, made at first start, readable by the owner alone.

    Raises KeyUnusable when the file holds anything else than 32 bytes.
    """
    return secret_key(data_dir / "keys" / "session.key", may_make=True)


def csrf_secret(key: bytes) -> str:
    """A secret of its own for signing forms, derived from the session key."""
    return hmac.new(key, b"cahier/portal/csrf/v1", hashlib.sha256).hexdigest()
