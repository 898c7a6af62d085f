"""Pictures in a folder of the service's own, each under its id; the log holds their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cahier_chassis.files import make_once


class PhotoFiles:
    """ports.Photos in a folder: `<election>/<photo>`, mode 0600, synced when written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, election_id: str, photo_id: str, data: bytes) -> None:
        """As the port says. Raises OSError of the disk."""
        path = self._path(election_id, photo_id)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_once(path, data)

    def read(self, election_id: str, photo_id: str, sha256: str) -> bytes | None:
        """As the port says."""
        try:
            data = self._path(election_id, photo_id).read_bytes()
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def delete(self, election_id: str, photo_id: str) -> None:
        """As the port says."""
        path = self._path(election_id, photo_id)
        path.unlink(missing_ok=True)
        for left in path.parent.glob(f".{photo_id}.*"):
            left.unlink(missing_ok=True)

    def kept(self, election_id: str) -> list[str]:
        """As the port says; what a crash left half written begins with a full stop."""
        folder = self._folder / election_id
        if not folder.is_dir():
            return []
        names = (each.name.lstrip(".").partition(".")[0] for each in folder.iterdir())
        return sorted(set(names))

    def elections(self) -> list[str]:
        """As the port says."""
        return sorted(each.name for each in self._folder.glob("*-*-*-*-*") if each.is_dir())

    def _path(self, election_id: str, photo_id: str) -> Path:
        return self._folder / election_id / photo_id
