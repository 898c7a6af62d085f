"""`cahier export pabulib`: an election as a Pabulib file, rebuilt from the logs alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from cahier_auditor.recount import opener
from cahier_cli.bundle import read_log
from cahier_cli.city import CityError, CityFolder
from cahier_cli.storage import StoresOf, open_stores
from cahier_kernel.money import format_cents
from cahier_record.budget.ballots import BallotPaper, decode_paper
from cahier_record.budget.pabulib import Ballot, Instance, Project
from cahier_record.budget.views import BudgetView, ElectionView, ProjectView
from cahier_record.consultation.views import ConsultationView
from cahier_record.events import decode_leaf

BASE_PROJECT_COLUMNS = ("project_id", "cost", "votes", "name", "category", "district", "selected")
BASE_VOTE_COLUMNS = ("voter_id", "vote")


def export_pabulib(folder: CityFolder, election_id: str) -> Instance:
    """The election with its counted ballots; raises CityError where it cannot be told yet.

    An imported election is written as its file was: META, columns and order; `selected` is added
    where the file had none. Others get the columns that Cahier knows.
    """
    with open_stores(folder) as stores_of:
        names = _Names(stores_of)
        try:
            return _instance(_election(stores_of, election_id), names)
        finally:
            names.close()


def _instance(election: ElectionView, names: _Names) -> Instance:
    source = names.source(election.event)
    projects = sorted(election.projects.values(), key=lambda project: project.number)
    project_columns = tuple(source.get("project_columns", BASE_PROJECT_COLUMNS))
    if election.count is not None and "selected" not in project_columns:
        project_columns += ("selected",)
    votes = dict(zip(*_votes(election), strict=True))
    rows = [_project(project, election, names, votes) for project in projects]
    vote_columns = tuple(source.get("vote_columns", BASE_VOTE_COLUMNS))
    ids = {project.number: project.reference or str(project.number) for project in projects}
    ballots = list(_ballots(election, ids, vote_columns))
    return Instance(
        meta=source.get("meta") or _meta(election, names, len(ballots)),
        project_columns=project_columns,
        projects=rows,
        vote_columns=vote_columns,
        ballots=ballots,
    )


class _Names:
    """The texts behind digests: from budget's own store and from consultation's."""

    def __init__(self, stores_of: StoresOf) -> None:
        self._budget = stores_of("budget").open_reader()
        self._consultation = stores_of("consultation").open_reader()
        self._proposals = ConsultationView()
        for row in read_log(stores_of("consultation")):
            self._proposals.apply(decode_leaf(row.leaf))

    def close(self) -> None:
        self._budget.close_reader()
        self._consultation.close_reader()

    def source(self, event_id: str) -> dict[str, Any]:
        """What an imported file said, as kept with the event; empty for others."""
        kept: dict[str, Any] = json.loads(self.text(event_id, "source") or "{}")
        return kept

    def text(self, event_id: str, name: str) -> str:
        return next((d.value for d in self._budget.disclosures(event_id) if d.name == name), "")

    def title(self, proposal_id: str) -> str:
        proposal = self._proposals.proposals.get(proposal_id)
        if proposal is None:
            return ""
        texts = self._consultation.disclosures(proposal.texts)
        return next((one.value for one in texts if one.name == "title"), "")


def _election(stores_of: StoresOf, election_id: str) -> ElectionView:
    view = BudgetView()
    for row in read_log(stores_of("budget")):
        view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    election = view.elections.get(election_id)
    if election is None:
        raise CityError(f"the city has no election {election_id}")
    if not election.private_key:
        raise CityError(f"voting in election {election_id} is not closed: its ballots are sealed")
    return election


def _votes(election: ElectionView) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if election.count is None:
        return (), ()
    return election.count.result.numbers, election.count.result.votes


def _project(
    project: ProjectView, election: ElectionView, names: _Names, votes: dict[int, int]
) -> Project:
    source = names.source(project.event)
    fields = dict(source.get("fields") or _fields(project, names, votes))
    if election.count is not None:
        fields.setdefault("selected", str(int(project.number in election.count.result.selected)))
    cost = Fraction(project.cost_cents or 0, 100)
    text = source.get("cost") or format_cents(project.cost_cents or 0)
    reference = project.reference or str(project.number)
    return Project(id=reference, cost=cost, cost_text=text, fields=fields)


def _fields(project: ProjectView, names: _Names, votes: dict[int, int]) -> dict[str, str]:
    return {
        "votes": str(votes.get(project.number, 0)),
        "name": names.title(project.proposal),
        "category": project.category,
        "district": project.district,
    }


def _ballots(
    election: ElectionView, ids: dict[int, str], columns: tuple[str, ...]
) -> Iterator[Ballot]:
    """The counted ballots: imported ones by their row, others in the order of the log."""
    unseal = opener(election.private_key)
    opened = []
    for place, held in enumerate(election.ballots.values()):
        paper = decode_paper(unseal(held.ballot))
        opened.append((int(paper.extra.get("row", place)), held.ballot.credential, paper))
    for _, credential, paper in sorted(opened, key=lambda one: one[0]):
        yield _ballot(paper, credential, ids, columns)


def _ballot(
    paper: BallotPaper, credential: str, ids: dict[int, str], columns: tuple[str, ...]
) -> Ballot:
    chosen = tuple(ids[number] for number in paper.choices)
    listed = paper.extra.get("vote")
    return Ballot(
        voter=paper.extra.get("voter_id", credential),
        projects=tuple(listed.split(",")) if listed else chosen,
        extra=tuple(paper.extra.get(c, "") for c in columns if c not in BASE_VOTE_COLUMNS),
    )


def _meta(election: ElectionView, names: _Names, ballots: int) -> dict[str, str]:
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
