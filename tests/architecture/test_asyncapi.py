"""The AsyncAPI document names every public event, as it really is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema
from jsonschema import Draft202012Validator

from cahier_ledger.bus.envelope import outgoing
from cahier_ledger.model import PublicRow
from cahier_record.asyncapi import asyncapi_document
from cahier_record.events import registered

GOLDEN = Path(__file__).resolve().parents[2] / "libs/record/tests/golden"
DOCUMENT = asyncapi_document("0.1.0", "demo")


def reach(reference: str) -> Any:
    found: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        inner = set().union(*map(references, value.values())) if value else set()
        return inner | ({value["$ref"]} if isinstance(value.get("$ref"), str) else set())
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    return set()


def test_it_is_an_asyncapi_3_document_by_faststreams_own_model() -> None:
    parsed = ApplicationSchema.model_validate(DOCUMENT)
    assert parsed.asyncapi == "3.0.0"
    assert len(parsed.channels) == len(parsed.operations) == len(list(registered()))


def test_every_public_event_has_a_channel_with_its_subject() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert addresses == {f"cahier.demo.{name}" for name, _ in registered()}


def test_every_reference_leads_somewhere() -> None:
    found = references(DOCUMENT)
    assert found
    for reference in found:
        assert isinstance(reach(reference), dict), reference


def test_keys_are_such_as_asyncapi_allows() -> None:
    keys = [*DOCUMENT["channels"], *DOCUMENT["operations"], *DOCUMENT["components"]["messages"]]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]+", key) for key in keys)


def test_without_a_city_the_subject_has_a_parameter() -> None:
    for channel in asyncapi_document("0.1.0")["channels"].values():
        assert channel["address"].startswith("cahier.{city}.")
        assert set(channel["parameters"]) == {"city"}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_golden_leaves_and_their_headers_follow_the_document(file: Path) -> None:
    leaf = json.loads(file.read_text("utf-8"))["leaf"]
    message = DOCUMENT["components"]["messages"][leaf["t"].replace(".", "_")]
    schemas = {"components": DOCUMENT["components"]}
    Draft202012Validator({**message["payload"], **schemas}).validate(leaf)
    row = PublicRow(1, 1, leaf["id"], json.dumps(leaf).encode())
    headers = outgoing(row, leaf["svc"], "demo").headers
    Draft202012Validator(reach(message["headers"]["$ref"])).validate(headers)


def test_a_leaf_with_a_wrong_field_does_not_follow_it() -> None:
    file = GOLDEN / "budget.v1.project.project_costed.json"
    leaf = json.loads(file.read_text("utf-8"))["leaf"]
    leaf["data"]["cost_cents"] = "much"
    message = DOCUMENT["components"]["messages"]["budget_v1_project_project_costed"]
    schema = {**message["payload"], "components": DOCUMENT["components"]}
    assert not Draft202012Validator(schema).is_valid(leaf)
