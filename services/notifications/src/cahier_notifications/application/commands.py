"""Commands on follows: decide on the stream as it stands, append, answer when the views know.

Each may be repeated: under an idempotency key it gets the same answer, without one it changes
nothing. A refused command appends nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import msgspec

from cahier_chassis.erasing import not_erased
from cahier_chassis.tokens import Claims, require_role
from cahier_kernel.clock import Clock
from cahier_kernel.errors import Invalid, NotFound
from cahier_kernel.ids import derived_uuid
from cahier_ledger.aggregates import CONFLICT_ATTEMPTS
from cahier_ledger.model import Append, Idempotency, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore
from cahier_notifications.application.ports import ReadModel, Unsubscribing
from cahier_notifications.application.publishing import new_event
from cahier_notifications.application.stored import ErasingEvent, PrivateEvent, read
from cahier_notifications.domain.follows import (
    ContactStated,
    Followed,
    FollowEvent,
    Level,
    Thing,
    Unfollowed,
    Way,
    decide_contact,
    decide_follow,
    decide_unfollow,
    follow_id,
)

T = TypeVar("T")
Keep = Callable[[], Idempotency | None]
"""The answer kept with the append; these commands' answers are known before they append."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to follow.

    language: of all their mails from now on, "" for the one so far. only_first: as in
    `decide_follow`; where it changes nothing, the contact stays as it was, too.
    """

    thing: Thing
    level: Level
    language: str = ""
    only_first: bool = False


class Commands:
    """Follow, unfollow, unsubscribe."""

    def __init__(
        self, ledger: LedgerStore, views: ReadModel, unsubscribing: Unsubscribing, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._views = views
        self._unsubscribing = unsubscribing
        self._clock = clock

    async def follow(self, claims: Claims, wish: Wish, keep: Keep) -> None:
        """Raises Forbidden `role_required`, NotFound `thing_not_found`, Unauthenticated
        `person_erased`, and what decide_follow and decide_contact raise.
        """
        require_role(claims, "resident")
        if not await asyncio.to_thread(self._views.knows, wish.thing):
            rule = f"the city has told of no such {wish.thing.kind.value} (yet)"
            raise NotFound("thing_not_found", rule, field="thing_id")
        await _retried(lambda: self._follow(claims, wish, keep))

    async def _follow(self, claims: Claims, wish: Wish, keep: Keep) -> None:
        person, thing = claims.subject, wish.thing
        lives = not_erased(self._ledger, person)
        contact_stream, stream = _contact_stream(person), _follow_stream(follow_id(person, thing))
        contact_version, stated = await asyncio.to_thread(self._last, contact_stream)
        version, last = await asyncio.to_thread(self._last, stream)
        following = await asyncio.to_thread(self._views.count_follows, person)
        followed = decide_follow(
            _as_follow(last), person, thing, wish.level, following, only_first=wish.only_first
        )
        last_contact = stated if isinstance(stated, ContactStated) else None
        contact = None
        if followed is not None or not wish.only_first:
            contact = decide_contact(last_contact, person, claims.email, wish.language)
        await self._append(
            [(contact_stream, contact_version, contact), (stream, version, followed)], keep, lives
        )

    async def unfollow(self, claims: Claims, thing: Thing, keep: Keep) -> None:
        """Raises Forbidden `role_required`."""
        require_role(claims, "resident")
        await self._end(follow_id(claims.subject, thing), "asked", keep)

    async def unsubscribe(self, token: str) -> Thing:
        """Ends the follow that a mail came from; raises Invalid `unsubscribe_token_wrong`."""
        follow = self._unsubscribing.follow(token)
        ended = None if follow is None else await self._end(UUID(follow), "mail", _keep_nothing)
        if ended is None:
            raise Invalid("unsubscribe_token_wrong", "this is no mail's token", field="token")
        return ended

    async def _end(self, id: UUID, way: Way, keep: Keep) -> Thing | None:
        """The thing that is followed no more, or None when it never was."""

        async def once() -> Thing | None:
            stream = _follow_stream(id)
            version, last = await asyncio.to_thread(self._last, stream)
            follow = _as_follow(last)
            if follow is None:
                await self._append([(stream, version, None)], keep)
                return None
            await self._append([(stream, version, decide_unfollow(follow, way))], keep)
            return Thing(follow.kind, follow.thing)

        return await _retried(once)

    def _last(self, stream: str) -> tuple[int, PrivateEvent | ErasingEvent | None]:
        """The stream's version and its event at that version. Blocks."""
        version = self._ledger.stream_version(stream)
        found = self._ledger.read_stream(stream, version - 1, 1) if version else []
        return version, read(found[0]) if found else None

    async def _append(
        self,
        pending: list[tuple[str, int, PrivateEvent | None]],
        keep: Keep,
        requires: tuple[tuple[str, int], ...] = (),
    ) -> None:
        now = self._clock.now()
        streams = tuple(
            StreamAppend(stream, version, (new_event(event, now),))
            for stream, version, event in pending
            if event is not None
        )
        kept = keep()
        if not streams and kept is None:
            return
        # Remembered though nothing changed: a copy of this call that comes late must not undo
        # what its caller has done since.
        unchanged = tuple((stream, version) for stream, version, event in pending if event is None)
        appended = await self._ledger.append(Append(streams, (*unchanged, *requires), kept))
        if appended.seqs:
            await self._views.settle(appended.seqs[-1])


def _keep_nothing() -> None:
    """Ending a follow changes nothing when it is repeated."""


def _as_follow(event: msgspec.Struct | None) -> FollowEvent | None:
    return event if isinstance(event, Followed | Unfollowed) else None


def _follow_stream(id: UUID) -> str:
    return f"follow-{id.hex}"


def _contact_stream(person: str) -> str:
    return f"contact-{derived_uuid('notifications.contact', person).hex}"


async def _retried(once: Callable[[], Awaitable[T]]) -> T:
    """Decides again when the stream has moved on meanwhile."""
    for _ in range(CONFLICT_ATTEMPTS - 1):
        try:
            return await once()
        except StreamConflict:
            continue
    return await once()
