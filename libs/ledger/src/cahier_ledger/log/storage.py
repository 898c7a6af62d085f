"""Where the files of a public log lie: a folder, or a table of the service's database.

The sequencer writes each file before the lock row promises it, so what `put` returned from must
survive the loss of power. Whoever else has the same verbs, an object store say, will do.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol

from cahier_ledger.bus.database import Database
from cahier_ledger.model import StoreUnavailable

LIST_PAGE = 1_000
_NEW, _LOCK = ".new", ".lock"
_TABLE = "CREATE TABLE tiles(path TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID"
_PUT = "INSERT INTO tiles VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET content = excluded.content"
_numbers = count(1)


class TileStore(Protocol):
    """Files by their path, such as `1/tile/0/000.p/5`. Thread-safe.

    Paths are relative, without `..`; contents are at most some 16 MiB. Raises StoreUnavailable.
    """

    def get(self, path: str) -> bytes | None:
        """The content, whole, or None where there is no such file."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files, each whole or not at all; all of them are durable when it returns.

        Those that are there already are replaced, or left alone if they hold the same.
        """

    def replace(self, path: str, seen: bytes | None, content: bytes) -> bool:
        """Writes a file if it holds what was `seen` (None: if it is not there); says whether.

        Of all processes that saw the same one succeeds; it is durable when it returns. A file that
        several processes may write at once is written in no other way.
        """

    def delete(self, paths: Iterable[str]) -> None:
        """Removes files that may be there."""

    def list(self, prefix: str) -> Iterator[str]:
        """The paths below the folder `prefix`, in no order."""

    def close(self) -> None:
        """Closes what is open. Safe to call twice."""


class FolderTiles:
    """Files in a folder, synced with the folders that name them; a web server may serve it."""

    def __init__(self, root: Path) -> None:
        """The folder is made with the first file."""
        self._root = root

    def get(self, path: str) -> bytes | None:
        try:
            return self._at(path).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise _unavailable("read", path, error) from error

    def put(self, files: Mapping[str, bytes]) -> None:
        touched: set[Path] = set()
        for path, content in files.items():
            try:
                touched |= self._write(self._at(path), content)
            except OSError as error:
                raise _unavailable("write", path, error) from error
        for folder in sorted(touched):
            _sync_folder(folder)

    def replace(self, path: str, seen: bytes | None, content: bytes) -> bool:
        file = self._at(path)
        try:
            touched = _make_folders(file.parent)
            with _alone(file.with_name(f"{file.name}{_LOCK}")):
                if self.get(path) != seen:
                    return False
                touched |= self._write(file, content)
                for folder in sorted(touched):
                    _sync_folder(folder)
                return True
        except OSError as error:
            raise _unavailable("replace", path, error) from error

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            file = self._at(path)
            with suppress(FileNotFoundError, NotADirectoryError):
                file.unlink()
            with suppress(OSError):  # Others are in it, or it is gone.
                file.parent.rmdir()

    def list(self, prefix: str) -> Iterator[str]:
        start = self._at(prefix)
        for folder, _, names in os.walk(start):
            for name in names:
                if not name.endswith((_NEW, _LOCK)):
                    yield (Path(folder) / name).relative_to(self._root).as_posix()

    def close(self) -> None:
        """Nothing is open."""

    def _at(self, path: str) -> Path:
        if path.startswith("/") or ".." in path.split("/"):
            raise ValueError(f"not a path of a log: {path!r}")
        return self._root / path

    def _write(self, file: Path, content: bytes) -> set[Path]:
        """Writes a file if it does not hold that already; answers the folders to sync."""
        with suppress(FileNotFoundError, NotADirectoryError):
            if file.read_bytes() == content:
                return {file.parent}
        touched = _make_folders(file.parent)
        # A name of its own: two processes may write the same file.
        fresh = file.with_name(f"{file.name}.{os.getpid()}-{next(_numbers)}{_NEW}")
        with fresh.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
        return {file.parent} | touched


class DatabaseTiles:
    """Files as rows of one table: for a service of several processes without a common folder."""

    def __init__(self, database: Database) -> None:
        """database: durable."""
        self._db = database
        with database.transaction() as db:
            # Looked for first: a role that may create nothing can serve what is there.
            if "tiles" not in database.tables(db):
                database.create(db, _TABLE)

    def get(self, path: str) -> bytes | None:
        row = self._db.fetch_one("SELECT content FROM tiles WHERE path = ?", (path,))
        return None if row is None else bytes(row[0])

    def put(self, files: Mapping[str, bytes]) -> None:
        with self._db.transaction() as db:
            db.executemany(_PUT, list(files.items()))

    def replace(self, path: str, seen: bytes | None, content: bytes) -> bool:
        with self._db.transaction() as db:  # One writer at a time, of all processes.
            row = db.execute("SELECT content FROM tiles WHERE path = ?", (path,)).fetchone()
            if seen != (None if row is None else bytes(row[0])):
                return False
            db.execute(_PUT, (path, content))
        return True

    def delete(self, paths: Iterable[str]) -> None:
        with self._db.transaction() as db:
            db.executemany("DELETE FROM tiles WHERE path = ?", [(path,) for path in paths])

    def list(self, prefix: str) -> Iterator[str]:
        after, end = f"{prefix}/", f"{prefix}0"  # "0" follows "/" by code point
        while True:
            rows = self._db.fetch_all(
                "SELECT path FROM tiles WHERE path > ? AND path < ? ORDER BY path LIMIT ?",
                (after, end, LIST_PAGE),
            )
            yield from (str(row[0]) for row in rows)
            if len(rows) < LIST_PAGE:
                return
            after = str(rows[-1][0])

    def close(self) -> None:
        self._db.close()


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Held by one thread of one process at a time; the kernel lets go of it with the process."""
    with file.open("a") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _make_folders(folder: Path) -> set[Path]:
    """Makes a folder and those above it; answers the parents whose list of names changed."""
    changed: set[Path] = set()
    missing = folder
    while not missing.is_dir():
        changed.add(missing.parent)
        missing = missing.parent
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unavailable(verb: str, path: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"cannot {verb} {path} of the log: {error.strerror or error}")
