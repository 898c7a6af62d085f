"""Explanations beside the views: worked out once, though the service starts again.

A file is named by the count that it explains and by the code that did; so nothing in here grows
stale, and all of it may be deleted at any time. What cannot be read is worked out anew.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from cahier_chassis.files import write_whole
from cahier_chassis.logs import get_logger
from cahier_record.budget.explanation import Explanation

KEPT_MAX = 200
"""Files; each has some hundred bytes a project. The oldest go first."""
_DIGEST_BYTES = 32
_LOG = get_logger(__name__)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Explanation).decode


class ExplanationFiles:
    """ports.Explanations in a folder, one file each: a digest, then what it is the digest of."""

    def __init__(self, folder: Path, code: str = "") -> None:
        """code: names the code that explains; "" for the one that is installed."""
        self._folder = folder
        self._code = code or code_digest()

    def find(self, key: str) -> Explanation | None:
        """As the port says."""
        try:
            raw = self._path(key).read_bytes()
            digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
            return _decode(body) if sha256(body).digest() == digest else None
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            _LOG.warning("explanation_unreadable", error=type(error).__name__)
            return None

    def keep(self, key: str, explanation: Explanation) -> None:
        """As the port says."""
        body = _encode(explanation)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path(key), sha256(body).digest() + body)
            self._bound()
        except OSError as error:
            _LOG.warning("explanation_not_kept", error=type(error).__name__)

    def _bound(self) -> None:
        by_age = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        for file in by_age[: max(0, len(by_age) - KEPT_MAX)]:
            file.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / sha256(f"{self._code}\0{key}".encode()).hexdigest()


@cache
def code_digest() -> str:
    """Of all that counts and explains, as it is installed: another code, other explanations."""
    digest = sha256()
    for name, content in _sources(files("cahier_record.budget"), ""):
        digest.update(len(name).to_bytes(4, "big") + name.encode())
        digest.update(len(content).to_bytes(4, "big") + content)
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for each in sorted(folder.iterdir(), key=lambda one: one.name):
        if each.is_dir():
            found += _sources(each, f"{prefix}{each.name}/")
        elif each.name.endswith(".py"):
            found.append((prefix + each.name, each.read_bytes()))
    return found
