"""A city's portal as a source: the same files by HTTP, with the standard library alone.

What was read is kept in a temporary folder and never asked for again, so that an audit sees one
state of the logs however fast they grow, and a second pass costs no traffic.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import tempfile
import threading
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

from cahier_auditor.findings import CannotAudit
from cahier_auditor.source import FILE_BYTES_MAX, SERVICES
from cahier_ledger.log.entries import BrokenBundle, decode_bundle, encode_bundle
from cahier_ledger.log.merkle import HASH_BYTES

TIMEOUT_S = 30.0
TRIES = 3
CONNECTIONS = 8
AHEAD = 32
EPOCHS_MAX = 1_000
SIZES_MAX = 10_000_000
_GONE = (404, 410)
_PRESENT = re.compile(r"tlog/(?P<service>[^/]+)/(?P<file>(?!epochs$)[^/0-9].*)")
_PARTIAL = re.compile(r"(?P<full>.*/tile/.+)\.p/(?P<width>[1-9]\d{0,2})")


class PortalSource:
    """Reads a portal by a bundle's paths. Raises CannotAudit where it cannot be reached."""

    can_list = False
    parallel = False

    def __init__(self, place: str) -> None:
        """place: http(s)://host[:port][/prefix]."""
        self.place = place
        try:
            parts = urlsplit(place)
            scheme, host, self._port = parts.scheme, parts.hostname, parts.port
        except ValueError as error:
            raise CannotAudit(f"{place}: not a portal's address: {error}") from None
        if scheme not in ("http", "https") or not host:
            raise CannotAudit(f"{place}: not a portal's address: http(s)://host")
        self._secure, self._host = scheme == "https", host
        self._prefix = parts.path.rstrip("/")
        self._local = threading.local()
        self._kept = tempfile.TemporaryDirectory(prefix="cahier-audit-")
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="portal")

    def services(self) -> list[str]:
        """Those of a city whose logs have a checkpoint; raises CannotAudit where none has.

        A log that grows meanwhile signs anew. So what it signed before is asked for first, and
        kept: nothing in that list is newer than the head.
        """
        for one in SERVICES:
            self.older_checkpoints(one, self.older_epochs(one) + 1)
        found = [one for one in SERVICES if self.read(f"tlog/{one}/checkpoint") is not None]
        if not found:
            raise CannotAudit(f"{self.place}: there is no public log")
        return found

    def read(self, path: str) -> bytes | None:
        """A partial tile that has been cleared away is cut from the full one that replaced it."""
        content = self._read(path)
        partial = _PARTIAL.fullmatch(path)
        if content is not None or partial is None:
            return content
        wider = self._read(partial["full"])
        return None if wider is None else _cut(path, wider, int(partial["width"]))

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """Over several connections, some files ahead."""
        waiting: deque[Future[bytes | None]] = deque()
        for path in paths:
            waiting.append(self._threads.submit(self.read, path))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def lines(self, path: str) -> Iterator[bytes]:
        """Raises CannotAudit where there is no such file."""
        content = self.read(path)
        if content is None:
            raise CannotAudit(f"{self.place}: it has no {path}")
        yield from content.splitlines(keepends=True)

    def below(self, folder: str) -> Iterator[str]:
        """Nothing: a portal is not listed."""
        return iter(())

    def older_epochs(self, service: str) -> int:
        """By the log's own list of its epochs; none where it has no list."""
        told = self._told(f"tlog/{service}/epochs")
        if told is None:
            return 0
        if not isinstance(told, list) or not 1 <= len(told) <= EPOCHS_MAX:
            raise CannotAudit(f"{self.place}: the epochs of {service} cannot be read")
        return len(told) - 1

    def older_checkpoints(self, service: str, epoch: int) -> list[str]:
        """By the log's own list of their sizes."""
        ended = [str(epoch)] if epoch <= self.older_epochs(service) else []
        listed = self.read("/".join(("tlog", service, *ended, "checkpoints")))
        folder = "/".join(("checkpoints", service, *(f"epoch-{one}" for one in ended)))
        sizes = (listed or b"").decode("ascii", "replace").split()
        if len(sizes) > SIZES_MAX or not all(one.isascii() and one.isdigit() for one in sizes):
            raise CannotAudit(f"{self.place}: the list of older checkpoints cannot be read")
        return [f"{folder}/{size}" for size in sizes]

    def policy(self, service: str) -> bytes | None:
        """Each log shows its own."""
        return self.read(f"tlog/{service}/policy")

    def earlier_policy(self, service: str, digest: str) -> bytes | None:
        """Each log keeps its own."""
        return self.read(f"tlog/{service}/policies/{digest}")

    def _told(self, path: str) -> object:
        content = self.read(path)
        try:
            return None if content is None else json.loads(content)
        except ValueError:
            raise CannotAudit(f"{self.place}: {path} is not JSON") from None

    def _read(self, path: str) -> bytes | None:
        kept = Path(self._kept.name) / hashlib.sha256(path.encode()).hexdigest()
        missing = kept.with_suffix(".none")
        if kept.exists():
            return kept.read_bytes()
        if missing.exists():
            return None
        content = self._get(self._numbered(address(path)))
        if content is None:
            missing.touch()
        else:
            fresh = kept.with_suffix(f".{threading.get_ident()}")
            fresh.write_bytes(content)
            fresh.replace(kept)
        return content

    def _numbered(self, address: str) -> str:
        """The present epoch's files with its number, where it is not the first.

        Whoever keeps files on the way may hold an earlier epoch's under the plain address.
        """
        plain = _PRESENT.fullmatch(address)
        older = 0 if plain is None else self.older_epochs(plain["service"])
        if plain is None or not older:
            return address
        return f"tlog/{plain['service']}/{older + 1}/{plain['file']}"

    def _get(self, address: str) -> bytes | None:
        """One file; a lost connection is tried again, another answer is not."""
        target = f"{self._prefix}/{quote(address)}"
        for tried in range(1, TRIES + 1):
            try:
                return self._ask(target)
            except (OSError, http.client.HTTPException) as error:
                self._close()
                if tried == TRIES:
                    why = str(error) or type(error).__name__
                    raise CannotAudit(f"{self.place}{target}: {why}") from None
        return None

    def _ask(self, target: str) -> bytes | None:
        connection = self._connection()
        headers = {"Accept-Encoding": "gzip, identity", "User-Agent": "cahier-audit"}
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        content = answer.read(FILE_BYTES_MAX + 1)
        if answer.status in _GONE:
            return None
        if answer.status != http.client.OK:
            to = answer.getheader("Location")
            why = f"{answer.status} {answer.reason}" + (f", see {to}" if to else "")
            raise CannotAudit(f"{self.place}: {target} answers {why}")
        if answer.getheader("Content-Encoding") == "gzip":
            content = _unzip(content)
        if len(content) > FILE_BYTES_MAX:
            raise CannotAudit(f"{self.place}: {target} is longer than {FILE_BYTES_MAX} bytes")
        return content

    def _connection(self) -> http.client.HTTPConnection:
        held: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if held is None:
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            held = kind(self._host, self._port, timeout=TIMEOUT_S)
            self._local.connection = held
        return held

    def _close(self) -> None:
        self._connection().close()
        del self._local.connection


def address(path: str) -> str:
    """Where a portal has a bundle's file.

    `checkpoints/<service>[/epoch-<e>]/<size>` stand below the log, and so do older epochs' files;
    disclosures have no suffix.
    """
    kind, _, rest = path.partition("/")
    if kind == "checkpoints":
        service, *ended, size = rest.split("/")
        epoch = [one.removeprefix("epoch-") for one in ended]
        return "/".join(("tlog", service, *epoch, "checkpoints", size))
    if kind == "disclosures":
        return path.removesuffix(".json")
    return path


def _cut(path: str, wider: bytes, width: int) -> bytes | None:
    if "/entries/" not in path:
        cut = wider[: width * HASH_BYTES]
        return cut if len(cut) == width * HASH_BYTES else None
    try:
        leaves = decode_bundle(wider)
    except BrokenBundle:
        return None
    return encode_bundle(leaves[:width]) if len(leaves) >= width else None


def _unzip(content: bytes) -> bytes:
    """At most one byte more than a file may have, whatever the archive claims."""
    try:
        return zlib.decompressobj(wbits=31).decompress(content, FILE_BYTES_MAX + 1)
    except zlib.error as error:
        raise http.client.HTTPException(f"broken gzip: {error}") from None
