"""The house rules, as tests: who may import whom, and what no file may hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
FILE_LINES_MAX = 500
GENERATED = ROOT / "libs/contracts/src"
CLOCKS = ROOT / "libs/kernel/src/cahier_kernel/clock.py"
TOKENS = ROOT / "libs/chassis/src/cahier_chassis/tokens.py"  # tokens live in machine time


def sources(*parts: str) -> Iterator[Path]:
    for part in parts or ("libs", "services", "apps"):
        for file in sorted((ROOT / part).rglob("src/**/*.py")):
            if GENERATED not in file.parents:
                yield file


def calls(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def test_the_dependency_rule_holds() -> None:
    result = subprocess.run([BIN / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-5_000:]


def test_only_the_clock_asks_the_machine_for_the_time() -> None:
    asked = {
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
        "uuid4",
        "uuid.uuid4",
    }
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in sources()
        if file not in (CLOCKS, TOKENS)
        for line, name in calls(file)
        if name in asked
    ]
    assert found == []


def test_no_float_comes_near_money_or_a_count() -> None:
    names = {"money.py", "count.py", "ballots.py", "events.py", "greedy.py", "profile.py"}
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for file in sources("libs/record", "libs/kernel")
        if file.name in names
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert found == []


def test_files_stay_small() -> None:
    long = [
        f"{file.relative_to(ROOT)}: {len(file.read_text('utf-8').splitlines())} lines"
        for file in sources()
        if len(file.read_text("utf-8").splitlines()) > FILE_LINES_MAX
    ]
    assert long == []


def test_every_module_says_why_it_exists() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in sources()
        if file.read_text("utf-8").strip()
        and not ast.get_docstring(ast.parse(file.read_text("utf-8")))
    ]
    assert silent == []


def test_lock_files_name_no_address() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in (ROOT / name).read_text("utf-8"), name


@pytest.mark.parametrize(
    "service", ["identity", "consultation", "reporting", "budget", "notifications"]
)
def test_services_have_the_same_shape(service: str) -> None:
    package = ROOT / f"services/{service}/src/cahier_{service}"
    for name in ("__main__.py", "bootstrap.py", "settings.py"):
        assert (package / name).is_file(), name
    for layer in ("domain", "application", "adapters", "entrypoints"):
        assert (package / layer).is_dir() or (package / f"{layer}.py").is_file(), layer
    assert (ROOT / f"services/{service}/README.md").is_file()
    assert len((package / "__main__.py").read_text("utf-8").splitlines()) <= 40


def test_every_folder_stands_in_the_architecture_page() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    folders = [
        f"{part}/{folder.name}"
        for part in ("libs", "services", "apps")
        for folder in sorted((ROOT / part).iterdir())
        if folder.is_dir()
    ]
    assert [folder for folder in folders if f"`{folder}`" not in page] == []
