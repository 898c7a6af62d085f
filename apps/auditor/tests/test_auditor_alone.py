"""The auditor installs and runs by itself: four wheels, five libraries, no service, no network."""

from __future__ import annotations

import subprocess
import sys
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]
OURS = ("libs/kernel", "libs/record", "libs/ledger", "apps/auditor")
LIBRARIES = {"click", "cffi", "cryptography", "msgspec", "numpy", "pycparser", "rfc8785"}
FORBIDDEN = (
    *("cahier_chassis", "cahier_contracts", "eventsourcing", "faststream", "grpc", "httpx"),
    *("nats", "psycopg", "pydantic"),
)
OFFLINE = """
import socket

def refuse(*arguments, **options):
    raise OSError("the network is off")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
"""


def needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """A distribution and all that it requires, extras left out, by name."""
    if name not in found:
        found[name] = distribution(name)
        for text in found[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed(requirement.name.lower(), found)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment that holds the auditor and what it names, nothing else."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home / "env", with_pip=False)
    site = next((home / "env").glob("lib/python*/site-packages"))
    built = [str(ROOT / part) for part in OURS]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = home / "wheels"
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, *built],
        check=True,
    )
    subprocess.run(
        [*pip, "install", "--no-deps", "--no-index", "--target", site, *wheels.glob("*.whl")],
        check=True,
    )
    for name, library in needed("cahier-auditor", {}).items():
        if not name.startswith("cahier-"):
            link(library, site)
    (site / "sitecustomize.py").write_text(OFFLINE)
    return home / "env/bin/python"


def link(library: Distribution, site: Path) -> None:
    """Puts a library that is installed here into another environment."""
    for top in {file.parts[0] for file in library.files or [] if ".." not in file.parts}:
        if top != "__pycache__" and not (site / top).exists():
            (site / top).symlink_to(library.locate_file(top))


def test_it_needs_few_libraries() -> None:
    names = {name for name in needed("cahier-auditor", {}) if not name.startswith("cahier-")}
    assert names == LIBRARIES


def test_it_verifies_and_recounts_offline_by_itself(alone: Path, bundle: Path) -> None:
    for command in ("verify", "replay", "recount"):
        done = subprocess.run(
            [alone, "-m", "cahier_auditor", command, bundle], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "everything holds\n"), command


def test_it_is_offline_in_this_test(alone: Path) -> None:
    done = subprocess.run(
        [alone, "-m", "cahier_auditor", "verify", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "the network is off" in done.stderr


def test_it_imports_nothing_of_a_service(alone: Path) -> None:
    code = "import cahier_auditor.__main__, cahier_auditor.portal, sys; print(*sys.modules)"
    done = subprocess.run([alone, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "cahier_ledger" in loaded
    assert loaded.isdisjoint(FORBIDDEN)


def test_in_this_environment_too_it_imports_nothing_of_a_service() -> None:
    code = "import cahier_auditor.__main__, cahier_auditor.portal, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in done.stdout.split()}.isdisjoint(FORBIDDEN)
