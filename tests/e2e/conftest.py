"""A whole city as a child process, on free loopback ports, stopped by its pid."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cahier_cli.city import CityFolder
from cahier_cli.demo import STREETS
from cahier_cli.generated import generated_election

CAHIER = Path(sys.executable).parent / "cahier"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0
SETTLE_TIMEOUT_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningCity:
    """`cahier up` on one folder; may be killed and started again."""

    def __init__(self, root: Path, *options: str) -> None:
        self.folder = CityFolder(root)
        self.port = free_port()
        self._options = options
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Starts the city; answers the line that says it is ready."""
        command = [CAHIER, "up", "--data", self.folder.root, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*map(str, command), *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout is None:
            raise RuntimeError("the city has no stdout")
        line = self.process.stdout.readline().strip()
        if not line.startswith("ready "):
            _, complaint = self.process.communicate(timeout=STOP_TIMEOUT_S)
            raise RuntimeError(f"the city did not start: {complaint}\n{self.logs()}")
        return line

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> dict[str, Any]:
        return self.folder.running()

    def kill_unit(self, name: str) -> int:
        pid = int(self.running["pids"][name])
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except (httpx.HTTPError, OSError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {SETTLE_TIMEOUT_S} s: {what}\n{self.logs()}")

    def answers(self, unit: str) -> bool:
        url = self.url if unit == "portal" else self.running["metrics"][unit]
        return httpx.get(f"{url}/readyz", timeout=2.0, trust_env=False).status_code == 200

    def logs(self) -> str:
        folder = self.folder.root / "logs"
        return "\n".join(
            f"== {file.name}\n{file.read_text('utf-8', 'replace')[-1_500:]}"
            for file in sorted(folder.glob("*.log"))
        )


def run_cahier(*arguments: object, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CAHIER), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


@pytest.fixture
def port() -> int:
    """A free loopback port."""
    return free_port()


@pytest.fixture
def cahier() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command and gives what it said."""
    return run_cahier


@pytest.fixture
def new_city(tmp_path: Path) -> Iterator[Callable[..., RunningCity]]:
    """Makes cities that are stopped at the end, whatever happens."""
    made: list[RunningCity] = []

    def make(*options: str, name: str = "city") -> RunningCity:
        made.append(RunningCity(tmp_path / name, *options))
        return made[-1]

    yield make
    for city in made:
        if city.process is not None and city.process.poll() is None:
            city.stop()


@pytest.fixture
def city(new_city: Callable[..., RunningCity]) -> RunningCity:
    """A fresh city that runs, its clock settable."""
    fresh = new_city("--dev-clock")
    fresh.start()
    return fresh


@pytest.fixture(scope="module")
def shared_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCity]:
    """One city for all tests of a module that leave it running."""
    city = RunningCity(tmp_path_factory.mktemp("shared") / "city", "--dev-clock")
    city.start()
    yield city
    city.stop()


@pytest.fixture
def small_pb(tmp_path: Path) -> Path:
    """A generated election of 300 voters and 12 projects."""
    file = tmp_path / "small.pb"
    file.write_bytes(generated_election(7, voters=300, projects=12).encode())
    return file


@pytest.fixture
def small_csv(tmp_path: Path) -> Path:
    """The first 40 requests of the demonstration's file."""
    file = tmp_path / "small.csv"
    file.write_bytes(b"".join(STREETS.read_bytes().splitlines(keepends=True)[:41]))
    return file


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))
