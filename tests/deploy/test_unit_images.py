"""What goes into a unit's image: itself and what it imports, and nothing of its neighbours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cahier_record.events import SERVICES

ROOT = Path(__file__).resolve().parents[2]


def packages(unit: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts/unit_packages.py", f"cahier-{unit}"]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("unit", [*SERVICES, "portal"])
def test_an_image_holds_one_unit_and_libraries(unit: str) -> None:
    found = [Path(line).relative_to(ROOT) for line in packages(unit).stdout.split()]
    *libraries, last = found
    assert last.name == unit
    assert {folder.parent.name for folder in libraries} == {"libs"}
    assert found[0] == Path("libs/kernel")  # what is needed comes first


def test_an_unknown_unit_is_refused() -> None:
    result = packages("policing")
    assert result.returncode == 2
    assert "no such package" in result.stderr


def test_the_recipe_copies_what_the_build_context_has() -> None:
    kept = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        line.split()[1]
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.startswith("COPY ") and "--from" not in line
    }
    assert copied == kept
    assert all((ROOT / path).exists() for path in copied)


def test_the_recipe_runs_as_the_user_that_the_chart_names() -> None:
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    helpers = (ROOT / "deploy/helm/cahier/templates/_helpers.tpl").read_text("utf-8")
    assert "USER 10001:10001" in recipe
    assert "runAsUser: 10001" in helpers
