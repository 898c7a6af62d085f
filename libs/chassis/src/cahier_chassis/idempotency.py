"""A repeated command gets the answer of the first one, kept in the append's own transaction.

The caller chooses a key (metadata `idempotency-key`) for each command it means to give once. The
same key with another body is refused. Ballots do without: a row here would link them to a caller.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from google.protobuf.message import Message

from cahier_chassis.calls import Call, current_call, require_key
from cahier_kernel.errors import AlreadyExists, DomainError
from cahier_kernel.ids import derived_uuid
from cahier_ledger.model import Idempotency
from cahier_ledger.store import LedgerReader

Answer = TypeVar("Answer", bound=Message)
Record = Callable[[Message], Idempotency | None]


async def once(
    ledger: LedgerReader,
    request: Message,
    answer_type: type[Answer],
    handle: Callable[[Record], Awaitable[Answer]],
) -> Answer:
    """Runs `handle` once for each idempotency key of a caller and method.

    `handle(record)` decides and appends with `Append(..., idempotency=record(answer))`, then
    returns that answer; without a key `record` gives None. A repeated call returns the stored
    answer without running `handle`. Raises Invalid `idempotency_key_malformed` and AlreadyExists
    `idempotency_key_reused` (same key, other body). Must run inside a gRPC call.
    """
    call = current_call()
    if not call.idempotency_key:
        return await handle(lambda answer: None)
    key, digest = _scoped(call), _digest(call.idempotency_key, request)

    def record(answer: Message) -> Idempotency:
        return Idempotency(key, digest, _canonical(answer))

    kept = await asyncio.to_thread(ledger.recall, key)
    if kept is None:
        try:
            return await handle(record)
        except DomainError:
            # A twin of this call may have been faster: then its row conflicts with ours, or what
            # it did is why we were refused (`already answered`). Either way its answer is ours.
            kept = await asyncio.to_thread(ledger.recall, key)
            if kept is None:
                raise
    if kept.digest != digest:
        raise AlreadyExists(
            "idempotency_key_reused",
            "the key was used for another request",
            field="idempotency-key",
        )
    return answer_type.FromString(kept.response)


def _scoped(call: Call) -> str:
    key = call.idempotency_key
    require_key(key)
    subject = call.claims.subject if call.claims else ""
    return str(derived_uuid(subject, call.method, key))


def _digest(key: str, request: Message) -> bytes:
    """Salted with the caller's key, which is kept nowhere: nobody tries texts on it."""
    return hashlib.sha256(key.encode() + b"\0" + _canonical(request)).digest()


def _canonical(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)
