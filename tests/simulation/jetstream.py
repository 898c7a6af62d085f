"""JetStream's streams and pull consumers, as far as the city uses them: state, no connections.

It follows nats-server 2.15; one contract suite holds both to the same answers. All that is here
survives the broker's death, as it does on a server with `sync_interval: always`; what a server
forgets (waiting pulls, unfinished batches) is the broker's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

NS = 1_000_000_000
BATCH_MESSAGES_MAX = 1_000
MAX_DELIVERIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"


class ApiError(Exception):
    """An error as the API tells it."""

    def __init__(self, code: int, err_code: int, description: str) -> None:
        super().__init__(description)
        self.body = {"code": code, "err_code": err_code, "description": description}


def no_stream() -> ApiError:
    return ApiError(404, 10059, "stream not found")


def no_consumer() -> ApiError:
    return ApiError(404, 10014, "consumer not found")


def no_message() -> ApiError:
    return ApiError(404, 10037, "no message found")


@lru_cache(maxsize=8_192)
def matches(pattern: str, subject: str) -> bool:
    """Whether a subject falls under a subscription's pattern."""
    wanted, given = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return len(given) > place
        if place >= len(given) or token not in ("*", given[place]):
            return False
    return len(wanted) == len(given)


@dataclass(slots=True)
class Message:
    """A stored message; headers: the raw block, `NATS/1.0` and all, or nothing."""

    seq: int
    subject: str
    headers: bytes
    body: bytes
    at_s: float


@dataclass(slots=True)
class Pull:
    """A waiting request for messages."""

    reply: str
    batch: int
    expires_s: float | None
    no_wait: bool
    owner: Any


@dataclass(slots=True)
class Pending:
    """A delivery that has not been acknowledged."""

    due_s: float
    deliveries: int


@dataclass(slots=True)
class Delivery:
    """A message on its way to a pull's inbox."""

    message: Message
    deliveries: int
    consumer_seq: int
    pending: int


@dataclass
class Consumer:
    """A durable pull consumer."""

    stream: Stream
    name: str
    config: dict[str, Any]
    next_seq: int
    consumer_seq: int = 0
    ack_floor: int = 0
    pending: dict[int, Pending] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)

    @property
    def ack_wait_s(self) -> float:
        return float(self.config.get("ack_wait") or 30 * NS) / NS

    @property
    def max_deliver(self) -> int:
        return int(self.config.get("max_deliver") or -1)

    @property
    def room(self) -> int:
        return int(self.config.get("max_ack_pending") or 1_000) - len(self.pending)

    def wants(self, subject: str) -> bool:
        filters = self.config.get("filter_subjects") or [self.config.get("filter_subject") or ">"]
        return any(matches(each, subject) for each in filters)

    def next_delivery(self, now_s: float) -> Delivery | None:
        """What is to be delivered now, if anything."""
        again = sorted(seq for seq, held in self.pending.items() if held.due_s <= now_s)
        for seq in again:
            held = self.pending[seq]
            if 0 < self.max_deliver <= held.deliveries:
                continue
            return self._deliver(self.stream.messages[seq], held.deliveries + 1, now_s)
        while self.next_seq <= self.stream.last_seq and self.room > 0:
            message = self.stream.messages.get(self.next_seq)
            self.next_seq += 1
            if message is not None and self.wants(message.subject):
                return self._deliver(message, 1, now_s)
        return None

    def _deliver(self, message: Message, deliveries: int, now_s: float) -> Delivery:
        self.consumer_seq += 1
        self.pending[message.seq] = Pending(now_s + self.ack_wait_s, deliveries)
        return Delivery(message, deliveries, self.consumer_seq, self.unseen())

    def unseen(self) -> int:
        """How many messages it has not yet delivered."""
        if self.next_seq > self.stream.last_seq:
            return 0
        return sum(
            1
            for seq in range(self.next_seq, self.stream.last_seq + 1)
            if seq in self.stream.messages and self.wants(self.stream.messages[seq].subject)
        )

    def given_up(self, now_s: float) -> Iterator[tuple[int, int]]:
        """(seq, deliveries) of messages whose deliveries are used up; told once."""
        if self.max_deliver <= 0:
            return
        for seq, held in sorted(self.pending.items()):
            if held.due_s <= now_s and held.deliveries >= self.max_deliver:
                self._settle(seq)
                yield seq, held.deliveries

    def answer(self, seq: int, word: bytes, now_s: float) -> None:
        """+ACK, -NAK, +WPI or +TERM for a delivered message."""
        if word.startswith(b"-NAK"):
            held = self.pending.get(seq)
            if held is not None:
                body = word[4:].strip()
                delay_s = json.loads(body)["delay"] / NS if body else 0.0
                held.due_s = now_s + min(delay_s, self.stream.delay_s_max)
        elif word.startswith(b"+WPI"):
            if seq in self.pending:
                self.pending[seq].due_s = now_s + self.ack_wait_s
        elif self.config.get("ack_policy") == "all":
            for each in [each for each in self.pending if each <= seq]:
                self._settle(each)
        else:
            self._settle(seq)

    def _settle(self, seq: int) -> None:
        self.pending.pop(seq, None)
        self.ack_floor = min(self.pending, default=self.next_seq) - 1

    def wake_s(self) -> float | None:
        """When the next delivery falls due again."""
        return min((held.due_s for held in self.pending.values()), default=None)

    def info(self) -> dict[str, Any]:
        place = {"consumer_seq": self.consumer_seq, "stream_seq": self.next_seq - 1}
        return {
            "type": "io.nats.jetstream.api.v1.consumer_create_response",
            "stream_name": self.stream.name,
            "name": self.name,
            "created": _time(0.0),
            "config": self.config,
            "delivered": place,
            "ack_floor": {"consumer_seq": 0, "stream_seq": self.ack_floor},
            "num_ack_pending": len(self.pending),
            "num_redelivered": sum(1 for each in self.pending.values() if each.deliveries > 1),
            "num_waiting": len(self.pulls),
            "num_pending": self.unseen(),
        }


