"""The guide's values render, its files exist, its commands are ones that their tools take."""

from __future__ import annotations

import base64
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/deploy.md").read_text("utf-8")
CAHIER = Path(sys.executable).parent / "cahier"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_values_of_the_guide_are_ones_that_the_chart_takes(
    render: Callable[..., Any], text: str
) -> None:
    assert render(yaml.safe_load(text), name="toulouse").of("Deployment")


def test_the_commands_of_the_guide_name_files_that_exist() -> None:
    for line in commands():
        for word in line:
            if word.startswith(("deploy/", "scripts/")):
                assert (ROOT / word).exists(), word
    for target in re.findall(r"`make ([a-z-]+)`", GUIDE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text("utf-8")
    for key in re.findall(r"`((?:services|networkPolicy|nats)\.[A-Za-z.]+)`", GUIDE):
        top, *rest = key.split(".")
        node = yaml.safe_load((ROOT / "deploy/helm/cahier/values.yaml").read_text("utf-8"))[top]
        if top == "services":
            node, rest = (
                yaml.safe_load((ROOT / "deploy/helm/cahier/values.yaml").read_text("utf-8"))[
                    "unitDefaults"
                ],
                rest[1:],
            )
        assert rest[0] in node, key


def test_an_operator_needs_the_name_and_the_key_alone(
    render: Callable[..., Any], tmp_path: Path
) -> None:
    secret = render({"city": "toulouse"}, name="toulouse").one("Secret", "toulouse-token")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/token.pem").write_bytes(base64.b64decode(secret["data"]["token.pem"]))
    (tmp_path / "city.json").write_text('{"city": "toulouse"}')
    result = subprocess.run(
        [CAHIER, "token", "admin", "--data", tmp_path], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().count(".") == 2


def test_keys_made_by_hand_are_ones_that_units_read(tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here, which the guide's keys are made with")
    made = [line for line in commands() if line[0] == "openssl"]
    assert len(made) == 2
    for line in made:
        subprocess.run(line, cwd=tmp_path, check=True, capture_output=True)
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from cahier_chassis.keys import key_id, load_public_keys

    private = load_pem_private_key((tmp_path / "token.pem").read_bytes(), None)
    assert list(load_public_keys(tmp_path / "token.pub.pem")) == [key_id(private.public_key())]
