"""Merkle trees of RFC 6962 and their proofs: what makes a rewritten history noticeable.

Hashes are 32 bytes of SHA-256. A node is named by (level, index): the root of the complete subtree
over the leaves `index << level` up to `(index + 1) << level`. Everything here is computed from
such nodes, so that a proof costs a number of reads that grows with the logarithm of the tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
LEVELS_MAX = 63
"""No tree is higher; so no proof is longer (RFC 6962 has 64-bit sizes)."""
_BLOCK_LEVEL = 16

ReadNode = Callable[[int, int], bytes]
"""(level, index) -> hash of that complete subtree. Raises what its store raises."""

_sha256 = hashlib.sha256

EMPTY_ROOT = _sha256(b"").digest()
"""The root of a tree without leaves."""


class BadProof(ValueError):
    """A proof does not lead to the root; the text says which rule was broken."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA256(00 || leaf) (RFC 6962, section 2.1)."""
    return _sha256(b"\x00" + leaf).digest()


def leaf_hashes(leaves: Iterable[bytes]) -> list[bytes]:
    """The hashes of many leaves, in order; as fast as Python hashes."""
    sha256 = _sha256
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves]


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA256(01 || left || right) (RFC 6962, section 2.1)."""
    return _sha256(b"\x01" + left + right).digest()


def parents(row: Sequence[bytes]) -> list[bytes]:
    """The row above a row of nodes; an odd last node has no parent yet and is left out."""
    sha256 = _sha256
    return [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(row[::2], row[1::2], strict=False)
    ]


class Frontier:
    """A growing tree by its peaks alone (a compact range): O(log n) memory, any number of leaves.

    peaks: hashes of the maximal complete subtrees, the largest (leftmost) first; there are as
    many as there are ones in the binary size. Two frontiers of one size and root are equal.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Raises ValueError where the peaks are not those of a tree of that size."""
        if size < 0 or len(peaks) != size.bit_count() or any(len(p) != HASH_BYTES for p in peaks):
            raise ValueError(f"{len(peaks)} peaks are not those of a tree of {size} leaves")
        self._size = size
        self._peaks = list(peaks)

    @classmethod
    def at(cls, size: int, read: ReadNode) -> Frontier:
        """The frontier of the first `size` leaves of a stored tree."""
        return cls(size, [read(level, index) for level, index in _peak_nodes(0, size)])

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The peaks' hashes, largest first; with `size` they make this frontier again."""
        return tuple(self._peaks)

    def append(self, hash_of_leaf: bytes) -> None:
        """Adds one leaf by its hash."""
        self._push(0, hash_of_leaf)

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Adds many leaves by their hashes, in blocks: about twice as fast as one by one."""
        at, count = 0, len(hashes)
        while at < count:
            level = min(_aligned(self._size), (count - at).bit_length() - 1, _BLOCK_LEVEL)
            row = hashes[at : at + (1 << level)]
            at += 1 << level
            for _ in range(level):
                row = parents(row)
            self._push(level, row[0])

    def root(self) -> bytes:
        """The root of the leaves so far."""
        return _fold(self._peaks)

    def _push(self, level: int, node: bytes) -> None:
        number = self._size >> level
        while number & 1:
            node = node_hash(self._peaks.pop(), node)
            number >>= 1
        self._peaks.append(node)
        self._size += 1 << level


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root of leaves by their hashes, all in memory."""
    frontier = Frontier()
    frontier.extend(hashes)
    return frontier.root()


def root_at(size: int, read: ReadNode) -> bytes:
    """The root of the first `size` leaves."""
    return _range_root(0, size, read)


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """The audit path of a leaf, its sibling first (RFC 6962, section 2.1.1).

    index: from 0. Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    path.reverse()
    return path


def consistency_proof(old: int, new: int, read: ReadNode) -> list[bytes]:
    """Proves that the tree of `old` leaves is a prefix of that of `new` (RFC 6962, section 2.1.2).

    Empty where old is 0 or new. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} is no prefix of one of {new}")
    if old in (0, new):
        return []
    path, low, high = [], 0, new
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, read))
            high = middle
        else:
            path.append(_range_root(low, middle, read))
            low = middle
    if low:  # else the verifier holds this very node: the old root
        path.append(_range_root(low, high, read))
    path.reverse()
    return path


def check_inclusion(
    hash_of_leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises BadProof unless the leaf stands at `index` under `root` (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise BadProof(f"leaf {index} is not in a tree of {size}")
    _check_hashes(proof)
    node, number, last = hash_of_leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            raise BadProof("the inclusion proof is too long")
        if number & 1 or number == last:
            node = node_hash(sibling, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise BadProof("the inclusion proof is too short")
    if node != root:
        raise BadProof(f"leaf {index} does not lead to the root")


def check_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises BadProof unless the old tree is a prefix of the new (RFC 9162, section 2.1.4.2)."""
    if not 0 <= old <= new:
        raise BadProof(f"a tree of {old} is no prefix of one of {new}")
    _check_hashes(proof)
    if old in (0, new):
        _check_trivial(old, new, old_root, new_root, proof)
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise BadProof("the consistency proof is too short")
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            raise BadProof("the consistency proof is too long")
        if number & 1 or number == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            second = node_hash(second, node)
        number, last = number >> 1, last >> 1
    if last != 0:
        raise BadProof("the consistency proof is too short")
    if first != old_root:
        raise BadProof(f"the consistency proof does not lead to the root at {old}")
    if second != new_root:
        raise BadProof(f"the consistency proof does not lead to the root at {new}")


def _check_trivial(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise BadProof("the consistency proof must be empty")
    if old == 0 and old_root != EMPTY_ROOT:
        raise BadProof("the old root is not that of an empty tree")
    if old == new and old_root != new_root:
        raise BadProof(f"two roots at {old}")


def _check_hashes(proof: Sequence[bytes]) -> None:
    if any(len(node) != HASH_BYTES for node in proof):
        raise BadProof(f"a hash of a proof has {HASH_BYTES} bytes")


def _split(count: int) -> int:
    """The largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _aligned(number: int) -> int:
    """How many times 2 divides a number: the level of the largest subtree that may start there."""
    return (number & -number).bit_length() - 1 if number else LEVELS_MAX


def _peak_nodes(low: int, high: int) -> Iterable[tuple[int, int]]:
    """The maximal complete subtrees of a range that starts where one of its width may."""
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def _range_root(low: int, high: int, read: ReadNode) -> bytes:
    return _fold([read(level, index) for level, index in _peak_nodes(low, high)])


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node
