"""Sealed ballots: of one size, bound to their place, and RFC 9180 in another's reading."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from cahier_ledger.sealing import (
    PADDED_SIZE_MAX,
    Opener,
    Sealer,
    SealError,
    ballot_binding,
    new_trustee_key,
    public_key_of,
    seal,
    sealed_size,
)

BINDING = ballot_binding("election", "district-1", "confidential", "pseudonym", 1)
KEY = new_trustee_key()


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hmac(key: bytes, data: bytes) -> bytes:
    signer = HMAC(key, SHA256())
    signer.update(data)
    return signer.finalize()


def extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac(salt or bytes(32), b"HPKE-v1" + suite + label + secret)


def expand(suite: bytes, key: bytes, label: bytes, info: bytes, size: int) -> bytes:
    full = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac(key, full + b"\x01")[:size]


def rfc_9180_open(enc: bytes, ct: bytes, private: bytes, info: bytes, aad: bytes) -> bytes:
    """Base mode of DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, sections 4 and 5."""
    key = X25519PrivateKey.from_private_bytes(private)
    kem = b"KEM" + (0x20).to_bytes(2, "big")
    dh = key.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + key.public_key().public_bytes_raw()
    shared = expand(kem, extract(kem, b"", b"eae_prk", dh), b"shared_secret", context, 32)
    suite = b"HPKE" + bytes.fromhex("002000010003")
    schedule = (
        b"\x00" + extract(suite, b"", b"psk_id_hash", b"") + extract(suite, b"", b"info_hash", info)
    )
    secret = extract(suite, shared, b"secret", b"")
    nonce = expand(suite, secret, b"base_nonce", schedule, 12)
    aead = ChaCha20Poly1305(expand(suite, secret, b"key", schedule, 32))
    return aead.decrypt(nonce, ct, aad)


def test_the_independent_reading_agrees_with_the_rfcs_vector():
    # RFC 9180, appendix A.2.1: base mode, first encryption.
    opened = rfc_9180_open(
        bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"),
        bytes.fromhex(
            "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db"
            "21993c62ce81883d2dd1b51a28"
        ),
        bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"),
        bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
        bytes.fromhex("436f756e742d30"),
    )
    assert opened == b"Beauty is truth, truth beauty"


def test_what_we_seal_opens_by_the_independent_reading():
    sealed = seal(b"p12,p7", KEY[1], binding=BINDING, padded_size=32)
    opened = rfc_9180_open(sealed[:32], sealed[32:], unpadded(KEY[0]), BINDING, b"")
    assert opened == b"\x00\x06p12,p7" + bytes(26)


@settings(max_examples=50)
@given(st.binary(max_size=64))
def test_what_is_sealed_opens_to_itself(plaintext):
    sealed = Sealer(KEY[1]).seal(plaintext, binding=BINDING, padded_size=64)
    assert Opener(KEY[0]).open(sealed, BINDING) == plaintext


def test_all_ballots_of_an_election_have_one_size():
    sizes = {len(seal(b"x" * n, KEY[1], binding=BINDING, padded_size=200)) for n in (0, 1, 200)}
    assert sizes == {sealed_size(200)}


def test_the_same_choices_never_look_the_same():
    one, two = (seal(b"same", KEY[1], binding=BINDING, padded_size=32) for _ in range(2))
    assert one != two


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        seal(b"x" * 33, KEY[1], binding=BINDING, padded_size=32)
    for size in (0, -1, PADDED_SIZE_MAX + 1):
        with pytest.raises(ValueError, match="padded_size"):
            seal(b"", KEY[1], binding=BINDING, padded_size=size)


@pytest.mark.parametrize(
    "moved",
    [
        ("other", "district-1", "confidential", "pseudonym", 1),
        ("election", "district-2", "confidential", "pseudonym", 1),
        ("election", "district-1", "secret", "pseudonym", 1),
        ("election", "district-1", "confidential", "somebody-else", 1),
        ("election", "district-1", "confidential", "pseudonym", 2),
        ("electiond", "istrict-1", "confidential", "pseudonym", 1),
    ],
)
def test_a_sealed_ballot_opens_in_its_place_only(moved):
    sealed = seal(b"p1", KEY[1], binding=BINDING, padded_size=32)
    with pytest.raises(SealError):
        Opener(KEY[0]).open(sealed, ballot_binding(*moved))


def test_an_altered_ballot_or_another_key_does_not_open():
    opener = Opener(KEY[0])
    sealed = seal(b"p1", KEY[1], binding=BINDING, padded_size=32)
    for position in (0, 31, 32, len(sealed) - 1):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(SealError):
            opener.open(bytes(altered), BINDING)
    for broken in (b"", sealed[:31], sealed[:40], sealed + b"\0"):
        with pytest.raises(SealError):
            opener.open(broken, BINDING)
    with pytest.raises(SealError):
        Opener(new_trustee_key()[0]).open(sealed, BINDING)


@pytest.mark.parametrize(
    "padded", [b"", b"\x00", b"\x00\x05abc", b"\x00\x01a\x01", b"\x00\x00\x00\x00\x01"]
)
def test_what_was_sealed_without_our_padding_does_not_open(padded):
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    public = X25519PublicKey.from_public_bytes(unpadded(KEY[1]))
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    with pytest.raises(SealError):
        Opener(KEY[0]).open(suite.encrypt(padded, public, BINDING), BINDING)


def test_a_published_private_key_is_checked_against_the_public_one():
    private, public = new_trustee_key()
    assert public_key_of(private) == public
    assert len(unpadded(private)) == len(unpadded(public)) == 32
    assert "=" not in private + public


@pytest.mark.parametrize("bad", ["", "AAAA", "!" * 43, "é" * 43, "A" * 44])
def test_what_is_not_a_key_is_refused(bad):
    for parse in (Opener, Sealer, public_key_of):
        with pytest.raises(SealError):
            parse(bad)


def test_a_binding_takes_no_negative_sequence():
    with pytest.raises(ValueError, match="sequence"):
        ballot_binding("e", "d", "s", "c", -1)


@pytest.mark.parametrize("respell", [lambda text: text + "=", lambda text: text[:-1] + "B"])
def test_a_key_has_one_spelling(respell):
    canonical = "A" * 43  # 32 bytes; two bits of the last character are unused
    X25519PublicKey.from_public_bytes(unpadded(respell(canonical)))
    with pytest.raises(SealError):
        Sealer(respell(canonical))
    with pytest.raises(SealError):
        public_key_of(respell(canonical))
