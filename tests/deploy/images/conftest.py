"""A container engine, the units' images, and a node just big enough for one release of the chart.

The node takes rendered manifests and runs their pods as Kubernetes would: the same command, user,
rights, variables, volumes and names. What it leaves out: scheduling, probes, policies.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
NO_ENGINE = 3  # what the scripts answer when none can be had
ENGINE_TIMEOUT_S = 60
BUILD_TIMEOUT_S = 330
DOCKER_TIMEOUT_S = 60
TAG = "test"
NATS_IMAGE = "cahier-nats:test"
Manifest = dict[str, Any]


class Engine:
    """A docker engine at an address."""

    def __init__(self, host: str) -> None:
        self.environment = {**os.environ, "DOCKER_HOST": host} if host else dict(os.environ)

    def run(self, *arguments: object, stdin: str | None = None, check: bool = True) -> str:
        """`docker ARGUMENTS`; answers its stdout, raises with its stderr."""
        result = subprocess.run(
            ["docker", *map(str, arguments)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DOCKER_TIMEOUT_S,
        )
        if check and result.returncode != 0:
            raise RuntimeError(f"docker {arguments[0]}: {result.stderr}")
        return result.stdout.strip()


def script(name: str, *arguments: str, timeout_s: int, **environment: str) -> str:
    """Runs scripts/NAME; skips, aloud, when no engine or base can be had or the time is over."""
    process = subprocess.Popen(
        [ROOT / "scripts" / name, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that its children can be ended with it
    )
    try:
        said, complaint = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        pytest.skip(f"no images here: scripts/{name} took more than {timeout_s} s")
    if process.returncode == NO_ENGINE:
        pytest.skip(f"no images here: {complaint.strip().splitlines()[-1]}")
    assert process.returncode == 0, f"{name}: {complaint[-4_000:]}"
    return said.strip()


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that runs already, else one of our own, stopped at the end by its pid."""
    if not shutil.which("docker"):
        pytest.skip("no images here: no docker; as root run: scripts/engine.sh install")
    running = subprocess.run(["docker", "info"], capture_output=True, timeout=ENGINE_TIMEOUT_S)
    if running.returncode == 0:
        yield Engine("")
        return
    folder = tempfile.mkdtemp(prefix="cahier-engine-", dir="/tmp")  # sockets need short names
    try:
        yield Engine(script("engine.sh", "start", folder, timeout_s=ENGINE_TIMEOUT_S))
    finally:
        script("engine.sh", "stop", folder, timeout_s=ENGINE_TIMEOUT_S)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Builds all units' images; answers the chart's values that name them."""
    address = engine.environment.get("DOCKER_HOST")
    where = {"DOCKER_HOST": address} if address else {}
    script("images.sh", timeout_s=BUILD_TIMEOUT_S, TAG=TAG, REPOSITORY="cahier", **where)
    folder = tmp_path_factory.mktemp("nats")
    shutil.copy(Path(sys.executable).parent / "nats-server", folder)
    (folder / "Dockerfile").write_text(
        'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n'
    )
    engine.environment.setdefault("DOCKER_BUILDKIT", "0")
    engine.run("build", "--quiet", "--tag", NATS_IMAGE, folder)
    return {
        "image": {"repository": "cahier", "tag": TAG, "pullPolicy": "Never"},
        "nats": {"image": NATS_IMAGE},
    }


class Node:
    """Runs the pods of one release; everything it makes carries its name."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.name = folder.name
        self._folder = folder
        self._release: Any = None
        engine.run("network", "create", self.name)

    def install(self, release: Any) -> None:
        """Starts all workloads, the bus last: units have to wait for it."""
        self._release = release
        workloads = release.of("Deployment", "StatefulSet")
        for workload in sorted(
            workloads, key=lambda each: each["metadata"]["name"].endswith("nats")
        ):
            self.start(workload)

    def start(self, workload: Manifest) -> str:
        name = workload["metadata"]["name"]
        template = workload["spec"]["template"]
        claims = workload["spec"].get("volumeClaimTemplates", [])
        made = {
            claim["metadata"]["name"]: {
                "name": claim["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": f"{name}-{claim['metadata']['name']}"},
            }
            for claim in claims
        }
        self._create(name, template["metadata"]["labels"], template["spec"], made)
        self.engine.run("start", self.container(name))
        return name

    def finish(self, name: str, labels: dict[str, str], spec: Manifest) -> tuple[int, str]:
        """Runs a pod to its end; answers (exit code, what it said)."""
        self._create(name, labels, spec, {})
        container = self.container(name)
        self.engine.run("start", container)
        code = int(self.engine.run("wait", container))
        return code, self.logs(name)

    def container(self, name: str) -> str:
        return f"{self.name}-{name}"

    def address(self, name: str) -> str:
        """The pod's own address."""
        query = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self.engine.run("inspect", "--format", query, self.container(name))

    def logs(self, name: str) -> str:
        result = subprocess.run(
            ["docker", "logs", "--tail", "40", self.container(name)],
            env=self.engine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOCKER_TIMEOUT_S,
        )
        return result.stdout

    def remove(self) -> None:
        """Takes away whatever carries this node's name."""
        mark = f"name={self.name}"
        for kind, force in (("container", ["--force"]), ("volume", []), ("network", [])):
            listing = ["--all"] if kind == "container" else []
            found = self.engine.run(kind, "ls", "--quiet", *listing, "--filter", mark).split()
            if found:
                self.engine.run(kind, "rm", *force, *found, check=False)

    # -- one pod -----------------------------------------------------------------------------

    def _create(
        self, name: str, labels: dict[str, str], spec: Manifest, claims: dict[str, Manifest]
    ) -> None:
        (container,) = spec["containers"]
        security, pod = container["securityContext"], spec["securityContext"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])} | claims
        command = container.get("command", [])
        arguments = [
            *("--name", self.container(name), "--network", self.name),
            *(part for alias in self._aliases(labels) for part in ("--network-alias", alias)),
            *("--user", f"{pod['runAsUser']}:{pod['runAsGroup']}"),
            *(["--read-only"] if security["readOnlyRootFilesystem"] else []),
            *(part for drop in security["capabilities"]["drop"] for part in ("--cap-drop", drop)),
            *("--security-opt", "no-new-privileges"),
            *("--memory", container["resources"]["limits"]["memory"].replace("Mi", "m")),
            *self._environment(container),
            *(
                part
                for mount in container.get("volumeMounts", [])
                for part in self._mount(mount, volumes[mount["name"]], pod["fsGroup"])
            ),
            *(["--entrypoint", command[0]] if command else []),
            container["image"],
            *command[1:],
            *container.get("args", []),
        ]
        self.engine.run("create", *arguments)

    def _aliases(self, labels: dict[str, str]) -> list[str]:
        """Names of the Services that choose a pod with these labels."""
        return [
            service["metadata"]["name"]
            for service in self._release.of("Service")
            if service["spec"]["selector"].items() <= labels.items()
        ]

    def _environment(self, container: Manifest) -> Iterator[str]:
        for variable in container.get("env", []):
            value = variable.get("value")
            if value is None:
                reference = variable["valueFrom"]["secretKeyRef"]
                data = self._release.one("Secret", reference["name"])["data"]
                value = base64.b64decode(data[reference["key"]]).decode()
            yield from ("--env", f"{variable['name']}={value}")

    def _mount(self, mount: Manifest, volume: Manifest, group: int) -> tuple[str, str]:
        path = mount["mountPath"]
        if "emptyDir" in volume:
            return "--mount", f"type=tmpfs,destination={path},tmpfs-mode=1777"
        if "persistentVolumeClaim" in volume:
            return "--volume", f"{self._claim(volume, group)}:{path}"
        folder = self._files(volume, group)
        return "--volume", f"{folder}:{path}:ro"

    def _claim(self, volume: Manifest, group: int) -> str:
        """A volume that the pod's group may write, as fsGroup makes it."""
        name = f"{self.name}-{volume['persistentVolumeClaim']['claimName']}"
        image = f"cahier-identity:{TAG}"
        shell = ["--entrypoint", "/bin/sh", image, "-c", f"chgrp {group} /v && chmod 2770 /v"]
        self.engine.run("run", "--rm", "--user", "0", "--volume", f"{name}:/v", *shell)
        return name

    def _files(self, volume: Manifest, group: int) -> Path:
        """A Secret's or ConfigMap's entries as files, readable by the pod's group."""
        if "secret" in volume:
            manifest = self._release.one("Secret", volume["secret"]["secretName"])
            content = {key: base64.b64decode(text) for key, text in manifest["data"].items()}
            wanted, mode = volume["secret"]["items"], volume["secret"]["defaultMode"]
        else:
            manifest = self._release.one("ConfigMap", volume["configMap"]["name"])
            content = {key: text.encode() for key, text in manifest["data"].items()}
            wanted, mode = [{"key": key, "path": key} for key in content], 0o644
        folder = Path(tempfile.mkdtemp(prefix=f"{volume['name']}-", dir=self._folder))
        folder.chmod(0o755)
        for item in wanted:
            file = folder / item["path"]
            file.write_bytes(content[item["key"]])
            file.chmod(mode)
            if os.geteuid() == 0:
                os.chown(file, 0, group)
        return folder


@pytest.fixture(scope="module")
def node(
    engine: Engine,
    images: dict[str, Any],
    render: Callable[..., Any],
) -> Iterator[tuple[Node, Any]]:
    """A node that runs the chart with the small example's values on our images, and the release."""
    folder = Path(tempfile.mkdtemp(prefix="cahier-node-", dir="/tmp"))
    folder.chmod(0o755)
    values = yaml.safe_load((ROOT / "deploy/helm/cahier/ci/embedded-values.yaml").read_text())
    release = render({**values, **images})
    fresh = Node(engine, folder)
    try:
        fresh.install(release)
        yield fresh, release
    finally:
        fresh.remove()
        shutil.rmtree(folder, ignore_errors=True)
