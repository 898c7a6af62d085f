"""What may stand around a leaf on the bus, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cahier_ledger.bus.envelope import (
    PublicMessage,
    Unsendable,
    incoming,
    outgoing,
    public_seq_of,
    wire,
)
from cahier_ledger.model import PublicRow

AT = "2026-03-01T10:00:00.000Z"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def row(*, type: str = "budget.v1.thing.counted", at: str | None = AT, meta: str = "") -> PublicRow:
    leaf = {"t": type, "id": "x"} | ({"at": at} if at else {})
    return PublicRow(7, 9, "x", json.dumps(leaf).encode(), meta.encode())


def test_what_goes_out_comes_in() -> None:
    sent = outgoing(row(meta=json.dumps({"traceparent": TRACE})), "budget", "testville")
    assert incoming(sent.headers, sent.body) == PublicMessage(
        7, "x", "budget.v1.thing.counted", sent.body, TRACE
    )


@pytest.mark.parametrize(
    "meta", ["", "{}", '{"traceparent": "00-xyz"}', '{"traceparent": "a\\nb"}']
)
def test_only_a_real_trace_goes_out(meta: str) -> None:
    assert "traceparent" not in outgoing(row(meta=meta), "budget", "testville").headers


def test_a_ballot_has_no_trace_even_if_one_was_stored() -> None:
    headers = outgoing(
        row(at=None, meta=json.dumps({"traceparent": TRACE})), "budget", "testville"
    ).headers
    assert "traceparent" not in headers
    assert "ce-time" not in headers


@pytest.mark.parametrize("type", ["", "a", "a b.c", "a.>", "a.*", "A.b", "a..b", "a.b\r\nPUB x"])
def test_a_type_that_is_no_subject_is_refused(type: str) -> None:
    with pytest.raises(Unsendable):
        outgoing(row(type=type), "budget", "testville")


@pytest.mark.parametrize("leaf", [b"", b"[]", b"{}", b'{"t": 1}'])
def test_a_leaf_that_is_none_is_refused(leaf: bytes) -> None:
    with pytest.raises(Unsendable, match="leaf 7"):
        outgoing(replace(row(), leaf=leaf), "budget", "testville")


@pytest.mark.parametrize("bad", ["a\r\nNats-Rollup: all", "a\nb", "a\rb"])
def test_a_header_cannot_begin_another_line(bad: str) -> None:
    message = outgoing(replace(row(), id=bad), "budget", "testville")
    with pytest.raises(Unsendable, match="line break"):
        wire(message)


def test_the_wire_form_counts_bytes_not_characters() -> None:
    message = outgoing(replace(row(), id="é"), "budget", "testville")
    command = wire(message)
    first, rest = command.split(b"\r\n", 1)
    header_size, total = (int(each) for each in first.split()[-2:])
    assert rest[header_size - 4 : header_size] == b"\r\n\r\n"
    assert rest[header_size:total] == message.body
    assert rest[total:] == b"\r\n"


@pytest.mark.parametrize("text", ["", "0", "-1", "1.0", "١", "x", " 1", "9" * 19])
def test_a_public_seq_is_a_number_from_one(text: str) -> None:
    assert public_seq_of({"Cahier-Seq": text}) is None
    assert incoming({"Cahier-Seq": text, "ce-id": "x", "ce-type": "y"}, b"") is None
    assert public_seq_of({"Cahier-Seq": "12"}) == 12
    assert public_seq_of(None) is None
