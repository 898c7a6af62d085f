"""A participatory process: when residents may propose, and who moved those dates and why."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_consultation.domain import rules
from cahier_kernel.errors import FailedPrecondition, Invalid


class Phase(Enum):
    """Where the idea phase stands, as the log says it."""

    PLANNED = "planned"
    OPEN = "open"
    CLOSED = "closed"


class Process(Aggregate):
    """Takes proposals from opens_at (included) to closes_at (excluded).

    The phase changes by events that are appended when their date has come (`advance`), so that
    everybody who reads the log sees the same phase; a date alone opens nothing.
    """

    TOPIC = "consultation.process"

    class Created(Aggregate.Created):
        TOPIC = "consultation.process.created"
        title: str
        description: str
        opens_at: datetime
        closes_at: datetime
        edit_window_seconds: int

    class IdeaPhaseRescheduled(Aggregate.Event):
        TOPIC = "consultation.process.idea_phase_rescheduled"
        opens_at: datetime
        closes_at: datetime
        reason: str

        def apply(self, aggregate: Process) -> None:
            aggregate.opens_at, aggregate.closes_at = self.opens_at, self.closes_at
            aggregate.has_new_dates = True

    class IdeaPhaseOpened(Aggregate.Event):
        TOPIC = "consultation.process.idea_phase_opened"

        def apply(self, aggregate: Process) -> None:
            aggregate.phase = Phase.OPEN

    class IdeaPhaseClosed(Aggregate.Event):
        TOPIC = "consultation.process.idea_phase_closed"

        def apply(self, aggregate: Process) -> None:
            aggregate.phase = Phase.CLOSED
            aggregate.has_new_dates = False

    def __init__(
        self,
        *,
        title: str,
        description: str,
        opens_at: datetime,
        closes_at: datetime,
        edit_window_seconds: int,
    ) -> None:
        self.title = title
        self.description = description
        self.opens_at = opens_at
        self.closes_at = closes_at
        self.edit_window_seconds = edit_window_seconds
        self.phase = Phase.PLANNED
        self.has_new_dates = False  # since it was last closed

    @classmethod
    def create(
        cls,
        *,
        id: UUID,
        title: str,
        description: str,
        opens_at: datetime,
        closes_at: datetime,
        edit_window_seconds: int,
        now: datetime,
    ) -> Process:
        """A new process; its phase is already open when its opening date has come.

        Raises Invalid: a text that breaks the rules, `dates_out_of_order`,
        `edit_window_out_of_range`.
        """
        rules.require_line(title, "title", chars_max=rules.TITLE_CHARS_MAX, required=True)
        rules.require_text(
            description, "description", chars_max=rules.TEXT_CHARS_MAX, required=False
        )
        if not 0 <= edit_window_seconds <= rules.EDIT_WINDOW_S_MAX:
            raise Invalid(
                "edit_window_out_of_range",
                f"0 to {rules.EDIT_WINDOW_S_MAX} seconds",
                field="edit_window_seconds",
                limit=rules.EDIT_WINDOW_S_MAX,
            )
        opens_at, closes_at = _in_order(opens_at, closes_at)
        process = cls._create(
            cls.Created,
            id=id,
            timestamp=now,
            title=title,
            description=description,
            opens_at=opens_at,
            closes_at=closes_at,
            edit_window_seconds=edit_window_seconds,
        )
        process.advance(now=now)
        return process

    def reschedule(
        self, *, opens_at: datetime, closes_at: datetime, reason: str, now: datetime
    ) -> None:
        """Moves the dates; a closed phase may be given new dates and opens again.

        Raises Invalid: a text that breaks the rules, `dates_out_of_order`, `closes_at_past`;
        FailedPrecondition `idea_phase_already_open` when an open phase would open later.
        """
        rules.require_text(reason, "reason", chars_max=rules.REASON_CHARS_MAX, required=True)
        opens_at, closes_at = _in_order(opens_at, closes_at)
        if closes_at <= now:
            raise Invalid("closes_at_past", "the new closing date is past", field="closes_at")
        self.advance(now=now)
        if self.phase is Phase.OPEN and opens_at > now:
            raise FailedPrecondition(
                "idea_phase_already_open",
                "the idea phase is open: only its closing date can still move",
                field="opens_at",
            )
        self.trigger_event(
            self.IdeaPhaseRescheduled,
            timestamp=now,
            opens_at=opens_at,
            closes_at=closes_at,
            reason=reason,
        )
        self.advance(now=now)

    def advance(self, *, now: datetime) -> None:
        """Appends the transitions that are due at `now`; none is due twice."""
        if self._is_opening_due(now):
            self.trigger_event(self.IdeaPhaseOpened, timestamp=now)
        if self.phase is Phase.OPEN and now >= self.closes_at:
            self.trigger_event(self.IdeaPhaseClosed, timestamp=now)

    def _is_opening_due(self, now: datetime) -> bool:
        if self.phase is Phase.PLANNED:
            return now >= self.opens_at
        # Whoever read the clock just before the closing must not open again what is closed now.
        may_reopen = self.phase is Phase.CLOSED and self.has_new_dates
        return may_reopen and self.opens_at <= now < self.closes_at

    def require_open(self, *, now: datetime) -> None:
        """Raises FailedPrecondition `idea_phase_not_open` unless proposals are taken at `now`.

        Call `advance` first: a date alone opens nothing.
        """
        if self.phase is not Phase.OPEN or now >= self.closes_at:
            raise FailedPrecondition(
                "idea_phase_not_open",
                "proposals are taken while the idea phase is open",
                phase=self.phase.value,
            )


def _in_order(opens_at: datetime, closes_at: datetime) -> tuple[datetime, datetime]:
    opens_at = rules.require_instant(opens_at, "opens_at")
    closes_at = rules.require_instant(closes_at, "closes_at")
    if closes_at <= opens_at:
        raise Invalid("dates_out_of_order", "closes_at is later than opens_at", field="closes_at")
    return opens_at, closes_at
