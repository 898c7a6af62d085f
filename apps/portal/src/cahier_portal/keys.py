"""The portal's one secret: what session cookies are encrypted with and forms are signed with."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

KEY_BYTES = 32


def session_key(data_dir: Path) -> bytes:
    """The 32 bytes in `keys/session.key`, made at first start, readable by the owner alone.

    Raises ValueError when the file holds anything else than 32 bytes.
    """
    path = data_dir / "keys" / "session.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _checked(path)
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return _checked(path)


def csrf_secret(key: bytes) -> str:
    """A secret of its own for signing forms, derived from the session key."""
    return hmac.new(key, b"cahier/portal/csrf/v1", hashlib.sha256).hexdigest()


def _checked(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} does not hold {KEY_BYTES} bytes")
    return key
