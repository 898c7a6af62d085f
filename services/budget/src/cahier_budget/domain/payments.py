"""How projects are paid for: instalments over the years, and what is funded before any count.

What an election's money cannot pay is refused while it is being prepared: by the day of the count
nothing can be mended any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate

from cahier_budget.domain import checks
from cahier_budget.domain.project import Project
from cahier_budget.domain.rules import YEARS_MAX
from cahier_kernel.errors import FailedPrecondition, Invalid
from cahier_record.budget.events import Rules


def check_instalments(instalments: Sequence[int], cost_cents: int) -> tuple[int, ...]:
    """The same; raises Invalid `too_many_instalments`, `instalments_differ` or for an amount."""
    if len(instalments) > YEARS_MAX:
        raise Invalid(
            "too_many_instalments",
            f"at most {YEARS_MAX} years",
            field="instalments_cents",
            max=YEARS_MAX,
        )
    for part in instalments:
        checks.cents(part, "instalments_cents", least=0)
    if instalments and sum(instalments) != cost_cents:
        raise Invalid(
            "instalments_differ", "instalments add up to the cost", field="instalments_cents"
        )
    return tuple(instalments)


def require_payable(rules: Rules, projects: Collection[Project], envelope_cents: int) -> None:
    """Raises FailedPrecondition where money and rules do not let every project be paid for."""
    standing = [project for project in projects if project.feasibility == "feasible"]
    fixed = [project for project in standing if project.number in rules.fixed]
    if sum(project.cost_cents or 0 for project in fixed) > envelope_cents:
        raise FailedPrecondition(
            "fixed_over_envelope", "the fixed projects cost more than the envelope"
        )
    if not rules.credits_cents:
        return
    years = len(rules.credits_cents)
    for project in standing:
        if len(project.instalments_cents) > years:
            raise FailedPrecondition(
                "instalments_past_credits",
                "a project is paid for in more years than there are credits for",
                number=project.number,
                max=years,
            )
    due = [sum(paid) for paid in zip(*(_by_year(project, years) for project in fixed), strict=True)]
    credit = accumulate(rules.credits_cents)
    if any(paid > held for paid, held in zip(accumulate(due), credit, strict=False)):
        raise FailedPrecondition(
            "fixed_over_credits", "the fixed projects cost more than the years' credits so far"
        )


def _by_year(project: Project, years: int) -> list[int]:
    parts = project.instalments_cents or (project.cost_cents or 0,)
    return [*parts, *[0] * years][:years]
