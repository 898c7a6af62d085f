"""A broker that speaks NATS to the real client, keeps JetStream's promises, and can be unkind.

Within what a real server may do it drops deliveries (they come again when their wait is over),
repeats them, changes their order, and loses its answers together with their connections.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.simulation.disk import Fault
from tests.simulation.jetstream import (
    BATCH_MESSAGES_MAX,
    MAX_DELIVERIES,
    NS,
    ApiError,
    Consumer,
    Delivery,
    JetStream,
    Message,
    Pull,
    Stream,
    matches,
)
from tests.simulation.loop import Planned, Process
from tests.simulation.network import Connection

INFO = {
    "server_id": "SIMULATED",
    "server_name": "simulated",
    "version": "2.15.1",
    "proto": 1,
    "headers": True,
    "max_payload": 1 << 20,
    "jetstream": True,
}
NO_RESPONDERS = b"NATS/1.0 503\r\n\r\n"
BATCH_S_MAX = 10.0

Part = tuple[str, bytes, dict[str, str], bytes]


BusJudge = Callable[[Process, str], Fault]


def kindly(process: Process, subject: str) -> Fault:
    """Nothing goes wrong."""
    return Fault.NONE


class Chance:
    """How unkind the broker is to deliveries: probabilities, drawn from the run's seed."""

    def __init__(
        self, random: Any, *, lose: float = 0.0, repeat: float = 0.0, reorder: float = 0.0
    ) -> None:
        self.random = random
        self.lose, self.repeat, self.reorder = lose, repeat, reorder

    def happens(self, chance: float) -> bool:
        return chance > 0 and bool(self.random.random() < chance)


