"""`cahier keys`: the keys that a city's public logs are signed with, and the logs' names.

One Ed25519 key a service. A name is part of every signature, so it is fixed with the first key
and follows neither port nor address. In production keys lie outside the data folder, so that who
copies the one does not hold the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from cahier_chassis.files import write_whole
from cahier_chassis.keys import private_key_pem
from cahier_cli.city import CityError, CityFolder
from cahier_ledger.log.lock import open_locks
from cahier_ledger.log.refusals import KeyUnusable
from cahier_ledger.log.sequencer import epoch_origin
from cahier_ledger.log.signing import PKCS11, open_signers, vkeys_of
from cahier_record.events import SERVICES

DATA_DEFAULT = Path("cahier-data")
HOST_SUFFIX = ".cahier.localhost"
_HOST_FORBIDDEN = frozenset("+/ \t\r\n")


@dataclass(frozen=True)
class LogKeys:
    """A log's name, the epoch that it is in, and where its keys are, the current one first."""

    origin: str
    epoch: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Logs:
    """What `keys/tlog/logs.json` of a city says. Key files are named relative to its folder."""

    folder: Path
    host: str
    services: dict[str, LogKeys] = field(default_factory=dict)

    def places(self, service: str) -> str:
        """The setting LOG_KEYS of a service."""
        return ",".join(map(self.place, self.services[service].keys))

    def place(self, key: str) -> str:
        """A key's path, or its URI as it stands."""
        return key if key.startswith(PKCS11) else str(self.folder / key)

    def with_service(self, service: str, keys: LogKeys) -> Logs:
        """The same with another entry for one service."""
        return replace(self, services={**self.services, service: keys})

    def save(self) -> None:
        """Writes the file; the keys are written before."""
        told: dict[str, Any] = {
            "host": self.host,
            "services": {
                name: {"epoch": each.epoch, "origin": each.origin, "keys": list(each.keys)}
                for name, each in self.services.items()
            },
        }
        content = (json.dumps(told, indent=2) + "\n").encode()
        write_whole(self.folder / "logs.json", content, mode=0o644)


def read_logs(folder: CityFolder) -> Logs:
    """The logs of a city; raises CityError where there are no keys yet."""
    file = folder.log_keys / "logs.json"
    try:
        told = json.loads(file.read_text("utf-8"))
        services = {
            str(name): LogKeys(str(each["origin"]), int(each["epoch"]), tuple(each["keys"]))
            for name, each in told["services"].items()
        }
        return Logs(folder.log_keys, str(told["host"]), services)
    except FileNotFoundError:
        raise CityError(f"{file} is missing: make keys with `cahier keys init`") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise CityError(f"{file} cannot be read") from None


def make_keys(folder: CityFolder, host: str = "", keys: Path | None = None) -> Logs:
    """Makes what is missing and changes nothing else; answers all logs.

    keys: folder for new key files, if not the city's own. Raises CityError for a host that is not
    the one the logs were named after.
    """
    folder.log_keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (folder.log_keys / "logs.json").is_file():
        logs = read_logs(folder)
    else:
        logs = Logs(folder.log_keys, host or f"{folder.name_or('demo')}{HOST_SUFFIX}")
    if host and host != logs.host:
        raise CityError(f"the logs are named after {logs.host}, which cannot be changed")
    _check_host(logs.host)
    missing = [service for service in SERVICES if service not in logs.services]
    for service in missing:
        origin = f"{logs.host}/tlog/{service}"
        key = _new_key(logs.folder, keys, f"{service}.pem")
        logs = logs.with_service(service, LogKeys(origin, 1, (key,)))
    if missing:
        logs.save()
    return logs


def _check_host(host: str) -> None:
    if not host or not host.isascii() or _HOST_FORBIDDEN & set(host):
        raise CityError(f"not a host's name: {host!r}")


