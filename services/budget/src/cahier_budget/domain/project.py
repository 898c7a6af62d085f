"""A project of an election, as its election's events leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cahier_record.budget.events import Feasibility

Standing = Feasibility | Literal["superseded"]
"""superseded: merged with others, or split."""


@dataclass(slots=True)
class Project:
    """number: from 1, in the order of adding. cost_cents: None until costed.

    instalments_cents: the cost by years; empty for all in the first. running_cents: of its first
    year of use, 0 where none is stated. came_from, became: ids of the projects it was made of by
    the merger or split `change`, and of those that stand in its place. title, description: its
    own words, where it was made of others. further_authors: all proposals that it goes back to.
    """

    id: str
    number: int
    proposal_id: str
    reference: str
    category: str
    district: str
    cost_cents: int | None = None
    feasibility: Standing = "undecided"
    unfeasibility_explanation: str = ""
    running_cents: int = 0
    title: str = ""
    description: str = ""
    came_from: tuple[str, ...] = ()
    became: tuple[str, ...] = ()
    change: str = ""
    further_authors: tuple[str, ...] = ()
    instalments_cents: tuple[int, ...] = ()

    @property
    def authors(self) -> tuple[str, ...]:
        """Proposals whose authors have a say in what becomes of the project."""
        return self.further_authors or (self.proposal_id,)


@dataclass(frozen=True, slots=True)
class AcceptedProposal:
    """What budget knows of a proposal that consultation's log says is accepted."""

    id: str
    process_id: str
    category: str
    district: str
