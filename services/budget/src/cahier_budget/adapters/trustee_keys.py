"""Trustee keys as files, one an election, readable by the service's own user alone."""

from __future__ import annotations

import json
from pathlib import Path

from cahier_chassis.files import make_once
from cahier_kernel.errors import Unavailable
from cahier_ledger.sealing import new_trustee_key


class TrusteeKeyFiles:
    """ports.TrusteeKeys in a folder: `trustee-<election>.json`, mode 0600, synced when written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, election_id: str) -> str:
        """As the port says, for replicas on one folder, too. Raises OSError of the disk."""
        path = self._path(election_id)
        if not path.exists():
            private_key, public_key = new_trustee_key()
            pair = {"election": election_id, "private_key": private_key, "public_key": public_key}
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_once(path, json.dumps(pair).encode())
        return self._read(election_id)["public_key"]

    def private_key(self, election_id: str) -> str:
        """As the port says."""
        return self._read(election_id)["private_key"]

    def _read(self, election_id: str) -> dict[str, str]:
        try:
            pair: dict[str, str] = json.loads(self._path(election_id).read_bytes())
        except (OSError, ValueError) as error:
            raise Unavailable(
                "trustee_key_missing", "the election's trustee key cannot be read"
            ) from error
        return pair

    def _path(self, election_id: str) -> Path:
        return self._folder / f"trustee-{election_id}.json"
