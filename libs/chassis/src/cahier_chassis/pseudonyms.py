"""Pseudonyms by HMAC under a key that is made once and never leaves its service's folder.

A lost key would give everybody new names, and with them second supports. So a missing key is
made only while the store is empty.
"""

from __future__ import annotations

import hmac
from pathlib import Path

from cahier_chassis.keys import secret_key
from cahier_kernel import base64url


class HmacPseudonyms:
    """HMAC-SHA256(key, person || 0x00 || thing) in base64url without padding (RFC 2104)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, person: str, thing: str) -> str:
        return base64url.encode(hmac.digest(self._key, f"{person}\0{thing}".encode(), "sha256"))


def load_pseudonyms(path: Path, *, may_create: bool) -> HmacPseudonyms:
    """Pseudonyms under the key in `path`; with may_create, made when missing.

    Raises keys.KeyUnusable.
    """
    return HmacPseudonyms(secret_key(path, may_make=may_create))
