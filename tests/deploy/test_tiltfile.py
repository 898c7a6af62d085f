"""The Tiltfile, evaluated with builtins that record what they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import starlark
import yaml

ROOT = Path(__file__).resolve().parents[2]
MARK = "rendered:"


class Tilt:
    """Tilt's builtins that the file uses; any other name is an error, as in Tilt."""

    def __init__(self) -> None:
        self.images: dict[str, dict[str, Any]] = {}
        self.resources: dict[str, dict[str, Any]] = {}
        self.charts: list[dict[str, Any]] = []
        self.deployed: list[str] = []
        self.contexts: list[str] = []

    def allow_k8s_contexts(self, contexts: list[str]) -> None:
        self.contexts += contexts

    def docker_build(
        self, ref: str, context: str, build_args: dict[str, str], only: list[str]
    ) -> None:
        self.images[ref] = {"context": context, "build_args": build_args, "only": only}

    def helm(self, paths: str, name: str = "", values: list[str] | None = None) -> str:
        self.charts.append({"path": paths, "name": name, "values": values or []})
        return f"{MARK}{paths}"

    def k8s_yaml(self, text: str) -> None:
        self.deployed.append(text)

    def k8s_resource(
        self,
        workload: str,
        port_forwards: list[int] | None = None,
        labels: list[str] | None = None,
        links: list[str] | None = None,
        resource_deps: list[str] | None = None,
    ) -> None:
        self.resources[workload] = {
            "port_forwards": port_forwards or [],
            "resource_deps": resource_deps or [],
        }


def evaluate(text: str) -> Tilt:
    tilt = Tilt()
    module = starlark.Module()
    for name in ("allow_k8s_contexts", "docker_build", "helm", "k8s_yaml", "k8s_resource"):
        module.add_callable(name, getattr(tilt, name))
    dialect = starlark.Dialect.extended()  # Tilt allows loops at the top level
    dialect.enable_top_level_stmt = True
    ast = starlark.parse("Tiltfile", text, dialect)
    starlark.eval(module, ast, starlark.Globals.standard())
    return tilt


@pytest.fixture(scope="module")
def tilt() -> Tilt:
    return evaluate((ROOT / "Tiltfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def dev(render: Callable[..., Any]) -> Any:
    return render(yaml.safe_load((ROOT / "deploy/tilt-values.yaml").read_text("utf-8")))


def test_tilt_deploys_the_chart_with_files_that_exist(tilt: Tilt) -> None:
    (chart,) = tilt.charts
    assert tilt.deployed == [f"{MARK}{chart['path']}"]
    assert (ROOT / chart["path"] / "Chart.yaml").is_file()
    assert all((ROOT / file).is_file() for file in chart["values"])
    assert chart["name"] == "cahier"


def test_tilt_builds_every_image_that_the_chart_wants(tilt: Tilt, dev: Any) -> None:
    wanted = {container["image"].partition(":")[0] for container in dev.containers()}
    assert set(tilt.images) == {image for image in wanted if not image.endswith("/nats")}
    for ref, image in tilt.images.items():
        assert ref == f"cahier-{image['build_args']['UNIT']}"


def test_an_image_is_built_anew_for_its_own_unit_only(tilt: Tilt) -> None:
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    for ref, image in tilt.images.items():
        assert all((ROOT / path).exists() for path in image["only"]), ref
        whole = {path for path in image["only"] if (ROOT / path).is_dir()}
        assert {Path(path).name for path in whole} == {"libs", ref.removeprefix("cahier-")}
        # Each folder that the recipe copies has something in it.
        for line in recipe.splitlines():
            if line.startswith("COPY ") and "--from" not in line:
                copied = line.split()[1]
                assert any(path.split("/")[0] == copied.split("/")[0] for path in image["only"])


def test_tilt_names_workloads_that_the_chart_makes(tilt: Tilt, dev: Any) -> None:
    made = {each["metadata"]["name"] for each in dev.of("Deployment", "StatefulSet")}
    assert set(tilt.resources) == made
    for resource in tilt.resources.values():
        assert set(resource["resource_deps"]) <= made
    assert tilt.resources["cahier-portal"]["port_forwards"] == [8080]


def test_tilt_stays_away_from_clusters_that_people_use(tilt: Tilt) -> None:
    assert tilt.contexts
    assert not [context for context in tilt.contexts if "prod" in context]


def test_a_misspelled_builtin_is_noticed() -> None:
    text = (ROOT / "Tiltfile").read_text("utf-8").replace("k8s_yaml(", "k8s_yamls(")
    with pytest.raises(starlark.StarlarkError, match="k8s_yamls"):
        evaluate(text)
