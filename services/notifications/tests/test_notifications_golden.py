"""Every stored event type and version has a golden file that is readable for ever.

A new type or version needs a new file; a file that is here is never changed.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cahier_ledger.model import StoredEvent
from cahier_notifications.application.stored import CODEC, read

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
NEWEST = {f"{topic}.v{CODEC.codec(topic).version}" for topic in CODEC.topics}


def read_golden(path: Path):
    topic = path.stem.rpartition(".v")[0]
    data = path.read_bytes().strip()
    return read(StoredEvent(1, "stream", 1, topic, data, b"", "2026-03-01T08:00:00.000Z"))


def test_every_event_type_has_a_golden_file_of_its_newest_version():
    assert {path.stem for path in FILES} >= NEWEST


def test_topics_name_the_service_and_no_python_path():
    assert all(name.startswith("notifications.") and ":" not in name for name in NEWEST)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_is_read_with_its_values(path):
    event = read_golden(path)
    assert path.stem.rpartition(".v")[0] == CODEC.encode(event)[0]
    for name, value in msgspec.json.decode(path.read_bytes()).items():
        assert msgspec.json.decode(msgspec.json.encode(getattr(event, name))) == value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_event_of_the_newest_version_is_written_as_it_was(path):
    if path.stem in NEWEST:
        assert CODEC.encode(read_golden(path))[1] == path.read_bytes().strip()
