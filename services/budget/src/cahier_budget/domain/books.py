"""An election's books, from the published result to the last cent, and what is built of it.

One aggregate an election. Each method decides and raises a DomainError, or triggers an event whose
postings sum to zero; the accounts themselves (cahier_record) refuse whatever would lose a cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate

from cahier_budget.domain import book_events as told
from cahier_budget.domain import checks
from cahier_budget.domain.election import event_id
from cahier_budget.domain.works import INVOICES_MAX, TENDERS_MAX, Entry, Works, entry_of
from cahier_budget.domain.works import require_room as room
from cahier_kernel.errors import FailedPrecondition, Invalid, NotFound
from cahier_kernel.ids import derived_uuid
from cahier_record.budget.books import Accounts, move, post
from cahier_record.budget.delivery import Posting

GRANT = ("grant", 0, "")
REST = ("unallocated", 0, "")
RETURNED = ("returned", 0, "")
WINNERS_AN_EVENT_MAX = 400
"""Postings of one event must fit a leaf of 65,535 bytes."""


@dataclass(frozen=True, slots=True)
class Winner:
    """A project that a result names."""

    project_id: str
    number: int
    cost_cents: int


def books_id(election_id: UUID) -> UUID:
    """Each election has one set of books."""
    return derived_uuid("budget.books", str(election_id))


class Books(Aggregate):
    """Guarded by its version."""

    TOPIC = "budget.books"

    class Created(Aggregate.Created):
        """The envelope is there to be spent."""

        TOPIC = "budget.books.opened"
        election_id: str
        result: str
        envelope_cents: int
        postings: tuple[Posting, ...]

    def __init__(
        self, election_id: str, result: str, envelope_cents: int, postings: tuple[Posting, ...]
    ) -> None:
        self.election_id = election_id
        self.result = result
        self.envelope_cents = envelope_cents
        self.accounts = Accounts()
        self.accounts.post(postings)
        self.works: dict[str, Works] = {}
        self.funded: set[int] = set()
        self.is_closed = False
        self.entries: list[Entry] = [
            Entry(1, self.created_on, "opened", "", "", "", "", {}, tuple(postings))
        ]

    def take(self, event: Any) -> None:
        """For events alone."""
        entry = entry_of(event)
        self.accounts.post(entry.postings)
        self.entries.append(entry)
        match event:
            case told.FundsReserved() | told.FundsReleased():
                self.result = event.result
                for posting in event.postings:
                    if posting.project and posting.cents > 0:
                        self.funded.add(posting.project)
                    elif posting.project:
                        self.funded.discard(posting.project)
            case told.BooksClosed():
                self.is_closed = True
            case told.PhotoErased():
                self._forget_photo(event.photo_id)
            case told.TextsErased():
                self._forget(event.entry)
            case told.ReservationRaised():
                self.funded.update(each.project for each in event.postings if each.project)
        if entry.project_id:
            works = self.works.setdefault(entry.project_id, Works(entry.project_id))
            works.take(event, event.originator_version)

    def tell(self, event: type[told.BooksChanged], **values: Any) -> None:
        """Triggers an event of this election's books."""
        self.trigger_event(event, election_id=self.election_id, **values)

    def _forget_photo(self, photo_id: str) -> None:
        for entry in self.entries:
            if (entry.kind, entry.item) == ("photo_added", photo_id):
                self._forget(entry.version)
                return

    def _forget(self, number: int) -> None:
        """What is kept in memory reads as what is stored does."""
        entry = self.entries[number - 1].without_texts()
        self.entries[number - 1] = entry
        self.works_of(entry.project_id).forget(entry)

    def last_event(self) -> str:
        """Id of the public event of the present version."""
        return event_id(self.id, self.version)

    def works_of(self, project_id: str) -> Works:
        """How far a project is built; nothing yet for one that nothing was said of."""
        return self.works.get(project_id) or Works(project_id)

    @classmethod
    def open(cls, election_id: UUID, result: str, envelope_cents: int, *, now: datetime) -> Books:
        """Books with all of the envelope and no claim on it. result: event that announced it."""
        return cls._create(
            cls.Created,
            id=books_id(election_id),
            timestamp=now,
            election_id=str(election_id),
            result=result,
            envelope_cents=envelope_cents,
            postings=move(envelope_cents, GRANT, REST),
        )

    def follow_result(self, result: str, winners: Sequence[Winner], *, now: datetime) -> None:
        """Sets aside what winners cost, in their order, as far as the rest reaches.

        What was set aside for those that win no more, and is not committed, is free again first.
        Closed books stay as they are.
        """
        if self.is_closed:
            return
        won = {each.number for each in winners}
        released = [
            posting
            for number in sorted(self.funded - won)
            for posting in post(
                ("reserved", number, ""), -self.accounts.balance("reserved", number)
            )
        ]
        for some in _parts(released):
            freed = -sum(posting.cents for posting in some)
            postings = (*some, *post(REST, freed))
            self.tell(told.FundsReleased, timestamp=now, result=result, postings=postings)
        for some in _parts(self._to_reserve(winners)):
            taken = sum(posting.cents for posting in some)
            postings = (*post(REST, -taken), *some)
            self.tell(told.FundsReserved, timestamp=now, result=result, postings=postings)

    def _to_reserve(self, winners: Sequence[Winner]) -> list[Posting]:
        rest = self.accounts.balance(*REST)
        found: list[Posting] = []
        for each in winners:
            if self.works_of(each.project_id).is_ended:
                continue
            money = self.accounts.money(each.number)
            held = money.reserved_cents + money.committed_cents + money.paid_cents
            missing = max(0, each.cost_cents - held) if each.number not in self.funded else 0
            if 0 < missing <= rest:
                rest -= missing
                found += post(("reserved", each.number, ""), missing)
        return found

    def raise_reservation(self, winner: Winner, cents: int, reason: str, *, now: datetime) -> None:
        """Gives a project more out of the rest, with a public reason."""
        self._going_on(winner)
        reason = _reason(reason)
        checks.cents(cents, "cents", least=1)
        self._require_rest(cents)
        self.tell(
            told.ReservationRaised,
            timestamp=now,
            project_id=winner.project_id,
            postings=move(cents, REST, ("reserved", winner.number, "")),
            reason=reason,
        )

    def award_tender(
        self,
        winner: Winner,
        cents: int,
        *,
        tender_id: UUID,
        title: str,
        contractor: str,
        top_up: bool,
        reason: str,
        now: datetime,
    ) -> None:
        """Commits what a contract costs; what the reservation lacks comes from the rest.

        Raises FailedPrecondition `tender_over_reservation` unless topping up is asked for (then
        with a reason), `rest_too_small` where the rest does not reach.
        """
        works = self._going_on(winner)
        room(len(works.tenders), TENDERS_MAX, "tenders")
        checks.cents(cents, "cents", least=1)
        title = checks.line(title, "title", longest=checks.TITLE_CHARS_MAX, required=True)
        contractor = checks.line(contractor, "contractor", longest=checks.TITLE_CHARS_MAX)
        reserved = self.accounts.balance("reserved", winner.number)
        lacking = max(0, cents - reserved)
        if lacking and not top_up:
            raise FailedPrecondition(
                "tender_over_reservation",
                "the contract costs more than is set aside for the project",
                field="cents",
                reserved_cents=reserved,
                unallocated_cents=self.accounts.balance(*REST),
            )
        reason = _reason(reason) if lacking else ""
        self._require_rest(lacking)
        self.tell(
            told.TenderAwarded,
            timestamp=now,
            project_id=winner.project_id,
            tender_id=str(tender_id),
            postings=(
                *post(("reserved", winner.number, ""), lacking - cents),
                *post(REST, -lacking),
                *post(("committed", winner.number, str(tender_id)), cents),
            ),
            title=title,
            contractor=contractor,
            reason=reason,
        )

    def close_tender(self, winner: Winner, tender_id: str, reason: str, *, now: datetime) -> None:
        """Nothing more is billed by a contract: its rest is set aside for the project again."""
        tender = self._going_on(winner).tender(tender_id)
        account = ("committed", winner.number, tender.id)
        self.tell(
            told.TenderClosed,
            timestamp=now,
            project_id=winner.project_id,
            tender_id=tender.id,
            postings=move(
                self.accounts.balance(*account), account, ("reserved", winner.number, "")
            ),
            reason=_reason(reason),
        )

    def record_expenditure(
        self,
        winner: Winner,
        cents: int,
        *,
        invoice_id: UUID,
        tender_id: str,
        payee: str,
        reference: str,
        subject: str,
        now: datetime,
    ) -> None:
        """Pays an invoice, by a contract or, without, out of what is set aside.

        Raises FailedPrecondition `invoice_over_commitment` or `invoice_over_reservation`.
        """
        works = self._going_on(winner)
        room(len(works.invoices), INVOICES_MAX, "invoices")
        checks.cents(cents, "cents", least=1)
        source = ("reserved", winner.number, "")
        if tender_id:
            source = ("committed", winner.number, works.tender(tender_id).id)
        left = self.accounts.balance(*source)
        if cents > left:
            raise FailedPrecondition(
                "invoice_over_commitment" if tender_id else "invoice_over_reservation",
                "the invoice is higher than what is left for it",
                field="cents",
                left_cents=left,
            )
        self.tell(
            told.ExpenditureRecorded,
            timestamp=now,
            project_id=winner.project_id,
            invoice_id=str(invoice_id),
            tender_id=tender_id,
            postings=move(cents, source, ("paid", winner.number, str(invoice_id))),
            payee=checks.line(payee, "payee", longest=checks.TITLE_CHARS_MAX, required=True),
            reference=checks.line(reference, "reference", longest=checks.LABEL_CHARS_MAX),
            subject=checks.line(subject, "subject", longest=checks.TITLE_CHARS_MAX),
        )

    def reverse_expenditure(
        self, winner: Winner, invoice_id: str, reason: str, *, now: datetime
    ) -> None:
        """Takes a payment back to where it came from; of an ended project, to the rest."""
        self._require_open()
        works = self.works_of(winner.project_id)
        invoice = works.invoices.get(invoice_id)
        account = ("paid", winner.number, invoice_id)
        paid = self.accounts.balance(*account)
        if invoice is None:
            raise NotFound("invoice_not_found", "no such invoice", field="invoice_id")
        if not paid:
            raise FailedPrecondition(
                "invoice_reversed", "the payment was taken back", field="invoice_id"
            )
        tender = works.tenders.get(invoice.tender_id)
        target = ("reserved", winner.number, "")
        if works.is_ended:
            target = REST
        elif tender is not None and not tender.is_closed:
            target = ("committed", winner.number, tender.id)
        self.tell(
            told.ExpenditureReversed,
            timestamp=now,
            project_id=winner.project_id,
            invoice_id=invoice_id,
            postings=move(paid, account, target),
            reason=_reason(reason),
        )

    def finish(self, winner: Winner, report: str, *, now: datetime) -> None:
        """Ends a project that stands. Raises FailedPrecondition `tenders_open`."""
        self._going_on(winner)
        if self.accounts.money(winner.number).committed_cents:
            raise FailedPrecondition(
                "tenders_open", "first pay or close the contracts that still hold money"
            )
        report = checks.prose(report, "report", longest=checks.REASON_CHARS_MAX)
        postings = self._left_of(winner.number)
        self.tell(
            told.ProjectFinished,
            timestamp=now,
            project_id=winner.project_id,
            postings=postings,
            report=report,
        )

    def abandon(self, winner: Winner, reason: str, *, now: datetime) -> None:
        """Ends a project that will not be built: what is not paid is free again."""
        self._going_on(winner)
        self.tell(
            told.ProjectAbandoned,
            timestamp=now,
            project_id=winner.project_id,
            postings=self._left_of(winner.number),
            reason=_reason(reason),
        )

    def close(self, winners: Sequence[Winner], *, now: datetime) -> None:
        """Gives the rest back once all has ended. Raises FailedPrecondition `projects_going_on`."""
        self._require_open()
        known = {each.project_id for each in winners} | set(self.works)
        going_on = sum(not self.works_of(id).is_ended for id in known)
        if going_on:
            raise FailedPrecondition(
                "projects_going_on", "every project must be finished or abandoned", n=going_on
            )
        postings = move(self.accounts.balance(*REST), REST, RETURNED)
        self.tell(told.BooksClosed, timestamp=now, postings=postings)

    def _left_of(self, number: int) -> tuple[Posting, ...]:
        found: list[Posting] = []
        for account in ("reserved", "committed"):
            for item, cents in sorted(self.accounts.of(account, number).items()):
                found += post((account, number, item), -cents)
        return (*found, *post(REST, -sum(posting.cents for posting in found)))

    def _going_on(self, winner: Winner) -> Works:
        """What may still be built; raises FailedPrecondition."""
        self._require_open()
        works = self.works_of(winner.project_id)
        works.require_going_on()
        return works

    def _require_open(self) -> None:
        if self.is_closed:
            raise FailedPrecondition("books_closed", "the books of this election are closed")

    def _require_rest(self, cents: int) -> None:
        rest = self.accounts.balance(*REST)
        if cents > rest:
            raise FailedPrecondition(
                "rest_too_small",
                "nobody's money does not reach that far",
                field="cents",
                unallocated_cents=rest,
            )


def _reason(text: str) -> str:
    return checks.prose(text, "reason", longest=checks.REASON_CHARS_MAX, required=True)


def _parts(postings: list[Posting]) -> list[list[Posting]]:
    starts = range(0, len(postings), WINNERS_AN_EVENT_MAX)
    return [postings[start : start + WINNERS_AN_EVENT_MAX] for start in starts]


def require_basis(basis: str, bases: Sequence[str]) -> str:
    """Raises Invalid `basis_unknown`."""
    if basis not in bases:
        raise Invalid("basis_unknown", f"one of {', '.join(bases)}", field="basis")
    return basis
