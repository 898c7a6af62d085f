"""A vote says under which policy it was opened, and is held to it when the policy has grown."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

Cahier = Callable[..., CompletedProcess[str]]
AUDIT = str(Path(sys.executable).parent / "cahier-audit")


def audit(command: str, source: object) -> CompletedProcess[str]:
    arguments = [AUDIT, command, str(source)]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120)


def shown(city: Any, path: str) -> str:
    return httpx.get(f"{city.url}{path}", trust_env=False, timeout=20).raise_for_status().text


def write_policy(cahier: Cahier, root: Path, rest: str) -> str:
    """The policy that names the city's logs, and says the rest; answers its text."""
    keys = cahier("keys", "list", "--data", root).stdout.split()
    text = "".join(f"log {key}\n" for key in keys) + rest
    (root / "policy").write_text(f"# Written by hand.\n{text}", "utf-8")
    return text


def exported(cahier: Cahier, city: Any, name: str) -> Path:
    out: Path = city.folder.root.parent / name
    done = cahier("export", "bundle", out, "--data", city.folder.root)
    assert done.returncode == 0, done.stderr
    return out


def test_a_vote_is_held_to_the_policy_that_it_was_opened_under(
    new_city: Callable[..., Any], cahier: Cahier, small_pb: Path, tmp_path: Path
) -> None:
    root = tmp_path / "city"
    held = ("--key", tmp_path / "w" / "key.pem", "--state", tmp_path / "w" / "state.db")
    witness = cahier("witness", "key", *held, "--name", "witness.example/w1").stdout.strip()
    assert cahier("keys", "init", "--data", root, "--host", "demo.example").returncode == 0
    then = write_policy(cahier, root, f"witness arles {witness}\nquorum none\n")
    digest = hashlib.sha256(then.encode()).hexdigest()

    city = new_city("--dev-clock", name="city")
    city.start()
    assert cahier("import", "pabulib", small_pb, "--data", root).returncode == 0
    (election,) = set(re.findall(r"/budgets/([0-9a-f-]{36})", shown(city, "/budgets")))
    page = shown(city, f"/budgets/{election}")
    assert f'href="/tlog/budget/policies/{digest}"' in page
    assert "Witnesses asked: arles" in page
    city.stop()

    other = cahier("witness", "key", *other_held(tmp_path), "--name", "witness.example/w2").stdout
    grown = f"witness arles {witness}\nwitness nimes {other.strip()}\nquorum none\n"
    write_policy(cahier, root, grown)
    city.start()
    assert shown(city, f"/tlog/budget/policies/{digest}") == then
    assert digest in shown(city, "/tlog/budget/policies").split()
    assert "Witnesses asked: arles<br>" in shown(city, f"/budgets/{election}")
    note = f"opened under an earlier policy, SHA-256 {digest}"
    running = audit("verify", city.url)
    assert running.returncode == 0, running.stderr
    assert note in running.stdout
    bundle = exported(cahier, city, "running")
    city.stop()
    for each in (bundle, exported(cahier, city, "stopped")):
        verified = audit("verify", each)
        assert verified.returncode == 0, verified.stderr
        assert note in verified.stdout

    shutil.rmtree(bundle / "policies")
    recounted = audit("recount", bundle)
    assert recounted.returncode == 1
    assert re.search(
        r"FINDING budget leaf \d+: a vote is held to the policy that it was opened under; "
        rf"expected SHA-256 {digest}, found SHA-256 [0-9a-f]{{64}}",
        recounted.stderr,
    )


def other_held(tmp_path: Path) -> tuple[object, ...]:
    return ("--key", tmp_path / "w2" / "key.pem", "--state", tmp_path / "w2" / "state.db")
