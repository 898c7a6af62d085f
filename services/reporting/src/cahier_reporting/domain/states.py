"""Where a report can stand, in the words that street-report systems share."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The city's last word on a report."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    INVESTIGATING = "investigating"
    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    ACTION_SCHEDULED = "action_scheduled"
    FIXED = "fixed"
    UNABLE_TO_FIX = "unable_to_fix"
    NOT_RESPONSIBLE = "not_responsible"
    DUPLICATE = "duplicate"
    INTERNAL_REFERRAL = "internal_referral"

    @property
    def is_answer(self) -> bool:
        """Whether it says that work goes on."""
        return self in _ANSWERS

    @property
    def is_outcome(self) -> bool:
        """Whether it closes a report."""
        return self in _OUTCOMES


_ANSWERS = frozenset(
    {
        State.CONFIRMED,
        State.INVESTIGATING,
        State.PLANNED,
        State.IN_PROGRESS,
        State.ACTION_SCHEDULED,
    }
)
_OUTCOMES = frozenset(
    {
        State.FIXED,
        State.UNABLE_TO_FIX,
        State.NOT_RESPONSIBLE,
        State.DUPLICATE,
        State.INTERNAL_REFERRAL,
    }
)
