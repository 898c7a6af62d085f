"""`cahier export bundle`: everything an auditor needs, as plain files, from the stores themselves.

Works on a running city and on a stopped one: it copies the bytes of the published log. Texts come
from the stores, since they may be erased at any time and stand in no log.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cahier_cli.city import CityError, CityFolder
from cahier_cli.storage import open_stores, open_tiles
from cahier_ledger.leaves import disclosure_json
from cahier_ledger.log.entries import ENTRIES_FOLDER, bundle_path
from cahier_ledger.log.layout import read_file
from cahier_ledger.log.lock import Locked, open_locks
from cahier_ledger.log.policies import policy_digests, policy_text
from cahier_ledger.log.served import Published, ServedLog
from cahier_ledger.log.tiles import tiles_at
from cahier_ledger.model import PublicRow
from cahier_ledger.stores import Stores
from cahier_record.events import SERVICES, json_schema, registered

PAGE = 1_000
PUBLISHED_S_MAX = 20.0
PAUSE_S = 0.05
HAS_TEXTS = b'"_sd"'


def export_bundle(
    folder: CityFolder, out: Path, say: Callable[[str], None] = lambda line: None
) -> dict[str, int]:
    """Writes the bundle into `out`, which must be new or empty; answers leaves by service.

    A log is written as far as its published checkpoint reaches; in a running city that is waited
    for, PUBLISHED_S_MAX at most. say: takes a line for whoever waits. Raises CityError for a
    folder without a city or without logs, or an `out` that holds something.
    """
    if not folder.exists:
        raise CityError(f"{folder.root} holds no city")
    if out.exists() and any(out.iterdir()):
        raise CityError(f"{out} is not empty: a bundle is written into a new folder")
    out.mkdir(parents=True, exist_ok=True)
    with open_stores(folder) as stores_of, ExitStack() as stack:
        logs = {name: stack.enter_context(CityLog(folder, stores_of(name))) for name in SERVICES}
        deadline_s = time.monotonic() + (PUBLISHED_S_MAX if folder.is_running else 0.0)
        sizes = {name: log.export(out, deadline_s, say) for name, log in logs.items()}
        _write(out / "policy", _policy(folder, logs.values()))
        for log in logs.values():
            log.export_policies(out / "policies")
    _write_schemas(out / "schema")
    _write_sums(out)
    return sizes


class CityLog:
    """A service's public log as its files are, beside the texts in its store."""

    def __init__(self, folder: CityFolder, stores: Stores) -> None:
        """Raises CityError where there is no log yet."""
        self.service = stores.service
        if not stores.exist() or not folder.log_lock(self.service).is_file():
            raise CityError(f"there is no log of {self.service} yet: start the city once")
        self._tiles = open_tiles(folder, stores)
        self._locks = open_locks(str(folder.log_lock(self.service)))
        self._served = ServedLog(self.service, self._tiles, self._locks)
        self._reader = stores.open_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._reader.close_reader()
        self._tiles.close()
        self._locks.close()

    def vkeys(self) -> list[str]:
        """Of the current epoch."""
        epoch = self._served.epoch()
        return [] if epoch is None else epoch.vkeys.split()

    def export_policies(self, folder: Path) -> None:
        """Writes all that the log was ever held to: a vote names the one it was opened under."""
        for digest in policy_digests(self._tiles):
            _write(folder / digest, policy_text(self._tiles, digest) or b"")

    def export(self, out: Path, deadline_s: float, say: Callable[[str], None]) -> int:
        """Writes the log with its older epochs and texts; answers its leaves in all epochs."""
        epochs = self._served.epochs()
        if not epochs:
            raise CityError(f"there is no log of {self.service} yet: start the city once")
        self._await_published(epochs[-1], deadline_s, say)
        for epoch in epochs[:-1]:
            self._export_epoch(out, epoch, f"/{epoch.epoch}")
        self._export_epoch(out, epochs[-1], "")
        end = epochs[-1].base + self._published(epochs[-1]).checkpoint.size
        self._export_texts(out / "disclosures" / self.service, end)
        return end

    def _await_published(
        self, epoch: Locked, deadline_s: float, say: Callable[[str], None]
    ) -> None:
        """Until the checkpoint reaches what the store holds now, or the deadline."""
        wanted = self._reader.public_head()
        while epoch.base + self._published(epoch).checkpoint.size < wanted:
            if time.monotonic() > deadline_s:
                size = epoch.base + self._published(epoch).checkpoint.size
                say(f"{self.service}: {wanted - size} events wait for their checkpoint")
                return
            time.sleep(PAUSE_S)

    def _published(self, epoch: Locked) -> Published:
        published = self._served.published(epoch)
        if published is None:
            raise CityError(f"{epoch.origin} has no checkpoint yet: start the city")
        return published

    def _export_epoch(self, out: Path, epoch: Locked, below: str) -> None:
        published = self._published(epoch)
        size = published.checkpoint.size
        home = out / "tlog" / f"{self.service}{below}"
        _write(home / "checkpoint", published.text.encode())
        _write(home / "key", epoch.vkeys.encode())
        for path in log_paths(size):
            content = read_file(self._tiles, epoch.epoch, path)
            if content is None:
                raise CityError(f"{epoch.origin}: {path} is missing from the log's files")
            _write(home / path, content)
        history = out / "checkpoints" / self.service
        if below:  # The present epoch may have signed at size 1, too.
            history /= f"epoch-{epoch.epoch}"
        for older in self._served.history(epoch):
            served = self._served.get(f"{epoch.epoch}/checkpoints/{older}")
            if older <= size and served is not None:
                _write(history / str(older), served.body)

    def _export_texts(self, folder: Path, end: int) -> None:
        """The disclosures of the exported leaves; of a leaf whose texts were erased, none."""
        folder.mkdir(parents=True)
        after = 0
        while after < end:
            for row in self._reader.read_public(after, min(PAGE, end - after)):
                after = row.public_seq
                texts = self._reader.disclosures(row.id) if HAS_TEXTS in row.leaf else []
                if texts:
                    listed = [json.loads(disclosure_json(one)) for one in texts]
                    _write_json(folder / f"{row.id}.json", listed)


def log_paths(size: int) -> Iterator[str]:
    """The tiles and bundles of a log of `size` leaves."""
    for tile in tiles_at(size):
        yield tile.path
        if tile.level == 0:
            yield f"{ENTRIES_FOLDER}/{bundle_path(tile.number, tile.width)}"


def _policy(folder: CityFolder, logs: Iterable[CityLog]) -> bytes:
    """The city's policy, or that its logs sign alone."""
    if folder.log_policy.is_file():
        return folder.log_policy.read_bytes()
    lines = "".join(f"log {vkey}\n" for log in logs for vkey in log.vkeys())
    return f"{lines}quorum none\n".encode()


def read_log(stores: Stores) -> Iterator[PublicRow]:
    """Every committed leaf of a service, in order; raises CityError where there is no log."""
    if not stores.exist():
        raise CityError(f"there is no log of {stores.service} yet: start the city once")
    with_rows = stores.open_reader()
    try:
        after = 0
        while rows := with_rows.read_public(after, PAGE):
            yield from rows
            after = rows[-1].public_seq
    finally:
        with_rows.close_reader()


def _write_schemas(folder: Path) -> None:
    folder.mkdir()
    for event_type, _ in registered():
        _write_json(folder / f"{event_type}.json", json_schema(event_type))


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")


def _write_sums(out: Path) -> None:
    files = sorted(path for path in out.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(out).as_posix()}\n"
        for file in files
    ]
    (out / "SHA256SUMS").write_text("".join(lines), "utf-8")
