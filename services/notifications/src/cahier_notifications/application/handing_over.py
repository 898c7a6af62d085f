"""Hands planned mails to the mail server and notes how each ended. At least once.

A mail ends in an event of its own, stored after the server took it: whoever dies between the two
hands it over again, with the same Message-ID. What is the server's fault (it is away, it does not
talk to us) delays all mails and counts against none; what is a mail's fault delays that mail.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from opentelemetry.trace import SpanKind

from cahier_chassis import metrics
from cahier_chassis.logs import get_logger
from cahier_chassis.telemetry import continue_trace
from cahier_kernel.clock import Clock
from cahier_ledger.bus.health import backoff_s, heed_cancel
from cahier_ledger.model import Append, StoreUnavailable, StreamAppend, StreamConflict
from cahier_ledger.store import LedgerStore
from cahier_notifications.application.lines import Line, Lines
from cahier_notifications.application.ports import (
    HandOverUnsure,
    Letters,
    MailRefused,
    MailServer,
    ReadModel,
    ServerAway,
    WaitingMail,
)
from cahier_notifications.application.publishing import new_event
from cahier_notifications.domain.mailings import (
    MailEnded,
    MailingSettled,
    Outcome,
    mail_key,
    mailing_key,
)

ROUND_MAILS_MAX = 200
SCAN_PAGE = 500
SCAN_MAILS_MAX = 20_000
SETTLED_A_ROUND_MAX = 500
IDLE_S = 1.0
IDLE_ROUNDS_KEPT = 5
"""After so many rounds without a mail the conversations with the server are ended."""
SERVER_PAUSE_S_FIRST = 0.5
SERVER_PAUSE_S_MAX = 60.0
REFUSALS_MAX = 3
"""Tries of a mail that the server refuses for good: a misconfigured server may come to reason."""
TRIES_MAX = 40
"""Tries of a mail that it refuses for now: about a day and a half. Unsure ends are tried for ever:
whether the line or the mail is at fault cannot be told."""
DELAYS_S = (1.0, 5.0, 30.0, 120.0, 600.0, 3_600.0)
"""Waits before the second, third, ... try of one mail; the last one repeats."""

_LOG = get_logger(__name__)
_Key = tuple[str, str]


@dataclass(slots=True)
class _Tries:
    """What this process knows of a mail that failed; a restart forgets it and tries at once."""

    count: int
    not_before_s: float


class HandingOver:
    """One queue of mails, handed over on a few connections at a time."""

    def __init__(
        self,
        ledger: LedgerStore,
        views: ReadModel,
        letters: Letters,
        server: MailServer,
        clock: Clock,
        *,
        connections: int,
        now_s: Callable[[], float] | None = None,
    ) -> None:
        """clock: the city's, for events. now_s: the machine's, for waiting."""
        self._ledger = ledger
        self._views = views
        self._letters = letters
        self._lines = Lines(server)
        self._clock = clock
        self._connections = connections
        self._now_s = now_s or time.monotonic
        self._tries: dict[_Key, _Tries] = {}
        self._woken = asyncio.Event()
        self._away = ""

    def wake(self) -> None:
        """There is something to hand over."""
        self._woken.set()

    def away(self) -> str:
        """Why mails cannot be handed over, or ""."""
        return self._away

    async def run(self) -> None:
        """Hands over until cancelled."""
        # A view that is being built again does not know yet who follows no more.
        await self._views.caught_up()
        try:
            await self._run()
        finally:
            await self._lines.close()

    async def _run(self) -> None:
        pauses, idle = backoff_s(SERVER_PAUSE_S_FIRST, SERVER_PAUSE_S_MAX), 0
        while True:
            heed_cancel()
            self._woken.clear()
            try:
                worked = await self.round()
            except (ServerAway, StoreUnavailable) as error:
                self._note_away(error)
                await asyncio.sleep(next(pauses))
                continue
            pauses = backoff_s(SERVER_PAUSE_S_FIRST, SERVER_PAUSE_S_MAX)
            idle = 0 if worked else idle + 1
            if idle >= IDLE_ROUNDS_KEPT:
                await self._lines.close()
            if not worked:
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        await self._woken.wait()

    async def round(self) -> bool:
        """Hands over what is due, at most ROUND_MAILS_MAX, and settles mailings that have ended.

        Returns whether anything was done. Raises ServerAway; what was handed over before is kept.
        """
        # What woke us may be a moment ahead of the view.
        await self._settle_views()
        due = await asyncio.to_thread(self._due)
        metrics.MAILS_WAITING.set(await asyncio.to_thread(self._views.count_waiting))
        try:
            await self._hand_over_all(deque(due))
        finally:
            await self._settle_views()
            settled = await self._settle_mailings()
        return bool(due) or settled

    async def _settle_views(self) -> None:
        await self._views.settle(await asyncio.to_thread(self._ledger.head_seq))

    def _due(self) -> list[WaitingMail]:
        """The first mails of the queue that need not wait for their next try."""
        due: list[WaitingMail] = []
        after, now_s = (0, -1), self._now_s()
        for _ in range(SCAN_MAILS_MAX // SCAN_PAGE):
            page = self._views.waiting(after, SCAN_PAGE)
            due += [mail for mail in page if self._not_before_s(mail) <= now_s]
            if len(page) < SCAN_PAGE or len(due) >= ROUND_MAILS_MAX:
                break
            after = page[-1].place
        return [mail for mail in due[:ROUND_MAILS_MAX] if not self._has_ended(mail)]

    def _not_before_s(self, mail: WaitingMail) -> float:
        tries = self._tries.get((mail.cause, mail.follow))
        return tries.not_before_s if tries else 0.0

    async def _hand_over_all(self, queue: deque[WaitingMail]) -> None:
        if not queue:
            return
        count = min(self._connections, len(queue))
        outcomes = await asyncio.gather(
            *(self._hand_over_some(queue) for _ in range(count)), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _hand_over_some(self, queue: deque[WaitingMail]) -> None:
        """One line's work; ends when the queue is empty or the line breaks."""
        line: Line | None = None
        try:
            while queue:
                mail = queue.popleft()
                if mail.contact is None:
                    await self._end(mail, "dropped")
                    continue
                line = line or await self._lines.take()
                with continue_trace(mail.traceparent, "notifications.hand_over", SpanKind.CLIENT):
                    await self._hand_over(mail, line)
                self._away = ""
        except BaseException as error:
            if line is not None:
                await line.close()
            if isinstance(error, HandOverUnsure):
                raise ServerAway(str(error)) from error
            raise
        if line is not None:
            self._lines.give_back(line)

    async def _hand_over(self, mail: WaitingMail, line: Line) -> None:
        if mail.contact is None:
            raise ValueError("the mail has no recipient")
        try:
            letter = self._letters.write(mail, mail.contact)
        except (LookupError, ValueError):
            _LOG.exception("mail_unwritable", cause=mail.cause, letter=mail.letter)
            await self._end(mail, "given_up")
            return
        try:
            await line.hand_over(letter)
        except MailRefused as refusal:
            metrics.MAIL_FAILURES.labels("refused").inc()
            await self._failed(mail, refusal.code, REFUSALS_MAX if refusal.for_good else TRIES_MAX)
        except HandOverUnsure:
            metrics.MAIL_FAILURES.labels("unsure").inc()
            await self._failed(mail, 0, None)
            raise
        else:
            metrics.MAILS_HANDED_OVER.inc()
            await self._end(mail, "handed_over")

    def _has_ended(self, mail: WaitingMail) -> bool:
        """By the log itself: the view may lag a moment behind."""
        return self._ledger.stream_version(_mail_stream(mail)) > 0

    async def _failed(self, mail: WaitingMail, code: int, tries_max: int | None) -> None:
        key = (mail.cause, mail.follow)
        tries = self._tries.setdefault(key, _Tries(0, 0.0))
        tries.count += 1
        delay_s = DELAYS_S[min(tries.count, len(DELAYS_S)) - 1]
        tries.not_before_s = self._now_s() + delay_s
        _LOG.warning("mail_failed", cause=mail.cause, code=code, tries=tries.count)
        if tries_max is not None and tries.count >= tries_max:
            await self._end(mail, "given_up", code)

    async def _end(self, mail: WaitingMail, outcome: Outcome, code: int = 0) -> None:
        event = MailEnded(cause=mail.cause, follow=mail.follow, outcome=outcome, code=code)
        stored = new_event(event, self._clock.now())
        self._tries.pop((mail.cause, mail.follow), None)
        # Ended by another process just before: then there is nothing to add.
        with suppress(StreamConflict):
            await self._ledger.append(Append((StreamAppend(_mail_stream(mail), 0, (stored,)),)))

    async def _settle_mailings(self) -> bool:
        ended = await asyncio.to_thread(self._views.ended_mailings, SETTLED_A_ROUND_MAX)
        now = self._clock.now()
        appends = [
            Append(
                (
                    StreamAppend(
                        f"mailing-{mailing_key(each.cause).hex}",
                        each.version,
                        (new_event(MailingSettled(cause=each.cause, mails=each.mails), now),),
                    ),
                )
            )
            for each in ended
        ]
        for outcome in await self._ledger.append_many(appends):
            if isinstance(outcome, Exception) and not isinstance(outcome, StreamConflict):
                raise outcome
        return bool(appends)

    def _note_away(self, error: ServerAway | StoreUnavailable) -> None:
        if isinstance(error, ServerAway):
            metrics.MAIL_FAILURES.labels("server_away").inc()
        if not self._away:
            _LOG.warning("mails_wait", reason=str(error))
        self._away = str(error)


def _mail_stream(mail: WaitingMail) -> str:
    return f"mail-{mail_key(mail.cause, mail.follow).hex}"
