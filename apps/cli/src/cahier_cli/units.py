"""The units of a city: what `cahier up` starts, with which settings, in which order."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cahier_cli.city import IN_THE_STORE, CityError, CityFolder
from cahier_cli.keys import Logs, make_keys
from cahier_cli.storage import UNIT as POSTGRES_UNIT
from cahier_cli.storage import Storage
from cahier_kernel.ports import LOOPBACK, free_ports
from cahier_ledger.bus.server import NatsServerConfig, nats_server_binary, write_config
from cahier_ledger.postgres.server import PostgresFailed, dsn_of, prepare, server_command
from cahier_record.events import SERVICES

COLLECTOR = "CAHIER_OTLP_ENDPOINT"


@dataclass(frozen=True)
class Unit:
    """One process.

    ready_url: answers 200 when it serves; "" for nats, which greets on its port, and postgres.
    stop_signal: asks it to end.
    """

    name: str
    command: tuple[str, ...]
    port: int
    ready_url: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    grpc: str = ""
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one run, kept when a unit is restarted so that its callers find it."""

    nats: int
    postgres: int
    grpc: dict[str, int]
    http: dict[str, int]

    @classmethod
    def free(cls) -> Ports:
        """Raises OSError when the machine has none left."""
        taken = free_ports(2 + 2 * len(SERVICES))
        pairs = dict(zip(SERVICES, zip(taken[2::2], taken[3::2], strict=True), strict=True))
        return cls(
            nats=taken[0],
            postgres=taken[1],
            grpc={name: pair[0] for name, pair in pairs.items()},
            http={name: pair[1] for name, pair in pairs.items()},
        )


def units_of(
    folder: CityFolder, city: str, port: int, storage: Storage, *, dev_clock: bool
) -> list[Unit]:
    """nats, postgres if the city runs its own, the services, the portal: in order of starting.

    Raises CityError.
    """
    ports = Ports.free()
    database = [_postgres(folder, ports.postgres)] if storage.has_own_server else []
    dsn = dsn_of(folder.unit(POSTGRES_UNIT), ports.postgres) if database else storage.dsn
    nats_url = f"nats://{LOOPBACK}:{ports.nats}"
    shared = {
        "CITY": city,
        "HOST": LOOPBACK,
        "NATS_URL": nats_url,
        "TOKEN_PUBLIC_KEYS": str(folder.token_public_key),
        "KEEP_TRACES": "1",
        **_collector(),
    }
    if dev_clock:
        shared["CLOCK_FILE"] = str(folder.clock_file)
    mailing = _mailing(port)
    logs = make_keys(folder)
    stored = {"STORE_DSN": dsn} if dsn is not None else {}
    services = [
        _service(
            folder,
            name,
            ports,
            {
                **shared,
                **stored,
                **_logging(folder, logs, name, storage),
                **(mailing if name == "notifications" else {}),
            },
        )
        for name in SERVICES
    ]
    return [
        _nats(folder, ports.nats),
        *database,
        *services,
        _portal(folder, port, ports, shared, dev_clock=dev_clock),
    ]


def _nats(folder: CityFolder, port: int) -> Unit:
    home = folder.unit("nats")
    config = NatsServerConfig(store_dir=home / "jetstream", port=port, host=LOOPBACK)
    file = write_config(home / "nats-server.conf", config)
    return Unit("nats", (str(nats_server_binary()), "--config", str(file)), port)


def _postgres(folder: CityFolder, port: int) -> Unit:
    """The city's own server, whose database is made when missing. Raises CityError."""
    home = folder.unit(POSTGRES_UNIT)
    try:
        prepare(home)
        command = server_command(home, port)
    except PostgresFailed as error:
        raise CityError(str(error)) from error
    # SIGTERM would wait for the last client.
    return Unit(POSTGRES_UNIT, tuple(command), port, stop_signal=signal.SIGINT)


