"""What the application needs from outside, and the values that cross over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cahier_record.places import Position


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """A category as the read model knows it."""

    code: str
    label: str
    department: str
    promise_days: int
    anonymous: bool


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report as the read model knows it; instants in RFC 3339, "" for none.

    reporter: the pseudonym, "" where nobody signed in. In lists the description is cut to 500
    characters and the answer is empty.
    """

    id: str
    seq: int
    category: str
    category_label: str
    department: str
    state: str
    is_closed: bool
    position: Position | None
    address: str
    description: str
    received_at: str
    answer_by: str
    promise_missed: bool
    answer: str
    answered_at: str
    duplicate_of: str
    reporter: str


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """Something that happened to a report. kind: routed, answered, closed or promise_missed."""

    kind: str
    state: str
    department: str
    text: str
    happened_at: str


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """Which reports a list holds; "" does not choose. person: the reporter's id."""

    state: str = ""
    category: str = ""
    department: str = ""
    person: str = ""


class ReadModel(Protocol):
    """Answers from the views. Reads see whole events only; they may lag behind the store.

    Lists come in a total order and go on after the key of their last row, so that a page never
    repeats a row. Short reads, thread-safe.
    """

    def categories(self, limit: int) -> list[CategoryRow]:
        """By label, then by code."""

    def report(self, id: str) -> ReportRow | None: ...

    def updates(self, report: str, limit: int) -> list[UpdateRow]:
        """The last `limit` of a report, oldest first."""

    def reports_newest(self, which: ReportFilter, before_seq: int, limit: int) -> list[ReportRow]:
        """By falling seq, those with a seq below before_seq."""

    def count_reports(self, which: ReportFilter) -> int: ...

    def open_around(
        self, middle: Position, radius_m: int, category: str, limit: int
    ) -> list[ReportRow]:
        """The open reports that are nearest to the middle, within the radius and a little more.

        category: "" for all. Nearest by the plane through the middle, which is within 1 % of the
        truth up to 85 degrees of latitude.
        """

    def due_promises(self, now: str, limit: int) -> list[str]:
        """Ids of unanswered reports whose promised time has come at `now`."""

    async def settle(self, seq: int) -> None:
        """Returns when the views have taken in `seq`, or after a bounded wait."""


class Pseudonyms(Protocol):
    """Names a person anew for each thing, so that a person's reports cannot be joined."""

    def of(self, person: str, thing: str) -> str:
        """43 characters of base64url; always the same for the same person and thing."""
