import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.log import merkle
from cahier_ledger.log.merkle import (
    EMPTY_ROOT,
    BadProof,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    root_of,
)

h = bytes.fromhex

# The test tree of Certificate Transparency (google/certificate-transparency, merkle_tree_test.cc),
# which RFC 6962's implementations share.
CT_LEAVES = [
    h(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}
CT_CONSISTENCY = {
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
SIZE_MAX = 130


# RFC 6962, section 2.1, word by word: no tricks, no reuse of our own code.
def naive_root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = naive_split(len(hashes))
    left, right = naive_root(hashes[:k]), naive_root(hashes[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_path(m: int, hashes: list[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = naive_split(len(hashes))
    if m < k:
        return [*naive_path(m, hashes[:k]), naive_root(hashes[k:])]
    return [*naive_path(m - k, hashes[k:]), naive_root(hashes[:k])]


def naive_subproof(m: int, hashes: list[bytes], whole: bool) -> list[bytes]:
    if m == len(hashes):
        return [] if whole else [naive_root(hashes)]
    k = naive_split(len(hashes))
    if m <= k:
        return [*naive_subproof(m, hashes[:k], whole), naive_root(hashes[k:])]
    return [*naive_subproof(m - k, hashes[k:], False), naive_root(hashes[:k])]


def refuses(check: Callable[..., None], *args: Any) -> bool:
    try:
        check(*args)
    except BadProof:
        return True
    return False


@pytest.fixture(scope="module")
def hashes() -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(SIZE_MAX)]


@pytest.fixture(scope="module")
def roots(hashes: list[bytes]) -> list[bytes]:
    return [naive_root(hashes[:size]) for size in range(SIZE_MAX + 1)]


def test_roots_are_those_of_certificate_transparencys_test_tree() -> None:
    assert [leaf_hash(leaf) for leaf in CT_LEAVES] == merkle.leaf_hashes(CT_LEAVES)
    for size, root in enumerate(CT_ROOTS):
        assert root_of(merkle.leaf_hashes(CT_LEAVES[:size])).hex() == root
    assert h(CT_ROOTS[0]) == EMPTY_ROOT


def test_proofs_are_those_of_certificate_transparencys_test_tree(log_tree: Any) -> None:
    tree = type(log_tree(0))(merkle.leaf_hashes(CT_LEAVES))
    for (index, size), path in CT_INCLUSION.items():
        proof = inclusion_proof(index, size, tree.read)
        assert [each.hex() for each in proof] == list(path)
        check_inclusion(leaf_hash(CT_LEAVES[index]), index, size, proof, h(CT_ROOTS[size]))
    for (old, new), path in CT_CONSISTENCY.items():
        proof = consistency_proof(old, new, tree.read)
        assert [each.hex() for each in proof] == list(path)
        check_consistency(old, new, h(CT_ROOTS[old]), h(CT_ROOTS[new]), proof)


def test_roots_and_inclusion_proofs_are_rfc_6962s_for_every_leaf_of_every_size(
    log_tree: Any, hashes: list[bytes], roots: list[bytes]
) -> None:
    tree = type(log_tree(0))(hashes)
    for size in range(SIZE_MAX + 1):
        assert root_at(size, tree.read) == roots[size] == root_of(hashes[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, tree.read)
            assert proof == naive_path(index, hashes[:size])
            check_inclusion(hashes[index], index, size, proof, roots[size])


def test_consistency_proofs_are_rfc_6962s_for_every_pair_of_sizes(
    log_tree: Any, hashes: list[bytes], roots: list[bytes]
) -> None:
    tree = type(log_tree(0))(hashes)
    for new in range(SIZE_MAX + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, tree.read)
            assert proof == (naive_subproof(old, hashes[:new], True) if old else [])
            check_consistency(old, new, roots[old], roots[new], proof)


def test_a_proof_of_one_thing_proves_no_other(
    log_tree: Any, hashes: list[bytes], roots: list[bytes]
) -> None:
    tree = type(log_tree(0))(hashes)
    for size in range(1, 20):
        for index in range(size):
            proof = inclusion_proof(index, size, tree.read)
            for other in range(size):
                wrong = refuses(check_inclusion, hashes[index], other, size, proof, roots[size])
                assert wrong == (other != index)
            assert refuses(check_inclusion, hashes[-1], index, size, proof, roots[size])
            assert refuses(check_inclusion, hashes[index], index, size, proof, roots[size + 1])
            longer = [*proof, hashes[0]]
            assert refuses(check_inclusion, hashes[index], index, size, longer, roots[size])
            assert not proof or refuses(
                check_inclusion, hashes[index], index, size, proof[:-1], roots[size]
            )
    for new in range(2, 20):
        for old in range(1, new):
            proof = consistency_proof(old, new, tree.read)
            for other in range(1, new):
                wrong = refuses(check_consistency, other, new, roots[other], roots[new], proof)
                assert wrong == (other != old)
            assert refuses(check_consistency, old, new, roots[old - 1], roots[new], proof)
            assert refuses(check_consistency, old, new, roots[old], roots[new + 1], proof)
            longer = [*proof, hashes[0]]
            assert refuses(check_consistency, old, new, roots[old], roots[new], longer)
            assert refuses(check_consistency, old, new, roots[old], roots[new], proof[:-1])


def test_a_proof_for_one_size_proves_nothing_of_a_tree_that_is_higher_or_lower(
    log_tree: Any, hashes: list[bytes], roots: list[bytes]
) -> None:
    tree = type(log_tree(0))(hashes)
    higher = inclusion_proof(7, 8, tree.read)
    assert refuses(check_inclusion, hashes[7], 3, 4, higher, roots[8])
    consistent = consistency_proof(7, 8, tree.read)
    assert refuses(check_consistency, 3, 4, roots[7], roots[8], consistent)
    lower = consistency_proof(1, 2, tree.read)
    assert refuses(check_consistency, 1, 3, roots[1], roots[2], lower)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_byte_of_a_proof_can_change(data: st.DataObject) -> None:
    hashes = merkle.leaf_hashes([str(n).encode() for n in range(40)])
    rows = [hashes]
    while len(rows[-1]) > 1:
        rows.append(merkle.parents(rows[-1]))
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size - 1))
    root, old_root = naive_root(hashes[:size]), naive_root(hashes[:old])

    def read(level: int, number: int) -> bytes:
        return rows[level][number]

    def flipped(proof: list[bytes]) -> list[bytes]:
        at = data.draw(st.integers(0, len(proof) * 32 - 1))
        bit = 1 << data.draw(st.integers(0, 7))
        raw = bytearray(b"".join(proof))
        raw[at] ^= bit
        return [bytes(raw[n : n + 32]) for n in range(0, len(raw), 32)]

    included = inclusion_proof(index, size, read)
    assert refuses(check_inclusion, hashes[index], index, size, flipped(included), root)
    consistent = consistency_proof(old, size, read)
    assert refuses(check_consistency, old, size, old_root, root, flipped(consistent))


def test_trivial_consistency_still_compares_roots(roots: list[bytes]) -> None:
    check_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    check_consistency(0, 5, EMPTY_ROOT, roots[5], [])
    assert refuses(check_consistency, 0, 5, roots[1], roots[5], [])
    assert refuses(check_consistency, 0, 5, EMPTY_ROOT, roots[5], [roots[1]])
    assert refuses(check_consistency, 5, 5, roots[5], roots[4], [])
    assert refuses(check_consistency, 5, 5, roots[5], roots[5], [roots[5]])
    assert refuses(check_consistency, 5, 4, roots[5], roots[4], [])
    assert refuses(check_consistency, -1, 4, roots[0], roots[4], [])
    assert refuses(check_inclusion, roots[1], 1, 1, [], roots[1])
    assert refuses(check_inclusion, roots[1], -1, 1, [], roots[1])
    with pytest.raises(BadProof, match="32 bytes"):
        check_inclusion(roots[1], 0, 2, [b"short"], roots[1])
    with pytest.raises(BadProof, match="32 bytes"):
        check_consistency(1, 2, roots[1], roots[2], [b"short"])


def test_proofs_out_of_range_are_refused_before_they_are_made(log_tree: Any) -> None:
    tree = log_tree(5)
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError):
            inclusion_proof(index, size, tree.read)
    with pytest.raises(ValueError):
        consistency_proof(6, 5, tree.read)


@given(st.lists(st.integers(0, 700), max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_frontier_has_the_same_root_however_it_grew(steps: list[int]) -> None:
    one_by_one, in_blocks = Frontier(), Frontier()
    leaves = [hashlib.sha256(str(n).encode()).digest() for n in range(sum(steps))]
    at = 0
    for step in steps:
        part = leaves[at : at + step]
        at += step
        in_blocks.extend(part)
        for each in part:
            one_by_one.append(each)
        assert in_blocks.peaks == one_by_one.peaks
    assert in_blocks.size == one_by_one.size == len(leaves)
    assert in_blocks.root() == naive_root(leaves)


def test_a_frontier_is_made_again_from_its_peaks_or_from_the_tree(log_tree: Any) -> None:
    tree = log_tree(77)
    for size in range(78):
        kept = Frontier.at(size, tree.read)
        again = Frontier(kept.size, kept.peaks)
        assert again.root() == tree.root(size)
        again.extend(tree.hashes[size:])
        assert again.root() == tree.root(77)
    with pytest.raises(ValueError):
        Frontier(3, [b"x" * 32])
    with pytest.raises(ValueError):
        Frontier(1, [b"short"])


def test_a_node_is_not_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)


def test_a_proof_costs_few_reads() -> None:
    reads = 0

    def read(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return hashlib.sha256(f"{level} {index}".encode()).digest()

    inclusion_proof(123_456, 999_999, read)
    consistency_proof(123_456, 999_999, read)
    assert reads < 4 * 20
