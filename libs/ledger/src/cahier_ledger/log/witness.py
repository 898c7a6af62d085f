"""A witness: it cosigns a log's checkpoint only if that continues all it ever cosigned.

So whoever sees its cosignature knows that nobody was shown another history (C2SP tlog-witness).
For that it must never forget: what it signed last is on the disk before the answer goes out, and
two requests at once, or two processes on one state, are decided one after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cahier_kernel.clock import Clock
from cahier_kernel.errors import DomainError
from cahier_ledger.log.checkpoint import Checkpoint, parse_checkpoint, require_log_signature
from cahier_ledger.log.cosignature import cosign
from cahier_ledger.log.merkle import (
    HASH_BYTES,
    LEVELS_MAX,
    BadProof,
    check_consistency,
)
from cahier_ledger.log.note import (
    BadNote,
    Note,
    Sign,
    Vkey,
    from_base64,
    parse_decimal,
    to_base64,
)
from cahier_ledger.log.witness_state import Seen, StateUnavailable, WitnessState

REQUEST_BYTES_MAX = 128 * 1024
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness says: an HTTP status, a content type and a body, the same on every way in."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A submitted checkpoint. old: the size that the log believes the witness saw last.

    proof: that the tree of `old` leaves is a prefix. text: the checkpoint as it came.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: Note
    text: str


def request_bytes(old: int, proof: Iterable[bytes], checkpoint: str) -> bytes:
    """The body of an add-checkpoint request."""
    lines = [f"old {old}", *map(to_base64, proof)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


def parse_request(raw: bytes) -> Request:
    """Reads the body of an add-checkpoint request; raises BadNote."""
    if len(raw) > REQUEST_BYTES_MAX:
        raise BadNote(f"a request has at most {REQUEST_BYTES_MAX} bytes")
    try:
        head, empty, text = raw.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise BadNote("a request is UTF-8") from None
    first, *rest = head.split("\n")
    if not empty or not first.startswith("old "):
        raise BadNote("a request is `old <size>`, hashes, an empty line and a checkpoint")
    if len(rest) > LEVELS_MAX:
        raise BadNote(f"a consistency proof has at most {LEVELS_MAX} hashes")
    proof = tuple(from_base64(line, "a hash") for line in rest)
    if any(len(node) != HASH_BYTES for node in proof):
        raise BadNote(f"a hash has {HASH_BYTES} bytes")
    old = parse_decimal(first.removeprefix("old "), "the old size")
    return Request(old, proof, *parse_checkpoint(text), text)


class Witness:
    """Decides on the checkpoints of the logs that it knows. Safe for many threads.

    state: bound to this witness' key. sign: that key's Ed25519. logs: the keys of known logs,
    whose names are their origins. Making it raises StateUnavailable.
    """

    def __init__(self, state: WitnessState, sign: Sign, logs: Iterable[Vkey], clock: Clock) -> None:
        self._state = state
        self._sign = sign
        self._clock = clock
        self._forked = {parse_checkpoint(seen)[0].origin for seen, _ in state.evidence()}
        self._logs: dict[str, list[Vkey]] = {}
        for vkey in logs:
            self._logs.setdefault(vkey.name, []).append(vkey)

    @property
    def vkey(self) -> Vkey:
        """The key that this witness cosigns with."""
        return self._state.vkey

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs that it knows."""
        return tuple(self._logs)

    @property
    def forked(self) -> tuple[str, ...]:
        """The logs that signed two roots of one size, as the state's evidence shows."""
        return tuple(sorted(self._forked))

    def seen(self) -> dict[str, Seen]:
        """What it cosigned last of each known log, by origin; raises StateUnavailable."""
        return {origin: last for origin, last in self._state.seen().items() if origin in self._logs}

    def add_checkpoint(self, raw: bytes) -> Answer:
        """Answers an add-checkpoint request, whatever it holds; never raises for its content.

        200: cosignature lines. 400: malformed. 403: no valid signature of the log. 404: a log
        that it does not know. 409: it saw another size, which the body says, or another root of
        that size. 422: the proof does not hold. 503: the state or the key cannot be used now.
        """
        try:
            request = self._known(raw)
            seen = self._advance(request)
            line = cosign(request.note.body, self.vkey, self._sign, seen.time_s)
        except _Refused as refused:
            return refused.answer
        except (StateUnavailable, DomainError) as error:
            return Answer(503, TEXT, f"{error}\n".encode())
        return Answer(200, TEXT, line.encode())

    def _advance(self, request: Request) -> Seen:
        """Remembers the checkpoint, or keeps it as evidence where it denies the one seen."""
        origin = request.checkpoint.origin
        try:
            return self._state.advance(origin, lambda last: self._next(request, last))
        except _Forked as forked:
            size = request.checkpoint.size
            self._forked.add(origin)
            _LOG.warning("%s is forked: it signed two roots of %d leaves", origin, size)
            self._state.keep_evidence(origin, forked.seen, request.text, self._now_s())
            raise

    def _known(self, raw: bytes) -> Request:
        """The request, signed by a log that we know."""
        try:
            request = parse_request(raw)
        except BadNote as error:
            raise _Refused(400, str(error)) from None
        vkeys = self._logs.get(request.checkpoint.origin)
        if vkeys is None:
            raise _Refused(404, "this log is not known here")
        try:
            require_log_signature(request.checkpoint, request.note, vkeys)
        except BadNote as error:
            raise _Refused(403, str(error)) from None
        if request.old > request.checkpoint.size:
            raise _Refused(400, "the old size is larger than the checkpoint's")
        return request

    def _next(self, request: Request, last: Seen) -> Seen:
        """What to remember in place of `last`; runs while nobody else may change it."""
        checkpoint = request.checkpoint
        if request.old != last.size:
            raise _Refused(409, str(last.size), SIZE)
        if checkpoint.size == last.size > 0 and checkpoint.root != last.root:
            raise _Forked(last)
        try:
            check_consistency(last.size, checkpoint.size, last.root, checkpoint.root, request.proof)
        except BadProof as error:
            raise _Refused(422, str(error)) from None
        # A clock that was set back must not let an older statement look newer.
        time_s = max(self._now_s(), last.time_s)
        if checkpoint.size == last.size > 0:
            return replace(last, time_s=time_s)  # a public text, which anybody may send again
        return Seen(checkpoint.size, checkpoint.root, time_s, request.text)

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())


class _Refused(Exception):
    def __init__(self, status: int, text: str, content_type: str = TEXT) -> None:
        super().__init__(text)
        self.answer = Answer(status, content_type, f"{text}\n".encode())


class _Forked(_Refused):
    """The log itself signed two histories. An answer is all the sender gets; we keep both."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(409, str(seen.size), SIZE)
        self.seen = seen.checkpoint
