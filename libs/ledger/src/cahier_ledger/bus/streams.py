"""Who declares which stream, and with what guarantees.

A public stream belongs to one service: it alone declares it and writes to it, nobody deletes from
it, and it never expires, because other services rebuild their views from its first message.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import BadRequestError, NotFoundError

from cahier_ledger.bus.health import Plain

DEAD_STREAM = "DEAD"
DEAD_SUBJECT = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"
DUPLICATE_WINDOW_S = 120.0
EPOCH = "cahier-epoch"
NO_STREAM = 10059
"""The API's number for a stream that does not exist; a consumer that does not has another."""
_NAME_IN_USE = 10058
_TOKEN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}", re.ASCII)


class StreamDiffers(Plain):
    """A stream of that name exists with another configuration; a person must decide.

    differences: {setting: (wanted, found)}.
    """

    def __init__(self, stream: str, differences: dict[str, tuple[object, object]]) -> None:
        self.stream = stream
        self.differences = differences
        told = ", ".join(
            f"{name} is {found!r}, wanted {wanted!r}"
            for name, (wanted, found) in differences.items()
        )
        super().__init__(f"stream {stream} exists but differs: {told}")


def public_stream(service: str) -> str:
    """The name of a service's public stream, e.g. `PUBLIC_BUDGET`."""
    return f"PUBLIC_{_token(service).upper()}"


def public_subjects(city: str, service: str) -> str:
    """The subjects of a service's public events, e.g. `cahier.toulouse.budget.v1.>`."""
    return f"cahier.{_token(city)}.{_token(service)}.v1.>"


def public_subject(city: str, event_type: str) -> str:
    """The subject of a public event: its type under the city's name."""
    return f"cahier.{_token(city)}.{event_type}"


def stream_epoch(info: StreamInfo) -> int:
    """Which epoch of its service's public log a stream holds; the first is not written there."""
    told = (info.config.metadata or {}).get(EPOCH, "1")
    return int(told) if told.isascii() and told.isdigit() else 1


async def declare_public_stream(
    js: JetStreamContext, service: str, city: str, *, replicas: int = 1, epoch: int = 1
) -> StreamInfo:
    """Makes the service's public stream, or finds it as it should be.

    epoch: of the public log. A stream of an earlier one also holds what a restore has lost; it is
    deleted and made again, whole, so that whoever copies it knows to begin anew.

    Idempotent. Raises StreamDiffers rather than change a stream that exists.
    """
    if epoch > 1:
        found = await find_stream(js, public_stream(service))
        if found is not None and stream_epoch(found) < epoch:
            await js.delete_stream(public_stream(service))
    return await _declare(
        js,
        StreamConfig(
            name=public_stream(service),
            description=f"Public events of {service} in {city}; kept for ever.",
            subjects=[public_subjects(city, service)],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_msgs=-1,
            max_bytes=-1,
            max_age=0,
            duplicate_window=DUPLICATE_WINDOW_S,
            deny_delete=True,
            deny_purge=True,
            allow_atomic=True,
            allow_direct=True,
            metadata={EPOCH: str(epoch)} if epoch > 1 else None,
        ),
    )


async def declare_dead_stream(js: JetStreamContext, *, replicas: int = 1) -> StreamInfo:
    """Makes the stream that keeps notices of messages whose deliveries were used up.

    Notices may be deleted one by one: that is how a dead letter is marked as dealt with.
    Idempotent. Raises StreamDiffers.
    """
    return await _declare(
        js,
        StreamConfig(
            name=DEAD_STREAM,
            description="Notices of messages that a consumer failed to handle.",
            subjects=[DEAD_SUBJECT],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_msgs=-1,
            max_bytes=-1,
            max_age=0,
            duplicate_window=DUPLICATE_WINDOW_S,
            deny_purge=True,
            allow_direct=True,
        ),
    )


async def find_stream(js: JetStreamContext, stream: str) -> StreamInfo | None:
    """The stream's state, or None when it does not exist (yet)."""
    try:
        return await js.stream_info(stream)
    except NotFoundError:
        return None


async def _declare(js: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    try:
        return await js.add_stream(wanted)
    except BadRequestError as error:
        if error.err_code != _NAME_IN_USE:
            raise
    found = await js.stream_info(str(wanted.name))
    raise StreamDiffers(str(wanted.name), _differences(wanted, found.config))


def _differences(wanted: StreamConfig, found: StreamConfig) -> dict[str, tuple[object, object]]:
    pairs: dict[str, tuple[Any, Any]] = {
        field.name: (getattr(wanted, field.name), getattr(found, field.name))
        for field in fields(StreamConfig)
    }
    return {name: pair for name, pair in pairs.items() if pair[0] is not None and _differ(*pair)}


def _differ(wanted: object, found: object) -> bool:
    return bool(wanted != found) and bool(wanted or found)


def _token(name: str) -> str:
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(f"not a lower-case name: {name!r}")
    return name