def _new_key(folder: Path, elsewhere: Path | None, name: str) -> str:
    """Writes a key (0600) and answers how logs.json names it; raises CityError if it is there."""
    target = folder if elsewhere is None else elsewhere.resolve()
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = target / name
    if file.exists():
        raise CityError(f"{file} is there already: a key is never overwritten")
    write_whole(file, private_key_pem())
    return name if elsewhere is None else str(file)


data_option = click.option(
    "--data", type=click.Path(path_type=Path), default=DATA_DEFAULT, show_default=True
)
service_argument = click.argument("service", type=click.Choice(SERVICES))
keys_option = click.option(
    "--keys",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for new key files, outside DIR in production.",
)


@click.group()
def keys() -> None:
    """Make, list and replace the keys of a city's public logs."""


@keys.command()
@data_option
@click.option("--host", default="", help="Public host of the city.  [<city>.cahier.localhost]")
@keys_option
def init(data: Path, host: str, keys: Path | None) -> None:
    """Make a key for each service that has none; `cahier up` does it at its first start."""
    with _refusing("init"):
        _print(make_keys(CityFolder(data.resolve()), host, keys))


@keys.command("list")
@data_option
def list_(data: Path) -> None:
    """Print each log's public keys (vkeys), the current one first."""
    with _refusing("list"):
        _print(read_logs(CityFolder(data.resolve())))


@keys.command()
@service_argument
@data_option
@keys_option
def rotate(service: str, data: Path, keys: Path | None) -> None:
    """Make SERVICE a new key; from the next start on both sign, until `cahier keys retire`."""
    with _refusing("rotate"):
        logs = read_logs(CityFolder(data.resolve()))
        log = logs.services[service]
        if len(log.keys) > 1:
            raise CityError(f"{service} is changing its key already: retire the old one first")
        number = 2
        while (logs.folder / f"{service}-{number}.pem").exists():
            number += 1
        key = _new_key(logs.folder, keys, f"{service}-{number}.pem")
        logs = logs.with_service(service, replace(log, keys=(key, *log.keys)))
        logs.save()
        _print(logs, (service,))
        click.echo("start the city again; tell auditors and witnesses the new key, then retire")


@keys.command()
@service_argument
@data_option
def retire(service: str, data: Path) -> None:
    """Stop signing for SERVICE with the old key, once the log has signed with both."""
    with _refusing("retire"):
        folder = CityFolder(data.resolve())
        logs = read_logs(folder)
        log = logs.services[service]
        if len(log.keys) < 2:
            raise CityError(f"{service} has one key only: make another with `cahier keys rotate`")
        _require_signed(folder, service, logs.place(log.keys[0]))
        old = [logs.place(key) for key in log.keys[1:]]
        logs = logs.with_service(service, replace(log, keys=log.keys[:1]))
        logs.save()
        _print(logs, (service,))
        click.echo(f"no longer used: {', '.join(old)}")


def _require_signed(folder: CityFolder, service: str, place: str) -> None:
    """Else the log would meet a key that no signature of its leads to."""
    locks = open_locks(str(folder.log_lock(service)))
    row = locks.current(service)
    locks.close()
    new = "" if row is None else str(vkeys_of(row.origin, open_signers(place))[0])
    if row is None or new not in row.vkeys.split():
        raise CityError(f"the log of {service} has not signed with its new key yet: start the city")


def _print(logs: Logs, services: Sequence[str] = SERVICES) -> None:
    for service in services:
        log = logs.services[service]
        origin = epoch_origin(log.origin, log.epoch)
        for vkey in vkeys_of(origin, open_signers(logs.places(service))):
            click.echo(str(vkey))


class _refusing:
    """Turns what a person must mend into exit code 2 and one line."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, CityError | KeyUnusable | OSError):
            told = error.rule if isinstance(error, KeyUnusable) else str(error)
            click.echo(f"cahier keys {self._command}: {told}", err=True)
            raise SystemExit(2)
