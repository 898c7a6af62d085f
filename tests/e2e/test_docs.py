"""What README and guides tell users to type is typed here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/guides").glob("*.md"))]
COMMAND_TIMEOUT_S = 120


def commands(page: Path) -> list[str]:
    """The lines of the page's `sh` blocks, without their comments."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page in PAGES:
        typed = [line for line in commands(page) if line.startswith("make ")]
        named = [f"make {target}" for target in re.findall(r"`make ([a-z0-9-]+)", page.read_text())]
        for target in (words.split()[1] for words in [*typed, *named]):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("services/*/README.md")]:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_commands_of_the_readme_and_the_operators_guide_run(
    shared_city: Any, cahier: Any, small_pb: Path, small_csv: Path, tmp_path: Path
) -> None:
    """In the order of the page, on one city; only names of files and ids are filled in."""
    imported = cahier("import", "pabulib", small_pb, "--data", shared_city.folder.root)
    filled = {
        "./cahier-data": str(shared_city.folder.root),
        "FILE.pb": str(small_pb),
        "FILE.csv": str(small_csv),
        "ELECTION": imported.stdout.splitlines()[-1],
        "OUT.pb": str(tmp_path / "out.pb"),
    }
    ran = 0
    for page in (ROOT / "README.md", ROOT / "docs/guides/operate.md"):
        for command in commands(page):
            if not command.startswith(".venv/bin/cahier") or " up " in command:
                continue  # `up` is what runs; `make` targets are checked above
            words = [filled.get(word, word) for word in command.split()]
            words = [
                str(tmp_path / page.stem / word) if word in ("OUT", "./bundle") else word
                for word in words
            ]
            (tmp_path / page.stem).mkdir(exist_ok=True)
            done = subprocess.run(
                [str(BIN / Path(words[0]).name), *words[1:]],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                timeout=COMMAND_TIMEOUT_S,
            )
            assert done.returncode == 0, f"{page.name}: {command}\n{done.stderr}"
            ran += 1
    assert ran >= 10


def test_the_commands_of_the_auditors_guide_run(
    shared_city: Any, cahier: Any, small_pb: Path, tmp_path: Path
) -> None:
    """A bundle and the portal itself; only folder and address are filled in."""
    imported = cahier("import", "pabulib", small_pb, "--data", shared_city.folder.root)
    assert imported.returncode == 0, imported.stderr
    filled = {
        "./cahier-data": str(shared_city.folder.root),
        "./bundle": str(tmp_path / "bundle"),
        "http://127.0.0.1:8080": shared_city.url,
    }
    ran = 0
    for command in commands(ROOT / "docs/guides/audit.md"):
        words = [filled.get(word, word) for word in command.split()]
        done = subprocess.run(
            [str(BIN / Path(words[0]).name), *words[1:]],
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )
        # The city goes on: its portal may have a leaf more than the bundle.
        right = (0, 1) if words[1] == "diff" else (0,)
        assert done.returncode in right, f"{command}\n{done.stdout}{done.stderr}"
        ran += 1
    assert ran >= 6
