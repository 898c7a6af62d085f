"""The helper process that opens sealed ballots: reads frames on stdin, answers on stdout.

Opening is most of a ballot's work and holds Python's lock; in a process of its own it has a core
of its own. The private key comes by the pipe, never by arguments or environment; what is opened
is held only until it is answered.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from cahier_budget.adapters.helper import serve
from cahier_ledger.sealing import Opener, SealError

FRAME_BYTES_MAX = 32 << 20
KEYS_KEPT = 16


class Task(msgspec.Struct, array_like=True):
    """Sealed texts of one election with their bindings."""

    private_key: str
    sealed: list[bytes]
    bindings: list[bytes]


class Opened(msgspec.Struct, array_like=True):
    """Plaintexts in the task's order; None where the seal does not open."""

    plaintexts: list[bytes | None]


encode = msgspec.msgpack.Encoder().encode
decode_task = msgspec.msgpack.Decoder(Task).decode
decode_opened = msgspec.msgpack.Decoder(Opened).decode


@lru_cache(KEYS_KEPT)
def opener(private_key: str) -> Opener:
    """Parses a key once."""
    return Opener(private_key)


def open_all(task: Task) -> Opened:
    """Opens one task's texts, here and now."""
    key = opener(task.private_key)
    pairs = zip(task.sealed, task.bindings, strict=True)
    return Opened([_opened(key, sealed, binding) for sealed, binding in pairs])


def _opened(key: Opener, sealed: bytes, binding: bytes) -> bytes | None:
    try:
        return key.open(sealed, binding)
    except SealError:
        return None


def answer(body: bytes) -> bytes:
    """Opens one task's texts; both sides encoded."""
    return encode(open_all(decode_task(body)))


if __name__ == "__main__":
    serve(answer)
