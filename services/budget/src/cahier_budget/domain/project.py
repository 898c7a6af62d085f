"""A project of an election, as its election's events leave it."""

from __future__ import annotations

from dataclasses import dataclass

from cahier_record.budget.events import Feasibility


@dataclass(slots=True)
class Project:
    """number: from 1, in the order of adding. cost_cents: None until costed.

    instalments_cents: the cost by years; empty for all in the first.
    """

    id: str
    number: int
    proposal_id: str
    reference: str
    category: str
    district: str
    cost_cents: int | None = None
    feasibility: Feasibility = "undecided"
    unfeasibility_explanation: str = ""
    instalments_cents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptedProposal:
    """What budget knows of a proposal that consultation's log says is accepted."""

    id: str
    process_id: str
    category: str
    district: str
