"""What the chart takes: lint, schema, documentation, and what it refuses with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INFORMATION = 1
VERSIONS = ["1.28", "1.37"]  # the oldest that the chart allows, the newest whose schemas we have


def test_the_chart_lints_strictly(chart_folder: Path, example: dict[str, Any]) -> None:
    for version in VERSIONS:
        report = helm_python.lint(chart_folder, example, strict=True, kube_version=f"v{version}.0")
        assert report["errors"] == []
        assert [each for each in report["messages"] if each["severity"] > INFORMATION] == []


def test_the_chart_can_be_packaged(chart_folder: Path, tmp_path: Path) -> None:
    archive = helm_python.package(chart_folder, destination=tmp_path)
    with helm_python.Chart.load(archive) as chart:
        assert chart.render({}, name="cahier")


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_one_that_kubernetes_knows(rendered: Any, version: str) -> None:
    for manifest in rendered.manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_kubernetes_would_refuse_a_misspelled_field(embedded: Any) -> None:
    manifest = yaml.safe_load(yaml.safe_dump(embedded.of("StatefulSet")[0]))
    manifest["spec"]["replica"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_schema_and_table_are_generated_from_the_values(chart_folder: Path) -> None:
    command = [sys.executable, ROOT / "scripts/chart_docs.py", "--check", chart_folder]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_an_undocumented_value_is_noticed(chart_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text((chart_folder / "README.md").read_text())
    bare = (chart_folder / "values.yaml").read_text() + "\n\nsilent: true\n"
    (tmp_path / "values.yaml").write_text(bare)
    command = [sys.executable, ROOT / "scripts/chart_docs.py", tmp_path]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0
    assert "Undocumented: silent" in result.stderr


@pytest.mark.parametrize(
    "values",
    [
        {"citty": "demo"},
        {"city": "Saint Étienne"},
        {"logLevel": "loud"},
        {"services": {"policing": {}}},
        {"services": {"budget": {"replicas": 2}}},
        {"services": {"budget": {"roles": {"boss": 1}}}},
        {"services": {"budget": {"roles": {"api": -1}}}},
        {"services": {"budget": {"persistence": {"size": "much"}}}},
        {"unitDefaults": {"env": {"BUDGET_OPENING_PROCESSES": 2}}},
        {"portal": {"roles": {"all": 1}}},
        {"portal": {"publicUrl": "participation.example"}},
        {"nats": {"url": "http://bus"}},
        {"networkPolicy": {"egressPorts": [70000]}},
    ],
    ids=str,
)
def test_bad_values_are_refused(render: Callable[..., Any], values: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        render(values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"services": {"budget": {"roles": {"all": 2}}}}, "on SQLite a service is one process"),
        (
            {"services": {"budget": {"roles": {"api": 1, "relay": 1}}}},
            "on SQLite a service is one process",
        ),
        (
            {"postgres": {"existingSecret": "x"}, "services": {"budget": {"roles": {"all": 2}}}},
            "ReadWriteMany",
        ),
        ({"nats": {"enabled": False}}, "set nats.url or nats.existingSecret"),
        ({"ingress": {"enabled": True, "tlsSecret": "x"}}, "a certificate needs a host"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_cannot_work_is_refused_with_a_reason(
    render: Callable[..., Any], values: dict[str, Any], reason: str
) -> None:
    with pytest.raises(helm_python.HelmRenderError, match=reason):
        render(values)


def test_notes_warn_of_a_lock_that_a_restore_would_put_back(
    render: Callable[..., Any], embedded: Any, production: Any
) -> None:
    told = "could then sign a second history"
    beside = render({"postgres": {"existingSecret": "city"}})
    assert told in " ".join(beside.notes.split())
    assert told not in " ".join((production.notes + embedded.notes).split())


def test_notes_say_how_to_reach_the_city(embedded: Any, production: Any) -> None:
    assert "port-forward service/cahier-portal 8080" in embedded.notes
    assert "https://participation.toulouse.example" in production.notes
    assert "port-forward" not in production.notes
