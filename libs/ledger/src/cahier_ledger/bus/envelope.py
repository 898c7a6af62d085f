"""The form of a public event on the bus: the leaf as body, CloudEvents and Cahier headers around.

CloudEvents 1.0 in the NATS protocol binding's binary mode. A leaf without a time (a ballot) gets
neither `ce-time` nor a trace, whatever was stored beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from nats.protocol.command import hpub_cmd

from cahier_ledger.bus.health import Plain
from cahier_ledger.bus.streams import public_subject
from cahier_ledger.model import PublicRow

SEQ_HEADER = "Cahier-Seq"
_CONTENT_TYPE = "application/json"
_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+", re.ASCII)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)


class Unsendable(Plain):
    """A stored leaf cannot be put into a message; it was not made by this library."""


class _LeafHead(msgspec.Struct):
    t: str
    at: str | None = None


class _Meta(msgspec.Struct):
    traceparent: str | None = None


_leaf_head = msgspec.json.Decoder(_LeafHead)
_meta = msgspec.json.Decoder(_Meta)


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """A public event as it came over the bus.

    public_seq: its number in its service's public log, from 1. id: leaf id = CloudEvents id.
    type: e.g. `budget.v1.election.opened`. leaf: the public bytes, unchanged.
    traceparent: W3C trace context of what caused it, or None.
    """

    public_seq: int
    id: str
    type: str
    leaf: bytes
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message ready to be published."""

    public_seq: int
    subject: str
    headers: dict[str, str]
    body: bytes


def outgoing(row: PublicRow, service: str, city: str) -> Outgoing:
    """The message for a stored leaf. Raises Unsendable."""
    try:
        head = _leaf_head.decode(row.leaf)
    except msgspec.DecodeError as error:
        raise Unsendable(f"leaf {row.public_seq}: not to be decoded") from error
    subject = _subject(city, head.t)
    if not subject:
        raise Unsendable(f"leaf {row.public_seq}: its type is not that of an event")
    trace = _traceparent(row.meta) if head.at is not None else None
    headers = {
        "Nats-Msg-Id": f"{service}-{row.public_seq}",
        SEQ_HEADER: str(row.public_seq),
        "ce-specversion": "1.0",
        "ce-id": row.id,
        "ce-type": head.t,
        "ce-source": f"/cahier/{city}/{service}",
        "content-type": _CONTENT_TYPE,
    }
    if head.at is not None:
        headers["ce-time"] = head.at
    if trace is not None:
        headers["traceparent"] = trace
    return Outgoing(row.public_seq, subject, headers, row.leaf)


def wire(message: Outgoing) -> bytes:
    """The message as the client protocol's HPUB command, without a reply subject.

    Many of these sent in one write cost a third of what as many calls of nats-py's publish do.
    Raises Unsendable for a header that would begin another line.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in message.headers.items()])
    if lines.count("\r") != len(message.headers) or lines.count("\n") != len(message.headers):
        raise Unsendable(f"leaf {message.public_seq}: a header has a line break")
    return bytes(hpub_cmd(message.subject, "", f"NATS/1.0\r\n{lines}\r\n".encode(), message.body))


def _traceparent(meta: bytes) -> str | None:
    """The W3C trace context beside an event; None, not an error, when there is none to be read."""
    try:
        found = _meta.decode(meta).traceparent if meta else None
    except msgspec.DecodeError:
        return None
    return found if found is not None and _TRACEPARENT.fullmatch(found) else None


@lru_cache(maxsize=1_024)
def _subject(city: str, event_type: str) -> str:
    """Where an event of this type goes; "" when it is no type."""
    return public_subject(city, event_type) if _TYPE.fullmatch(event_type) else ""


def public_seq_of(headers: Mapping[str, str] | None) -> int | None:
    """The Cahier-Seq of a message, or None when it has none that is a number from 1."""
    text = (headers or {}).get(SEQ_HEADER, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        return None
    return int(text) or None


def incoming(headers: Mapping[str, str] | None, body: bytes | None) -> PublicMessage | None:
    """The public event in a message, or None when the message is not one of ours."""
    public_seq = public_seq_of(headers)
    if headers is None or public_seq is None or "ce-id" not in headers or "ce-type" not in headers:
        return None
    return PublicMessage(
        public_seq, headers["ce-id"], headers["ce-type"], body or b"", headers.get("traceparent")
    )
