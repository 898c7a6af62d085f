"""Keys, trees and notes for the tests of the public log's formats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_ledger.log import merkle
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.note import ED25519, Sign, Vkey


@dataclass(frozen=True)
class NamedKey:
    """A key that is the same in every run."""

    vkey: Vkey
    sign: Sign


@dataclass(frozen=True)
class Tree:
    """All nodes of a small tree in memory: the plainest ReadNode."""

    hashes: Sequence[bytes]

    def read(self, level: int, index: int) -> bytes:
        row = list(self.hashes[index << level : (index + 1) << level])
        if len(row) != 1 << level:
            raise LookupError(f"no complete subtree {level}, {index}")
        while len(row) > 1:
            row = merkle.parents(row)
        return row[0]

    def root(self, size: int) -> bytes:
        return merkle.root_of(self.hashes[:size])


@pytest.fixture(scope="session")
def log_key() -> Callable[..., NamedKey]:
    """Makes the key of a name and algorithm; `number` tells several of one name apart."""

    def make(name: str, algorithm: int = ED25519, number: int = 0) -> NamedKey:
        seed = hashlib.sha256(f"{name} {algorithm} {number}".encode()).digest()
        private = Ed25519PrivateKey.from_private_bytes(seed)
        public = private.public_key().public_bytes_raw()
        return NamedKey(Vkey.of(name, public, algorithm), private.sign)

    return make


@pytest.fixture(scope="session")
def log_tree() -> Callable[..., Tree]:
    """Makes a tree of `size` leaves; another `fork` has other leaves from `fork_at` on."""

    def make(size: int, fork: str = "", fork_at: int = 0) -> Tree:
        leaves = [f"leaf {n}{fork if n >= fork_at else ''}".encode() for n in range(size)]
        return Tree(merkle.leaf_hashes(leaves))

    return make


@pytest.fixture(scope="session")
def log_checkpoint() -> Callable[..., str]:
    """Makes a checkpoint's text, signed by these keys, of which the first names the origin."""

    def make(size: int, root: bytes, *keys: NamedKey) -> str:
        checkpoint = Checkpoint(keys[0].vkey.name, size, root)
        return sign_checkpoint(checkpoint, [(key.vkey, key.sign) for key in keys])

    return make
