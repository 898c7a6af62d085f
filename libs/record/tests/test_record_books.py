"""The books: every cent has a place, none is lost, and what would lose one is refused by name."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import structs

from cahier_record.budget import delivery, events, life
from cahier_record.budget.books import FLOWS, Accounts, BooksError, check_flow, move, post
from cahier_record.budget.delivery import BooksEvent, Posting
from cahier_record.budget.events import CountResult, Rules
from cahier_record.budget.views import BudgetView
from cahier_record.events import Leaf, PublicEvent

E, ENVELOPE = "election", 1_000_00
RULES = Rules(vote_type="approval", rule="greedy")
CENTS = st.integers(min_value=-10, max_value=ENVELOPE + 10)
PROJECTS = st.sampled_from([1, 2, 3])


def opened(cents: int = ENVELOPE) -> Accounts:
    accounts = Accounts()
    accounts.post(move(cents, ("grant", 0, ""), ("unallocated", 0, "")))
    return accounts


class Books(RuleBasedStateMachine):
    """Whatever anybody posts, right or wrong: the others together are the envelope."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts = opened()
        self.items = count(1)

    def attempt(self, postings: tuple[Posting, ...]) -> None:
        before = dict(self.accounts.balances)
        try:
            self.accounts.post(postings)
        except BooksError:
            assert self.accounts.balances == before

    @rule(project=PROJECTS, cents=CENTS)
    def reserve(self, project: int, cents: int) -> None:
        self.attempt(move(cents, ("unallocated", 0, ""), ("reserved", project, "")))

    @rule(project=PROJECTS, cents=CENTS, beyond=CENTS)
    def award(self, project: int, cents: int, beyond: int) -> None:
        tender = ("committed", project, f"t{next(self.items)}")
        self.attempt(
            (
                *post(("reserved", project, ""), -cents),
                *post(("unallocated", 0, ""), -beyond),
                *post(tender, cents + beyond),
            )
        )

    @precondition(lambda self: self.accounts.total("committed"))
    @rule(data=st.data(), cents=CENTS)
    def pay(self, data: st.DataObject, cents: int) -> None:
        keys = sorted(key for key in self.accounts.balances if key[0] == "committed")
        key = data.draw(st.sampled_from(keys))
        self.attempt(move(cents, key, ("paid", key[1], f"i{next(self.items)}")))

    @rule(project=PROJECTS)
    def end(self, project: int) -> None:
        keys = [
            key
            for key in self.accounts.balances
            if key[1] == project and key[0] in ("reserved", "committed")
        ]
        for key in keys:
            self.attempt(move(self.accounts.balances[key], key, ("unallocated", 0, "")))
        money = self.accounts.money(project)
        assert (money.reserved_cents, money.committed_cents) == (0, 0)

    @rule(cents=CENTS, account=st.sampled_from(["paid", "reserved", "unallocated"]))
    def lose(self, cents: int, account: str) -> None:
        project = 0 if account == "unallocated" else 1
        if cents:
            with pytest.raises(BooksError):
                self.accounts.post(post((account, project, ""), cents))

    @invariant()
    def every_cent_is_somewhere(self) -> None:
        balances = self.accounts.balances
        assert self.accounts.envelope_cents == ENVELOPE
        assert sum(cents for key, cents in balances.items() if key[0] != "grant") == ENVELOPE
        assert all(cents > 0 for key, cents in balances.items() if key[0] != "grant")


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize(
    "posting",
    [
        Posting(account="reserved", cents=5),
        Posting(account="unallocated", cents=5, project=1),
        Posting(account="returned", cents=5, item="t"),
    ],
)
def test_an_account_is_a_projects_or_it_is_not(posting):
    with pytest.raises(BooksError, match="project"):
        opened().post([posting, Posting(account="unallocated", cents=-5)])


def event_of(cls: type[BooksEvent], source: str, target: str) -> BooksEvent:
    def key(account: str) -> tuple[str, int, str]:
        return account, int(account in ("reserved", "committed", "paid")), ""

    known = {"election": E, "postings": move(5, key(source), key(target))}
    more = {
        name: "x"
        for name in ("result", "project", "tender", "invoice")
        if name in cls.__struct_fields__
    }
    if cls is delivery.BooksOpened:
        more["envelope_cents"] = 5
    return cls(**known, **more)


