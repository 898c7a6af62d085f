"""Every stored event type and version has a golden file that is readable for ever.

A new type or version needs a new file; a file that is here is never changed.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from cahier_ledger.model import StoredEvent
from cahier_reporting.application import stored

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
FIRST = ("category.defined", "report.received")


def newest_names() -> set[str]:
    return {
        f"{topic}.v{getattr(event, 'class_version', 1)}"
        for topic, event in stored.aggregate_topics().items()
    } | {f"{topic}.v1" for topic in stored.CODEC.topics}


def read_golden(path: Path):
    topic = path.stem.rpartition(".v")[0]
    version = 1 if topic.endswith(FIRST) else 2
    data = path.read_bytes().strip()
    row = StoredEvent(1, str(UUID(int=1)), version, topic, data, b"", "2026-03-01T08:00:00.000Z")
    return stored.read(row)


def test_every_event_type_has_a_golden_file_of_its_newest_version():
    assert newest_names() <= {path.stem for path in FILES}


def test_topics_name_the_service_and_no_python_path():
    for name in newest_names():
        assert name.startswith("reporting.")
        assert ":" not in name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_is_read_with_its_values(path):
    event = read_golden(path)
    topic, _, _ = path.stem.rpartition(".v")
    written = stored.CODEC.encode(event)[0] if topic in stored.CODEC.topics else event.TOPIC
    assert written == topic
    for name, value in msgspec.json.decode(path.read_bytes()).items():
        if hasattr(event, name):
            assert msgspec.json.decode(msgspec.json.encode(getattr(event, name))) == value
        else:
            assert name == "v" or path.stem not in newest_names()


def test_a_position_of_two_numbers_reads_as_one_text():
    assert read_golden(GOLDEN / "reporting.report.received.v1.json").position == (
        "488566000,23522000"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_of_the_newest_version_is_written_as_it_was(path):
    if path.stem not in newest_names():
        return
    event = read_golden(path)
    if path.stem.rpartition(".v")[0] in stored.CODEC.topics:
        _, written = stored.CODEC.encode(event)
    else:
        written = stored.mapper().to_stored_event(event).state
    assert written == path.read_bytes().strip()
