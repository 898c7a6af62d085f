"""The policies that a log was once held to, by their digests: a vote names that of its opening.

They cannot be made anew, so they lie twice: among the log's files, which are backed up with the
events, and beside the lock row, which stays when the files are lost. Each start mends one from the
other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cahier_ledger.log.lock import LogLocks
from cahier_ledger.log.policy import Policy
from cahier_ledger.log.storage import TileStore

FOLDER = "policies"
"""Of the tile store, beside the folders of the epochs."""


def keep_policies(
    service: str, tiles: TileStore, locks: LogLocks, present: Policy | None = None
) -> None:
    """Keeps the present policy with the earlier ones for good; durable when it returns.

    Any number of processes may do so at once. Raises StoreUnavailable.
    """
    kept = _sound({digest: policy_text(tiles, digest) for digest in policy_digests(tiles)})
    locked = _sound(locks.policies(service))
    known = kept | locked
    if present is not None:
        known[present.digest()] = bytes(present)
    tiles.put({_at(digest): text for digest, text in known.items() if digest not in kept})
    locks.keep_policies(service, {each: known[each] for each in known if each not in locked})


def policy_text(tiles: TileStore, digest: str) -> bytes | None:
    """The canonical text of one of them. digest: SHA-256 in hex."""
    return tiles.get(_at(digest))


def policy_digests(tiles: TileStore) -> list[str]:
    """The digests of all of them, in order."""
    return sorted(path.rpartition("/")[2] for path in tiles.list(FOLDER))


def _sound(texts: Mapping[str, bytes | None]) -> dict[str, bytes]:
    return {
        digest: text
        for digest, text in texts.items()
        if text is not None and hashlib.sha256(text).hexdigest() == digest
    }


def _at(digest: str) -> str:
    return f"{FOLDER}/{digest}"
