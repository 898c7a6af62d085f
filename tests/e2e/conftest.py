"""A whole city as a child process, on free loopback ports, stopped by its pid."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import httpx
import psycopg
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from cahier_cli.city import POSTGRES, CityFolder
from cahier_cli.demo import STREETS
from cahier_cli.generated import generated_election
from cahier_cli.storage import UNIT as POSTGRES_UNIT
from cahier_cli.storage import open_stores
from cahier_kernel.ports import free_port
from cahier_record.events import SERVICES

CAHIER = Path(sys.executable).parent / "cahier"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0
SETTLE_TIMEOUT_S = 30.0


def copy_owners(source: Path, copy: Path) -> None:
    """A PostgreSQL starts on a folder of its own user only, and copying as root changes that."""
    for file in (source, *source.rglob("*")):
        owner = file.lstat()
        os.chown(copy / file.relative_to(source), owner.st_uid, owner.st_gid, follow_symlinks=False)


class RunningCity:
    """`cahier up` on one folder; may be killed and started again."""

    def __init__(self, root: Path, *options: str, **environment: str) -> None:
        self.folder = CityFolder(root)
        self.port = free_port()
        self._options = options
        self._environment = environment
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Starts the city; answers the line that says it is ready."""
        command = [CAHIER, "up", "--data", self.folder.root, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*map(str, command), *self._options],
            env=os.environ | self._environment,
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

    def back_up(self, backup: Path, *units: str) -> None:
        """Copies what the units have stored, owners included; the city is stopped."""
        for unit in self._stored_in(units):
            shutil.copytree(self.folder.unit(unit), backup / unit)
            copy_owners(self.folder.unit(unit), backup / unit)

    def put_back(self, backup: Path, *units: str) -> None:
        """What the units store is again what was copied; the city is stopped."""
        for unit in self._stored_in(units):
            shutil.rmtree(self.folder.unit(unit))
            shutil.copytree(backup / unit, self.folder.unit(unit))
            copy_owners(backup / unit, self.folder.unit(unit))

    def _stored_in(self, units: tuple[str, ...]) -> tuple[str, ...]:
        return (*units, POSTGRES_UNIT) if self.folder.store == POSTGRES else units

    def files_with(self, *words: str) -> list[str]:
        """Files below the city's folder that hold one of the words, however they are cased.

        PostgreSQL is vacuumed before; its write-ahead log, which keeps what was deleted until it
        comes round again (docs/privacy.md), is left out.
        """
        if self.folder.store == POSTGRES:
            self._vacuum()
        found = []
        for file in sorted(self.folder.root.rglob("*")):
            with suppress(FileNotFoundError):
                content = file.read_bytes().lower() if file.is_file() else b""
                if any(word.lower().encode() in content for word in words):
                    found.append(file.relative_to(self.folder.root))
        return [str(file) for file in found if "pg_wal" not in file.parts]

    def _vacuum(self) -> None:
        with open_stores(self.folder) as stores_of:
            dsn = stores_of(SERVICES[0]).dsn
            if dsn is None:
                raise RuntimeError("a city on PostgreSQL has a DSN")
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("VACUUM FULL")
                connection.execute("CHECKPOINT")

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


@pytest.fixture(scope="module")
def cahier_of_module() -> Callable[..., subprocess.CompletedProcess[str]]:
    """As `cahier`, for what all tests of a module share."""
    return run_cahier


@pytest.fixture
def new_city(tmp_path: Path) -> Iterator[Callable[..., RunningCity]]:
    """Makes cities that are stopped at the end, whatever happens."""
    made: list[RunningCity] = []

    def make(*options: str, name: str = "city", **environment: str) -> RunningCity:
        made.append(RunningCity(tmp_path / name, *options, **environment))
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


class Collector(TraceServiceServicer):
    """A real OTLP receiver on a free loopback port, which keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[SimpleNamespace] = []
        self.raw = b""
        self._server = grpc.server(ThreadPoolExecutor(2))
        add_TraceServiceServicer_to_server(self, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.endpoint = f"http://127.0.0.1:{port}"
        self._server.start()

    def Export(self, request: Any, context: Any) -> ExportTraceServiceResponse:
        self.raw += request.SerializeToString()
        for resource in request.resource_spans:
            names = {each.key: each.value.string_value for each in resource.resource.attributes}
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                self.spans.append(
                    SimpleNamespace(
                        unit=names["service.name"],
                        name=span.name,
                        trace=span.trace_id.hex(),
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        attributes={each.key for each in span.attributes},
                    )
                )
        return ExportTraceServiceResponse()

    def of_trace(self, trace: str) -> dict[str, SimpleNamespace]:
        """The spans of one trace by name."""
        return {span.name: span for span in self.spans if span.trace == trace}

    def stop(self) -> None:
        self._server.stop(1).wait()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """Takes in the traces of cities that are started while it is there."""
    made = Collector()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def traced_city(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningCity]:
    """A city that sends its traces to the collector."""
    city = RunningCity(tmp_path_factory.mktemp("traced") / "city")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAHIER_OTLP_ENDPOINT", collector.endpoint)
        city.start()
    yield city
    city.stop()


@pytest.fixture(scope="module")
def open_vote(traced_city: RunningCity, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an election of the traced city in which one may vote now."""
    file = tmp_path_factory.mktemp("vote") / "small.pb"
    file.write_bytes(generated_election(7, voters=20, projects=3).encode())
    folder = traced_city.folder.root
    done = run_cahier("import", "pabulib", file, "--leave-open", "--data", folder)
    assert done.returncode == 0, done.stderr + traced_city.logs()
    return done.stdout.splitlines()[-1]


class _Forms(HTMLParser):
    """Every form of a page: where it leads, and the fields that a browser would send back."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((at.get("action", ""), {}))
        unticked = at.get("type") in ("checkbox", "radio") and "checked" not in at
        if tag == "input" and self.forms and "name" in at and not unticked:
            self.forms[-1][1][at["name"]] = at.get("value", "")


class Visitor:
    """Somebody at the portal, with a browser that knows no JavaScript."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=30, trust_env=False)
        self.page = self.http.get("/")

    def go(self, path: str) -> httpx.Response:
        self.page = self.http.get(path)
        return self.page

    def send(
        self, action: str, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """Fills in the form of the page whose action ends so, sends it, and follows."""
        parser = _Forms()
        parser.feed(self.page.text)
        where, hidden = next(form for form in parser.forms if form[0].endswith(action))
        self.page = self.http.post(where, data={**hidden, **fields}, headers=headers)
        return self.page

    def register(self, name: str, email: str, password: str = "a long enough sentence") -> None:
        self.go("/register")
        answer = self.send("/register", display_name=name, email=email, password=password)
        assert answer.status_code == 200, answer.text

    def sign_in(self, email: str, password: str) -> None:
        self.go("/sign-in")
        assert self.send("/sign-in", email=email, password=password).status_code == 200


@pytest.fixture(scope="module")
def visitor_class() -> type[Visitor]:
    """How somebody comes to any city's portal."""
    return Visitor


@pytest.fixture
def visitor(traced_city: RunningCity) -> Callable[[], Visitor]:
    """Lets somebody new visit the traced city's portal."""
    return lambda: Visitor(traced_city.url)
