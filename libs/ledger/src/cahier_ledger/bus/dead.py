"""Dead letters: events that a reaction could not handle, for a person to list, see and re-drive.

The DEAD stream holds the broker's notices, not the events: those stand in their public streams
for ever. Re-driving asks the running reaction to handle the event once more, and takes the notice
away only when it has. Nothing is published again, so no other consumer sees anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from cahier_ledger.bus.envelope import PublicMessage, incoming
from cahier_ledger.bus.streams import DEAD_STREAM, DEAD_SUBJECT, find_stream

LIST_MAX = 1_000
REDRIVE_TIMEOUT_S = 30.0


class _Notice(msgspec.Struct):
    """The broker's advisory `io.nats.jetstream.advisory.v1.max_deliver`."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int
    timestamp: str


_notice = msgspec.json.Decoder(_Notice)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A notice. number: its place in DEAD, by which it is shown and re-driven.

    stream, stream_seq: where the event stands. consumer: the reaction that gave up.
    deliveries: how often it tried. at: when the broker noticed, RFC 3339.
    """

    number: int
    stream: str
    consumer: str
    stream_seq: int
    deliveries: int
    at: str


class RedriveFailed(Exception):
    """The event was not handled; the notice stays where it is."""


class NoSuchDeadLetter(Exception):
    """No notice has that number (any more)."""


def redrive_subject(city: str, stream: str, consumer: str) -> str:
    """Where a running reaction takes requests to handle a message of its stream once more."""
    return f"cahier.{city}.redrive.{stream}.{consumer}"


async def count_dead(js: JetStreamContext) -> int:
    """How many notices wait for a person."""
    info = await find_stream(js, DEAD_STREAM)
    return 0 if info is None else int(info.state.messages)


async def list_dead(
    js: JetStreamContext, after: int = 0, limit: int = LIST_MAX
) -> list[DeadLetter]:
    """Notices with number > after, oldest first, at most `limit`."""
    letters: list[DeadLetter] = []
    async for letter in _notices(js, after):
        if len(letters) >= limit:
            break
        letters.append(letter)
    return letters


async def show_dead(js: JetStreamContext, number: int) -> tuple[DeadLetter, PublicMessage | None]:
    """A notice and its event (None when the message is no public event).

    Raises NoSuchDeadLetter.
    """
    letter = await _letter(js, number)
    found = await js.get_msg(letter.stream, letter.stream_seq)
    return letter, incoming(found.headers, found.data)


async def redrive(
    nc: Client, city: str, number: int, timeout_s: float = REDRIVE_TIMEOUT_S
) -> DeadLetter:
    """Has the reaction handle the event again, now; on success the notice is gone.

    Safe to repeat: what was done before is not done again. Raises NoSuchDeadLetter, and
    RedriveFailed with the reason: the handler's error, without its text, or that no such
    reaction runs.
    """
    js = nc.jetstream()
    letter = await _letter(js, number)
    subject = redrive_subject(city, letter.stream, letter.consumer)
    try:
        answer = await nc.request(subject, str(letter.stream_seq).encode(), timeout=timeout_s)
    except nats.errors.NoRespondersError as error:
        raise RedriveFailed(f"reaction {letter.consumer} is not running") from error
    except TimeoutError as error:
        raise RedriveFailed(f"no answer in {timeout_s} s; it may still be at work") from error
    if answer.data:
        raise RedriveFailed(answer.data.decode())
    await dismiss(js, number)
    return letter


async def dismiss(js: JetStreamContext, number: int) -> None:
    """Takes a notice away unhandled: a person has decided. Raises NoSuchDeadLetter."""
    await _letter(js, number)
    await js.delete_msg(DEAD_STREAM, number)


async def _letter(js: JetStreamContext, number: int) -> DeadLetter:
    try:
        return _read(await js.get_msg(DEAD_STREAM, number))
    except NotFoundError as error:
        raise NoSuchDeadLetter(f"no dead letter {number}") from error


async def _notices(js: JetStreamContext, after: int) -> AsyncIterator[DeadLetter]:
    number = after
    while True:
        try:
            found = await js.get_msg(DEAD_STREAM, number + 1, subject=DEAD_SUBJECT, next=True)
        except NotFoundError:
            return
        letter = _read(found)
        number = letter.number
        yield letter


def _read(found: RawStreamMsg) -> DeadLetter:
    notice = _notice.decode(found.data or b"")
    return DeadLetter(
        int(found.seq or 0),
        notice.stream,
        notice.consumer,
        notice.stream_seq,
        notice.deliveries,
        notice.timestamp,
    )
