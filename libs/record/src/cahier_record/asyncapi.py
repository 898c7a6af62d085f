"""The AsyncAPI 3.0 document of all public events: what programs that listen to a city read.

Made from the very classes that leaves are decoded with, so it cannot differ from them. Import the
record's sub-packages first; every registered type becomes a channel, a message and an operation.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from cahier_record.events import PublicEvent, registered

ASYNCAPI_VERSION = "3.0.0"
CONTENT_TYPE = "application/json"
_WORDS = re.compile(r"[^a-zA-Z0-9]+")


def asyncapi_document(version: str, city: str = "") -> dict[str, Any]:
    """The document, as plain values.

    version: of this release. city: whose subjects are named; "" leaves `{city}` as a parameter.
    """
    types = list(registered())
    schemas, payloads = _schemas(types)
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Cahier: a city's public events",
            "version": version,
            "description": (
                "Every public event of a city's services, as the leaf that stands in the "
                "service's public log. NATS JetStream, one stream a service (PUBLIC_<SERVICE>), "
                "in order, for ever; CloudEvents 1.0 in binary mode; Cahier-Seq counts a stream's "
                "events without a gap, from 1. Fields are added, never changed in meaning."
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_key(name): _channel(name, cls, city) for name, cls in types},
        "operations": {f"publish_{_key(name)}": _operation(name) for name, _ in types},
        "components": {
            "messages": {_key(name): _message(name, cls, payloads[name]) for name, cls in types},
            "schemas": {**schemas, "Headers": _HEADERS},
        },
    }


def _schemas(
    types: list[tuple[str, type[PublicEvent]]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All schemas by name, and each type's own, JSON Schema 2020-12."""
    references, components = msgspec.json.schema_components(
        [cls for _, cls in types], ref_template="#/components/schemas/{name}"
    )
    payloads = {name: reference for (name, _), reference in zip(types, references, strict=True)}
    return dict(components), payloads


def _key(event_type: str) -> str:
    """A type's name as a key: letters, digits and `_` only."""
    return _WORDS.sub("_", event_type)


def _channel(event_type: str, cls: type[PublicEvent], city: str) -> dict[str, Any]:
    service = event_type.partition(".")[0]
    channel: dict[str, Any] = {
        "address": f"cahier.{city or '{city}'}.{event_type}",
        "title": event_type,
        "description": f"{_told(cls)} In the stream PUBLIC_{service.upper()}.",
        "messages": {"event": {"$ref": f"#/components/messages/{_key(event_type)}"}},
    }
    if not city:
        channel["parameters"] = {"city": {"description": "The city's name."}}
    return channel


def _operation(event_type: str) -> dict[str, Any]:
    channel = f"#/channels/{_key(event_type)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": f"The city publishes {event_type}.",
        "messages": [{"$ref": f"{channel}/messages/event"}],
    }


def _message(event_type: str, cls: type[PublicEvent], data: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": event_type,
        "title": cls.__name__,
        "summary": _told(cls),
        "contentType": CONTENT_TYPE,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": _leaf(event_type, data),
    }


def _leaf(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    """The schema of a whole leaf of this type."""
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["v", "svc", "id", "t", "data"],
        "properties": {
            "v": {"type": "integer", "minimum": 1},
            "svc": {"const": event_type.partition(".")[0]},
            "id": {**text, "description": "CloudEvents id; the receipt's id."},
            "t": {"const": event_type},
            "at": {**text, "format": "date-time", "description": "Absent in ballots."},
            "data": data,
            "_sd_alg": {"const": "sha-256"},
            "_sd": {
                "type": "array",
                "items": text,
                "description": "Salted digests of what is disclosed apart (RFC 9901).",
            },
        },
    }


def _told(cls: type[PublicEvent]) -> str:
    return " ".join((cls.__doc__ or cls.__name__).split())


_HEADERS: dict[str, Any] = {
    "type": "object",
    "required": ["Cahier-Seq", "ce-specversion", "ce-id", "ce-type", "ce-source"],
    "properties": {
        "Cahier-Seq": {
            "type": "string",
            "pattern": "^[1-9][0-9]*$",
            "description": "The event's number in its service's public log.",
        },
        "ce-specversion": {"const": "1.0"},
        "ce-id": {"type": "string"},
        "ce-type": {"type": "string"},
        "ce-source": {"type": "string", "description": "/cahier/<city>/<service>"},
        "ce-time": {"type": "string", "format": "date-time"},
        "traceparent": {"type": "string", "description": "W3C trace context."},
    },
}
