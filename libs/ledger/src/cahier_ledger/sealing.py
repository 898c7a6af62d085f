"""Seals ballots to an election's trustee key, so that nobody sees a running tally.

HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, one-shot.
What is sealed is padded to a fixed size, so that its length says nothing about the choices, and
bound to its place: a sealed ballot copied under another credential, sequence or election does
not open. At close the trustee's private key is published and anybody opens.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from cahier_kernel import base64url

ENCAPSULATED_KEY_BYTES = 32
TAG_BYTES = 16
SEAL_OVERHEAD_BYTES = ENCAPSULATED_KEY_BYTES + TAG_BYTES
LENGTH_BYTES = 2
PADDED_SIZE_MAX = 16_384
SEQUENCE_MAX = 2**63 - 1

_BINDING = b"cahier/ballot/v1\0"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


class SealError(ValueError):
    """A sealed text does not open under this key and binding, or its padding is wrong."""


def new_trustee_key() -> tuple[str, str]:
    """(private, public) X25519 keys of 32 bytes each, in base64url without padding."""
    key = X25519PrivateKey.generate()
    private = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return base64url.encode(private), public_key_of(base64url.encode(private))


def public_key_of(private_key: str) -> str:
    """The public key of a private one, both base64url; raises SealError for anything else.

    Tells whether a published private key is the one that ballots were sealed to.
    """
    key = _private(private_key).public_key()
    return base64url.encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw))


def ballot_binding(
    election: str, electorate: str, scheme: str, credential: str, sequence: int
) -> bytes:
    """HPKE `info` that ties a sealed ballot to its place: length-prefixed, so unambiguous."""
    if not 0 <= sequence <= SEQUENCE_MAX:
        raise ValueError(f"not a ballot's sequence: {sequence}")
    parts = [part.encode() for part in (election, electorate, scheme, credential)]
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return _BINDING + framed + sequence.to_bytes(8, "big")


class Sealer:
    """Seals to one public key (base64url); parses it once. Thread-safe.

    Raises SealError for a key that is not an X25519 public key.
    """

    def __init__(self, public_key: str) -> None:
        try:
            self._key = X25519PublicKey.from_public_bytes(base64url.decode(public_key))
        except ValueError as error:
            raise SealError("not an X25519 public key in base64url") from error

    def seal(self, plaintext: bytes, *, binding: bytes, padded_size: int) -> bytes:
        """enc || ciphertext of `padded_size + 2 + 48` bytes, whatever the plaintext's length.

        Raises ValueError when the plaintext is longer than padded_size.
        """
        if not 0 < padded_size <= PADDED_SIZE_MAX:
            raise ValueError(f"padded_size is 1 to {PADDED_SIZE_MAX} bytes, not {padded_size}")
        if len(plaintext) > padded_size:
            raise ValueError(f"{len(plaintext)} bytes do not fit a sealed size of {padded_size}")
        framed = len(plaintext).to_bytes(LENGTH_BYTES, "big") + plaintext
        padded = framed.ljust(LENGTH_BYTES + padded_size, b"\0")
        return _SUITE.encrypt(padded, self._key, binding)


def seal(plaintext: bytes, public_key: str, *, binding: bytes, padded_size: int) -> bytes:
    """One sealed text; who seals many to one key keeps a Sealer."""
    return Sealer(public_key).seal(plaintext, binding=binding, padded_size=padded_size)


def sealed_size(padded_size: int) -> int:
    """Bytes of every text sealed with this padded_size."""
    return padded_size + LENGTH_BYTES + SEAL_OVERHEAD_BYTES


class Opener:
    """Opens what was sealed to one key pair; parses the private key (base64url) once.

    About 80 microseconds an opening, all of it under Python's lock. Thread-safe.
    Raises SealError for a key that is not an X25519 private key.
    """

    def __init__(self, private_key: str) -> None:
        self._key = _private(private_key)

    def open(self, sealed: bytes, binding: bytes) -> bytes:
        """The plaintext; raises SealError when it was altered, moved, or sealed to another key."""
        try:
            padded = _SUITE.decrypt(sealed, self._key, binding)
        except (InvalidTag, ValueError) as error:
            raise SealError("the sealed text does not open") from error
        if len(padded) < LENGTH_BYTES:
            raise SealError("the sealed text has no length")
        end = LENGTH_BYTES + int.from_bytes(padded[:LENGTH_BYTES], "big")
        if end > len(padded) or padded.count(0, end) != len(padded) - end:
            raise SealError("the sealed text is not padded with zeros")
        return padded[LENGTH_BYTES:end]


def _private(private_key: str) -> X25519PrivateKey:
    try:
        return X25519PrivateKey.from_private_bytes(base64url.decode(private_key))
    except ValueError as error:
        raise SealError("not an X25519 private key in base64url") from error
