"""A city's folder: where each unit keeps its data, and what a running city says of itself."""

from __future__ import annotations

import fcntl
import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cahier_chassis.files import write_whole
from cahier_chassis.keys import PUBLIC_SUFFIX, write_key_pair
from cahier_chassis.settings import CITY_PATTERN

TOKEN_KEY = "token"
LOCK_TRIES, LOCK_PAUSE_S = 4, 0.05
"""Whoever only asks whether a city runs holds its lock for a moment."""
SQLITE, POSTGRES = "sqlite", "postgres"
FILES, IN_THE_STORE = "files", "store"


class CityError(Exception):
    """The folder cannot be used as asked; the text is one line for a person."""


@dataclass(frozen=True)
class CityFolder:
    """Paths below one city's data folder."""

    root: Path

    @property
    def run_file(self) -> Path:
        return self.root / "run.json"

    @property
    def database_file(self) -> Path:
        """Where the city's own PostgreSQL listens, while it runs: `{"address": "host:port"}`.

        Apart from run.json, whose keys are a contract that names no database.
        """
        return self.unit("postgres") / "run.json"

    @property
    def clock_file(self) -> Path:
        return self.root / "clock"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def log_keys(self) -> Path:
        """Folder of the public logs' keys and names."""
        return self.keys / "tlog"

    def log_lock(self, service: str) -> Path:
        """The lock row of a service's public log: never put back from a backup."""
        return self.root / "locks" / f"{service}.db"

    def log_files(self, service: str) -> Path:
        """Folder of a public log's tiles and checkpoints, unless they lie in the store."""
        return self.unit(service) / "tlog"

    @property
    def log_policy(self) -> Path:
        """The policy file that the logs are held to, where there is one."""
        return self.root / "policy"

    @property
    def token_private_key(self) -> Path:
        return self.keys / f"{TOKEN_KEY}.pem"

    @property
    def token_public_key(self) -> Path:
        return self.keys / f"{TOKEN_KEY}{PUBLIC_SUFFIX}"

    def unit(self, name: str) -> Path:
        return self.root / name

    def log(self, unit: str) -> Path:
        return self.root / "logs" / f"{unit}.log"

    @property
    def exists(self) -> bool:
        """Whether a city was ever started here."""
        return self._name_file.is_file()

    @property
    def name(self) -> str:
        """The city's name, fixed at its first start; raises CityError where there is no city."""
        return str(self._begun("city"))

    def name_or(self, otherwise: str) -> str:
        """The city's name, or what it will be called at its first start."""
        return self.name if self.exists else otherwise

    @property
    def store(self) -> str:
        """SQLITE or POSTGRES, fixed at the first start; raises CityError where there is no city."""
        return str(self._begun("store", SQLITE))

    @property
    def log_tiles(self) -> str:
        """FILES or IN_THE_STORE, fixed at the first start; raises CityError without a city."""
        return str(self._begun("log_tiles", FILES))

    def _begun(self, what: str, otherwise: str | None = None) -> Any:
        """What was noted at the first start."""
        try:
            noted = json.loads(self._name_file.read_text("utf-8"))
            return noted[what] if otherwise is None else noted.get(what, otherwise)
        except (OSError, ValueError, KeyError):
            raise CityError(f"{self.root} holds no city: start one with `cahier up`") from None

    @property
    def _name_file(self) -> Path:
        return self.root / "city.json"

    def prepare(self, city: str | None, store: str = SQLITE, log_tiles: str = FILES) -> str:
        """Makes what a first start needs and returns the city's name.

        Raises CityError when the folder belongs to a city of another name, and for a name that
        could not stand in subjects and hosts: nothing is written for that one. Raises OSError.
        """
        if city is not None and re.fullmatch(CITY_PATTERN, city) is None:
            raise CityError(f"not a city's name: {city!r}; small letters, digits, _ and -")
        for folder in (self.root, self.keys, self.root / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        if not self._name_file.is_file():
            noted = {"city": city or "demo", "store": store, "log_tiles": log_tiles}
            write_whole(self._name_file, f"{json.dumps(noted)}\n".encode(), mode=0o644)
        if city is not None and city != self.name:
            raise CityError(f"{self.root} belongs to the city {self.name}, not {city}")
        if not self.token_private_key.is_file():
            write_key_pair(self.keys, TOKEN_KEY)
        return self.name

    @property
    def _lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def is_running(self) -> bool:
        """Whether some `cahier up` holds this folder. Raises OSError."""
        with self._lock_file.open("a+") as file:
            return not _locks(file)

    def running(self) -> dict[str, Any]:
        """What run.json says; raises CityError when no city runs here.

        A city that was killed leaves the file behind, and nobody holds its lock. Without any lock
        the file is somebody else's word, for a city that runs elsewhere.
        """
        try:
            running: dict[str, Any] = json.loads(self.run_file.read_text("utf-8"))
            if self._lock_file.exists() and not self.is_running:
                raise ValueError("it was killed")
        except (OSError, ValueError):
            raise CityError(f"no city runs on {self.root}: start it with `cahier up`") from None
        return running


class CityLock:
    """Held by the one `cahier up` of a folder; the kernel lets go of it with the process."""

    def __init__(self, folder: CityFolder) -> None:
        """Raises CityError when another process holds it."""
        folder.root.mkdir(parents=True, exist_ok=True)
        self._file = (folder.root / "lock").open("a+")
        for _ in range(LOCK_TRIES):
            if _locks(self._file):
                return
            time.sleep(LOCK_PAUSE_S)
        raise CityError(f"a city is already running on {folder.root}")

    def release(self) -> None:
        self._file.close()


def _locks(file: IO[str]) -> bool:
    """Whether nobody else holds the file; held from then on until it is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