class Stream:
    """A stream with its messages, its window of message ids and its consumers."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.name = str(config["name"])
        self.messages: dict[int, Message] = {}
        self.last_seq = 0
        self.consumers: dict[str, Consumer] = {}
        self.delay_s_max = math.inf
        self._ids: dict[str, int] = {}

    def takes(self, subject: str) -> bool:
        return any(matches(pattern, subject) for pattern in self.config.get("subjects") or [])

    def publish(
        self, subject: str, headers: bytes, named: dict[str, str], body: bytes, now_s: float
    ) -> dict[str, Any]:
        """Stores one message, or answers that it is there; raises ApiError."""
        self._require_this_stream(named)
        self._require_last(named)
        message_id = named.get("nats-msg-id")
        if message_id and (known := self._known(message_id, now_s)):
            return {"stream": self.name, "seq": known, "duplicate": True}
        return {"stream": self.name, "seq": self._store(subject, headers, named, body, now_s)}

    def publish_batch(
        self, batch_id: str, parts: list[tuple[str, bytes, dict[str, str], bytes]], now_s: float
    ) -> dict[str, Any]:
        """Stores all messages of a batch or none; raises ApiError."""
        self._require_last(parts[0][2])
        for _, _, named, _ in parts:
            self._require_this_stream(named)
            if self._known(named.get("nats-msg-id", ""), now_s):
                raise ApiError(400, 10201, "batch publish contains duplicate message id")
        seq = 0
        for subject, headers, named, body in parts:
            seq = self._store(subject, headers, named, body, now_s)
        return {"stream": self.name, "seq": seq, "batch": batch_id, "count": len(parts)}

    def _require_this_stream(self, named: dict[str, str]) -> None:
        if named.get("nats-expected-stream", self.name) != self.name:
            raise ApiError(400, 10060, "expected stream does not match")

    def _require_last(self, named: dict[str, str]) -> None:
        expected = named.get("nats-expected-last-sequence")
        if expected is not None and int(expected) != self.last_seq:
            raise ApiError(400, 10071, f"wrong last sequence: {self.last_seq}")

    def _known(self, message_id: str, now_s: float) -> int | None:
        seq = self._ids.get(message_id)
        window_s = float(self.config.get("duplicate_window") or 120 * NS) / NS
        if seq is None or seq not in self.messages:
            return None
        return seq if now_s - self.messages[seq].at_s < window_s else None

    def _store(
        self, subject: str, headers: bytes, named: dict[str, str], body: bytes, now_s: float
    ) -> int:
        self.last_seq += 1
        self.messages[self.last_seq] = Message(self.last_seq, subject, headers, body, now_s)
        if "nats-msg-id" in named:
            self._ids[named["nats-msg-id"]] = self.last_seq
        return self.last_seq

    def find(self, request: dict[str, Any]) -> Message:
        """By seq, the last of a subject, or the next of a subject; raises ApiError."""
        seq = int(request.get("seq") or 0)
        if wanted := request.get("next_by_subj"):
            found = (each for each in self._from(seq) if matches(wanted, each.subject))
            message = next(found, None)
        elif wanted := request.get("last_by_subj"):
            backwards = reversed(list(self._from(1)))
            message = next((each for each in backwards if matches(wanted, each.subject)), None)
        else:
            message = self.messages.get(seq)
        if message is None:
            raise no_message()
        return message

    def _from(self, seq: int) -> Iterator[Message]:
        return (self.messages[each] for each in sorted(self.messages) if each >= seq)

    def delete(self, seq: int) -> dict[str, Any]:
        if self.config.get("deny_delete"):
            raise ApiError(500, 10057, "message delete not permitted")
        if self.messages.pop(seq, None) is None:
            raise ApiError(400, 10043, f"sequence {seq} not found")
        return {"success": True}

    def info(self) -> dict[str, Any]:
        seqs = sorted(self.messages)
        first = seqs[0] if seqs else (self.last_seq + 1 if self.last_seq else 0)
        state = {
            "messages": len(seqs),
            "bytes": sum(len(each.body) for each in self.messages.values()),
            "first_seq": first,
            "first_ts": _time(0.0),
            "last_seq": self.last_seq,
            "last_ts": _time(0.0),
            "consumer_count": len(self.consumers),
        }
        return {
            "type": "io.nats.jetstream.api.v1.stream_info_response",
            "config": self.config,
            "created": _time(0.0),
            "state": state,
        }

    def consumer(self, name: str) -> Consumer:
        if name not in self.consumers:
            raise no_consumer()
        return self.consumers[name]

    def add_consumer(self, name: str, config: dict[str, Any]) -> Consumer:
        """Makes it, or finds the one of that name."""
        if name in self.consumers:
            return self.consumers[name]
        start = 1
        if config.get("deliver_policy") == "by_start_sequence":
            start = int(config.get("opt_start_seq") or 1)
        made = Consumer(self, name, config, start, ack_floor=start - 1)
        self.consumers[name] = made
        return made


class JetStream:
    """All streams of a server. delay_s_max: cuts the delays that its clients ask for."""

    def __init__(self, now_s: Callable[[], float], delay_s_max: float = math.inf) -> None:
        self.now_s = now_s
        self.delay_s_max = delay_s_max
        self.streams: dict[str, Stream] = {}

    def stream(self, name: str) -> Stream:
        if name not in self.streams:
            raise no_stream()
        return self.streams[name]

    def stream_for(self, subject: str) -> Stream | None:
        return next((each for each in self.streams.values() if each.takes(subject)), None)

    def add_stream(self, config: dict[str, Any]) -> Stream:
        """Makes it, or finds it as it is; raises ApiError when it is another."""
        name = str(config["name"])
        held = self.streams.get(name)
        if held is None:
            held = self.streams[name] = Stream(config)
            held.delay_s_max = self.delay_s_max
        elif held.config != config:
            raise ApiError(400, 10058, "stream name already in use with a different configuration")
        return held


@lru_cache
def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
