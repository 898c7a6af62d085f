"""Questions and their answers: bounded pages from the read model, seen by the one who asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from uuid import UUID

from cahier_chassis.disclosures import disclosed
from cahier_chassis.pages import NUMBER_MAX, checked_size, make_token, read_token
from cahier_consultation.application.ports import (
    CommentRow,
    ProcessRow,
    ProposalFilter,
    ProposalRow,
    Pseudonyms,
    ReadModel,
)
from cahier_kernel.clock import Clock, to_rfc3339
from cahier_kernel.errors import NotFound
from cahier_ledger.model import Disclosure
from cahier_ledger.store import LedgerReader

PROCESSES_MAX = 1_000
PROPOSALS_PAGE_DEFAULT = 50
COMMENTS_PAGE_DEFAULT = 100
OWN_MAX = 200
OWN_SCAN_MAX = 20_000


class Order(Enum):
    """How a list of proposals is ordered."""

    AS_SUBMITTED = "s"
    NEWEST = "n"
    SUPPORTS = "p"


@dataclass(frozen=True, slots=True)
class Seen:
    """A proposal, and what the one who asks has to do with it."""

    row: ProposalRow
    supported: bool
    written: bool
    editable: bool


@dataclass(frozen=True, slots=True)
class ProposalPage:
    proposals: list[Seen]
    next_page_token: str
    total: int


@dataclass(frozen=True, slots=True)
class CommentPage:
    comments: list[CommentRow]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Own:
    """What a person has to do with proposals; each at most OWN_MAX, newest first."""

    written: list[Seen]
    supported: list[Seen]


class Queries:
    """Reads only. `person` is the id of the person who asks, or "" for anybody."""

    def __init__(
        self, ledger: LedgerReader, views: ReadModel, pseudonyms: Pseudonyms, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._views = views
        self._pseudonyms = pseudonyms
        self._clock = clock

    def process(self, process_id: UUID) -> ProcessRow:
        """Raises NotFound `process_not_found`."""
        found = self._views.process(str(process_id))
        if found is None:
            raise NotFound("process_not_found", "there is no such process", field="process_id")
        return found

    def processes(self) -> list[ProcessRow]:
        """Newest first, at most PROCESSES_MAX."""
        return self._views.processes(PROCESSES_MAX)

    def proposal(self, proposal_id: UUID, person: str) -> Seen:
        """Raises NotFound `proposal_not_found`."""
        return self._seen([self._proposal_row(proposal_id)], person)[0]

    def proposals(
        self, which: ProposalFilter, order: Order, page_size: int, page_token: str, person: str
    ) -> ProposalPage:
        """A page; rows that come or go between two pages are never shown twice in one order.

        Raises NotFound `process_not_found`; Invalid `page_size_out_of_range`,
        `page_token_malformed`.
        """
        self.process(UUID(which.process))
        size = checked_size(page_size, PROPOSALS_PAGE_DEFAULT)
        rows = self._page(which, order, page_token, size + 1)
        token = _token_after(order, rows[size - 1]) if len(rows) > size else ""
        total = self._views.count_proposals(which)
        return ProposalPage(self._seen(rows[:size], person), token, total)

    def own(self, person: str) -> Own:
        """What a person wrote and supports, of the newest OWN_SCAN_MAX proposals.

        No table says so: views hold pseudonyms only, one a person and proposal. The person's own
        are made anew and compared, a few microseconds each.
        """
        authors = self._views.authors(OWN_SCAN_MAX)
        names = [(id, self._pseudonyms.of(person, id)) for id, _ in authors]
        written = [id for (id, author), (_, name) in zip(authors, names, strict=True)
                   if author == name]  # fmt: skip
        standing = self._views.supported(names)
        supported = [id for id, _ in names if id in standing]
        return Own(
            written=self._seen(self._views.proposals_named(written[:OWN_MAX]), person),
            supported=self._seen(self._views.proposals_named(supported[:OWN_MAX]), person),
        )

    def comments(self, proposal_id: UUID, page_size: int, page_token: str) -> CommentPage:
        """Raises NotFound `proposal_not_found`; Invalid as `proposals`."""
        self._proposal_row(proposal_id)
        size = checked_size(page_size, COMMENTS_PAGE_DEFAULT)
        after = read_token(page_token, "c", 1)[0] if page_token else 0
        rows = self._views.comments(str(proposal_id), after, size + 1)
        token = make_token("c", rows[size - 1].seq) if len(rows) > size else ""
        return CommentPage(rows[:size], token)

    def disclosures(self, event_id: str) -> list[Disclosure]:
        """Raises NotFound `event_not_found` or `disclosures_erased`."""
        return disclosed(self._ledger, event_id)

    def _proposal_row(self, proposal_id: UUID) -> ProposalRow:
        found = self._views.proposal(str(proposal_id))
        if found is None:
            raise NotFound("proposal_not_found", "there is no such proposal", field="proposal_id")
        return found

    def _page(
        self, which: ProposalFilter, order: Order, page_token: str, limit: int
    ) -> list[ProposalRow]:
        if order is Order.SUPPORTS:
            supports, seq = (
                read_token(page_token, order.value, 2) if page_token else (NUMBER_MAX, 0)
            )
            return self._views.proposals_by_supports(which, supports, seq, limit)
        if order is Order.NEWEST:
            (seq,) = read_token(page_token, order.value, 1) if page_token else (NUMBER_MAX,)
            return self._views.proposals_newest(which, seq, limit)
        (seq,) = read_token(page_token, order.value, 1) if page_token else (0,)
        return self._views.proposals_as_submitted(which, seq, limit)

    def _seen(self, rows: list[ProposalRow], person: str) -> list[Seen]:
        if not person:
            return [Seen(row, supported=False, written=False, editable=False) for row in rows]
        names = {row.id: self._pseudonyms.of(person, row.id) for row in rows}
        supported = self._views.supported(list(names.items()))
        now = self._clock.now()
        return [
            Seen(
                row,
                supported=row.id in supported,
                written=row.author == names[row.id],
                editable=row.author == names[row.id] and _is_editable(row, now),
            )
            for row in rows
        ]


def _is_editable(row: ProposalRow, now: datetime) -> bool:
    decided = row.state in ("accepted", "rejected")
    return not row.withdrawn and not decided and to_rfc3339(now) < row.editable_until


def _token_after(order: Order, row: ProposalRow) -> str:
    if order is Order.SUPPORTS:
        return make_token(order.value, row.supports, row.seq)
    return make_token(order.value, row.seq)
