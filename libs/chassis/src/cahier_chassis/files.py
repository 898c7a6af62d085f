"""Files that stand there whole or not at all, whenever the machine stops."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Makes or replaces a file, synced with its folder before it returns.

    A reader, or a crash, meets the old content or the new, never half of it. mode: of the file,
    before the umask. One writer at a time. Raises OSError.
    """
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)  # left by a crash, perhaps with another mode
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def make_once(path: Path, content: bytes, *, mode: int = 0o600) -> bool:
    """Makes a file unless there is one, synced with its folder; whether it was this call's.

    However many processes make it at the same time, one of them does, and all read the same whole
    content afterwards. Raises OSError.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)  # fails where a rename would replace
    except FileExistsError:
        return False
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
