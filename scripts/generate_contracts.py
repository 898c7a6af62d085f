"""Generates libs/contracts/src/cahier_contracts from proto/; a test runs it again and compares.

`python scripts/generate_contracts.py [TARGET]` writes into TARGET (the package by default).
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
PACKAGE = ROOT / "libs/contracts/src/cahier_contracts"
DOCSTRING = '"""Generated from proto/ by `make proto`; never edited."""\n'


def generate(target: Path) -> None:
    """Writes the whole package below `target`, replacing what was there."""
    with tempfile.TemporaryDirectory() as scratch:
        sources = sorted(str(path) for path in PROTO.rglob("*.proto"))
        well_known = str(files("grpc_tools") / "_proto")
        outputs = [f"--{kind}_out={scratch}" for kind in ("python", "pyi", "grpc_python")]
        if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", *outputs, *sources]):
            raise SystemExit("protoc failed")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(Path(scratch) / "cahier", target)
    for folder in [target, *(path for path in target.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(DOCSTRING, "utf-8")
    for module in target.rglob("*_pb2*.py*"):
        text = module.read_text("utf-8")
        text = re.sub(
            r"\bfrom cahier\.(\w+)\.v1 import", r"from cahier_contracts.\1.v1 import", text
        )
        module.write_text(text, "utf-8")
    (target / "py.typed").touch()


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
