"""What a project costs at each stage that it has reached: estimates, price, contracts, payments.

A pure fold of the leaves that name the project, and of the one that opens its election's vote. The
price is the cost that stood when voting opened: it is what people voted on, whatever contracts and
invoices came to later. Money is in cents of the election's currency.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from cahier_record.budget import delivery, events, life
from cahier_record.events import Leaf

Stage = Literal["estimate", "price", "contract", "paid"]
STAFF = "staff"
DECIDES = "decision_maker"
ESTIMATES_TOLD_MAX = 20
"""Estimates among the stages: the first one and the newest. The log holds them all."""


class Stated(msgspec.Struct, frozen=True):
    """An amount that somebody stated. by: `staff` or a role; event: the leaf that says so."""

    cents: int
    by: str
    at: str
    event: str


class Spent(msgspec.Struct, frozen=True):
    """Contracts or payments: what they come to, how many they are, and the last one's leaf."""

    cents: int = 0
    items: int = 0
    at: str = ""
    event: str = ""


class CostStage(msgspec.Struct, frozen=True):
    """One line of the way from an estimate to the last invoice.

    items: contracts or payments; 0 for stated amounts. per_mille: of the stage before, rounded half
    up; None for the first one, or where that is zero. is_final: false while more may be paid.
    """

    stage: Stage
    cents: int
    by: str
    at: str
    event: str
    items: int = 0
    per_mille: int | None = None
    is_final: bool = True


class ProjectCosts(msgspec.Struct):
    """A project's costs as far as the log tells them.

    estimates: oldest first, a decision maker's once. running: of the first year of use. price:
    None until people vote on it.
    """

    estimates: list[Stated] = msgspec.field(default_factory=list)
    running: Stated | None = None
    price: Stated | None = None
    contracts: Spent = Spent()
    payments: Spent = Spent()
    has_ended: bool = False
    stated: Stated | None = None

    def take(self, leaf: Leaf) -> None:
        """Takes a leaf that names the project, or opens a vote on it; others change nothing."""
        match leaf.event:
            case events.ProjectCosted(cost_cents=cents):
                self._cost(Stated(cents, STAFF, leaf.at or "", leaf.id))
            case events.VotingOpened() if self.stated is not None:
                voted_on = self.stated
                self.price = Stated(voted_on.cents, voted_on.by, leaf.at or "", leaf.id)
            case life.ProjectAssessed() as said:
                self._assess(said, leaf)
            case life.RunningCostStated(running_cents=cents):
                if self.running is None or self.running.cents != cents:
                    self.running = Stated(cents, STAFF, leaf.at or "", leaf.id)
            case delivery.BooksEvent() as moved:
                self._spend(moved, leaf)
            case _:
                pass

    def _cost(self, cost: Stated) -> None:
        held = self.stated
        if held is not None and (held.by, held.cents) == (DECIDES, cost.cents):
            return  # It repeats in figures what the decision maker has just said.
        self.estimates.append(cost)
        self.stated = cost

    def _assess(self, said: life.ProjectAssessed, leaf: Leaf) -> None:
        at = leaf.at or ""
        estimate = Stated(said.estimate_cents, said.role, at, leaf.id)
        self.estimates.append(estimate)
        if said.role == DECIDES and said.feasibility == "feasible":
            self.stated = estimate
        if said.running_cents:
            self.running = Stated(said.running_cents, said.role, at, leaf.id)

    def _spend(self, moved: delivery.BooksEvent, leaf: Leaf) -> None:
        match moved:
            case delivery.TenderAwarded():
                self.contracts = _more(self.contracts, moved.postings, "committed", leaf)
            case delivery.ExpenditureRecorded():
                self.payments = _more(self.payments, moved.postings, "paid", leaf)
            case delivery.TenderClosed() | delivery.ProjectAbandoned():
                self.contracts = _less(self.contracts, moved.postings, "committed", items=0)
            case delivery.ExpenditureReversed():
                self.payments = _less(self.payments, moved.postings, "paid", items=1)
            case _:
                pass
        if isinstance(moved, delivery.ProjectFinished | delivery.ProjectAbandoned):
            self.has_ended = True

    def stages(self) -> list[CostStage]:
        """The stages that the project has reached, in their order."""
        told = self.estimates
        if len(told) > ESTIMATES_TOLD_MAX:
            told = [told[0], *told[1 - ESTIMATES_TOLD_MAX :]]
        found = [CostStage("estimate", each.cents, each.by, each.at, each.event) for each in told]
        if self.price is not None:
            price = self.price
            found.append(CostStage("price", price.cents, price.by, price.at, price.event))
        if self.contracts.items:
            found.append(_spent("contract", self.contracts))
        if self.payments.items:
            paid = _spent("paid", self.payments)
            found.append(msgspec.structs.replace(paid, is_final=self.has_ended))
        return _compared(found)


def costs_of(leaves: Iterable[Leaf]) -> ProjectCosts:
    """The costs of the project that the leaves name, in the log's order."""
    costs = ProjectCosts()
    for leaf in leaves:
        costs.take(leaf)
    return costs


def per_mille(part: int, whole: int) -> int | None:
    """So many thousandths of the whole, rounded half up; None of nothing."""
    return (2_000 * part + whole) // (2 * whole) if whole > 0 else None


def _moved(postings: delivery.Postings, account: str) -> int:
    return sum(posting.cents for posting in postings if posting.account == account)


def _more(spent: Spent, postings: delivery.Postings, account: str, leaf: Leaf) -> Spent:
    cents = spent.cents + _moved(postings, account)
    return Spent(cents, spent.items + 1, leaf.at or "", leaf.id)


def _less(spent: Spent, postings: delivery.Postings, account: str, items: int) -> Spent:
    """Some of it went back; when the last one was made stays as it was."""
    cents = spent.cents + _moved(postings, account)
    return msgspec.structs.replace(spent, cents=cents, items=spent.items - items)


def _spent(stage: Stage, spent: Spent) -> CostStage:
    return CostStage(stage, spent.cents, "", spent.at, spent.event, spent.items)


def _compared(stages: list[CostStage]) -> list[CostStage]:
    """Each with its share of the one before."""
    before = [None, *(each.cents for each in stages)]
    return [
        msgspec.structs.replace(
            each, per_mille=None if cents is None else per_mille(each.cents, cents)
        )
        for each, cents in zip(stages, before, strict=False)
    ]
