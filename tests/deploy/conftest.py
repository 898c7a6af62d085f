"""The chart, rendered by Helm's own library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/cahier"
Manifest = dict[str, Any]
Values = dict[str, Any]


class Rendered:
    """The manifests of one release."""

    def __init__(self, manifests: list[Manifest], notes: str) -> None:
        self.manifests = manifests
        self.notes = notes

    def of(self, *kinds: str) -> list[Manifest]:
        return [each for each in self.manifests if each["kind"] in kinds]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return found

    def pods(self) -> Iterator[tuple[Manifest, Manifest]]:
        """(labels, spec) of every pod, also of those that a workload or a hook makes."""
        for each in self.of("Deployment", "StatefulSet", "Job"):
            template = each["spec"]["template"]
            yield template["metadata"]["labels"], template["spec"]
        for each in self.of("Pod"):
            yield each["metadata"]["labels"], each["spec"]

    def containers(self) -> Iterator[Manifest]:
        for _, spec in self.pods():
            yield from spec["containers"]


def render_chart(values: Values | None = None, name: str = "cahier") -> Rendered:
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema(values or {})
        files = chart.render(values or {}, name=name, namespace="city")
    notes = next(text for path, text in files.items() if path.endswith("NOTES.txt"))
    manifests = [
        document
        for path, text in files.items()
        if path.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document
    ]
    return Rendered(manifests, notes)


def example_values() -> dict[str, Values]:
    files = [*sorted((CHART / "ci").glob("*-values.yaml")), ROOT / "deploy/tilt-values.yaml"]
    return {file.stem.removesuffix("-values"): yaml.safe_load(file.read_text()) for file in files}


@pytest.fixture(scope="session")
def chart_folder() -> Path:
    return CHART


@pytest.fixture(scope="session")
def render() -> Callable[..., Rendered]:
    """Renders the chart with values; raises helm_python.HelmError."""
    return render_chart


@pytest.fixture(scope="session", params=sorted(example_values()))
def example(request: pytest.FixtureRequest) -> Values:
    return example_values()[request.param]


@pytest.fixture(scope="session")
def rendered(example: Values) -> Rendered:
    """The chart with each set of example values."""
    return render_chart(example)


@pytest.fixture(scope="session")
def embedded() -> Rendered:
    return render_chart(example_values()["embedded"])


@pytest.fixture(scope="session")
def production() -> Rendered:
    return render_chart(example_values()["production"])
