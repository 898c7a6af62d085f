"""The gRPC contracts: linted, unbroken since the baseline, and generated as committed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PACKAGE = ROOT / "libs/contracts/src/cahier_contracts"
BASELINE = ROOT / "proto/baseline.binpb"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_protos_are_linted_and_formatted() -> None:
    lint = run(str(BIN / "buf"), "lint")
    assert lint.returncode == 0, lint.stdout
    formatted = run(str(BIN / "buf"), "format", "--diff", "--exit-code")
    assert formatted.returncode == 0, formatted.stdout


def test_no_contract_is_broken_since_the_baseline() -> None:
    result = run(str(BIN / "buf"), "breaking", "--against", str(BASELINE))
    assert result.returncode == 0, result.stdout


def test_a_removed_field_would_be_noticed(tmp_path: Path) -> None:
    proto = tmp_path / "proto"
    for file in (ROOT / "proto").rglob("*.proto"):
        copy = proto / file.relative_to(ROOT / "proto")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text("utf-8").replace("  bytes sealed = 6;\n", ""), "utf-8")
    (tmp_path / "buf.yaml").write_text((ROOT / "buf.yaml").read_text("utf-8"), "utf-8")
    result = run(str(BIN / "buf"), "breaking", str(tmp_path), "--against", str(BASELINE))
    assert result.returncode != 0
    assert "sealed" in result.stdout


def test_the_committed_code_is_what_the_protos_generate(tmp_path: Path) -> None:
    fresh = tmp_path / "cahier_contracts"
    result = run(sys.executable, "scripts/generate_contracts.py", str(fresh))
    assert result.returncode == 0, result.stderr
    assert files_below(fresh) == files_below(PACKAGE)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
