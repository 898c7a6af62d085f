"""Private events outlive the classes that wrote them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cahier_ledger.codec import Codec, CodecError, mark_version, read_version


class Cast(msgspec.Struct, frozen=True):
    election: str
    sequence: int = 1


class Opened(msgspec.Struct, frozen=True):
    opening_ms: int
    by: str


def in_milliseconds(fields: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in fields.items() if name != "opening_s"}
    return {**rest, "opening_ms": fields["opening_s"] * 1000}


def named(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "by": "unknown"}


@pytest.fixture
def codec() -> Codec:
    codec = Codec()
    codec.register("budget.ballot_cast", Cast)
    codec.register("budget.opened", Opened, version=3, upcasters={1: in_milliseconds, 2: named})
    return codec


def test_an_event_is_read_as_it_was_written(codec):
    assert codec.encode(Cast("e", 2)) == ("budget.ballot_cast", b'{"election":"e","sequence":2}')
    assert codec.decode("budget.ballot_cast", b'{"election":"e","sequence":2}') == Cast("e", 2)
    topic, data = codec.encode(Opened(5, "x"))
    assert data == b'{"v":3,"opening_ms":5,"by":"x"}'
    assert codec.decode(topic, data) == Opened(5, "x")


def test_older_versions_are_brought_up_to_date_step_by_step(codec):
    assert codec.decode("budget.opened", b'{"opening_s":7}') == Opened(7000, "unknown")
    assert codec.decode("budget.opened", b'{"v":2,"opening_ms":7}') == Opened(7, "unknown")


def test_fields_of_a_newer_release_are_ignored(codec):
    data = b'{"election":"e","colour":"blue","sequence":3}'
    assert codec.decode("budget.ballot_cast", data) == Cast("e", 3)


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("budget.unknown", b"{}"),
        ("budget.ballot_cast", b'{"election":7}'),
        ("budget.ballot_cast", b"{"),
        ("budget.ballot_cast", b"[]"),
        ("budget.ballot_cast", b'{"v":2,"election":"e"}'),
        ("budget.opened", b'{"v":4,"opening_ms":5,"by":"x"}'),
        ("budget.opened", b'{"v":0,"opening_ms":5,"by":"x"}'),
        ("budget.opened", b'{"v":"three"}'),
        ("budget.opened", b'{"closing_s":7}'),
        ("budget.opened", b'{"v":2,"opening_ms":"7"}'),
    ],
)
def test_what_cannot_be_read_is_an_error_and_not_a_guess(codec, topic, data):
    with pytest.raises(CodecError):
        codec.decode(topic, data)


def test_a_struct_without_a_topic_is_not_stored(codec):
    class Other(msgspec.Struct):
        pass

    with pytest.raises(CodecError, match="no topic"):
        codec.encode(Other())


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Clashing(msgspec.Struct):
    v: int


class Fresh(msgspec.Struct):
    pass


@pytest.mark.parametrize(
    ("topic", "struct", "options"),
    [
        ("budget.ballot_cast", Fresh, {}),
        ("budget.again", Cast, {}),
        ("module.path:Class", Fresh, {}),
        ("", Fresh, {}),
        ("budget.strict", Strict, {}),
        ("budget.clash", Clashing, {}),
        ("budget.gap", Fresh, {"version": 3, "upcasters": {1: named}}),
        ("budget.extra", Fresh, {"version": 1, "upcasters": {1: named}}),
    ],
)
def test_a_broken_registration_is_refused(codec, topic, struct, options):
    with pytest.raises(ValueError):
        codec.register(topic, struct, **options)


def test_all_topics_are_listed_for_their_golden_files(codec):
    assert codec.topics == ("budget.ballot_cast", "budget.opened")


@given(st.integers(1, 9_999), st.dictionaries(st.text(max_size=3), st.integers(), max_size=3))
def test_a_version_mark_is_read_back(version, fields):
    fields.pop("v", None)
    body = msgspec.json.encode(fields)
    marked = mark_version(body, version)
    assert read_version(marked) == version
    assert msgspec.json.decode(marked) == {"v": version, **fields}
    assert read_version(body) == 1
