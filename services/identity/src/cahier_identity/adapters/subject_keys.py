"""One key a person, so that deleting it makes unreadable what is stored of them, backups included.

Values are sealed by AES-256-GCM under the person's key; that key lies in a database of its own,
wrapped (RFC 5649) by a key-encryption key from the environment or a file. Neither stands in any
log. A deleted key leaves a mark, for a key that is merely missing must never pass for an erasure.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)
from pydantic import SecretStr

from cahier_chassis.keys import SECRET_BYTES, secret_key
from cahier_kernel import base64url
from cahier_kernel.errors import Unauthenticated, Unavailable
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Database, Sql

CACHE_S = 300.0
CACHE_KEYS_MAX = 10_000
NONCE_BYTES = 12
SEALED = "\0sealed:"
"""In front of what is sealed. No value of a person begins with it: they are printable."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS subject_keys(
    subject TEXT PRIMARY KEY, wrapped BLOB, erased INTEGER NOT NULL DEFAULT 0) STRICT
"""


class KeyEncryptionKeyUnusable(Exception):
    """The key-encryption key is malformed, or does not open the keys that are stored."""


class SubjectKeys:
    """ports.SubjectKeys on a database. Thread-safe; blocks.

    Opened keys are remembered for CACHE_S at most, in each process.
    """

    def __init__(
        self,
        database: Database,
        key_encryption_keys: Sequence[bytes],
        *,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        """key_encryption_keys: the current one first; older ones only open.

        Raises KeyEncryptionKeyUnusable when they do not open what is stored.
        """
        self._db = database
        self._kek, self._keks = key_encryption_keys[0], key_encryption_keys
        self._now_s = now_s or time.monotonic
        self._cache: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._lock = threading.Lock()
        wrapped = any_key(database)
        if wrapped is not None:
            self._unwrap(wrapped)

    def seal(self, subject: str, context: str, value: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key_to_seal(subject)).encrypt(nonce, value.encode(), context.encode())
        return SEALED + base64url.encode(nonce + sealed)

    def open(self, subject: str, context: str, value: str) -> str:
        if not value.startswith(SEALED):
            return value
        key = self._key(subject)
        if key is None:
            return ERASED
        raw = base64url.decode(value[len(SEALED) :])
        try:
            opened = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], context.encode())
        except InvalidTag as error:
            raise ValueError("a sealed value does not belong where it stands") from error
        return opened.decode()

    def erase(self, subject: str) -> None:
        sql = "SELECT 1 FROM subject_keys WHERE subject = ? AND erased = 1"
        if self._db.fetch_one(sql, (subject,)) is not None:
            return
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO subject_keys VALUES (?, NULL, 1) "
                "ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, erased = 1",
                (subject,),
            )
        with self._lock:
            self._cache.pop(subject, None)
        self._db.scrub()

    def _key_to_seal(self, subject: str) -> bytes:
        """The person's key, made when there is none."""
        known = self._remembered(subject)
        if known is not None:
            return known
        fresh = os.urandom(SECRET_BYTES)
        wrapped = aes_key_wrap_with_padding(self._kek, fresh)
        with self._db.transaction() as db:
            db.execute(
                "INSERT INTO subject_keys VALUES (?, ?, 0) ON CONFLICT (subject) DO NOTHING",
                (subject, wrapped),
            )
            key = self._stored(db, subject)
        if key is None:
            raise Unauthenticated("person_erased", "this person has been forgotten")
        return self._remember(subject, key)

    def _key(self, subject: str) -> bytes | None:
        """The person's key, None when it was erased; raises Unavailable when it is missing."""
        known = self._remembered(subject)
        if known is not None:
            return known
        with self._db.snapshot() as db:
            key = self._stored(db, subject)
        return None if key is None else self._remember(subject, key)

    def _stored(self, db: Sql, subject: str) -> bytes | None:
        sql = "SELECT wrapped, erased FROM subject_keys WHERE subject = ?"
        row = db.execute(sql, (subject,)).fetchone()
        if row is None:
            raise Unavailable("subject_key_missing", "a key is missing: restore the subject keys")
        return None if row[1] else self._unwrap(bytes(row[0]))

    def _unwrap(self, wrapped: bytes) -> bytes:
        for each in self._keks:
            try:
                return aes_key_unwrap_with_padding(each, wrapped)
            except InvalidUnwrap:
                continue
        raise KeyEncryptionKeyUnusable("the key-encryption key does not open the subject keys")

    def _remembered(self, subject: str) -> bytes | None:
        with self._lock:
            key, until_s = self._cache.get(subject, (None, 0.0))
        return key if self._now_s() < until_s else None

    def _remember(self, subject: str, key: bytes) -> bytes:
        with self._lock:
            self._cache[subject] = (key, self._now_s() + CACHE_S)
            while len(self._cache) > CACHE_KEYS_MAX:
                self._cache.popitem(last=False)
        return key


def any_key(database: Database) -> bytes | None:
    """One of the wrapped keys, or None when there are none yet; makes the table if need be."""
    with database.transaction() as db:
        database.create(db, _SCHEMA)
    row = database.fetch_one("SELECT wrapped FROM subject_keys WHERE erased = 0 LIMIT 1")
    return None if row is None else bytes(row[0])


def key_encryption_keys(given: SecretStr | None, file: Path, *, may_make: bool) -> list[bytes]:
    """The keys given as base64url, several separated by commas; else the one in `file`.

    Raises KeyEncryptionKeyUnusable; keys.KeyUnusable for the file.
    """
    if given is None:
        return [secret_key(file, may_make=may_make)]
    try:
        keys = [base64url.decode(each.strip()) for each in given.get_secret_value().split(",")]
    except ValueError as error:
        raise KeyEncryptionKeyUnusable("the key-encryption key is not base64url") from error
    if any(len(key) != SECRET_BYTES for key in keys):
        raise KeyEncryptionKeyUnusable(f"a key-encryption key has {SECRET_BYTES} bytes")
    return keys
