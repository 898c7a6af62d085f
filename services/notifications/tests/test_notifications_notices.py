"""Whom an event concerns: the whole table, a row an event."""

from __future__ import annotations

from typing import get_args

import pytest

from cahier_notifications.adapters.letters import catalogue
from cahier_notifications.domain.follows import Level, Thing, ThingKind
from cahier_notifications.domain.notices import (
    TYPES,
    KnownElection,
    KnownProject,
    Notice,
    notices_of,
)
from cahier_record.budget import delivery, life
from cahier_record.budget import events as budget
from cahier_record.consultation import events as consultation
from cahier_record.reporting import events as reporting

PROPOSAL = Thing(ThingKind.PROPOSAL, "p1")
OTHER = Thing(ThingKind.PROPOSAL, "p2")
PROCESS = Thing(ThingKind.PROCESS, "i1")
ELECTION = Thing(ThingKind.ELECTION, "e1")
REPORT = Thing(ThingKind.REPORT, "r1")


class Known:
    """Budget's earlier events: election e1 of process i1 with the projects of p1 and p2."""

    def __init__(self, won: tuple[bool | None, bool | None] = (None, None)) -> None:
        self._projects = {
            "j1": KnownProject("p1", won[0]),
            "j2": KnownProject("p2", won[1]),
        }

    def project(self, project: str) -> KnownProject | None:
        return self._projects.get(project)

    def projects(self, election: str) -> list[KnownProject]:
        return list(self._projects.values()) if election == "e1" else []

    def election(self, election: str) -> KnownElection | None:
        return KnownElection("i1", "EUR") if election == "e1" else None


def notice(thing: Thing, level: Level, letter: str, about: Thing | None = None, **params: str):
    return Notice(thing, level, letter, about or thing, params)


MINIMAL, ESSENTIAL, ALL = Level
ROWS = [
    (
        consultation.ProposalAnswered(process="i1", proposal="p1", state="accepted"),
        [notice(PROPOSAL, MINIMAL, "proposal_accepted")],
    ),
    (
        consultation.CommentAdded(proposal="p1", comment="c", author="a"),
        [notice(PROPOSAL, ALL, "comment_added")],
    ),
    (
        consultation.IdeaPhaseOpened(process="i1"),
        [notice(PROCESS, ESSENTIAL, "ideas_opened")],
    ),
    (
        consultation.IdeaPhaseClosed(process="i1"),
        [notice(PROCESS, ESSENTIAL, "ideas_closed")],
    ),
    (
        budget.ProjectAdded(election="e1", project="j1", number=1, proposal="p1"),
        [notice(PROPOSAL, ESSENTIAL, "project_added")],
    ),
    (
        budget.ProjectCosted(election="e1", project="j1", cost_cents=1_250),
        [notice(PROPOSAL, ESSENTIAL, "project_costed", cents="1250", currency="EUR")],
    ),
    (
        budget.FeasibilityJudged(election="e1", project="j2", feasibility="unfeasible"),
        [notice(OTHER, ESSENTIAL, "project_unfeasible")],
    ),
    (
        budget.VotingOpened(election="e1", trustee_key="k", ballot_size_bytes=1),
        [
            notice(thing, ESSENTIAL, "voting_opened", ELECTION)
            for thing in (ELECTION, PROCESS, PROPOSAL, OTHER)
        ],
    ),
    (
        budget.VotingClosed(election="e1"),
        [
            notice(thing, ESSENTIAL, "voting_closed", ELECTION)
            for thing in (ELECTION, PROCESS, PROPOSAL, OTHER)
        ],
    ),
    (
        life.ChangeProposed(
            election="e1",
            change="c",
            kind="merge",
            projects=("j1", "j2", "j3"),
            results=1,
            asked=("p1", "p2"),
        ),
        [notice(PROPOSAL, MINIMAL, "merge_proposed"), notice(OTHER, MINIMAL, "merge_proposed")],
    ),
    (
        life.ChangeProposed(
            election="e1", change="c", kind="split", projects=("j1",), results=2, asked=("p1",)
        ),
        [notice(PROPOSAL, MINIMAL, "split_proposed")],
    ),
    (
        delivery.TenderAwarded(election="e1", project="j1", tender="t", postings=()),
        [notice(PROPOSAL, ALL, "tender_awarded")],
    ),
    (
        delivery.MilestoneReached(election="e1", project="j1", milestone="m"),
        [notice(PROPOSAL, ESSENTIAL, "milestone_reached")],
    ),
    (
        delivery.MilestoneDelayed(election="e1", project="j2", milestone="m", due="2027-01-01"),
        [notice(OTHER, ESSENTIAL, "milestone_delayed")],
    ),
    (
        delivery.PhotoAdded(
            election="e1", project="j1", photo="f", media_type="image/png", size_bytes=1
        ),
        [notice(PROPOSAL, ALL, "photo_added")],
    ),
    (
        delivery.ProjectFinished(election="e1", project="j1", postings=()),
        [notice(PROPOSAL, MINIMAL, "project_finished")],
    ),
    (
        delivery.ProjectAbandoned(election="e1", project="j2", postings=()),
        [notice(OTHER, MINIMAL, "project_abandoned")],
    ),
    (
        reporting.ReportAnswered(report="r1", state="planned"),
        [notice(REPORT, MINIMAL, "report_planned")],
    ),
    (
        reporting.ReportClosed(report="r1", state="fixed"),
        [notice(REPORT, MINIMAL, "report_fixed")],
    ),
]