class Broker:
    """One life of the server; `state` outlives it."""

    def __init__(self, state: JetStream, chance: Chance, judge: BusJudge = kindly) -> None:
        """judge: what becomes of a client's message: see Session."""
        self.state = state
        self.chance = chance
        self.judge = judge
        self.sessions: list[Session] = []
        self._batches: dict[tuple[str, str], list[Part]] = defaultdict(list)
        self._batch_s: dict[tuple[str, str], float] = {}
        self._alarms: dict[int, Planned] = {}
        self._api = Api(self)
        for stream in state.streams.values():
            for consumer in stream.consumers.values():
                consumer.pulls.clear()

    def accept(self, connection: Connection) -> Session:
        """A client has connected."""
        session = Session(self, connection)
        self.sessions.append(session)
        return session

    def gone(self, session: Session) -> None:
        """A client's connection has ended."""
        self.sessions.remove(session)
        for stream in self.state.streams.values():
            for consumer in stream.consumers.values():
                consumer.pulls = [each for each in consumer.pulls if each.owner is not session]

    def route(self, subject: str, reply: str, headers: bytes, body: bytes) -> None:
        """What a client has published: the API's, a stream's, or other clients' matter."""
        if subject.startswith("$JS."):
            self._api.take(subject, reply, body)
            return
        stream = self.state.stream_for(subject)
        if stream is not None:
            self._publish(stream, subject, reply, headers, body)
        heard = self.deliver(subject, reply, headers, body)
        if not heard and stream is None and reply:
            self.deliver(reply, "", NO_RESPONDERS, b"")

    def deliver(self, to: str, reply: str, headers: bytes, body: bytes, subject: str = "") -> bool:
        """Sends to whoever subscribes to `to`; False when nobody does."""
        heard = False
        for session in self.sessions:
            for sid in session.listening(to):
                session.send(subject or to, sid, reply, headers, body)
                heard = True
        return heard

    def answer(self, reply: str, body: dict[str, Any]) -> None:
        if reply:
            self.deliver(reply, "", b"", json.dumps(body).encode())

    def _publish(
        self, stream: Stream, subject: str, reply: str, headers: bytes, body: bytes
    ) -> None:
        named = read_headers(headers)
        try:
            if "nats-batch-id" in named:
                done = self._batch(stream, (subject, headers, named, body))
            else:
                done = stream.publish(subject, headers, named, body, self.state.now_s())
        except ApiError as error:
            self.answer(reply, {"stream": stream.name, "seq": 0, "error": error.body})
            return
        if done is not None:
            self.answer(reply, done)
            for consumer in list(stream.consumers.values()):
                self.pump(consumer)

    def _batch(self, stream: Stream, part: Part) -> dict[str, Any] | None:
        """Holds a batch's message back until its last has come; None until then."""
        named, now_s = part[2], self.state.now_s()
        key = (stream.name, named["nats-batch-id"])
        place = int(named["nats-batch-sequence"])
        if place == 1:
            self._batches[key], self._batch_s[key] = [], now_s
        parts = self._batches[key]
        late = now_s - self._batch_s.get(key, now_s) > BATCH_S_MAX
        if late or place != len(parts) + 1 or place > BATCH_MESSAGES_MAX:
            self._batches.pop(key, None)
            raise ApiError(400, 10176, "batch publish is incomplete and was abandoned")
        parts.append(part)
        if "nats-batch-commit" not in named:
            return None
        del self._batches[key]
        return stream.publish_batch(key[1], parts, now_s)

    # -- consumers ----------------------------------------------------------------------------

    def pump(self, consumer: Consumer) -> None:
        """Hands out what may be handed out, and sees to what is overdue."""
        now_s = self.state.now_s()
        if consumer.stream.consumers.get(consumer.name) is not consumer:
            return
        for seq, deliveries in list(consumer.given_up(now_s)):
            self._advise(consumer, seq, deliveries)
        sent: list[tuple[Pull, Delivery]] = []
        for pull in list(consumer.pulls):
            self._fill(consumer, pull, sent, now_s)
        if len(sent) > 1 and self.chance.happens(self.chance.reorder):
            self.chance.random.shuffle(sent)
        for pull, delivery in sent:
            self._send(consumer, pull, delivery)
        self._set_alarm(consumer)

    def _fill(
        self, consumer: Consumer, pull: Pull, sent: list[tuple[Pull, Delivery]], now_s: float
    ) -> None:
        if pull.expires_s is not None and pull.expires_s <= now_s:
            consumer.pulls.remove(pull)
            self._end(pull, "408 Request Timeout")
            return
        before = pull.batch
        while pull.batch > 0:
            delivery = consumer.next_delivery(now_s)
            if delivery is None:
                break
            pull.batch -= 1
            sent.append((pull, delivery))
        if pull.batch == 0:
            consumer.pulls.remove(pull)
        elif pull.no_wait and (pull.batch < before or pull.expires_s is None):
            # With an end in time it waits for the first message, and for no further one.
            consumer.pulls.remove(pull)
            asyncio.get_running_loop().call_soon(self._end, pull, "404 No Messages")

    def _send(self, consumer: Consumer, pull: Pull, delivery: Delivery) -> None:
        if self.chance.happens(self.chance.lose):
            return
        message = delivery.message
        ack = (
            f"$JS.ACK.{consumer.stream.name}.{consumer.name}.{delivery.deliveries}."
            f"{message.seq}.{delivery.consumer_seq}.{int(message.at_s * NS)}.{delivery.pending}"
        )
        times = 2 if self.chance.happens(self.chance.repeat) else 1
        for _ in range(times):
            self.deliver(pull.reply, ack, message.headers, message.body, message.subject)

    def _end(self, pull: Pull, status: str) -> None:
        left = f"Nats-Pending-Messages: {pull.batch}\r\nNats-Pending-Bytes: 0\r\n"
        self.deliver(pull.reply, "", f"NATS/1.0 {status}\r\n{left}\r\n".encode(), b"")

    def drop_pulls(self, consumer: Consumer) -> None:
        """The consumer is deleted: its requests end."""
        for pull in consumer.pulls:
            self._end(pull, "409 Consumer Deleted")
        consumer.pulls.clear()

    def _advise(self, consumer: Consumer, seq: int, deliveries: int) -> None:
        subject = f"{MAX_DELIVERIES}.{consumer.stream.name}.{consumer.name}"
        notice = {
            "type": "io.nats.jetstream.advisory.v1.max_deliver",
            "id": f"notice-{consumer.name}-{seq}",
            "timestamp": "2026-01-01T00:00:00Z",
            "stream": consumer.stream.name,
            "consumer": consumer.name,
            "stream_seq": seq,
            "deliveries": deliveries,
        }
        body = json.dumps(notice).encode()
        stream = self.state.stream_for(subject)
        if stream is not None:
            stream.publish(subject, b"", {}, body, self.state.now_s())
        self.deliver(subject, "", b"", body)

    def _set_alarm(self, consumer: Consumer) -> None:
        """Comes back when a pull ends or a delivery falls due again."""
        alarm = self._alarms.pop(id(consumer), None)
        if alarm is not None:
            alarm.cancel()
        times = [each.expires_s for each in consumer.pulls if each.expires_s is not None]
        due_s = consumer.wake_s()
        if due_s is not None and (consumer.pulls or consumer.max_deliver > 0):
            times.append(due_s)
        if times:
            loop = asyncio.get_running_loop()
            when_s = max(min(times), loop.time() + 0.001)
            self._alarms[id(consumer)] = loop.call_at(when_s, self.pump, consumer)


