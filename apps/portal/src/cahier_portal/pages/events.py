"""What the city's services say in public: the AsyncAPI document, and a page that people read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from litestar import Response, get

from cahier_portal.parameters import Caller
from cahier_portal.visit import Page
from cahier_record.asyncapi import asyncapi_document

MEDIA_TYPE = "application/vnd.aai.asyncapi+json"
_OUTSIDE = {"skip_session": True, "exclude_from_csrf": True}


@dataclass(frozen=True)
class EventShown:
    """A kind of event: its type, what it means, and its fields with their types."""

    type: str
    text: str
    address: str
    fields: list[tuple[str, str]]

    @property
    def service(self) -> str:
        """The service that publishes it."""
        return self.type.partition(".")[0]


@get("/asyncapi.json", opt=_OUTSIDE)
async def asyncapi(visit: Caller) -> Response[bytes]:
    """All public events as AsyncAPI 3, for programs that listen to the city's bus."""
    body = _encoded(visit.portal.renderer.version, visit.portal.settings.city)
    return Response(body, media_type=MEDIA_TYPE)


@get("/events")
async def events_page(visit: Caller) -> Page:
    """The same for people."""
    shown = _shown(visit.portal.renderer.version, visit.portal.settings.city)
    services = list(dict.fromkeys(event.service for event in shown))
    return visit.page("events.html", events=shown, services=services)


@cache
def _encoded(version: str, city: str) -> bytes:
    return msgspec.json.encode(asyncapi_document(version, city))


@cache
def _shown(version: str, city: str) -> tuple[EventShown, ...]:
    document = asyncapi_document(version, city)
    components = document["components"]
    return tuple(
        EventShown(
            type=message["name"],
            text=message["summary"],
            address=document["channels"][key]["address"],
            fields=_fields(message["payload"]["properties"]["data"], components["schemas"]),
        )
        for key, message in components["messages"].items()
    )


def _fields(data: dict[str, Any], schemas: dict[str, Any]) -> list[tuple[str, str]]:
    schema = schemas[data["$ref"].rpartition("/")[2]] if "$ref" in data else data
    return [(name, _kind(of)) for name, of in schema.get("properties", {}).items()]


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_kind(schema.get('items', {}))}]"
    return str(schema.get("type", "any"))