@pytest.mark.parametrize(("event", "expected"), ROWS, ids=lambda each: type(each).__name__)
def test_an_event_concerns_whom_the_table_says(event, expected):
    assert notices_of(event, Known()) == expected


def test_a_result_tells_each_proposal_whether_it_won():
    told = notices_of(budget.ResultPublished(election="e1", count="c"), Known((True, False)))
    assert told == [
        notice(ELECTION, MINIMAL, "result_published", ELECTION),
        notice(PROCESS, MINIMAL, "result_published", ELECTION),
        notice(PROPOSAL, MINIMAL, "project_won"),
        notice(OTHER, MINIMAL, "project_lost"),
    ]


def test_a_corrected_result_is_one_letter_to_everybody_around():
    corrected = budget.ResultPublished(election="e1", count="c", corrects="before")
    assert notices_of(corrected, Known((True, False))) == [
        notice(thing, MINIMAL, "result_corrected", ELECTION)
        for thing in (ELECTION, PROCESS, PROPOSAL, OTHER)
    ]


def test_a_project_that_was_not_counted_neither_won_nor_lost():
    told = notices_of(budget.ResultPublished(election="e1", count="c"), Known((True, None)))
    assert [each.letter for each in told] == ["result_published"] * 2 + ["project_won"]


def test_what_is_not_known_concerns_nobody():
    unknown = budget.ProjectCosted(election="e9", project="j9", cost_cents=1)
    assert notices_of(unknown, Known()) == []
    assert notices_of(None, Known()) == []
    assert notices_of(consultation.ProposalWithdrawn(proposal="p1"), Known()) == []


def test_every_event_of_the_table_is_subscribed_to_and_no_other():
    told = {type(event).TYPE for event, _ in ROWS} | {budget.ResultPublished.TYPE}
    assert told == {name for types in TYPES.values() for name in types}
    for service, types in TYPES.items():
        assert all(name.startswith(f"{service}.") for name in types)


def test_every_state_that_an_event_may_name_has_a_letter():
    letters = set(catalogue("en")["letter"])
    states = {
        "proposal": get_args(consultation.AnswerState),
        "project": get_args(budget.Feasibility),
        "report": (*get_args(reporting.OpenState), *get_args(reporting.Outcome)),
    }
    for kind, names in states.items():
        assert {f"{kind}_{name}" for name in names} <= letters
    for _, notices in ROWS:
        assert {each.letter for each in notices} <= letters
