"""An election of the log as a Pabulib file: what whoever holds log and texts may write.

An imported election is written as its file was: META, columns and order; `selected` is added where
the file had none. Others get the columns that Cahier knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Protocol

from cahier_kernel.money import format_cents
from cahier_record.budget.ballots import BallotPaper
from cahier_record.budget.count import judge_ballots
from cahier_record.budget.events import BallotCast
from cahier_record.budget.pabulib.model import Ballot, Instance, Project
from cahier_record.budget.views import ElectionView, ProjectView

BASE_PROJECT_COLUMNS = ("project_id", "cost", "votes", "name", "category", "district", "selected")
BASE_VOTE_COLUMNS = ("voter_id", "vote")


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
    projects = sorted(election.projects.values(), key=lambda project: project.number)
    project_columns = tuple(source.get("project_columns", BASE_PROJECT_COLUMNS))
    if election.count is not None and "selected" not in project_columns:
        project_columns += ("selected",)
    votes = dict(zip(*_votes(election), strict=True))
    rows = [_project(project, election, names, votes) for project in projects]
    vote_columns = tuple(source.get("vote_columns", BASE_VOTE_COLUMNS))
    ids = {project.number: project.reference or str(project.number) for project in projects}
    ballots = list(_ballots(election, open_ballot, ids, vote_columns))
    return Instance(
        meta=source.get("meta") or _meta(election, names, len(ballots)),
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
    fields = dict(source.get("fields") or _fields(project, names, votes))
    if election.count is not None:
        fields.setdefault("selected", str(int(project.number in election.count.result.selected)))
    cost = Fraction(project.cost_cents or 0, 100)
    text = source.get("cost") or format_cents(project.cost_cents or 0)
    reference = project.reference or str(project.number)
    return Project(id=reference, cost=cost, cost_text=text, fields=fields)


def _fields(project: ProjectView, names: Names, votes: dict[int, int]) -> dict[str, str]:
    return {
        "votes": str(votes.get(project.number, 0)),
        "name": names.title(project.proposal),
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
    for _, credential, paper in sorted(opened, key=lambda one: one[0]):
        yield _ballot(paper, credential, ids, columns)


def _ballot(
    paper: BallotPaper, credential: str, ids: Mapping[int, str], columns: tuple[str, ...]
) -> Ballot:
    chosen = tuple(ids[number] for number in paper.choices)
    listed = paper.extra.get("vote")
    return Ballot(
        voter=paper.extra.get("voter_id", credential),
        projects=tuple(listed.split(",")) if listed else chosen,
        extra=tuple(paper.extra.get(c, "") for c in columns if c not in BASE_VOTE_COLUMNS),
    )


def _meta(election: ElectionView, names: Names, ballots: int) -> dict[str, str]:
    created, rules = election.created, election.rules
    meta = {
        "description": names.text(election.event, "title"),
        "num_projects": str(len(election.projects)),
        "num_votes": str(ballots),
        "budget": format_cents(created.envelope_cents),
        "vote_type": rules.vote_type,
        "rule": rules.rule,
        "date_begin": _day(created.opens_at),
        "date_end": _day(created.closes_at),
        "currency": created.currency,
    }
    bounds = {
        "min_length": str(rules.min_length or ""),
        "max_length": str(rules.max_length or ""),
        "max_sum_cost": format_cents(rules.max_sum_cost_cents) if rules.max_sum_cost_cents else "",
        "min_project_score_threshold": str(rules.threshold_votes or ""),
    }
    return {**meta, **{key: value for key, value in bounds.items() if value}}


def _day(instant: str) -> str:
    year, month, day = instant[:10].split("-")
    return f"{day}.{month}.{year}"
