"""Reads and writes the private events of hot streams: msgspec structs under explicit topics.

A stored event lives for ever, a class does not. So each has a topic and a version; older
versions are brought up to date by pure functions on plain dicts, one step at a time; fields of
a newer release are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""A pure function from the fields of version n to those of version n + 1."""

VERSION_FIELD = "v"
_PREFIX = b'{"v":'


class CodecError(ValueError):
    """A stored event cannot be read: unknown topic or version, or not its fields."""


@dataclass(frozen=True, slots=True)
class EventCodec(Generic[S]):
    """How one topic is written (its newest version) and read (all of them).

    Version 1 is written without a mark; later ones begin with `{"v":n,`. upcasters[n] leads from
    version n to n + 1; there is one for each version below the newest.
    """

    topic: str
    struct: type[S]
    version: int
    upcasters: Mapping[int, Upcaster]
    _decode_newest: Callable[[bytes], S]

    def encode(self, event: S) -> bytes:
        """The bytes to store."""
        body = msgspec.json.encode(event)
        return body if self.version == 1 else mark_version(body, self.version)

    def decode(self, data: bytes) -> S:
        """The event in its newest version; raises CodecError."""
        version = read_version(data)
        try:
            if version == self.version:
                return self._decode_newest(data)
            return self._upcast(msgspec.json.decode(data), version)
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise CodecError(f"{self.topic} version {version}: {error}") from error

    def _upcast(self, fields: dict[str, Any], version: int) -> S:
        if not 1 <= version < self.version:
            raise CodecError(f"this release reads versions 1 to {self.version}")
        fields.pop(VERSION_FIELD, None)
        for step in range(version, self.version):
            fields = self.upcasters[step](fields)
        return msgspec.convert(fields, self.struct)


class Codec:
    """The topics of one service. Registered at import time, then only read."""

    def __init__(self) -> None:
        self._by_topic: dict[str, EventCodec[Any]] = {}
        self._by_struct: dict[type, EventCodec[Any]] = {}

    def register(
        self,
        topic: str,
        struct: type[S],
        *,
        version: int = 1,
        upcasters: Mapping[int, Upcaster] | None = None,
    ) -> EventCodec[S]:
        """Ties a topic to its newest struct; raises ValueError for a broken registration."""
        steps = dict(upcasters or {})
        if set(steps) != set(range(1, version)):
            raise ValueError(f"{topic}: one upcaster for each version from 1 to {version - 1}")
        if ":" in topic or not topic:
            raise ValueError(f"not an explicit topic: {topic!r}")
        if topic in self._by_topic or struct in self._by_struct:
            raise ValueError(f"{topic} or {struct.__name__} is registered already")
        if VERSION_FIELD in struct.__struct_encode_fields__:
            raise ValueError(f"{struct.__name__}: a field `{VERSION_FIELD}` is the version's")
        if struct.__struct_config__.forbid_unknown_fields:
            raise ValueError(f"{struct.__name__} must ignore fields of newer releases")
        decode = msgspec.json.Decoder(struct).decode
        codec = EventCodec(topic, struct, version, steps, decode)
        self._by_topic[topic] = codec
        self._by_struct[struct] = codec
        return codec

    def encode(self, event: msgspec.Struct) -> tuple[str, bytes]:
        """(topic, data) to store; raises CodecError for a struct without a topic."""
        codec = self._by_struct.get(type(event))
        if codec is None:
            raise CodecError(f"{type(event).__name__} has no topic")
        return codec.topic, codec.encode(event)

    def decode(self, topic: str, data: bytes) -> msgspec.Struct:
        """The event; raises CodecError."""
        return cast(msgspec.Struct, self.codec(topic).decode(data))

    def codec(self, topic: str) -> EventCodec[Any]:
        """The codec of one topic, for loops over one type; raises CodecError."""
        try:
            return self._by_topic[topic]
        except KeyError:
            raise CodecError(f"unknown topic {topic!r}") from None

    @property
    def topics(self) -> tuple[str, ...]:
        """All registered topics, sorted: each needs a golden file."""
        return tuple(sorted(self._by_topic))


def mark_version(body: bytes, version: int) -> bytes:
    """Puts `"v":version` in front of the fields of an encoded object."""
    rest = body[1:] if body == b"{}" else b"," + body[1:]
    return _PREFIX + str(version).encode("ascii") + rest


def read_version(data: bytes) -> int:
    """The version in front of the fields; 1 when there is none. Raises CodecError."""
    if not data.startswith(_PREFIX):
        return 1
    digits = data[len(_PREFIX) : len(_PREFIX) + 8].replace(b"}", b",").partition(b",")[0]
    if not digits.isdigit():
        raise CodecError("the event's version is not a number")
    return int(digits)
