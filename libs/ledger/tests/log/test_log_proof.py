from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.log import merkle
from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.merkle import BadProof, inclusion_proof
from cahier_ledger.log.note import COSIGNATURE_V1, BadNote, Vkey, parse_note
from cahier_ledger.log.policy import NotWitnessed, Policy
from cahier_ledger.log.proof import Receipt, check_receipt

# The head of the example of c2sp.org/tlog-proof, whose checkpoint is abridged there.
SPECIFIED_HEAD = """c2sp.org/tlog-proof@v1
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

"""


@pytest.fixture
def receipt(log_tree: Any, log_key: Any, log_checkpoint: Any) -> Receipt:
    """Of `leaf 3` in a tree of 10."""
    tree = log_tree(10)
    text = log_checkpoint(10, tree.root(10), log_key("a.example/tlog/budget"))
    return Receipt(3, tuple(inclusion_proof(3, 10, tree.read)), text)


def test_the_specifications_head_is_read_and_written(log_key: Any, log_checkpoint: Any) -> None:
    text = SPECIFIED_HEAD + log_checkpoint(109_482, bytes(32), log_key("example.com/fancylog"))
    receipt = Receipt.parse(text)
    assert (receipt.index, len(receipt.proof), receipt.extra) == (73_894, 5, None)
    assert str(receipt) == text
    with_extra = text.replace("index", "extra YWdlLXYxLjIuMQ==\nindex", 1)
    assert Receipt.parse(with_extra).extra == b"age-v1.2.1"
    assert str(Receipt.parse(with_extra.encode())) == with_extra


def test_a_receipt_proves_its_leaf_and_no_other(receipt: Receipt, log_key: Any) -> None:
    vkeys = [log_key("a.example/tlog/budget").vkey]
    assert check_receipt(str(receipt), b"leaf 3", vkeys).size == 10
    assert check_receipt(receipt, b"leaf 3", vkeys).size == 10
    with pytest.raises(BadProof):
        check_receipt(str(receipt), b"leaf 4", vkeys)
    moved = Receipt(4, receipt.proof, receipt.checkpoint)
    with pytest.raises(BadProof):
        check_receipt(str(moved), b"leaf 3", vkeys)
    with pytest.raises(BadNote):
        check_receipt(str(receipt), b"leaf 3", [log_key("b.example/tlog/budget").vkey])


def test_the_only_leaf_needs_no_hashes(log_tree: Any, log_key: Any, log_checkpoint: Any) -> None:
    key = log_key("a.example/tlog/budget")
    text = str(Receipt(0, (), log_checkpoint(1, log_tree(1).root(1), key)))
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 0\n\na.example")
    assert check_receipt(text, b"leaf 0", [key.vkey]).size == 1


def test_a_policy_asks_for_its_witnesses_too(receipt: Receipt, log_key: Any) -> None:
    log, witness = log_key("a.example/tlog/budget"), log_key("w.example", COSIGNATURE_V1)
    alone = Policy.parse(f"log {log.vkey}\nquorum none\n")
    policy = Policy.parse(f"log {log.vkey}\nwitness W {witness.vkey}\nquorum W\n")
    assert check_receipt(receipt, b"leaf 3", alone).size == 10
    with pytest.raises(NotWitnessed):
        check_receipt(receipt, b"leaf 3", policy)
    line = cosign(parse_note(receipt.checkpoint).body, witness.vkey, witness.sign, 1_000)
    upgraded = Receipt(receipt.index, receipt.proof, receipt.checkpoint + line)
    assert check_receipt(str(upgraded), b"leaf 3", policy).size == 10
    assert check_receipt(str(upgraded), b"leaf 3", alone).size == 10


@given(st.integers(0, 10_000), st.integers(0, 7))
@settings(max_examples=400, deadline=None)
def test_no_bit_of_a_receipt_can_change(at: int, bit: int) -> None:
    text, vkey = _fixed_receipt()
    raw = bytearray(text.encode())
    raw[at % len(raw)] ^= 1 << bit
    with pytest.raises((BadNote, BadProof)):
        check_receipt(bytes(raw), b"leaf 3", [vkey])


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_reader_stumble(raw: bytes) -> None:
    for text in (raw, SPECIFIED_HEAD.encode() + raw, b"c2sp.org/tlog-proof@v1\n" + raw):
        try:
            Receipt.parse(text)
        except BadNote:
            continue


def test_a_broken_receipt_is_refused(receipt: Receipt) -> None:
    text = str(receipt)
    for broken in (
        "",
        text[1:],
        text[:-1],
        text.replace("@v1", "@v2"),
        text.replace("index 3", "index 03"),
        text.replace("index 3", "index -3"),
        text.replace("index 3", "index  3"),
        text.replace("index 3\n", ""),
        text.replace("index", "extra\nindex"),
        text.replace("index 3", "index 3\nextra YQ=="),
        text.replace("\n\n", "\n", 1),
        text.replace("index 3", "index 3\nYQ=="),
        text.replace("index 3", "index 3\n" + "A" * 43 + "=" + ("\n" + "A" * 43 + "=") * 63),
        text + "\n",
        text.replace("\n", "\r\n"),
        "x" * 300_000,
    ):
        with pytest.raises(BadNote):
            Receipt.parse(broken)


def _fixed_receipt() -> tuple[str, Any]:
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    vkey = Vkey.of("a.example/tlog/budget", private.public_key().public_bytes_raw())
    rows = [merkle.leaf_hashes([f"leaf {n}".encode() for n in range(10)])]
    while len(rows[-1]) > 1:
        rows.append(merkle.parents(rows[-1]))
    checkpoint = Checkpoint(vkey.name, 10, merkle.root_of(rows[0]))
    proof = inclusion_proof(3, 10, lambda level, index: rows[level][index])
    text = sign_checkpoint(checkpoint, [(vkey, private.sign)])
    return str(Receipt(3, tuple(proof), text)), vkey
