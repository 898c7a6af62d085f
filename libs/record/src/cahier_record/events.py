"""The form of public events and of the leaves that carry them.

A leaf is the RFC 8785 JSON of a public event; here leaves are read, the ledger writes them. A
public event is for ever: fields are added, never changed in meaning; older versions are upcast
when read. Types are named `<service>.v1.<aggregate>.<event>`, which is also the NATS subject
behind `cahier.<city>.`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, ClassVar, TypeVar

import msgspec

SERVICES = ("identity", "consultation", "reporting", "budget", "notifications")
"""Who owns a public log, in the order of starting; each has a sub-package of its name."""

LEAF_VERSION = 1
_TYPE = re.compile(r"([a-z]+)\.v1\.([a-z_]+)\.([a-z_]+)")


class PublicEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all public events. Fields: strings, integers, booleans and lists of those."""

    TYPE: ClassVar[str] = ""

    def data(self) -> dict[str, Any]:
        """The leaf's `data` object: builtins only, defaults left out."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


EventClass = TypeVar("EventClass", bound=type[PublicEvent])
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

_classes: dict[str, type[PublicEvent]] = {}
_decoders: dict[str, msgspec.json.Decoder[PublicEvent]] = {}
_upcasters: dict[tuple[str, int], Upcaster] = {}


def public_event(event_type: str) -> Callable[[EventClass], EventClass]:
    """Registers a class as the meaning of `event_type`; a type has one class."""
    if _TYPE.fullmatch(event_type) is None:
        raise ValueError(f"not <service>.v1.<aggregate>.<event>: {event_type}")

    def register(cls: EventClass) -> EventClass:
        if event_type in _classes:
            raise ValueError(f"two classes for {event_type}")
        cls.TYPE = event_type
        _classes[event_type] = cls
        _decoders[event_type] = msgspec.json.Decoder(cls)
        return cls

    return register


def registered() -> Iterator[tuple[str, type[PublicEvent]]]:
    """Every known type with its class, by name."""
    for service in SERVICES:
        import_module(f"cahier_record.{service}")
    return iter(sorted(_classes.items()))


def upcast(event_type: str, from_version: int, upcaster: Upcaster) -> None:
    """Registers how a leaf's data of `from_version` reads in the next version."""
    _upcasters[event_type, from_version] = upcaster


class Leaf(msgspec.Struct, frozen=True):
    """A leaf as read. `event` is None for types that this version does not know."""

    service: str
    id: str
    type: str
    at: str | None
    event: PublicEvent | None
    digests: tuple[str, ...]


class _RawLeaf(msgspec.Struct, frozen=True):
    v: int
    svc: str
    id: str
    t: str
    data: msgspec.Raw
    at: str | None = None
    sd: tuple[str, ...] = msgspec.field(name="_sd", default=())


_raw_leaf = msgspec.json.Decoder(_RawLeaf)


def decode_leaf(raw: bytes) -> Leaf:
    """Reads a leaf; raises ValueError (msgspec.DecodeError) for bytes that are none."""
    outer = _raw_leaf.decode(raw)
    return Leaf(outer.svc, outer.id, outer.t, outer.at, _decode_data(outer), outer.sd)


def _decode_data(outer: _RawLeaf) -> PublicEvent | None:
    decoder = _decoders.get(outer.t)
    if decoder is None:
        return None
    if (outer.t, outer.v) not in _upcasters:
        return decoder.decode(outer.data)
    data, version = msgspec.json.decode(outer.data), outer.v
    while upcaster := _upcasters.get((outer.t, version)):
        data, version = upcaster(data), version + 1
    return msgspec.convert(data, _classes[outer.t])


def json_schema(event_type: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a type's `data`, for bundles and API documents."""
    return msgspec.json.schema(_classes[event_type])
