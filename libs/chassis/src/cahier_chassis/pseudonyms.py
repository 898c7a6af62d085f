"""Pseudonyms by HMAC under a key that is made once and never leaves its service's folder.

A lost key would give everybody new names, and with them second supports. So a missing key is
made only while the store is empty.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from cahier_kernel import base64url

KEY_BYTES = 32


class KeyUnusable(Exception):
    """The pseudonym key is missing or damaged; put it back from a backup."""


class HmacPseudonyms:
    """HMAC-SHA256(key, person || 0x00 || thing) in base64url without padding (RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyUnusable(f"the pseudonym key has {len(key)} bytes instead of {KEY_BYTES}")
        self._key = key

    def of(self, person: str, thing: str) -> str:
        return base64url.encode(hmac.digest(self._key, f"{person}\0{thing}".encode(), "sha256"))


def load_pseudonyms(path: Path, *, may_create: bool) -> HmacPseudonyms:
    """Pseudonyms under the key in `path`; with may_create, made (0600, synced) when missing.

    Raises KeyUnusable.
    """
    if not path.exists():
        if not may_create:
            raise KeyUnusable(f"{path} is missing, and this store holds events made with it")
        _create(path)
    return HmacPseudonyms(path.read_bytes())


def _create(path: Path) -> None:
    """Writes beside and renames, so that a crash leaves no half key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
