"""Whether the projects of an election may be voted on: decided, payable, tellable in the log."""

from __future__ import annotations

from collections.abc import Collection

from cahier_budget.domain.payments import require_payable
from cahier_budget.domain.project import Project
from cahier_budget.domain.result_size import require_tellable
from cahier_kernel.errors import FailedPrecondition
from cahier_record.budget.events import Rules


def require_ready(rules: Rules, projects: Collection[Project], envelope_cents: int) -> None:
    """Raises FailedPrecondition `projects_undecided`, `no_feasible_project`, or as what it asks."""
    judged = [project.feasibility for project in projects]
    undecided = judged.count("undecided")
    if undecided:
        raise FailedPrecondition(
            "projects_undecided", "every project must be decided", undecided=undecided
        )
    if "feasible" not in judged:
        raise FailedPrecondition("no_feasible_project", "at least one project must stand")
    require_payable(rules, projects, envelope_cents)
    standing = [project.number for project in projects if project.feasibility == "feasible"]
    require_tellable(rules, tuple(standing))
