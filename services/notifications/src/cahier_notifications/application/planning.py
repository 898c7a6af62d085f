"""Reacts to siblings' events: plans, once an event, the mails that it causes.

The plan is appended to a stream named by the event, so an event that is delivered again, by the
bus or by a person, plans nothing twice, whatever has become of the inbox.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from cahier_chassis.logs import get_logger
from cahier_chassis.telemetry import continue_trace
from cahier_kernel.clock import Clock, from_rfc3339
from cahier_kernel.errors import TooLarge
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.reactions import Delivery
from cahier_ledger.model import Append, Appended, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore
from cahier_notifications.application.ports import FollowRow, ReadModel
from cahier_notifications.application.publishing import new_event
from cahier_notifications.domain.follows import Thing
from cahier_notifications.domain.mailings import (
    FOLLOWS_A_PLAN_MAX,
    PLANS_MAX,
    MailsPlanned,
    mailing_key,
)
from cahier_notifications.domain.notices import Notice, notices_of
from cahier_record.events import Leaf, decode_leaf

CLOCKS_DIFFER_MAX = timedelta(seconds=60)
"""Who began to follow later than this after an event does not hear of it."""
_LOG = get_logger(__name__)


class Planning:
    """Turns a delivered public event into planned mails."""

    def __init__(
        self, ledger: LedgerStore, views: ReadModel, clock: Clock, planned: Callable[[], None]
    ) -> None:
        """planned: called after mails were planned, to wake whoever hands them over."""
        self._ledger = ledger
        self._views = views
        self._clock = clock
        self._planned = planned

    async def react(self, delivery: Delivery) -> None:
        """Raises Unavailable `views_lag` (tried again), TooLarge `too_many_mails`."""
        for failure in await self.react_to_many((delivery,)):
            if failure is not None:
                raise failure

    async def react_to_many(self, deliveries: Sequence[Delivery]) -> list[Exception | None]:
        """As react for each, events of one sibling, with one commit; answers why, where it failed.

        Raises Unavailable `views_lag` for all.
        """
        messages = [delivery.message for delivery in deliveries]
        for service in {message.type.partition(".")[0] for message in messages}:
            last = max(m.public_seq for m in messages if m.type.partition(".")[0] == service)
            await self._views.require(service, last)
        made = await asyncio.to_thread(lambda: [self._append(message) for message in messages])
        appends = [each for each in made if isinstance(each, Append)]
        stored = iter(await self._ledger.append_many(appends))
        outcomes = [next(stored) if isinstance(each, Append) else each for each in made]
        if any(isinstance(outcome, Appended) for outcome in outcomes):
            self._planned()
        return [_failure(outcome) for outcome in outcomes]

    def _append(self, message: PublicMessage) -> Append | Exception | None:
        """The event's plans, ready to be stored; None when it concerns nobody."""
        with continue_trace(message.traceparent, "notifications.plan"):
            try:
                leaf = decode_leaf(message.leaf)
                plans = self._plans(leaf)
            except Exception as error:
                return error
            if not plans:
                return None
            mails = sum(len(plan.follows) for plan in plans)
            _LOG.info("mails_planned", cause=leaf.id, type=leaf.type, mails=mails)
            now = self._clock.now()
            events = tuple(new_event(plan, now) for plan in plans)
            # Named by the event and new: what was planned at an earlier delivery conflicts.
            return Append((StreamAppend(f"mailing-{mailing_key(leaf.id).hex}", 0, events),))

    def _plans(self, leaf: Leaf) -> list[MailsPlanned]:
        notices = notices_of(leaf.event, self._views.facts)
        chosen = _chosen(notices, self._followers(notices), _event_time(leaf))
        plans = [
            MailsPlanned(
                cause=leaf.id,
                letter=notice.letter,
                about_kind=notice.about.kind,
                about=notice.about.id,
                params=notice.params,
                follows=tuple(follows[start : start + FOLLOWS_A_PLAN_MAX]),
            )
            for notice, follows in chosen
            for start in range(0, len(follows), FOLLOWS_A_PLAN_MAX)
        ]
        if len(plans) > PLANS_MAX:
            raise TooLarge("too_many_mails", f"an event causes at most {PLANS_MAX} plans")
        return plans

    def _followers(self, notices: Sequence[Notice]) -> dict[Thing, list[FollowRow]]:
        things = list(dict.fromkeys(notice.thing for notice in notices))
        found: dict[Thing, list[FollowRow]] = defaultdict(list)
        if things:
            for row in self._views.followers(things, min(notice.level for notice in notices)):
                found[row.thing].append(row)
        return found


def _failure(outcome: Appended | Exception | None) -> Exception | None:
    """Why an event was not dealt with. A conflict says that it was, at an earlier delivery."""
    return None if isinstance(outcome, Appended | StreamConflict) else outcome


def _event_time(leaf: Leaf) -> datetime | None:
    return from_rfc3339(leaf.at) if leaf.at is not None else None


def _chosen(
    notices: Sequence[Notice], followers: dict[Thing, list[FollowRow]], at: datetime | None
) -> Iterator[tuple[Notice, list[str]]]:
    """Each notice with the follows that get its letter; a person gets a letter once."""
    given: set[tuple[str, str, Thing]] = set()
    used: set[str] = set()
    for notice in notices:
        follows = []
        for row in followers.get(notice.thing, ()):
            once = (row.person, notice.letter, notice.about)
            if row.level >= notice.level and once not in given and _followed_by(row, at):
                given.add(once)
                if row.id not in used:
                    used.add(row.id)
                    follows.append(row.id)
        if follows:
            yield notice, follows


def _followed_by(row: FollowRow, at: datetime | None) -> bool:
    return at is None or from_rfc3339(row.since) <= at + CLOCKS_DIFFER_MAX
