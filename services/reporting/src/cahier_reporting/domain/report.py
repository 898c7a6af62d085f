"""A street report: what somebody found broken, who looks after it, and the city's word on it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.places import Position
from cahier_record.reporting.events import OpenState, Outcome
from cahier_reporting.domain import rules
from cahier_reporting.domain.category import Category
from cahier_reporting.domain.places import require_place
from cahier_reporting.domain.states import State


class Report(Aggregate):
    """Open until it is closed, and again when it is answered after that.

    `reporter` is the person's id ("" where nobody signed in) and stays private; `pseudonym` is
    what the public sees. Where that person is forgotten, reporter, place and description read
    ERASED. Once the promised time has passed without an answer, the log says so,
    before anything that the city says later (`advance`).
    """

    TOPIC = "reporting.report"

    class Created(Aggregate.Created):
        TOPIC = "reporting.report.received"
        PRIVATE = ("reporter",)
        class_version = 2
        category: str
        department: str
        reporter: str
        pseudonym: str
        position: str
        address: str
        description: str
        answer_by: datetime | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """The position was two numbers; as one text it is kept apart like the others."""
            lat_e7, lon_e7 = state.pop("lat_e7"), state.pop("lon_e7")
            located = lat_e7 is not None and lon_e7 is not None
            state["position"] = Position(lat_e7, lon_e7).text() if located else ""

    class Routed(Aggregate.Event):
        TOPIC = "reporting.report.routed"
        department: str
        reason: str

        def apply(self, aggregate: Report) -> None:
            aggregate.department = self.department

    class Answered(Aggregate.Event):
        TOPIC = "reporting.report.answered"
        state: OpenState
        text: str

        def apply(self, aggregate: Report) -> None:
            aggregate.state, aggregate.answer = State(self.state), self.text
            aggregate.duplicate_of = None

    class Closed(Aggregate.Event):
        TOPIC = "reporting.report.closed"
        state: Outcome
        text: str
        duplicate_of: UUID | None

        def apply(self, aggregate: Report) -> None:
            aggregate.state, aggregate.answer = State(self.state), self.text
            aggregate.duplicate_of = self.duplicate_of

    class PromiseMissed(Aggregate.Event):
        TOPIC = "reporting.report.promise_missed"
        answer_by: datetime

        def apply(self, aggregate: Report) -> None:
            aggregate.promise_missed = True

    def __init__(self, *, category: str, department: str, answer_by: datetime | None) -> None:
        self.category = category
        self.department = department
        self.answer_by = answer_by
        self.state = State.UNCONFIRMED
        self.answer = ""
        self.duplicate_of: UUID | None = None
        self.promise_missed = False

    @classmethod
    def receive(
        cls,
        *,
        id: UUID,
        category: Category,
        reporter: str,
        pseudonym: str,
        position: Position | None,
        address: str,
        description: str,
        now: datetime,
    ) -> Report:
        """A new report.

        Raises Unauthenticated `sign_in_required`; Invalid `place_required`,
        `position_out_of_range` or texts that break the rules.
        """
        category.require_open_to(reporter)
        require_place(position, address)
        rules.require_text(
            description, "description", chars_max=rules.DESCRIPTION_CHARS_MAX, required=True
        )
        return cls._create(
            cls.Created,
            id=id,
            timestamp=now,
            category=category.code,
            department=category.department,
            reporter=reporter,
            pseudonym=pseudonym,
            position=position.text() if position else "",
            address=address,
            description=description,
            answer_by=category.answer_by(now),
        )

    def advance(self, *, now: datetime) -> None:
        """Appends that the promise was missed when it was; it is missed once."""
        waits = self.state is State.UNCONFIRMED and not self.promise_missed
        if waits and self.answer_by is not None and now >= self.answer_by:
            self.trigger_event(self.PromiseMissed, timestamp=now, answer_by=self.answer_by)

    def route(self, *, department: str, reason: str, now: datetime) -> None:
        """Hands it over to another department.

        Raises FailedPrecondition `report_closed`, `already_routed`; Invalid: texts that break the
        rules.
        """
        rules.require_code(department, "department", chars_max=rules.DEPARTMENT_CHARS_MAX)
        rules.require_text(reason, "reason", chars_max=rules.REASON_CHARS_MAX, required=True)
        if self.is_closed:
            raise FailedPrecondition(
                "report_closed", "a closed report is answered again first", state=self.state.value
            )
        if department == self.department:
            raise FailedPrecondition(
                "already_routed", "this department looks after it already", department=department
            )
        self.advance(now=now)
        self.trigger_event(self.Routed, timestamp=now, department=department, reason=reason)

    def give_answer(self, *, state: State, text: str, now: datetime) -> None:
        """Says where the work stands; a closed report is open again then.

        Raises Invalid `answer_state_required`, `text_required` (to reopen) or a text that breaks
        the rules; FailedPrecondition `already_answered` when it says nothing new.
        """
        if not state.is_answer:
            raise Invalid("answer_state_required", "a state in which work goes on", field="state")
        if state is self.state and text in ("", self.answer):
            raise FailedPrecondition(
                "already_answered", "the report has this answer already", state=state.value
            )
        rules.require_text(text, "text", chars_max=rules.ANSWER_CHARS_MAX, required=self.is_closed)
        self.advance(now=now)
        self.trigger_event(self.Answered, timestamp=now, state=state.value, text=text)

    def close(
        self, *, outcome: State, text: str, duplicate_of: Report | None, now: datetime
    ) -> None:
        """Says how it ended; an outcome may be corrected, but never without a text.

        Raises Invalid `outcome_required`, `duplicate_of_not_expected`, `duplicate_of_itself`,
        `text_required` or a text that breaks the rules; FailedPrecondition `already_closed` when
        it says nothing new, `duplicate_of_duplicate`.
        """
        if not outcome.is_outcome:
            raise Invalid("outcome_required", "a state that closes a report", field="outcome")
        original = self._original(outcome, duplicate_of)
        said = text in ("", self.answer) and original == self.duplicate_of
        if outcome is self.state and said:
            raise FailedPrecondition(
                "already_closed", "the report has this outcome already", state=outcome.value
            )
        must_explain = outcome is not State.FIXED or self.is_closed
        rules.require_text(text, "text", chars_max=rules.ANSWER_CHARS_MAX, required=must_explain)
        self.advance(now=now)
        self.trigger_event(
            self.Closed, timestamp=now, state=outcome.value, text=text, duplicate_of=original
        )

    def _original(self, outcome: State, duplicate_of: Report | None) -> UUID | None:
        """The id of the report that stands; it repeats no other, so that no two point at each
        other."""
        if duplicate_of is None:
            return None
        if outcome is not State.DUPLICATE:
            raise Invalid(
                "duplicate_of_not_expected", "only a duplicate repeats one", field="duplicate_of"
            )
        if duplicate_of.id == self.id:
            raise Invalid(
                "duplicate_of_itself", "a report does not repeat itself", field="duplicate_of"
            )
        if duplicate_of.state is State.DUPLICATE:
            raise FailedPrecondition(
                "duplicate_of_duplicate",
                "that report is a duplicate: name the one that stands",
                field="duplicate_of",
            )
        return duplicate_of.id

    @property
    def is_closed(self) -> bool:
        return self.state.is_outcome
