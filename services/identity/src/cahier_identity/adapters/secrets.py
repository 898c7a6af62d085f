"""Identity's secret key and all that is derived from it.

The key is the one thing that cannot be made again: with another key everybody would have other
pseudonyms and could vote twice. So it is made once, in an empty service, and never replaced.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from uuid import UUID

from cahier_identity.domain.census import CensusProof
from cahier_kernel import base64url
from cahier_kernel.ids import derived_uuid

KEY_BYTES = 32
KEY_FILE = "pseudonym.key"


class KeyLost(Exception):
    """The key file is missing or cut though the service holds data that depends on it."""


class HmacSecrets:
    """ports.Secrets by HMAC-SHA256 (RFC 2104) under one key; thread-safe.

    Pseudonyms use the key itself; the other uses have keys of their own, derived from it, so that
    no value of one use can be had from another.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the key has {KEY_BYTES} bytes")
        self._key = key
        self._address_key, self._census_key, self._fingerprint_key = (
            _hmac(key, f"cahier/identity/{use}/v1".encode())
            for use in ("address", "census", "fingerprint")
        )

    def pseudonym(self, person_id: str, thing: str) -> str:
        return base64url.encode(_hmac(self._key, f"{person_id}\0{thing}".encode()))

    def address_id(self, address: str) -> UUID:
        return derived_uuid("address", base64url.encode(_hmac(self._address_key, address.encode())))

    def census_key(self, proof: CensusProof) -> str:
        return base64url.encode(_hmac(self._census_key, proof.text().encode()))

    def fingerprint(self, secret: bytes) -> str:
        return base64url.encode(_hmac(self._fingerprint_key, secret))


def open_key(folder: Path, *, may_make: bool) -> bytes:
    """The key in `folder`, made at the first start (file 0600, synced before it is used).

    Raises KeyLost when there is none and `may_make` is false, or when the file is cut.
    """
    path = folder / KEY_FILE
    if not path.exists():
        if not may_make:
            raise KeyLost(f"{path} is missing, but there are events: put the key back")
        _make(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyLost(f"{path} has {len(key)} bytes, not {KEY_BYTES}: put the key back")
    return key


def _make(path: Path) -> None:
    """Written beside its place and moved there, so that a crash leaves no half of a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
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


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
