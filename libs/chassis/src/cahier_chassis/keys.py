"""Key files: secrets of 32 bytes, and Ed25519 pairs as PEM.

A secret is made once and never replaced: what was derived from it, people's pseudonyms for one,
could not be had again. Of a pair `NAME.pem` is private (0600), `NAME.pub.pem` beside it public.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cahier_chassis.files import make_once

SECRET_BYTES = 32
PUBLIC_SUFFIX = ".pub.pem"
PUBLIC_KEYS_MAX = 64
CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


class KeyUnusable(Exception):
    """A secret key is missing or cut; put it back from a backup."""


def secret_key(path: Path, *, may_make: bool) -> bytes:
    """The 32 bytes in `path`, with may_make made (0600, synced) when there is no such file.

    Processes that start together all get those of the one that was first. Raises KeyUnusable.
    """
    if not path.exists():
        if not may_make:
            raise KeyUnusable(f"{path} is missing, but there is data that depends on it")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_once(path, os.urandom(SECRET_BYTES))
    key = path.read_bytes()
    if len(key) != SECRET_BYTES:
        raise KeyUnusable(f"{path} has {len(key)} bytes instead of {SECRET_BYTES}")
    return key


def write_key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """Makes a key pair and returns the paths (private, public).

    Raises FileExistsError when the private key is already there: a key is never overwritten.
    """
    private, public = key_pair_paths(folder, name)
    if not _make_private(private):
        raise FileExistsError(f"{private} is there already")
    _make_public(private, public)
    return private, public


def ensure_key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """The pair that is there, or one that is made, once, however many processes ask for it.

    A public key that a crash left out is written again.
    """
    private, public = key_pair_paths(folder, name)
    if not private.exists():
        _make_private(private)
    if not public.exists():
        _make_public(private, public)
    return private, public


def key_pair_paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Where a pair's private and public key are."""
    return folder / f"{name}.pem", folder / f"{name}{PUBLIC_SUFFIX}"


def load_public_keys(path: Path) -> dict[str, Ed25519PublicKey]:
    """Public keys by key id, from one PEM file or from all `*.pub.pem` files of a folder.

    Raises FileNotFoundError when there is none, ValueError for a key of another kind.
    """
    files = sorted(path.glob("*" + PUBLIC_SUFFIX)) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no *{PUBLIC_SUFFIX} in {path}")
    if len(files) > PUBLIC_KEYS_MAX:
        raise ValueError(f"more than {PUBLIC_KEYS_MAX} public keys in {path}")
    keys = [_public_key(file) for file in files]
    return {key_id(key): key for key in keys}


def key_id(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of SHA-256 over the 32 bytes of the public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def private_key_pem() -> bytes:
    """A new Ed25519 key as PEM (PKCS #8, not encrypted)."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _make_private(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_once(path, private_key_pem())


def _make_public(private: Path, public: Path) -> None:
    """Of the private key that is there, whoever made it."""
    key = serialization.load_pem_private_key(private.read_bytes(), password=None)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    make_once(public, pem, mode=0o644)


def _public_key(path: Path) -> Ed25519PublicKey:
    """A certificate will do: charts can make one beside a private key, and no bare public key.

    Nothing in it but the key is believed or looked at.
    """
    pem = path.read_bytes()
    certified = pem.lstrip().startswith(CERTIFICATE)
    key: object = (
        x509.load_pem_x509_certificate(pem).public_key()
        if certified
        else serialization.load_pem_public_key(pem)
    )
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError(f"{path} is not an Ed25519 public key")
    return key
