"""A bundle folder as a source."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from cahier_auditor.findings import CannotAudit
from cahier_auditor.source import FILE_BYTES_MAX

LINE_BYTES_MAX = 10_000
FOLDERS_KNOWN_MAX = 4_096
_STAY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""To open no link, and not to wait for whoever writes into a pipe."""


class FolderSource:
    """Reads below one folder; what symbolic links lead to is not part of a bundle."""

    can_list = True
    parallel = True

    def __init__(self, place: str) -> None:
        """Raises CannotAudit for a folder that holds no log."""
        self.place = place
        self.root = Path(place)
        if not (self.root / "tlog").is_dir():
            raise CannotAudit(f"{place}: not a bundle: it has no folder tlog/")
        self._is_own = lru_cache(FOLDERS_KNOWN_MAX)(self._has_no_link)

    def services(self) -> list[str]:
        """Every folder below tlog/; raises CannotAudit where there is none."""
        found = [folder.name for folder in (self.root / "tlog").iterdir() if folder.is_dir()]
        if not found:
            raise CannotAudit(f"{self.place}: there is no log below tlog/")
        return sorted(found)

    def read(self, path: str) -> bytes | None:
        """Raises CannotAudit for a file that is longer than any of a bundle, or is none: a link,
        a pipe, a device."""
        try:
            with open(self._own(path), "rb", buffering=0, opener=_open_file) as file:
                if os.fstat(file.fileno()).st_size > FILE_BYTES_MAX:
                    raise CannotAudit(f"{self.place}/{path}: longer than {FILE_BYTES_MAX} bytes")
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError):
            return None
        except OSError as error:
            raise CannotAudit(f"{self.place}/{path}: {error}") from None

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """One after the other."""
        return map(self.read, paths)

    def lines(self, path: str) -> Iterator[bytes]:
        """A file's lines, read as they are asked for; raises CannotAudit where there is none."""
        try:
            with open(self._own(path), "rb", opener=_open_file) as file:
                while line := file.readline(LINE_BYTES_MAX):
                    yield line
        except OSError:
            raise CannotAudit(f"{self.place}: not a bundle: it has no {path}") from None

    def below(self, folder: str) -> Iterator[str]:
        """Walks one folder at a time, so that no list of all files is ever held."""
        top = self.root / folder
        for here, folders, files in os.walk(top):
            folders.sort()
            relative = os.path.relpath(here, self.root)
            for name in sorted(files):
                yield name if relative == "." else f"{relative}/{name}".replace(os.sep, "/")

    def older_epochs(self, service: str) -> int:
        """The folders tlog/<service>/1, 2, ..., as far as they follow one another."""
        epoch = 0
        while (self.root / "tlog" / service / str(epoch + 1)).is_dir():
            epoch += 1
        return epoch

    def older_checkpoints(self, service: str, epoch: int) -> list[str]:
        """Below checkpoints/<service>, those of an ended epoch in `epoch-<e>` there."""
        folder = f"checkpoints/{service}"
        if epoch <= self.older_epochs(service):
            folder += f"/epoch-{epoch}"
        here = self.root / folder
        names = [file.name for file in here.iterdir() if file.is_file()] if here.is_dir() else []
        return [f"{folder}/{name}" for name in sorted(names, key=_by_number)]

    def policy(self, service: str) -> bytes | None:
        """One file for all logs."""
        return self.read("policy")

    def earlier_policy(self, service: str, digest: str) -> bytes | None:
        """One folder for all logs."""
        return self.read(f"policies/{digest}")

    def _own(self, path: str) -> str:
        """Where a file is; raises CannotAudit for one that a folder's symbolic link leads to."""
        folder = path.rpartition("/")[0]
        if folder and not self._is_own(folder):
            raise CannotAudit(f"{self.place}/{path}: a symbolic link leads there")
        return f"{self.place}/{path}"

    def _has_no_link(self, folder: str) -> bool:
        """Whether no part of a folder's path is a symbolic link; the bundle itself may be one."""
        above = folder.rpartition("/")[0]
        return not os.path.islink(f"{self.place}/{folder}") and (not above or self._is_own(above))


def _open_file(path: str, flags: int) -> int:
    """Opens regular files alone; raises IsADirectoryError for a folder, OSError for all else."""
    handle = os.open(path, flags | _STAY)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(path)
    raise OSError("it is not a regular file")


def _by_number(name: str) -> tuple[int, str]:
    return (int(name) if name.isascii() and name.isdigit() else -1, name)
