"""What the application needs from outside, and the values that cross over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process as the read model knows it; instants in RFC 3339."""

    id: str
    seq: int
    title: str
    description: str
    opens_at: str
    closes_at: str
    edit_window_seconds: int
    phase: str
    proposals: int


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal as the read model knows it; body and answer are empty in lists."""

    id: str
    seq: int
    process: str
    title: str
    body: str
    category: str
    district: str
    author: str
    state: str
    answer: str
    submitted_at: str
    answered_at: str
    editable_until: str
    withdrawn: bool
    supports: int
    comments: int
    position: str


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A comment as the read model knows it."""

    id: str
    seq: int
    proposal: str
    parent: str
    author: str
    body: str
    added_at: str


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """Which proposals a list holds. state: "" for any."""

    process: str
    state: str
    include_withdrawn: bool


class ReadModel(Protocol):
    """Answers from the views. Reads see whole events only; they may lag behind the store.

    Lists come in a total order and go on after the key of their last row, so that a page never
    repeats a row. Short reads, thread-safe.
    """

    def process(self, id: str) -> ProcessRow | None: ...

    def processes(self, limit: int) -> list[ProcessRow]:
        """Newest first, with the first 500 characters of their descriptions."""

    def due_processes(self, now: str, limit: int) -> list[str]:
        """Ids of processes whose idea phase should have opened or closed at `now`."""

    def proposal(self, id: str) -> ProposalRow | None: ...

    def count_proposals(self, which: ProposalFilter) -> int: ...

    def proposals_as_submitted(
        self, which: ProposalFilter, after_seq: int, limit: int
    ) -> list[ProposalRow]:
        """By seq, those with a seq over after_seq."""

    def proposals_newest(
        self, which: ProposalFilter, before_seq: int, limit: int
    ) -> list[ProposalRow]:
        """By falling seq, those with a seq below before_seq."""

    def proposals_by_supports(
        self, which: ProposalFilter, supports: int, after_seq: int, limit: int
    ) -> list[ProposalRow]:
        """By falling supports, then by seq: those that come after (supports, after_seq)."""

    def authors(self, limit: int) -> list[tuple[str, str]]:
        """(proposal, its author's pseudonym) of the newest proposals, newest first."""

    def proposals_named(self, ids: Sequence[str]) -> list[ProposalRow]:
        """Those of them that there are, newest first. At most 500."""

    def comments(self, proposal: str, after_seq: int, limit: int) -> list[CommentRow]:
        """By seq."""

    def supported(self, supports: Sequence[tuple[str, str]]) -> set[str]:
        """Of (proposal, supporter) pairs, the proposals whose support stands."""

    async def settle(self, seq: int) -> None:
        """Returns when the views have taken in `seq`, or after a bounded wait."""


class Pseudonyms(Protocol):
    """Names a person anew for each thing, so that a person's opinions cannot be joined."""

    def of(self, person: str, thing: str) -> str:
        """43 characters of base64url; always the same for the same person and thing."""
