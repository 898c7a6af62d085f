"""Receipts: that a leaf stands in a log, checkable offline and for ever (C2SP tlog-proof)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cahier_ledger.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from cahier_ledger.log.merkle import (
    HASH_BYTES,
    LEVELS_MAX,
    check_inclusion,
    leaf_hash,
)
from cahier_ledger.log.note import (
    BadNote,
    Vkey,
    check_text,
    from_base64,
    parse_decimal,
    to_base64,
)
from cahier_ledger.log.policy import Policy

MAGIC = "c2sp.org/tlog-proof@v1"
RECEIPT_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class Receipt:
    """A tlog-proof.

    index: the leaf's, from 0. proof: 32 byte hashes, the leaf's sibling first. checkpoint: the
    signed note's text. extra: opaque bytes that nobody may trust, or None.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @classmethod
    def parse(cls, text: str | bytes) -> Receipt:
        """Reads a tlog-proof, checking no signature and no hash; raises BadNote."""
        lines, checkpoint = _head(text)
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = from_base64(lines.pop(0)[len("extra ") :], "a receipt's extra data")
        if not lines or not lines[0].startswith("index "):
            raise BadNote("a receipt says `index <number>`")
        index = parse_decimal(lines.pop(0)[len("index ") :], "a receipt's index")
        proof = tuple(from_base64(line, "a receipt's hash") for line in lines)
        if len(proof) > LEVELS_MAX or any(len(node) != HASH_BYTES for node in proof):
            raise BadNote(f"a receipt has at most {LEVELS_MAX} hashes of {HASH_BYTES} bytes")
        parse_checkpoint(checkpoint)
        return cls(index, proof, checkpoint, extra)

    def __str__(self) -> str:
        """The tlog-proof's text."""
        lines = [MAGIC]
        if self.extra is not None:
            lines.append(f"extra {to_base64(self.extra)}")
        lines += [f"index {self.index}", *map(to_base64, self.proof)]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def check_receipt(
    text: str | bytes | Receipt, leaf: bytes, trust: Policy | Iterable[Vkey]
) -> Checkpoint:
    """The checkpoint under which the leaf stands.

    trust: a policy, or the log's keys where no witness is asked for. Raises BadNote for a broken
    text or signature, NotWitnessed where the quorum lacks, BadProof where the leaf is not there.
    """
    receipt = text if isinstance(text, Receipt) else Receipt.parse(text)
    if isinstance(trust, Policy):
        checkpoint = trust.open(receipt.checkpoint)
    else:
        checkpoint = open_checkpoint(receipt.checkpoint, trust)
    check_inclusion(leaf_hash(leaf), receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    return checkpoint


def _head(text: str | bytes) -> tuple[list[str], str]:
    """The lines between the magic and the empty line, and the checkpoint below it."""
    if len(text) > RECEIPT_BYTES_MAX:
        raise BadNote(f"a receipt has at most {RECEIPT_BYTES_MAX} bytes")
    try:
        text = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise BadNote("a receipt is UTF-8") from None
    check_text(text)
    head, empty, checkpoint = text.partition("\n\n")
    magic, *lines = head.split("\n")
    if magic != MAGIC or not empty:
        raise BadNote(f"a receipt begins with {MAGIC}")
    return lines, checkpoint