@pytest.mark.parametrize("cls", FLOWS, ids=lambda cls: cls.__name__)
def test_each_kind_of_event_moves_money_its_own_way(cls):
    sources, targets = FLOWS[cls]
    for source in sources:
        for target in targets:
            check_flow(event_of(cls, source, target))
    for account in {"grant", "unallocated", "reserved", "committed", "paid", "returned"}:
        if account not in targets:
            with pytest.raises(BooksError, match=account):
                check_flow(event_of(cls, next(iter(sources)), account))


def test_every_event_about_money_has_a_way():
    kinds = set(BooksEvent.__subclasses__())
    assert kinds == set(FLOWS)


def elected() -> list[PublicEvent]:
    told: list[PublicEvent] = [
        events.ElectionCreated(
            election=E,
            envelope_cents=ENVELOPE,
            currency="EUR",
            opens_at="a",
            closes_at="b",
            rules=RULES,
        ),
    ]
    for number in (1, 2):
        told += [
            events.ProjectAdded(election=E, project=f"p{number}", number=number, proposal=""),
            events.ProjectCosted(election=E, project=f"p{number}", cost_cents=300_00),
            events.FeasibilityJudged(election=E, project=f"p{number}", feasibility="feasible"),
        ]
    counted = CountResult(
        rules=RULES,
        envelope_cents=ENVELOPE,
        spent_cents=600_00,
        selected=(1, 2),
        numbers=(1, 2),
        votes=(1, 1),
        reasons=("selected", "selected"),
        ballots_counted=1,
        log_size=9,
        code_version="greedy/1",
    )
    return [
        *told,
        events.VotingOpened(election=E, trustee_key="key", ballot_size_bytes=64),
        events.VotingClosed(election=E),
        events.TrusteeKeyPublished(election=E, private_key="private"),
        events.BallotsCounted(election=E, result=counted),
    ]


PUBLISHED = events.ResultPublished(election=E, count="e10")
OPENED = delivery.BooksOpened(
    election=E,
    result="e11",
    envelope_cents=ENVELOPE,
    postings=move(ENVELOPE, ("grant", 0, ""), ("unallocated", 0, "")),
)
RESERVED = delivery.FundsReserved(
    election=E, result="e11", postings=move(300_00, ("unallocated", 0, ""), ("reserved", 1, ""))
)


def fold(*more: PublicEvent) -> BudgetView:
    view = BudgetView()
    for index, event in enumerate([*elected(), *more]):
        view.apply(index, Leaf("budget", f"e{index}", event.TYPE, "then", event, ()))
    return view


def award(cents: int, project: int = 1) -> delivery.TenderAwarded:
    return delivery.TenderAwarded(
        election=E,
        project="p1",
        tender="t",
        postings=move(cents, ("reserved", project, ""), ("committed", project, "t")),
    )


def test_the_log_says_where_the_money_is():
    paid = delivery.ExpenditureRecorded(
        election=E,
        project="p1",
        tender="t",
        invoice="i",
        postings=move(200_00, ("committed", 1, "t"), ("paid", 1, "i")),
    )
    done = delivery.ProjectFinished(
        election=E,
        project="p1",
        postings=move(50_00, ("committed", 1, "t"), ("unallocated", 0, "")),
    )
    view = fold(PUBLISHED, OPENED, RESERVED, award(250_00), paid, done)
    books = view.elections[E].books
    assert view.faults == []
    assert books is not None
    assert books.accounts.money(1).paid_cents == 200_00
    assert books.accounts.total("unallocated") == 750_00
    assert books.works["p1"].state == "finished"


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (award(300_01), "it leaves -1 cents on the account reserved of project 1"),
        (award(1, project=2), "it moves another project's money"),
        (OPENED, "the books are opened first, and once"),
        (
            delivery.FundsReserved(election=E, result="e11", postings=post(("reserved", 2, ""), 5)),
            "its postings do not sum to zero",
        ),
        (
            delivery.MilestoneReached(election=E, project="p1", milestone="m"),
            "it names a milestone that was not planned",
        ),
        (
            delivery.TenderClosed(election=E, project="other", tender="t", postings=()),
            "it names a project that the election does not have",
        ),
    ],
)
def test_a_leaf_that_breaks_the_books_is_a_fault_and_moves_nothing(wrong, rule):
    view = fold(PUBLISHED, OPENED, RESERVED, wrong)
    assert [fault.rule for fault in view.faults] == [f"the books do not balance: {rule}"]
    assert view.faults[0].index == 14
    sound = fold(PUBLISHED, OPENED, RESERVED).elections[E].books
    broken = view.elections[E].books
    assert sound is not None
    assert broken is not None
    assert broken.accounts == sound.accounts


