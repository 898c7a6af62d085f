"""An election of the log as a Pabulib file: what whoever holds log and texts may write.

Projects are those that stand, as on the ballot. An imported election is written as its file was:
META, columns and order; `selected` is added where the file had none. Others get the columns that
Cahier knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

import msgspec

from cahier_kernel.money import format_cents
from cahier_record.budget.ballots import POINT_TYPES, BallotPaper
from cahier_record.budget.count import judge_ballots
from cahier_record.budget.events import BallotCast, Rules
from cahier_record.budget.pabulib.meta_rules import (
    INSTALMENTS_COLUMN,
    instalments_text,
    meta_of_rules,
)
from cahier_record.budget.pabulib.model import Ballot, Instance, Project, extra_columns
from cahier_record.budget.views import ElectionView, ProjectView

BASE_PROJECT_COLUMNS = ("project_id", "cost", "votes", "name", "category", "district", "selected")
BASE_VOTE_COLUMNS = ("voter_id", "vote")
POINT_VOTE_COLUMNS = (*BASE_VOTE_COLUMNS, "points")


class Names(Protocol):
    """The texts behind digests."""

    def source(self, event_id: str) -> dict[str, Any]:
        """What an imported file said, as kept with the event; empty for others."""

    def text(self, event_id: str, name: str) -> str:
        """A text of an event; "" where it has none or lost it."""

    def title(self, proposal_id: str) -> str:
        """What a proposal is called."""


def exported(
    election: ElectionView, names: Names, open_ballot: Callable[[BallotCast], bytes]
) -> Instance:
    """The election with its counted ballots, which `open_ballot` unseals."""
    source = names.source(election.event)
    standing = (each for each in election.projects.values() if each.feasibility == "feasible")
    projects = sorted(standing, key=lambda project: project.number)
    project_columns = tuple(source.get("project_columns", BASE_PROJECT_COLUMNS))
    if election.count is not None and "selected" not in project_columns:
        project_columns += ("selected",)
    votes = dict(zip(*_votes(election), strict=True))
    rows = [_project(project, election, names, votes) for project in projects]
    if any(project.instalments_cents for project in projects):
        project_columns = (*dict.fromkeys((*project_columns, INSTALMENTS_COLUMN)),)
    has_points = election.rules.vote_type in POINT_TYPES
    base = POINT_VOTE_COLUMNS if has_points else BASE_VOTE_COLUMNS
    vote_columns = tuple(source.get("vote_columns", base))
    ids = {project.number: project.reference or str(project.number) for project in projects}
    ballots = list(_ballots(election, open_ballot, ids, vote_columns))
    return Instance(
        meta=_meta(election, names, source.get("meta"), projects, len(ballots)),
        project_columns=project_columns,
        projects=rows,
        vote_columns=vote_columns,
        ballots=ballots,
    )


def _votes(election: ElectionView) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if election.count is None:
        return (), ()
    return election.count.result.numbers, election.count.result.votes


def _project(
    project: ProjectView, election: ElectionView, names: Names, votes: dict[int, int]
) -> Project:
    source = names.source(project.event)
    fields = dict(source.get("fields") or _fields(project, election, names, votes))
    if election.count is not None:
        fields.setdefault("selected", str(int(project.number in election.count.result.selected)))
    fields[INSTALMENTS_COLUMN] = instalments_text(project.instalments_cents)
    cost = Fraction(project.cost_cents or 0, 100)
    text = source.get("cost") or format_cents(project.cost_cents or 0)
    reference = project.reference or str(project.number)
    return Project(id=reference, cost=cost, cost_text=text, fields=fields)


def _fields(
    project: ProjectView, election: ElectionView, names: Names, votes: dict[int, int]
) -> dict[str, str]:
    own = election.own_title_of(project)
    return {
        "votes": str(votes.get(project.number, 0)),
        "name": names.text(*own) if own is not None else names.title(project.proposal),
        "category": project.category,
        "district": project.district,
    }


def _ballots(
    election: ElectionView,
    open_ballot: Callable[[BallotCast], bytes],
    ids: Mapping[int, str],
    columns: tuple[str, ...],
) -> Iterator[Ballot]:
    """The counted ballots: imported ones by their row, others in the order of the log."""
    opened = []
    held = list(election.counting())
    judged = judge_ballots(election, held, open_ballot)
    for place, (one, paper) in enumerate(zip(held, judged, strict=True)):
        if isinstance(paper, BallotPaper):
            opened.append((int(paper.extra.get("row", place)), one.ballot.credential, paper))
    extra = extra_columns(columns, has_points=election.rules.vote_type in POINT_TYPES)
    unit = 10**election.rules.point_decimals
    for _, credential, paper in sorted(opened, key=lambda one: one[0]):
        yield _ballot(paper, credential, ids, extra, unit)


def _ballot(
    paper: BallotPaper, credential: str, ids: Mapping[int, str], columns: tuple[str, ...], unit: int
) -> Ballot:
    """The row in the order in which its file listed the projects. unit: of points."""
    chosen = tuple(ids[number] for number in paper.choices)
    points = dict(zip(chosen, paper.points, strict=bool(paper.points)))
    listed = paper.extra.get("vote")
    projects = tuple(listed.split(",")) if listed else chosen
    return Ballot(
        voter=paper.extra.get("voter_id", credential),
        projects=projects,
        points=tuple(Fraction(points[project], unit) for project in projects) if points else (),
        extra=tuple(paper.extra.get(column, "") for column in columns),
    )


def _meta(
    election: ElectionView,
    names: Names,
    imported: dict[str, str] | None,
    projects: list[ProjectView],
    ballots: int,
) -> dict[str, str]:
    """META as the file had it, with the rules where they were changed since or were never the
    file's (whoever imports may name another), or where a project no longer stands; else all of
    it."""
    created, rules = election.created, election.rules
    told = meta_of_rules(_by_place(rules, projects), len(projects))
    all_stand = len(projects) == len(election.projects)
    if imported is not None:
        are_its_own = rules == created.rules and imported.get("rule", "").strip() == rules.rule
        if are_its_own and all_stand:
            return imported
        return {**imported, "num_projects": str(len(projects)), **told}
    meta = {
        "description": names.text(election.event, "title"),
        "num_projects": str(len(projects)),
        "num_votes": str(ballots),
        "budget": format_cents(created.envelope_cents),
        "date_begin": _day(created.opens_at),
        "date_end": _day(created.closes_at),
        "currency": created.currency,
    }
    return {**meta, **told}


def _by_place(rules: Rules, projects: list[ProjectView]) -> Rules:
    """The rules with each project's place among those listed in place of its number."""
    places = {project.number: place for place, project in enumerate(projects, 1)}
    groups = (tuple(places[n] for n in group if n in places) for group in rules.alternatives)
    return msgspec.structs.replace(
        rules,
        fixed=tuple(places[number] for number in rules.fixed if number in places),
        alternatives=tuple(group for group in groups if len(group) > 1),
    )


def _day(instant: str) -> str:
    year, month, day = instant[:10].split("-")
    return f"{day}.{month}.{year}"
