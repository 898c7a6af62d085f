"""One city from its images, wired as the chart wires it. Slow: it builds everything anew."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from cahier_cli.city import CityFolder
from cahier_cli.doors import Doors
from cahier_contracts.consultation.v1.consultation_service_pb2 import CreateProcessRequest
from cahier_record.events import SERVICES

PATIENCE_S = 60.0
SETTLE_S = 0.5
IMAGE_BYTES_MAX = 700 << 20

pytestmark = [pytest.mark.slow, pytest.mark.timeout(540)]


def eventually(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except httpx.HTTPError:
            pass
        time.sleep(SETTLE_S)
    raise AssertionError(f"not within {PATIENCE_S} s: {what}")


def ready(url: str) -> bool:
    answer = httpx.get(f"{url}/readyz", timeout=3.0, trust_env=False)
    return answer.status_code == 200 and not answer.json()["degraded"]


def round_trip(node: Any, release: Any, name: str) -> tuple[int, str]:
    """Runs the pod that `helm test` runs."""
    (pod,) = release.of("Pod")
    code, said = node.finish(name, pod["metadata"]["labels"], pod["spec"])
    return int(code), str(said)


@pytest.fixture(scope="module")
def city(node: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> CityFolder:
    """A folder by which operators' tools find the city: its key and where units listen."""
    kubelet, release = node
    folder = CityFolder(tmp_path_factory.mktemp("operator"))
    folder.keys.mkdir()
    secret = release.one("Secret", "cahier-token")["data"]
    folder.token_private_key.write_bytes(base64.b64decode(secret["token.pem"]))
    (folder.root / "city.json").write_text(json.dumps({"city": "demo"}))
    addresses = {name: kubelet.address(f"cahier-{name}") for name in (*SERVICES, "portal")}
    running = {
        "portal": f"http://{addresses['portal']}:8080",
        "grpc": {name: f"{addresses[name]}:50051" for name in SERVICES},
        "metrics": {name: f"http://{addresses[name]}:8081" for name in SERVICES},
    }
    folder.run_file.write_text(json.dumps(running))
    return folder


def test_every_unit_of_the_chart_becomes_ready(node: tuple[Any, Any], city: CityFolder) -> None:
    kubelet, _ = node
    running = city.running()
    for unit, url in {**running["metrics"], "portal": running["portal"]}.items():
        try:
            eventually(f"{unit} is ready", lambda url=url: ready(url))  # type: ignore[misc]
        except AssertionError as error:
            raise AssertionError(f"{error}\n{kubelet.logs(f'cahier-{unit}')}") from None


def test_the_job_declares_the_stream_of_dead_letters(node: tuple[Any, Any]) -> None:
    kubelet, release = node
    template = release.one("Job", "cahier-streams")["spec"]["template"]
    code, said = kubelet.finish("streams", template["metadata"]["labels"], template["spec"])
    assert code == 0, said
    assert "stream DEAD is declared" in said


def test_the_round_trip_of_helm_test_passes(node: tuple[Any, Any]) -> None:
    kubelet, release = node
    code, said = round_trip(kubelet, release, "round-trip")
    assert code == 0, said
    assert f"{len(SERVICES) + 3} addresses answer" in said


async def open_process(folder: CityFolder, title: str) -> None:
    """A process that staff open over gRPC, by a token of the chart's own key."""
    opens, closes = Timestamp(), Timestamp()
    opens.FromDatetime(datetime(2026, 1, 1, tzinfo=UTC))
    closes.FromDatetime(datetime(2099, 1, 1, tzinfo=UTC))
    async with Doors(folder) as doors:
        await doors.consultation.CreateProcess(
            CreateProcessRequest(title=title, opens_at=opens, closes_at=closes)
        )


def titles(folder: CityFolder) -> str:
    site = folder.running()["portal"]
    return httpx.get(f"{site}/api/v1/processes", timeout=10.0, trust_env=False).text


async def test_what_staff_open_is_seen_on_the_site_and_outlives_a_crash(
    node: tuple[Any, Any], city: CityFolder
) -> None:
    kubelet, _ = node
    title = "Ideas for the quays"
    await open_process(city, title)
    eventually("the process is on the site", lambda: title in titles(city))
    unit = kubelet.container("cahier-consultation")
    kubelet.engine.run("kill", "--signal", "KILL", unit)
    kubelet.engine.run("start", unit)
    eventually("it is still there", lambda: title in titles(city))


def test_units_run_as_the_chart_says_and_hold_no_other_unit(node: tuple[Any, Any]) -> None:
    kubelet, _ = node
    for service in SERVICES:
        listing = kubelet.engine.run(
            *("exec", kubelet.container(f"cahier-{service}"), "sh", "-c"),
            "id -u; touch /etc/x 2>&1; ls -d /opt/cahier/lib/python3.11/site-packages/cahier_*",
        )
        assert listing.startswith("10001")
        assert "Read-only file system" in listing
        held = {Path(line).name.removeprefix("cahier_") for line in listing.split()}
        assert held & {*SERVICES, "portal"} == {service}


def test_images_are_small_enough_to_be_fetched_often(engine: Any, images: dict[str, Any]) -> None:
    for unit in (*SERVICES, "portal"):
        size = engine.run("image", "inspect", "--format", "{{.Size}}", f"cahier-{unit}:test")
        assert int(size) < IMAGE_BYTES_MAX, unit


def test_a_unit_stops_in_order_when_it_is_asked(node: tuple[Any, Any], city: CityFolder) -> None:
    kubelet, _ = node
    unit = kubelet.container("cahier-budget")
    kubelet.engine.run("stop", "--time", "45", unit)
    state = json.loads(kubelet.engine.run("inspect", "--format", "{{json .State}}", unit))
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert "unit_stopped" in kubelet.logs("cahier-budget")
