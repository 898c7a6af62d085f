"""Names in eight bytes, so that a million of them fit into memory."""

from __future__ import annotations

import hashlib
import sys

TAIL_BYTES = 8


def id_tail(leaf_id: str) -> int:
    """The last eight bytes of an id: equal ids have equal tails, and whoever finds two looks."""
    tail = leaf_id.encode()[-TAIL_BYTES:].rjust(TAIL_BYTES, b"\0")
    return int.from_bytes(tail, sys.byteorder, signed=True)


def fingerprint(name: str) -> int:
    """63 bits of SHA-256: nobody finds another name that has them."""
    digest = hashlib.sha256(name.encode(errors="replace")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
