"""Public keys that come as certificates, as charts make them beside a private key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from cahier_chassis.keys import key_id, load_public_keys

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def certificate(
    key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey, algorithm: hashes.SHA256 | None
) -> bytes:
    """Self-signed, and expired for a quarter of a century."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "token")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(LONG_AGO).not_valid_after(LONG_AGO + timedelta(days=1))
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def test_a_certificate_counts_as_the_public_key_in_it(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    file = tmp_path / "token.pub.pem"
    file.write_bytes(certificate(key, None))
    assert list(load_public_keys(file)) == [key_id(key.public_key())]


def test_a_certificate_of_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token.pub.pem"
    file.write_bytes(certificate(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()))
    with pytest.raises(ValueError, match="not an Ed25519 public key"):
        load_public_keys(file)