class Session:
    """A client's connection: the text protocol.

    A message may fail: the connection is gone before the server has seen it. Or fail but persist:
    it is gone before the answer is on its way.
    """

    def __init__(self, broker: Broker, connection: Connection) -> None:
        self._broker = broker
        self._connection = connection
        self._buffer = b""
        self._subscriptions: dict[str, tuple[str, str]] = {}
        connection.to_client(b"INFO " + json.dumps(INFO).encode() + b"\r\n")

    def lost(self) -> None:
        self._broker.gone(self)

    def listening(self, to: str) -> list[str]:
        """The ids of its subscriptions to a subject, in their order."""
        # Nearly all subjects are answers' and nearly all patterns others': most begin differently.
        return [
            sid
            for sid, (start, pattern) in self._subscriptions.items()
            if to.startswith(start) and matches(pattern, to)
        ]

    def send(self, subject: str, sid: str, reply: str, headers: bytes, body: bytes) -> None:
        to = f"{subject} {sid} {reply}".rstrip()
        if headers:
            line = f"HMSG {to} {len(headers)} {len(headers) + len(body)}\r\n"
        else:
            line = f"MSG {to} {len(body)}\r\n"
        self._connection.to_client(line.encode() + headers + body + b"\r\n")

    def received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n" in self._buffer:
            line, rest = self._buffer.split(b"\r\n", 1)
            words = line.decode().split()
            verb = words[0].upper() if words else ""
            if verb not in ("PUB", "HPUB"):
                self._buffer = rest
                self._control(verb, words)
                continue
            size = int(words[-1])
            if len(rest) < size + 2:
                return
            payload, self._buffer = rest[:size], rest[size + 2 :]
            self._published(verb, words, payload)

    def _control(self, verb: str, words: list[str]) -> None:
        step = f"{verb} {words[1]}" if verb == "SUB" else verb
        judged = verb in ("CONNECT", "SUB")
        fault = self._broker.judge(self._connection.process, step) if judged else Fault.NONE
        if fault is not Fault.FAILED:
            self._take(verb, words)
        if fault is not Fault.NONE:
            self._connection.cut()

    def _take(self, verb: str, words: list[str]) -> None:
        if verb == "PING":
            self._connection.to_client(b"PONG\r\n")
        elif verb == "SUB":
            start = words[1].partition("*")[0].partition(">")[0]
            self._subscriptions[words[-1]] = (start, words[1])
        elif verb == "UNSUB" and len(words) == 2:
            self._subscriptions.pop(words[1], None)

    def _published(self, verb: str, words: list[str], payload: bytes) -> None:
        cut = int(words[-2]) if verb == "HPUB" else 0
        names = words[1:-2] if verb == "HPUB" else words[1:-1]
        reply = names[1] if len(names) > 1 else ""
        fault = self._broker.judge(self._connection.process, names[0])
        if fault is not Fault.FAILED:
            self._broker.route(names[0], reply, payload[:cut], payload[cut:])
        if fault is not Fault.NONE:
            self._connection.cut()


