"""Identity's secret key and all that is derived from it.

The key is the one thing that cannot be made again: with another key everybody would have other
pseudonyms and could vote twice. So it is made once, in an empty service, and never replaced.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from cahier_identity.domain.census import CensusProof
from cahier_kernel import base64url
from cahier_kernel.ids import derived_uuid


class HmacSecrets:
    """ports.Secrets by HMAC-SHA256 (RFC 2104) under one key; thread-safe.

    Pseudonyms use the key itself; the other uses have keys of their own, derived from it, so that
    no value of one use can be had from another.
    """

    def __init__(self, key: bytes) -> None:
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


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
