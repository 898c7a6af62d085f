"""Which proposals may join an election as projects, and for which district."""

from __future__ import annotations

from collections.abc import Collection, Sized

from cahier_budget.domain.project import AcceptedProposal
from cahier_budget.domain.rules import PROJECTS_MAX
from cahier_kernel.errors import AlreadyExists, FailedPrecondition


def require_new_project(
    proposal: AcceptedProposal,
    reference: str,
    *,
    process_id: str,
    proposals: Collection[str],
    references: Collection[str],
) -> None:
    """Raises `proposal_of_another_process`, `proposal_already_project`, `reference_taken`."""
    if process_id and proposal.process_id != process_id:
        raise FailedPrecondition(
            "proposal_of_another_process",
            "the election takes the proposals of its own process",
            field="proposal_id",
        )
    if proposal.id in proposals:
        raise AlreadyExists(
            "proposal_already_project",
            "the proposal is a project of this election already",
            field="proposal_id",
        )
    if reference and reference in references:
        raise AlreadyExists(
            "reference_taken", "another project has this reference", field="reference"
        )


def require_room(projects: Sized, further: int = 1) -> None:
    """Raises FailedPrecondition `too_many_projects`."""
    if len(projects) + further > PROJECTS_MAX:
        raise FailedPrecondition(
            "too_many_projects", f"at most {PROJECTS_MAX} projects", max=PROJECTS_MAX
        )


def own_district(district: str, districts: Collection[str]) -> str:
    """The district's label; an election without districts is for the whole city.

    Raises FailedPrecondition `district_unknown`.
    """
    if not district or not districts:
        return ""
    if district not in districts:
        raise FailedPrecondition(
            "district_unknown",
            "the proposal's district is none of the election's",
            field="proposal_id",
            district=district,
        )
    return district
