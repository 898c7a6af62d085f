"""The keys that sign a log's checkpoints: in a file, or in a device that never shows them.

A log has one key; while it is replaced, two that both sign, the current one first.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cahier_ledger.log.checkpoint import Checkpoint, sign_checkpoint
from cahier_ledger.log.note import PUBLIC_BYTES, Vkey
from cahier_ledger.log.refusals import KeyUnusable

PKCS11 = "pkcs11:"
PIN_VARIABLE = "CAHIER_PKCS11_PIN"
KEYS_MAX = 4


class Signer(Protocol):
    """An Ed25519 key (RFC 8032). public: its 32 bytes. Used by one thread at a time."""

    @property
    def public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; raises KeyUnusable when the device is gone."""


class FileSigner:
    """A PEM file (PKCS #8, not encrypted), which its owner alone should be able to read."""

    def __init__(self, path: Path) -> None:
        """Raises KeyUnusable."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
        except OSError as error:
            raise KeyUnusable(str(path), error.strerror or "it cannot be read") from error
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyUnusable(str(path), "it is not a PEM file of a private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyUnusable(str(path), "it is not an Ed25519 key")
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class Pkcs11Signer:
    """A key in a token, by its URI (RFC 7512) with `token`, `object` and `module-path`.

    The PIN is the URI's `pin-value`, the content of its `pin-source`, or CAHIER_PKCS11_PIN.
    Needs the package python-pkcs11 (`pip install cahier-ledger[pkcs11]`).
    """

    def __init__(self, uri: str) -> None:
        """Opens a session that lasts as long as the signer; raises KeyUnusable."""
        self._place = uri.partition("?")[0]
        path, query = _uri(uri)
        try:
            pkcs11: Any = import_module("pkcs11")
        except ImportError:
            raise KeyUnusable(self._place, "the package python-pkcs11 is not installed") from None
        with self._usable(pkcs11):
            token = pkcs11.lib(query["module-path"]).get_token(token_label=path["token"])
            session = token.open(user_pin=_pin(query))
            wanted = {"label": path["object"], "key_type": pkcs11.KeyType.EC_EDWARDS}
            self._key: Any = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, **wanted)
            public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, **wanted)
            # An OCTET STRING around the 32 bytes (PKCS #11 3.0, section 2.3.5).
            self.public = bytes(public[pkcs11.Attribute.EC_POINT])[-PUBLIC_BYTES:]
        self._pkcs11, self._mechanism = pkcs11, pkcs11.Mechanism.EDDSA

    def sign(self, message: bytes) -> bytes:
        with self._usable(self._pkcs11):
            return bytes(self._key.sign(message, mechanism=self._mechanism))

    @contextmanager
    def _usable(self, pkcs11: Any) -> Iterator[None]:
        try:
            yield
        except KeyError as error:
            raise KeyUnusable(self._place, f"its URI does not say {error}") from None
        except (pkcs11.exceptions.PKCS11Error, RuntimeError) as error:
            raise KeyUnusable(self._place, f"the token says {type(error).__name__}") from error


def open_signers(places: str) -> list[Signer]:
    """The keys at these places, files or `pkcs11:` URIs separated by commas, current first.

    Raises KeyUnusable.
    """
    named = [place.strip() for place in places.split(",") if place.strip()]
    if not 1 <= len(named) <= KEYS_MAX:
        raise KeyUnusable(places, f"a log has 1 to {KEYS_MAX} keys")
    return [_open(place) for place in named]


def vkeys_of(origin: str, signers: Iterable[Signer]) -> list[Vkey]:
    """The public keys under a log's name, in their order; raises note.BadNote for a bad name."""
    return [Vkey.of(origin, signer.public) for signer in signers]


def sign(checkpoint: Checkpoint, signers: Sequence[Signer]) -> str:
    """The checkpoint's text, signed by all keys; raises KeyUnusable."""
    return sign_checkpoint(
        checkpoint,
        [(Vkey.of(checkpoint.origin, signer.public), signer.sign) for signer in signers],
    )


def _open(place: str) -> Signer:
    return Pkcs11Signer(place) if place.startswith(PKCS11) else FileSigner(Path(place))


def _uri(uri: str) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes of a PKCS #11 URI's path, and those of its query."""
    path, _, query = uri.removeprefix(PKCS11).partition("?")
    pairs = (each.partition("=") for each in path.split(";") if each)
    return {name: unquote(value) for name, _, value in pairs}, dict(parse_qsl(query))


def _pin(query: dict[str, str]) -> str:
    if "pin-value" in query:
        return query["pin-value"]
    if source := query.get("pin-source"):
        return Path(source.removeprefix("file:")).read_text("utf-8").strip()
    return os.environ.get(PIN_VARIABLE, "")
