"""A public event is for ever: every type has a golden leaf that must always read the same."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from cahier_ledger.leaves import canonical_json
from cahier_record.events import decode_leaf, registered

GOLDEN = Path(__file__).resolve().parents[2] / "libs/record/tests/golden"
TYPES = [event_type for event_type, _ in registered()]


@pytest.mark.parametrize("event_type", TYPES)
def test_every_public_event_has_a_golden_leaf(event_type: str) -> None:
    assert (GOLDEN / f"{event_type}.json").is_file(), f"add a golden leaf for {event_type}"


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_golden_leaf_still_means_what_it_meant(file: Path) -> None:
    golden = json.loads(file.read_text("utf-8"))
    leaf = decode_leaf(canonical_json(golden["leaf"]))
    assert leaf.event is not None, f"{file.stem} is no longer known"
    assert json.loads(msgspec.json.encode(leaf.event)) == golden["leaf"]["data"]
    assert type(leaf.event).__name__ == golden["means"]