def _service(folder: CityFolder, name: str, ports: Ports, shared: dict[str, str]) -> Unit:
    own = {
        "DATA_DIR": str(folder.unit(name)),
        "GRPC_PORT": str(ports.grpc[name]),
        "HTTP_PORT": str(ports.http[name]),
    }
    if name == "identity":
        own["TOKEN_PRIVATE_KEY"] = str(folder.token_private_key)
        own["KEY_ENCRYPTION_KEY_FILE"] = str(folder.keys / "key-encryption.key")
    return Unit(
        name,
        (sys.executable, "-m", f"cahier_{name}"),
        ports.http[name],
        f"http://{LOOPBACK}:{ports.http[name]}/readyz",
        _prefixed(name, {**shared, **own}),
        f"{LOOPBACK}:{ports.grpc[name]}",
    )


def _logging(folder: CityFolder, logs: Logs, name: str, storage: Storage) -> dict[str, str]:
    """The service's public log: on one machine a checkpoint may come every second."""
    policy = {"LOG_POLICY": str(folder.log_policy)} if folder.log_policy.is_file() else {}
    return {
        "LOG_KEYS": logs.places(name),
        "LOG_ORIGIN": logs.services[name].origin,
        "LOG_LOCK": str(folder.log_lock(name)),
        "LOG_TILES": log_tiles_of(folder, name, storage.log_tiles),
        "LOG_BATCH_S": "0.25",
        "LOG_CHECKPOINT_S": "1",
        **policy,
    }


def log_tiles_of(folder: CityFolder, service: str, chosen: str) -> str:
    """LOG_TILES of a service, by what the city chose."""
    return IN_THE_STORE if chosen == IN_THE_STORE else str(folder.log_files(service))


def _collector() -> dict[str, str]:
    """Traces also go to the OTLP endpoint that the caller's environment names, if it does."""
    named = os.environ.get(COLLECTOR)
    return {"OTLP_ENDPOINT": named} if named else {}


def _mailing(port: int) -> dict[str, str]:
    """Mails go to the server that the caller's environment names, else they are captured."""
    named = {name: os.environ.get(f"NOTIFICATIONS_{name}", "") for name in ("SMTP_URL", "SENDER")}
    given = {name: value for name, value in named.items() if value}
    capture = "0" if "SMTP_URL" in given else "1"
    return {"PORTAL_URL": f"http://{LOOPBACK}:{port}", "CAPTURE": capture, **given}


def _portal(
    folder: CityFolder, port: int, ports: Ports, shared: dict[str, str], *, dev_clock: bool
) -> Unit:
    own = {
        "DATA_DIR": str(folder.unit("portal")),
        "PORT": str(port),
        "PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "DEV_CLOCK": "1" if dev_clock else "0",
        **{f"{name.upper()}_ADDRESS": f"{LOOPBACK}:{ports.grpc[name]}" for name in SERVICES},
        "UNIT_METRICS": json.dumps(
            {name: f"http://{LOOPBACK}:{ports.http[name]}" for name in SERVICES}
        ),
    }
    return Unit(
        "portal",
        (sys.executable, "-m", "cahier_portal"),
        port,
        f"http://{LOOPBACK}:{port}/readyz",
        _prefixed("portal", {**shared, **own}),
    )


def _prefixed(name: str, settings: dict[str, str]) -> dict[str, str]:
    return {f"{name.upper()}_{key}": value for key, value in settings.items()}


def environment_of(unit: Unit) -> dict[str, str]:
    """The unit's whole environment: the caller's without stray settings, and its own."""
    prefixes = tuple(f"{name.upper()}_" for name in (*SERVICES, "portal"))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(prefixes)}
    return {**kept, "PYTHONUNBUFFERED": "1", **unit.environment}


def port_is_free(port: int) -> bool:
    """Whether this machine's loopback port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def nats_url(units: list[Unit]) -> str:
    """Where the city's NATS server listens."""
    return f"nats://{LOOPBACK}:{units[0].port}"


def log_path(folder: CityFolder, unit: Unit) -> Path:
    return folder.log(unit.name)
