"""Servers as processes of their own: started, watched and stopped by pid.

The load comes from this process and the work is done in another, so that what the server costs
can be read from the kernel's account of it: on a shared machine its processor time says more
than the clock on the wall.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.election import CITY, OpenElection
from cahier_kernel.launch import dying_with_parent

ROOT = Path(__file__).resolve().parents[1]
START_S_MAX = 60.0
STOP_S_MAX = 30.0
CALM_S = 0.2
LOG_CHARS_SHOWN = 2_000
CALM_S_MAX = 900.0
NO_BROKER = "nats://127.0.0.1:9"
"""Nothing listens there: the service takes commands all the same."""


@dataclass(frozen=True)
class Server:
    """A running server. address: of its gRPC, or of its HTTP where it has no gRPC."""

    address: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """Processor seconds used so far, by the server and the helpers that it started."""
        family = [self.process, *self.process.children(recursive=True)]
        times = [each.cpu_times() for each in family]
        return float(sum(each.user + each.system for each in times))

    def wait_until_calm(self) -> None:
        """Returns when it has done what it had to catch up with (a view, a relay)."""
        deadline_s = time.monotonic() + CALM_S_MAX
        while time.monotonic() < deadline_s:
            before_s = self.cpu_s()
            time.sleep(CALM_S)
            if self.cpu_s() - before_s < 0.15 * CALM_S:
                return
        raise TimeoutError("the server does not come to rest")


@contextmanager
def serving(
    election: OpenElection,
    module: str = "cahier_budget",
    *,
    nats_url: str = NO_BROKER,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`python -m module` on the election's folder, until the block ends."""
    settings = {
        "BUDGET_CITY": CITY,
        "BUDGET_DATA_DIR": str(election.data_dir),
        "BUDGET_NATS_URL": nats_url,
        "BUDGET_TOKEN_PUBLIC_KEYS": str(election.token_keys),
        "BUDGET_LOG_LEVEL": "warning",
        **(environment or {}),
    }
    with running(module, election.folder, "BUDGET", settings) as server:
        yield server


@contextmanager
def running(
    module: str, folder: Path, prefix: str, environment: Mapping[str, str]
) -> Iterator[Server]:
    """`python -m module` until the block ends; prefix: of its settings."""
    run_file, log_file = folder / "run.json", folder / "server.log"
    run_file.unlink(missing_ok=True)
    whole = {**os.environ, **environment, f"{prefix}_RUN_FILE": str(run_file)}
    with log_file.open("ab") as log:
        command = dying_with_parent([sys.executable, "-m", module])
        child = subprocess.Popen(command, env=whole, stderr=log, stdout=log, cwd=ROOT)
    try:
        ports = _wait_for_ports(child, run_file)
        server = Server(f"127.0.0.1:{ports.get('grpc', ports['http'])}", psutil.Process(child.pid))
        server.wait_until_calm()
        yield server
    except BaseException as error:
        end = log_file.read_text("utf-8", "replace")[-LOG_CHARS_SHOWN:]
        error.add_note(f"the server's log ends with:\n{end}")
        raise
    finally:
        _stop(child)


def _wait_for_ports(child: subprocess.Popen[bytes], run_file: Path) -> dict[str, int]:
    deadline_s = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline_s:
        if run_file.exists():
            ports: dict[str, int] = json.loads(run_file.read_text())
            return ports
        if child.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError("the server did not start")


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
