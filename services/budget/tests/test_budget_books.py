"""Books: what staff may write, what is refused by name, and that no sequence loses a cent."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cahier_budget.application.publishing import publish
from cahier_budget.domain import progress
from cahier_budget.domain.books import Books, Winner
from cahier_budget.domain.election import event_id
from cahier_kernel.errors import DomainError, FailedPrecondition, NotFound
from cahier_ledger.leaves import make_leaf
from cahier_record.budget.books import check_flow
from cahier_record.budget.delivery import BooksEvent
from cahier_record.budget.works import BooksView
from cahier_record.events import decode_leaf

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ENVELOPE = 1_000_00
BENCH, TREES = Winner("p1", 1, 400_00), Winner("p2", 2, 500_00)
LATER = Winner("p3", 3, 300_00)


def opened(*winners: Winner) -> Books:
    books = Books.open(uuid4(), "result", ENVELOPE, now=NOW)
    books.follow_result("result", winners or (BENCH, TREES), now=NOW)
    return books


def award(books: Books, winner: Winner, cents: int, **more: object) -> str:
    known = {"title": "Works", "contractor": "", "top_up": False, "reason": "", "now": NOW}
    id = uuid4()
    books.award_tender(winner, cents, tender_id=id, **{**known, **more})  # type: ignore[arg-type]
    return str(id)


def pay(books: Books, winner: Winner, cents: int, tender: str = "") -> str:
    id = uuid4()
    books.record_expenditure(
        winner,
        cents,
        invoice_id=id,
        tender_id=tender,
        payee="Green Ltd",
        reference="",
        subject="",
        now=NOW,
    )
    return str(id)


def code_of(call, kind=DomainError) -> str:
    with pytest.raises(kind) as refusal:
        call()
    return refusal.value.code


def test_a_result_sets_aside_what_winners_cost():
    books = opened()
    assert books.accounts.money(1).reserved_cents == 400_00
    assert books.accounts.balance("unallocated") == 100_00
    assert books.accounts.envelope_cents == ENVELOPE


def test_a_dearer_tender_is_refused_by_name_or_topped_up_with_a_reason():
    books = opened()
    with pytest.raises(FailedPrecondition) as refusal:
        award(books, BENCH, 450_00)
    assert refusal.value.code == "tender_over_reservation"
    assert refusal.value.params == {"reserved_cents": "40000", "unallocated_cents": "10000"}
    assert code_of(lambda: award(books, BENCH, 450_00, top_up=True)) == "text_missing"
    assert code_of(lambda: award(books, BENCH, 500_01, top_up=True, reason="x")) == "rest_too_small"
    award(books, BENCH, 450_00, top_up=True, reason="steel is dear")
    assert books.accounts.money(1).committed_cents == 450_00
    assert books.accounts.balance("unallocated") == 50_00


def test_an_invoice_is_paid_out_of_its_contract_and_no_more():
    books = opened()
    tender = award(books, BENCH, 300_00)
    pay(books, BENCH, 200_00, tender)
    assert code_of(lambda: pay(books, BENCH, 100_01, tender)) == "invoice_over_commitment"
    pay(books, BENCH, 50_00)
    assert code_of(lambda: pay(books, BENCH, 50_01)) == "invoice_over_reservation"
    assert code_of(lambda: pay(books, TREES, 1, tender), NotFound) == "tender_not_found"
    books.close_tender(BENCH, tender, "all is billed", now=NOW)
    assert code_of(lambda: pay(books, BENCH, 1, tender)) == "tender_closed"
    money = books.accounts.money(1)
    assert (money.reserved_cents, money.committed_cents, money.paid_cents) == (150_00, 0, 250_00)


def test_a_payment_goes_back_to_where_it_came_from():
    books = opened()
    tender = award(books, BENCH, 300_00)
    paid = pay(books, BENCH, 200_00, tender)
    books.reverse_expenditure(BENCH, paid, "typed twice", now=NOW)
    assert books.accounts.money(1).committed_cents == 300_00
    again = lambda: books.reverse_expenditure(BENCH, paid, "again", now=NOW)  # noqa: E731
    assert code_of(again) == "invoice_reversed"
    late = pay(books, BENCH, 300_00, tender)
    books.finish(BENCH, "", now=NOW)
    books.reverse_expenditure(BENCH, late, "warranty", now=NOW)
    assert books.accounts.balance("unallocated") == 500_00


def test_a_finished_project_gives_back_what_it_did_not_need():
    books = opened()
    tender = award(books, BENCH, 300_00)
    assert code_of(lambda: books.finish(BENCH, "", now=NOW)) == "tenders_open"
    pay(books, BENCH, 300_00, tender)
    books.finish(BENCH, "It stands.", now=NOW)
    assert books.accounts.balance("unallocated") == 200_00
    for call in (
        lambda: award(books, BENCH, 1),
        lambda: books.abandon(BENCH, "x", now=NOW),
        lambda: books.raise_reservation(BENCH, 1, "x", now=NOW),
    ):
        assert code_of(call) == "project_ended"


def test_an_abandoned_project_gives_back_its_contracts_too():
    books = opened()
    tender = award(books, BENCH, 300_00)
    pay(books, BENCH, 50_00, tender)
    assert code_of(lambda: books.abandon(BENCH, " ", now=NOW)) == "text_missing"
    books.abandon(BENCH, "a river is there", now=NOW)
    money = books.accounts.money(1)
    assert (money.reserved_cents, money.committed_cents, money.paid_cents) == (0, 0, 50_00)


def test_books_close_when_all_has_ended_and_the_rest_goes_back():
    books = opened()
    books.finish(BENCH, "", now=NOW)
    assert code_of(lambda: books.close((BENCH, TREES), now=NOW)) == "projects_going_on"
    books.abandon(TREES, "no", now=NOW)
    books.close((BENCH, TREES), now=NOW)
    assert books.accounts.balance("returned") == ENVELOPE
    assert code_of(lambda: pay(books, BENCH, 1)) == "books_closed"
    assert code_of(lambda: books.close((BENCH, TREES), now=NOW)) == "books_closed"
    books.follow_result("corrected", (LATER,), now=NOW)
    assert books.accounts.balance("returned") == ENVELOPE


def test_books_follow_a_corrected_result_as_far_as_money_reaches():
    books = opened()
    tender = award(books, BENCH, 100_00)
    books.follow_result("corrected", (TREES, LATER), now=NOW)
    assert books.result == "corrected"
    money = books.accounts.money(1)
    assert (money.reserved_cents, money.committed_cents) == (0, 100_00)
    assert books.accounts.money(3).reserved_cents == 300_00
    pay(books, BENCH, 100_00, tender)
    books.follow_result("again", (BENCH, TREES, LATER), now=NOW)
    assert books.accounts.money(1).reserved_cents == 0  # 300.00 are lacking, 100.00 are free
    version = books.version
    books.follow_result("again", (BENCH, TREES, LATER), now=NOW)
    assert books.version == version


def test_a_long_list_of_winners_comes_in_events_that_fit_a_leaf():
    winners = [Winner(f"p{number}", number, 1) for number in range(1, 2_001)]
    books = opened(*winners)
    assert books.version == 1 + 5
    for event in books.pending_events:
        told = publish(event, books.id)
        leaf = make_leaf("budget", told.type, told.id or "", NOW, told.data, told.disclosures)
        assert len(leaf.leaf) < 65_535


def test_milestones_are_planned_delayed_and_reached():
    books, id = opened(), uuid4()

    def plan(due: str) -> None:
        progress.plan_milestone(books, BENCH, milestone_id=id, title="Dug", due=due, now=NOW)

    assert code_of(lambda: plan("2027-02-30")) == "date_malformed"
    plan("2027-06-30")

    def delay(due: str, reason: str = "frost") -> None:
        progress.delay_milestone(books, BENCH, str(id), due=due, reason=reason, now=NOW)

    assert code_of(lambda: delay("2027-06-30")) == "delay_not_later"
    assert code_of(lambda: delay("2027-07-01", " ")) == "text_missing"
    delay("2027-09-30")
    found = books.works["p1"].milestones[str(id)]
    assert (found.planned_due, found.due) == ("2027-06-30", "2027-09-30")
    progress.reach_milestone(books, BENCH, str(id), note="", now=NOW)
    assert code_of(lambda: delay("2028-01-01")) == "milestone_reached"


def test_texts_of_an_entry_are_erased_once_and_pictures_go_another_way():
    books = opened()
    tender = award(books, TREES, 10_00, title="Ann Smith plants", contractor="Ann Smith")
    pay(books, TREES, 1_00, tender)
    picture = progress.Picture("image/png", 1, "0" * 64)
    progress.add_photo(books, TREES, picture, photo_id=uuid4(), milestone_id="", alt="Ann", now=NOW)
    leaf = {entry.kind: event_id(books.id, entry.version) for entry in books.entries}
    with pytest.raises(FailedPrecondition, match="entry_is_picture"):
        progress.entry_to_erase(books, TREES, leaf["photo_added"])
    for unknown in (leaf["funds_reserved"], "x"):
        with pytest.raises(NotFound, match="entry_not_found"):
            progress.entry_to_erase(books, TREES, unknown)
    with pytest.raises(NotFound, match="entry_not_found"):
        progress.entry_to_erase(books, BENCH, leaf["tender_awarded"])
    entry = progress.entry_to_erase(books, TREES, leaf["tender_awarded"])
    progress.erase_texts(books, entry, leaf=leaf["tender_awarded"], index=3, basis="order", now=NOW)
    assert "Ann Smith" not in str(books.entries)
    assert books.works_of(TREES.project_id).tenders[tender].title == "[erased]"
    assert books.accounts.money(TREES.number).committed_cents == 9_00
    with pytest.raises(FailedPrecondition, match="entry_without_texts"):
        progress.entry_to_erase(books, TREES, event_id(books.id, books.version))
    with pytest.raises(FailedPrecondition, match="texts_erased"):
        progress.entry_to_erase(books, TREES, leaf["tender_awarded"])


class AnyStaff(RuleBasedStateMachine):
    """Staff do anything at all, in any order; each event is told in public and folded there."""

    def __init__(self) -> None:
        super().__init__()
        self.books = opened()
        self.told = 0
        self.view = BooksView({"p1": 1, "p2": 2, "p3": 3}, ENVELOPE)
        self.tenders: list[str] = []
        self.invoices: list[str] = []

    def attempt(self, call) -> None:
        version = self.books.version
        try:
            call()
        except DomainError:
            assert self.books.version == version

    winners = st.sampled_from([BENCH, TREES])
    amounts = st.integers(min_value=-1, max_value=600_00)

    @rule(winner=winners, cents=amounts, top_up=st.booleans())
    def award(self, winner: Winner, cents: int, top_up: bool) -> None:
        self.attempt(
            lambda: self.tenders.append(
                award(self.books, winner, cents, top_up=top_up, reason="why")
            )
        )

    @rule(winner=winners, cents=amounts, data=st.data())
    def pay(self, winner: Winner, cents: int, data: st.DataObject) -> None:
        tender = data.draw(st.sampled_from([*self.tenders, ""]))
        self.attempt(lambda: self.invoices.append(pay(self.books, winner, cents, tender)))

    @rule(winner=winners, data=st.data())
    def reverse(self, winner: Winner, data: st.DataObject) -> None:
        invoice = data.draw(st.sampled_from([*self.invoices, "none"]))
        self.attempt(lambda: self.books.reverse_expenditure(winner, invoice, "why", now=NOW))

    @rule(winner=winners, data=st.data())
    def close_tender(self, winner: Winner, data: st.DataObject) -> None:
        tender = data.draw(st.sampled_from([*self.tenders, "none"]))
        self.attempt(lambda: self.books.close_tender(winner, tender, "why", now=NOW))

    @rule(winner=winners, cents=amounts)
    def raise_reservation(self, winner: Winner, cents: int) -> None:
        self.attempt(lambda: self.books.raise_reservation(winner, cents, "why", now=NOW))

    @rule(winners=st.lists(st.sampled_from([BENCH, TREES, LATER]), unique=True))
    def correct(self, winners: list[Winner]) -> None:
        self.attempt(lambda: self.books.follow_result("corrected", winners, now=NOW))

    @rule(winner=winners)
    def finish(self, winner: Winner) -> None:
        self.attempt(lambda: self.books.finish(winner, "", now=NOW))

    @rule(winner=winners)
    def abandon(self, winner: Winner) -> None:
        self.attempt(lambda: self.books.abandon(winner, "why", now=NOW))

    @rule()
    def close(self) -> None:
        self.attempt(lambda: self.books.close((BENCH, TREES), now=NOW))

    @invariant()
    def what_is_told_balances_and_says_the_same(self) -> None:
        for event in self.books.pending_events[self.told :]:
            told = publish(event, self.books.id)
            leaf = make_leaf("budget", told.type, told.id or "", NOW, told.data, told.disclosures)
            read = decode_leaf(leaf.leaf)
            assert isinstance(read.event, BooksEvent)
            check_flow(read.event)
            assert sum(posting.cents for posting in read.event.postings) == 0
            self.view.apply(read)
        self.told = len(self.books.pending_events)
        assert self.view.accounts == self.books.accounts
        balances = self.books.accounts.balances
        assert sum(cents for key, cents in balances.items() if key[0] != "grant") == ENVELOPE
        assert all(cents > 0 for key, cents in balances.items() if key[0] != "grant")


TestAnyStaff = AnyStaff.TestCase
TestAnyStaff.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_books_have_the_id_that_their_election_gives_them():
    election = uuid4()
    first = Books.open(election, "r", 1, now=NOW)
    assert first.id == Books.open(election, "r", 1, now=NOW).id != election
    assert isinstance(first.id, UUID)
