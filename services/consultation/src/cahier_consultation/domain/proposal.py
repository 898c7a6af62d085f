"""A resident's proposal: its text, its author's say over it, and the city's answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_consultation.domain import rules
from cahier_kernel.errors import AlreadyExists, FailedPrecondition, Forbidden, Invalid
from cahier_record.consultation.events import AnswerState
from cahier_record.places import Position, require_position

CHANGES_MAX = 100


class Answer(Enum):
    """The city's answer so far."""

    NOT_ANSWERED = "not_answered"
    EVALUATING = "evaluating"
    ACCEPTED = "accepted"
    REJECTED = "rejected"

    @property
    def is_decided(self) -> bool:
        return self in (Answer.ACCEPTED, Answer.REJECTED)


class Proposal(Aggregate):
    """Its author may edit it for a while and withdraw it until the city has decided.

    `author` is the person's id and stays private; `pseudonym` is what the public sees. Once its
    author is forgotten, `author` and the texts read ERASED.
    """

    TOPIC = "consultation.proposal"

    class Created(Aggregate.Created):
        TOPIC = "consultation.proposal.submitted"
        PRIVATE = ("author",)
        class_version = 2
        process_id: UUID
        author: str
        pseudonym: str
        title: str
        body: str
        category: str
        district: str
        editable_until: datetime
        position: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Proposals had no place of their own."""
            state["position"] = ""

    class Edited(Aggregate.Event):
        TOPIC = "consultation.proposal.edited"
        title: str
        body: str

        def apply(self, aggregate: Proposal) -> None:
            aggregate.title, aggregate.body = self.title, self.body

    class Withdrawn(Aggregate.Event):
        TOPIC = "consultation.proposal.withdrawn"

        def apply(self, aggregate: Proposal) -> None:
            aggregate.is_withdrawn = True

    class Answered(Aggregate.Event):
        TOPIC = "consultation.proposal.answered"
        process_id: UUID
        state: AnswerState
        text: str

        def apply(self, aggregate: Proposal) -> None:
            aggregate.answer = Answer(self.state)

    class ChangeAnswered(Aggregate.Event):
        TOPIC = "consultation.proposal.change_answered"
        change: str
        agrees: bool

        def apply(self, aggregate: Proposal) -> None:
            aggregate.changes[self.change] = self.agrees

    def __init__(
        self,
        *,
        process_id: UUID,
        author: str,
        title: str,
        body: str,
        editable_until: datetime,
    ) -> None:
        self.process_id = process_id
        self.author = author
        self.title = title
        self.body = body
        self.editable_until = editable_until
        self.answer = Answer.NOT_ANSWERED
        self.is_withdrawn = False
        self.changes: dict[str, bool] = {}

    @classmethod
    def submit(
        cls,
        *,
        id: UUID,
        process_id: UUID,
        author: str,
        pseudonym: str,
        title: str,
        body: str,
        category: str,
        district: str,
        edit_window_seconds: int,
        now: datetime,
        position: Position | None = None,
    ) -> Proposal:
        """A new proposal; the caller has asked the process whether it takes any.

        Raises Invalid: a text that breaks the rules, `position_out_of_range`.
        """
        _require_texts(title, body)
        if position is not None:
            require_position(position)
        rules.require_line(category, "category", chars_max=rules.CATEGORY_CHARS_MAX, required=False)
        rules.require_line(district, "district", chars_max=rules.DISTRICT_CHARS_MAX, required=False)
        return cls._create(
            cls.Created,
            id=id,
            timestamp=now,
            process_id=process_id,
            author=author,
            pseudonym=pseudonym,
            title=title,
            body=body,
            category=category,
            district=district,
            editable_until=now + timedelta(seconds=edit_window_seconds),
            position=position.text() if position else "",
        )

    def edit(self, *, person: str, title: str, body: str, now: datetime) -> None:
        """Replaces the text.

        Raises Forbidden `not_the_author`; FailedPrecondition `proposal_withdrawn`,
        `proposal_answered`, `edit_window_over`; Invalid: a text that breaks the rules.
        """
        self._require_author(person)
        self._require_not_withdrawn()
        self._require_not_decided()
        if now >= self.editable_until:
            raise FailedPrecondition(
                "edit_window_over", "a proposal can be edited for a while after submission only"
            )
        _require_texts(title, body)
        self.trigger_event(self.Edited, timestamp=now, title=title, body=body)

    def withdraw(self, *, person: str, now: datetime) -> None:
        """Takes the proposal back.

        Raises Forbidden `not_the_author`; FailedPrecondition `proposal_withdrawn`,
        `proposal_answered`.
        """
        self._require_author(person)
        self._require_not_withdrawn()
        self._require_not_decided()
        self.trigger_event(self.Withdrawn, timestamp=now)

    def give_answer(self, *, answer: Answer, text: str, now: datetime) -> None:
        """Records the city's answer; a decision may be changed, but never without a text.

        Raises FailedPrecondition `proposal_withdrawn`, `already_answered` (the same answer
        again); Invalid `answer_state_required`, `text_required` or a text that breaks the rules.
        """
        if answer is Answer.NOT_ANSWERED:
            raise Invalid(
                "answer_state_required", "evaluating, accepted or rejected", field="state"
            )
        self._require_not_withdrawn()
        if answer is self.answer:
            raise FailedPrecondition(
                "already_answered", "the proposal has this answer already", state=answer.value
            )
        must_explain = answer is Answer.REJECTED or self.answer.is_decided
        rules.require_text(text, "text", chars_max=rules.TEXT_CHARS_MAX, required=must_explain)
        self.trigger_event(
            self.Answered,
            timestamp=now,
            process_id=self.process_id,
            state=answer.value,
            text=text,
        )

    def answer_change(self, *, person: str, change: UUID, agrees: bool, now: datetime) -> None:
        """Says whether the author agrees that the proposal's project be merged or split.

        change: as budget's log names it; whether there is such a change is budget's to know.
        Raises Forbidden `not_the_author`; FailedPrecondition `proposal_withdrawn`,
        `too_many_changes`; AlreadyExists `change_already_answered`.
        """
        self._require_author(person)
        self._require_not_withdrawn()
        if str(change) in self.changes:
            raise AlreadyExists("change_already_answered", "one answer each", field="change_id")
        if len(self.changes) >= CHANGES_MAX:
            raise FailedPrecondition(
                "too_many_changes", f"at most {CHANGES_MAX} answers", max=CHANGES_MAX
            )
        self.trigger_event(self.ChangeAnswered, timestamp=now, change=str(change), agrees=agrees)

    def require_supportable(self) -> None:
        """Raises FailedPrecondition `proposal_withdrawn` or `proposal_closed` (rejected)."""
        self._require_not_withdrawn()
        if self.answer is Answer.REJECTED:
            raise FailedPrecondition(
                "proposal_closed", "a rejected proposal takes no more supports"
            )

    def require_open_to_comments(self) -> None:
        """Raises FailedPrecondition `proposal_withdrawn`; answered proposals are discussed on."""
        self._require_not_withdrawn()

    def _require_author(self, person: str) -> None:
        if person != self.author:
            raise Forbidden("not_the_author", "only its author may change a proposal")

    def _require_not_withdrawn(self) -> None:
        if self.is_withdrawn:
            raise FailedPrecondition("proposal_withdrawn", "the proposal was withdrawn")

    def _require_not_decided(self) -> None:
        if self.answer.is_decided:
            raise FailedPrecondition(
                "proposal_answered", "the city has answered this proposal", state=self.answer.value
            )


def _require_texts(title: str, body: str) -> None:
    rules.require_line(title, "title", chars_max=rules.TITLE_CHARS_MAX, required=True)
    rules.require_text(body, "body", chars_max=rules.TEXT_CHARS_MAX, required=False)
