"""Checkpoints: how long a log is and the root of all of it, signed (C2SP tlog-checkpoint)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cahier_ledger.log.merkle import HASH_BYTES
from cahier_ledger.log.note import (
    ED25519,
    BadNote,
    Note,
    Sign,
    Vkey,
    check_text,
    from_base64,
    parse_decimal,
    parse_note,
    sign_line,
    to_base64,
    verified_by,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head.

    origin: which log; the scheme-less prefix that it is served under. size: leaves. root: 32
    bytes. extensions: further lines, which nobody audits; our logs write none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def body(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse_body(cls, body: str) -> Checkpoint:
        """Reads a note's text; raises BadNote for any text that `body` would not have written."""
        check_text(body)
        if not body.endswith("\n"):
            raise BadNote("a checkpoint's lines end in newlines")
        origin, *rest = body[:-1].split("\n")
        if len(rest) < 2 or not origin or not all(rest):
            raise BadNote("a checkpoint is its origin, its size and its root")
        root = from_base64(rest[1], "a checkpoint's root")
        if len(root) != HASH_BYTES:
            raise BadNote(f"a checkpoint's root has {HASH_BYTES} bytes")
        return cls(origin, parse_decimal(rest[0], "a checkpoint's size"), root, tuple(rest[2:]))


def parse_checkpoint(text: str | bytes) -> tuple[Checkpoint, Note]:
    """The checkpoint and its note, no signature checked; raises BadNote."""
    note = parse_note(text)
    return Checkpoint.parse_body(note.body), note


def open_checkpoint(text: str | bytes, vkeys: Iterable[Vkey]) -> Checkpoint:
    """The checkpoint, signed by at least one of these log keys; raises BadNote.

    A log's keys bear its origin as their name, so that keys of other logs do not count.
    """
    checkpoint, note = parse_checkpoint(text)
    require_log_signature(checkpoint, note, vkeys)
    return checkpoint


def require_log_signature(checkpoint: Checkpoint, note: Note, vkeys: Iterable[Vkey]) -> list[Vkey]:
    """The log's keys that signed; raises BadNote where none did or one does not verify."""
    log_keys = [v for v in vkeys if v.algorithm == ED25519 and v.name == checkpoint.origin]
    if not log_keys:
        raise BadNote(f"{checkpoint.origin} is another log: no key of it is known")
    signers = verified_by(note, log_keys)
    if not signers:
        raise BadNote(f"no known key of {checkpoint.origin} signed the checkpoint")
    return signers


def sign_checkpoint(checkpoint: Checkpoint, signers: Iterable[tuple[Vkey, Sign]]) -> str:
    """The checkpoint's text with one signature for each key; raises BadNote for another's key."""
    body = checkpoint.body()
    lines = []
    for vkey, sign in signers:
        if vkey.name != checkpoint.origin:
            raise BadNote(f"the key {vkey.name} does not sign for {checkpoint.origin}")
        lines.append(sign_line(body, vkey, sign))
    text = body + "\n" + "".join(lines)
    parse_checkpoint(text)
    return text