def test_no_money_moves_before_a_result_or_after_the_books_are_closed():
    early = fold(OPENED)
    assert "before a result was announced" in early.faults[0].rule
    closing = delivery.BooksClosed(
        election=E, postings=move(ENVELOPE, ("unallocated", 0, ""), ("returned", 0, ""))
    )
    late = fold(PUBLISHED, OPENED, closing, RESERVED)
    assert "after the books were closed" in late.faults[0].rule


def test_what_was_built_may_be_shown_behind_closed_books():
    closing = delivery.BooksClosed(
        election=E, postings=move(ENVELOPE, ("unallocated", 0, ""), ("returned", 0, ""))
    )
    photo = delivery.PhotoAdded(
        election=E, project="p1", photo="a", media_type="image/png", size_bytes=1
    )
    assert fold(PUBLISHED, OPENED, closing, photo).faults == []
    milestone = delivery.MilestonePlanned(election=E, project="p1", milestone="m", due="2030-01-01")
    assert fold(PUBLISHED, OPENED, closing, milestone).faults


def test_what_is_granted_is_the_envelope():
    other = delivery.BooksOpened(
        election=E, result="e11", envelope_cents=ENVELOPE + 1, postings=OPENED.postings
    )
    assert "another sum is granted" in fold(PUBLISHED, other).faults[0].rule


def test_money_is_set_aside_for_winners_alone():
    told = [*elected()]
    counted = told[-1]
    assert isinstance(counted, events.BallotsCounted)
    first_alone = structs.replace(
        counted, result=structs.replace(counted.result, selected=(1,)), supersedes="e10"
    )
    corrected = events.ResultPublished(election=E, count="e13", corrects="e11")
    second = delivery.FundsReserved(
        election=E, result="e14", postings=move(5, ("unallocated", 0, ""), ("reserved", 2, ""))
    )
    view = fold(PUBLISHED, OPENED, first_alone, corrected, second)
    assert [fault.rule for fault in view.faults] == [
        "the books do not balance: it sets money aside for a project that did not win"
    ]


def test_a_count_that_is_not_announced_sets_no_money_free_or_aside():
    counted = elected()[-1]
    assert isinstance(counted, events.BallotsCounted)
    pending = structs.replace(
        counted, result=structs.replace(counted.result, selected=(2,)), supersedes="e10"
    )
    view = fold(PUBLISHED, pending, OPENED, RESERVED)
    assert view.faults == []


def test_the_first_count_corrects_none():
    told = elected()
    counted = told[-1]
    assert isinstance(counted, events.BallotsCounted)
    view = BudgetView()
    for index, event in enumerate([*told[:-1], structs.replace(counted, supersedes="e3")]):
        view.apply(index, Leaf("budget", f"e{index}", event.TYPE, "then", event, ()))
    assert "it corrects the count before it" in view.faults[0].rule
    assert view.elections[E].count is None


MERGER = life.ChangeProposed(
    election=E, change="c", kind="merge", projects=("p1", "p2"), results=1, asked=("a", "b")
)


@pytest.mark.parametrize(
    "late",
    [
        life.ConsentNoted(election=E, change="c", proposal="b", consent="agreed"),
        life.ChangeWithdrawn(election=E, change="c"),
    ],
)
def test_a_merger_that_was_refused_is_decided(late):
    refused = life.ConsentNoted(election=E, change="c", proposal="a", consent="refused")
    view = BudgetView()
    for index, event in enumerate([*elected()[:7], MERGER, refused, late]):
        view.apply(index, Leaf("budget", f"e{index}", event.TYPE, "then", event, ()))
    assert [fault.rule for fault in view.faults] == [
        "it is about a merger or split that is decided already"
    ]
    assert view.elections[E].life.changes["c"].state == "refused"
