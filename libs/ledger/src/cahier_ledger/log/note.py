"""Signed notes: text with signature lines below, and the keys that check them (C2SP signed-note).

Everything is read strictly: one text for each value, so that no byte of a note can change without
either the note, a signature or a key being refused. Two kinds of key exist here, both Ed25519
(RFC 8032): 01 signs the text itself, 04 is a witness' timed cosignature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
NOTE_BYTES_MAX = 64 * 1024
SIGNATURES_MAX = 100
NAME_BYTES_MAX = 255
_DASH = "— "
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")

Sign = Callable[[bytes], bytes]
"""Message -> its 64 bytes of Ed25519 signature; whoever holds the key provides it."""


class BadNote(ValueError):
    """A note, key or signature is malformed or does not verify; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Vkey:
    """A public key by its name (signed-note, "Verifier keys").

    key_id: 4 bytes, SHA-256 over name, algorithm and key. algorithm: ED25519 or COSIGNATURE_V1.
    public: 32 bytes. `str()` gives `name+hex(key_id)+base64(algorithm || public)`.
    """

    name: str
    key_id: bytes
    algorithm: int
    public: bytes

    @classmethod
    def of(cls, name: str, public: bytes, algorithm: int = ED25519) -> Vkey:
        """The key with its id computed; raises BadNote for a name or key that may not be."""
        check_name(name)
        if algorithm not in (ED25519, COSIGNATURE_V1):
            raise BadNote(f"keys of type {algorithm:#04x} are not known here")
        if len(public) != PUBLIC_BYTES:
            raise BadNote(f"an Ed25519 key has {PUBLIC_BYTES} bytes, not {len(public)}")
        return cls(name, key_id(name, algorithm, public), algorithm, public)

    @classmethod
    def parse(cls, text: str) -> Vkey:
        """Reads a vkey; raises BadNote for any text that `str` would not have written."""
        name, _, rest = text.partition("+")
        _, _, material = rest.partition("+")
        raw = from_base64(material, "a key")
        if not raw:
            raise BadNote("not a vkey: name+id+key")
        vkey = cls.of(name, raw[1:], raw[0])
        if str(vkey) != text:
            raise BadNote(f"the id of the key {name} is not that of its name and key")
        return vkey

    def __str__(self) -> str:
        material = to_base64(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raises BadNote unless the 64 bytes are this key's Ed25519 signature of the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise BadNote(f"a signature by {self.name} does not verify") from None


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose, by which key, and the bytes behind the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        return signature_line(self.name, self.key_id, self.signature)

    def is_by(self, vkey: Vkey) -> bool:
        """Whether it claims to be by this key; says nothing of whether it verifies."""
        return self.name == vkey.name and self.key_id == vkey.key_id


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and its signatures; none of them checked."""

    body: str
    signatures: tuple[Signature, ...]

    def text(self) -> str:
        """The note as it is published."""
        return self.body + "\n" + "".join(each.line() for each in self.signatures)

    def by(self, vkey: Vkey) -> list[Signature]:
        """The signatures that claim to be by this key, in order."""
        return [each for each in self.signatures if each.is_by(vkey)]


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """First 4 bytes of SHA-256(name || newline || algorithm || public)."""
    hashed = hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public)
    return hashed.digest()[:KEY_ID_BYTES]


def check_name(name: str) -> None:
    """Raises BadNote for a key name that is empty, too long, or holds spaces, plus or controls."""
    if not name or len(name.encode(errors="replace")) > NAME_BYTES_MAX:
        raise BadNote(f"a key's name has 1 to {NAME_BYTES_MAX} bytes")
    if any(each.isspace() or each == "+" or each < " " for each in name):
        raise BadNote("a key's name holds neither spaces nor plus signs")
    check_text(name)


def parse_note(text: str | bytes) -> Note:
    """Splits a note into text and signatures; raises BadNote where the format is broken."""
    text = _decoded(text)
    cut = text.rfind("\n\n")
    if cut < 0 or not text.endswith("\n"):
        raise BadNote("a note is text, an empty line and signature lines")
    body, below = text[: cut + 1], text[cut + 2 :]
    signatures = parse_signatures(below)
    if not signatures:
        raise BadNote("the note has no signature")
    return Note(body, signatures)


def parse_signatures(text: str) -> tuple[Signature, ...]:
    """Signature lines, each with its newline; raises BadNote."""
    if text and not text.endswith("\n"):
        raise BadNote("a signature line ends in a newline")
    lines = text.split("\n")[:-1]
    if len(lines) > SIGNATURES_MAX:
        raise BadNote(f"a note has at most {SIGNATURES_MAX} signatures")
    return tuple(map(_parse_signature, lines))


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """`— <name> base64(key_id || signature)` and a newline."""
    return f"{_DASH}{name} {to_base64(key_id + signature)}\n"


def sign_line(body: str, vkey: Vkey, sign: Sign) -> str:
    """The line of an Ed25519 (01) signature of a note's text; raises BadNote for another key."""
    if vkey.algorithm != ED25519:
        raise BadNote(f"the key {vkey.name} does not sign notes")
    return signature_line(vkey.name, vkey.key_id, sign(body.encode()))


def verified_by(note: Note, vkeys: Iterable[Vkey]) -> list[Vkey]:
    """The Ed25519 (01) keys among these whose signature the note bears.

    Signatures by others are ignored; raises BadNote where one by a known key does not verify.
    """
    message = note.body.encode()
    found = []
    for vkey in vkeys:
        signatures = note.by(vkey) if vkey.algorithm == ED25519 else []
        for each in signatures:
            vkey.verify(each.signature, message)
        if signatures:
            found.append(vkey)
    return found


def to_base64(raw: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str, what: str = "a value") -> bytes:
    """Strict standard base64; raises BadNote for any other spelling of the same bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote(f"{what} is not base64") from None
    if to_base64(raw) != text:
        raise BadNote(f"{what} is not base64 as it is written")
    return raw


def check_text(text: str) -> None:
    """Raises BadNote for control characters but newline, and for what is not UTF-8."""
    if any(each < " " and each != "\n" for each in text):
        raise BadNote("a note holds no control characters but newlines")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadNote("a note is UTF-8") from None


def parse_decimal(text: str, what: str) -> int:
    """ASCII digits without leading zeros, below 2**63; raises BadNote."""
    if not _DECIMAL.fullmatch(text) or int(text) >= 1 << 63:
        raise BadNote(f"{what} is not a decimal number")
    return int(text)


def _decoded(text: str | bytes) -> str:
    if len(text) > NOTE_BYTES_MAX:
        raise BadNote(f"a note has at most {NOTE_BYTES_MAX} bytes")
    try:
        text = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise BadNote("a note is UTF-8") from None
    check_text(text)
    return text


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise BadNote("a signature line begins with an em dash and a space")
    name, space, encoded = line[len(_DASH) :].partition(" ")
    check_name(name)
    raw = from_base64(encoded, "a signature")
    if not space or len(raw) <= KEY_ID_BYTES:
        raise BadNote("a signature line is a name and a signature")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])
