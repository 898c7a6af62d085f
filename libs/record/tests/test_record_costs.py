"""What a project costs at each stage: estimates, the price voted on, contracts, payments."""

from __future__ import annotations

from itertools import count

import pytest

from cahier_record.budget import delivery, events, life
from cahier_record.budget.books import move
from cahier_record.budget.costs import ESTIMATES_TOLD_MAX, ProjectCosts, costs_of, per_mille
from cahier_record.budget.events import Rules
from cahier_record.budget.views import BudgetView
from cahier_record.events import Leaf, PublicEvent

E = "election"
RESERVED, REST = ("reserved", 1, ""), ("unallocated", 0, "")
OPENED = events.VotingOpened(election=E, trustee_key="k", ballot_size_bytes=64)
ABOUT = {"election": E, "project": "p1"}


def log(*told: PublicEvent) -> list[Leaf]:
    """Leaves in their order, a day each."""
    return [
        Leaf("budget", f"e{n}", type(event).TYPE, f"2026-03-{n:02d}T08:00:00Z", event, ())
        for n, event in zip(count(1), told, strict=False)
    ]


def costed(cents: int) -> events.ProjectCosted:
    return events.ProjectCosted(**ABOUT, cost_cents=cents)


def assessed(role: str, cents: int, running: int = 0, verdict: str = "feasible"):
    return life.ProjectAssessed(
        **ABOUT,
        role=role,
        assessor=role,
        feasibility=verdict,
        estimate_cents=cents,
        running_cents=running,
    )


def awarded(cents: int, tender: str = "t1") -> delivery.TenderAwarded:
    postings = move(cents, RESERVED, ("committed", 1, tender))
    return delivery.TenderAwarded(**ABOUT, tender=tender, postings=postings)


def paid(cents: int, invoice: str, tender: str = "t1") -> delivery.ExpenditureRecorded:
    source = ("committed", 1, tender) if tender else RESERVED
    postings = move(cents, source, ("paid", 1, invoice))
    return delivery.ExpenditureRecorded(**ABOUT, invoice=invoice, tender=tender, postings=postings)


def told(costs: ProjectCosts) -> list[tuple[str, int, str, int, int | None]]:
    return [(one.stage, one.cents, one.by, one.items, one.per_mille) for one in costs.stages()]


def test_staff_state_a_cost_that_is_voted_on_tendered_and_paid():
    costs = costs_of(log(costed(1_000), costed(1_200), OPENED, awarded(1_080), paid(540, "i1")))
    assert told(costs) == [
        ("estimate", 1_000, "staff", 0, None),
        ("estimate", 1_200, "staff", 0, 1_200),
        ("price", 1_200, "staff", 0, 1_000),
        ("contract", 1_080, "", 1, 900),
        ("paid", 540, "", 1, 500),
    ]
    assert [each.event for each in costs.stages()] == ["e1", "e2", "e3", "e4", "e5"]
    assert costs.stages()[2].at == "2026-03-03T08:00:00Z"
    assert not costs.stages()[-1].is_final


def test_a_decision_makers_estimate_is_the_price_and_told_once():
    costs = costs_of(
        log(
            assessed("analyst", 900, 30),
            assessed("supervisor", 1_100),
            assessed("decision_maker", 1_000, 40),
            costed(1_000),
            life.RunningCostStated(**ABOUT, running_cents=40),
            OPENED,
        )
    )
    assert [each[:3] for each in told(costs)] == [
        ("estimate", 900, "analyst"),
        ("estimate", 1_100, "supervisor"),
        ("estimate", 1_000, "decision_maker"),
        ("price", 1_000, "decision_maker"),
    ]
    assert costs.running is not None
    assert (costs.running.cents, costs.running.by) == (40, "decision_maker")


def test_what_a_decision_maker_found_unfeasible_is_no_price():
    costs = costs_of(log(assessed("decision_maker", 900, verdict="unfeasible"), OPENED))
    assert [each[0] for each in told(costs)] == ["estimate"]


def test_money_that_comes_back_is_neither_contracted_nor_paid():
    closed = delivery.TenderClosed(
        **ABOUT, tender="t1", postings=move(300, ("committed", 1, "t1"), RESERVED)
    )
    back = delivery.ExpenditureReversed(
        **ABOUT, invoice="i2", postings=move(200, ("paid", 1, "i2"), RESERVED)
    )
    finished = delivery.ProjectFinished(**ABOUT, postings=move(500, RESERVED, REST))
    costs = costs_of(
        log(
            costed(1_000),
            OPENED,
            awarded(1_000),
            paid(500, "i1"),
            paid(200, "i2"),
            back,
            closed,
            finished,
        )
    )
    assert told(costs)[2:] == [("contract", 700, "", 1, 700), ("paid", 500, "", 1, 714)]
    assert costs.stages()[-1].is_final
    assert costs.contracts.event == "e3"


def test_an_abandoned_project_keeps_what_was_paid_and_owes_nothing():
    given_up = delivery.ProjectAbandoned(**ABOUT, postings=move(400, ("committed", 1, "t1"), REST))
    costs = costs_of(log(costed(1_000), OPENED, awarded(600), paid(200, "i1"), given_up))
    assert told(costs)[2:] == [("contract", 200, "", 1, 200), ("paid", 200, "", 1, 1_000)]


def test_a_payment_without_a_contract_is_held_against_the_price():
    costs = costs_of(log(costed(1_000), OPENED, paid(250, "i1", tender="")))
    assert told(costs)[-1] == ("paid", 250, "", 1, 250)


def test_of_very_many_estimates_the_first_and_the_newest_are_told():
    costs = costs_of(log(*(costed(cents) for cents in range(1, 29))))
    estimates = [one.cents for one in costs.stages()]
    assert len(estimates) == ESTIMATES_TOLD_MAX
    assert (estimates[0], estimates[1], estimates[-1]) == (1, 10, 28)


@pytest.mark.parametrize(
    ("part", "whole", "found"),
    [(0, 0, None), (5, 0, None), (0, 7, 0), (1, 3, 333), (2, 3, 667), (1, 2_000, 1), (3, 1, 3_000)],
)
def test_shares_are_exact_thousandths(part: int, whole: int, found: int | None):
    assert per_mille(part, whole) == found


def test_the_view_of_a_log_tells_the_same_and_leaves_faults_and_other_projects_out():
    rules = Rules(vote_type="approval", rule="greedy")
    created = events.ElectionCreated(
        election=E, envelope_cents=5_000, currency="EUR", opens_at="", closes_at="", rules=rules
    )
    added = [
        events.ProjectAdded(election=E, project=f"p{n}", number=n, proposal=f"q{n}") for n in (1, 2)
    ]
    judged = events.FeasibilityJudged(**ABOUT, feasibility="feasible")
    other = events.ProjectCosted(election=E, project="p2", cost_cents=7)
    leaves = log(created, *added, costed(1_000), judged, other, OPENED, costed(9), awarded(5))
    view = BudgetView()
    for index, leaf in enumerate(leaves):
        view.apply(index, leaf)
    first, second = view.elections[E].projects.values()
    own = [leaf for leaf in leaves[:7] if getattr(leaf.event, "project", "p1") == "p1"]
    assert first.costs == costs_of(own)
    assert first.costs.price is not None
    assert second.costs.price is None
    assert len(view.faults) == 2
