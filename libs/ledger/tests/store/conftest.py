"""Stores to test and appends to hand in."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import settings

from cahier_ledger.ledger import Ledger
from cahier_ledger.model import (
    Append,
    Disclosure,
    Idempotency,
    NewEvent,
    PublicLeaf,
    StreamAppend,
)

Opener = Callable[..., Any]

# A busy machine is no finding.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture
async def open_store(place: Any) -> AsyncIterator[Opener]:
    """Opens the same store again and again, on each database in turn."""
    opened: list[Ledger] = []

    def open_it(**options: Any) -> Ledger:
        opened.append(place.open_ledger(**options))
        return opened[-1]

    yield open_it
    for store in opened:
        await store.close()


@pytest.fixture
def store(open_store: Opener) -> Any:
    return open_store()


@pytest.fixture
def event() -> Callable[..., NewEvent]:
    """A private event; with `leaf` a public one beside it."""

    def make(
        name: str = "done",
        leaf: str | None = None,
        disclosures: tuple[Disclosure, ...] = (),
        data: bytes = b"{}",
        meta: bytes = b"",
        recorded_at: str | None = "2026-11-22T10:00:00.000Z",
    ) -> NewEvent:
        public = None
        if leaf is not None:
            public = PublicLeaf(
                leaf, "t.v1.thing.done", b'{"id":"%s"}' % leaf.encode(), disclosures
            )
        return NewEvent(name, data, meta, recorded_at, public)

    return make


@pytest.fixture
def append(event: Callable[..., NewEvent]) -> Callable[..., Append]:
    """An append of `count` events to one stream."""

    def make(
        stream: str,
        expected: int = 0,
        count: int = 1,
        *,
        leaf: str | None = None,
        requires: tuple[tuple[str, int], ...] = (),
        key: str | None = None,
    ) -> Append:
        events = tuple(
            event(leaf=None if leaf is None else f"{leaf}-{number}") for number in range(count)
        )
        kept = None
        if key is not None:
            kept = Idempotency(
                key, hashlib.sha256(key.encode()).digest(), b"answer " + key.encode()
            )
        return Append((StreamAppend(stream, expected, events),), requires, kept)

    return make
