"""The form of a public event on the bus: the leaf as body, CloudEvents and Cahier headers around.

CloudEvents 1.0 in the NATS protocol binding's binary mode. A leaf without a time (a ballot) gets
neither `ce-time` nor a trace, whatever was stored beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cahier_ledger.bus.streams import public_subject
from cahier_ledger.model import PublicRow

SEQ_HEADER = "Cahier-Seq"
_CONTENT_TYPE = "application/json"


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
    """The message for a stored leaf. Raises msgspec.DecodeError for a leaf that is none."""
    head = _leaf_head.decode(row.leaf)
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
        traceparent = _meta.decode(row.meta).traceparent if row.meta else None
        if traceparent is not None:
            headers["traceparent"] = traceparent
    return Outgoing(row.public_seq, public_subject(city, head.t), headers, row.leaf)


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