class Api:
    """$JS.API and $JS.ACK."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._state = broker.state

    def take(self, subject: str, reply: str, body: bytes) -> None:
        words = subject.split(".")
        try:
            if words[1] == "ACK":
                self._ack(words, body)
            elif words[2:5] == ["CONSUMER", "MSG", "NEXT"]:
                self._next(words[5], words[6], reply, body)
            else:
                self._broker.answer(reply, self._call(words[2:], body))
        except ApiError as error:
            if words[2:5] == ["CONSUMER", "MSG", "NEXT"]:
                self._broker.deliver(reply, "", NO_RESPONDERS, b"")
            else:
                self._broker.answer(reply, {"type": "error", "error": error.body})

    def _call(self, words: list[str], body: bytes) -> dict[str, Any]:
        request: dict[str, Any] = json.loads(body) if body else {}
        match words:
            case ["STREAM", "CREATE", _]:
                return {**self._state.add_stream(request).info(), "did_create": True}
            case ["STREAM", "INFO", name]:
                return self._state.stream(name).info()
            case ["STREAM", "MSG", "GET", name]:
                return {"message": _raw(self._state.stream(name).find(request))}
            case ["STREAM", "MSG", "DELETE", name]:
                return self._state.stream(name).delete(int(request["seq"]))
            case ["CONSUMER", "CREATE", name, consumer, *_]:
                return self._state.stream(name).add_consumer(consumer, request["config"]).info()
            case ["CONSUMER", "INFO", name, consumer]:
                return self._state.stream(name).consumer(consumer).info()
            case ["CONSUMER", "DELETE", name, consumer]:
                stream = self._state.stream(name)
                self._broker.drop_pulls(stream.consumer(consumer))
                del stream.consumers[consumer]
                return {"success": True}
        raise ApiError(501, 10000, f"not simulated: {'.'.join(words)}")

    def _next(self, name: str, consumer_name: str, reply: str, body: bytes) -> None:
        consumer = self._state.stream(name).consumer(consumer_name)
        request: dict[str, Any] = json.loads(body) if body[:1] == b"{" else {}
        expires = request.get("expires")
        pull = Pull(
            reply,
            int(request.get("batch") or 1),
            self._state.now_s() + expires / NS if expires else None,
            bool(request.get("no_wait")),
            self._owner(reply),
        )
        consumer.pulls.append(pull)
        self._broker.pump(consumer)

    def _owner(self, reply: str) -> Session | None:
        for session in self._broker.sessions:
            if session.listening(reply):
                return session
        return None

    def _ack(self, words: list[str], body: bytes) -> None:
        stream = self._state.streams.get(words[2])
        consumer = stream.consumers.get(words[3]) if stream else None
        if consumer is not None:
            consumer.answer(int(words[5]), body or b"+ACK", self._state.now_s())
            self._broker.pump(consumer)


def read_headers(block: bytes) -> dict[str, str]:
    """The headers of a message by lower-case name."""
    lines = block.decode().split("\r\n")[1:]
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def _raw(message: Message) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "subject": message.subject,
        "seq": message.seq,
        "time": "2026-01-01T00:00:00Z",
    }
    if message.headers:
        raw["hdrs"] = base64.b64encode(message.headers).decode()
    if message.body:
        raw["data"] = base64.b64encode(message.body).decode()
    return raw
