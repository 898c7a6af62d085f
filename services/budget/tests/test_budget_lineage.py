"""Merging and splitting: proposed by staff, done by authors' consent alone, told to auditors."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from cahier_budget.application.ports import Consent
from cahier_budget.domain import lineage
from cahier_budget.domain.lineage import Answer, propose_merge, propose_split, settle
from cahier_budget.domain.phases import Text
from cahier_kernel.errors import AlreadyExists, DomainError, FailedPrecondition, Forbidden, Invalid
from cahier_record.budget.views import BudgetView
from cahier_record.events import decode_leaf

CHANGE = UUID(int=7)
NEW = Text("Trees and benches", "Both on one square.")


@pytest.fixture
def election(kit):
    return kit.election((40_00, 50_00, 60_00))


def ids(election):
    return list(election.projects)


def merged(kit, election, answers=None):
    first, second = ids(election)[:2]
    propose_merge(election, (first, second), NEW, "One square.", change_id=CHANGE, now=kit.now)
    known = {each: Answer("agreed", "leaf") for each in election.life.changes[str(CHANGE)].asked}
    settle(election, str(CHANGE), known if answers is None else answers, now=kit.now)
    return election.life.changes[str(CHANGE)]


def test_a_merger_waits_for_every_author(kit, election):
    asked = [each.proposal_id for each in election.projects.values()][:2]
    change = merged(kit, election, {asked[0]: Answer("agreed")})
    assert change.state == "proposed"
    assert change.missing == (asked[1],)
    settle(election, change.id, {asked[1]: Answer("agreed")}, now=kit.now)
    assert change.state == "completed"


def test_what_was_merged_stands_no_more_and_says_into_what(kit, election):
    change = merged(kit, election)
    first, second = (election.projects[each] for each in ids(election)[:2])
    new = election.projects[change.made[0]]
    assert first.became == second.became == (new.id,)
    assert new.came_from == (first.id, second.id)
    assert (new.number, new.title, new.cost_cents) == (4, NEW.title, None)
    assert [election.costs()[each] for each in (1, 2)] == [None, None]
    with pytest.raises(FailedPrecondition) as refused:
        election.cost_project(first.id, 1, now=kit.now)
    assert refused.value.code == "project_superseded"


def test_one_author_who_refuses_ends_it(kit, election):
    asked = election.projects[ids(election)[0]].proposal_id
    change = merged(kit, election, {asked: Answer("refused", "leaf")})
    assert change.state == "refused"
    assert not any(each.became for each in election.projects.values())


def test_a_forgotten_author_is_not_asked(kit, election):
    asked = [each.proposal_id for each in election.projects.values()][:2]
    change = merged(kit, election, {each: Answer("not_asked") for each in asked})
    assert change.state == "completed"


def test_settling_again_changes_nothing(kit, election):
    change = merged(kit, election)
    before = election.version
    settle(election, change.id, {}, now=kit.now)
    assert election.version == before


def test_a_split_makes_several_and_asks_its_author(kit, election):
    project = election.projects[ids(election)[0]]
    parts = (Text("Trees", ""), Text("Benches", ""))
    propose_split(election, project.id, parts, "Too large.", change_id=CHANGE, now=kit.now)
    settle(election, str(CHANGE), {project.proposal_id: Answer("agreed")}, now=kit.now)
    assert [election.projects[each].title for each in project.became] == ["Trees", "Benches"]
    assert all(
        election.projects[each].proposal_id == project.proposal_id for each in project.became
    )


def test_the_authors_of_what_was_merged_are_asked_about_the_next_change(kit, election):
    change = merged(kit, election)
    parts = (Text("Trees", ""), Text("Benches", ""))
    propose_split(election, change.made[0], parts, "Again.", change_id=UUID(int=8), now=kit.now)
    assert election.life.changes[str(UUID(int=8))].asked == change.asked


def test_a_project_waits_for_one_change_at_a_time(kit, election):
    merged(kit, election, {})
    with pytest.raises(AlreadyExists) as refused:
        propose_merge(election, ids(election)[1:], NEW, "Too.", change_id=UUID(int=8), now=kit.now)
    assert refused.value.code == "project_in_change"


def test_a_change_that_is_given_up_frees_its_projects(kit, election):
    merged(kit, election, {})
    lineage.withdraw_change(election, str(CHANGE), "Not needed.", now=kit.now)
    propose_merge(election, ids(election)[1:], NEW, "So.", change_id=UUID(int=8), now=kit.now)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_projects_are_not_merged(kit, election, count):
    with pytest.raises(Invalid) as refused:
        propose_merge(election, ids(election)[:count], NEW, "So.", change_id=CHANGE, now=kit.now)
    assert refused.value.code == "change_malformed"


def test_what_is_pending_when_voting_opens_is_never_completed(kit, election):
    merged(kit, election, {})
    election.open_voting(kit.public_key, now=kit.now)
    version = election.version
    asked = election.life.changes[str(CHANGE)].asked
    settle(election, str(CHANGE), {each: Answer("agreed") for each in asked}, now=kit.now)
    assert election.version == version


async def test_consents_of_consultations_log_complete_a_merger(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    projects = [await app.add_project(id, cost) for cost in (40_00, 50_00)]
    proposals = list(app.proposals.known)
    done = await app.life.propose_merge(app.staff, id, projects, NEW, "One square.")
    app.proposals.said[done.change_id] = [Consent(proposals[0], True, str(uuid4()))]
    app.proposals.gone = {proposals[1]}
    await asyncio.to_thread(
        app.elections.change,
        UUID(id),
        lambda election: app.life.settle(election, done.change_id),
    )
    view = folded(app)
    assert not view.faults
    told = view.elections[id]
    assert [each.feasibility for each in told.projects.values()] == [
        "superseded",
        "superseded",
        "undecided",
    ]
    new = list(told.projects.values())[2]
    assert new.came_from == tuple(projects)
    assert told.projects[projects[0]].became == (new.project,)
    assert told.life.changes[done.change_id].consents == {
        proposals[0]: "agreed",
        proposals[1]: "not_asked",
    }


def folded(app):
    """The public log as auditors fold it."""
    view = BudgetView()
    for row in app.ledger.read_public(0, 100):
        view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    return view


async def test_only_staff_propose_to_merge(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    with pytest.raises(Forbidden):
        await app.life.propose_merge(app.kit.claims("resident"), id, [], NEW, "So.")


async def test_a_refused_proposal_stores_nothing(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    head = app.ledger.head_seq()
    with pytest.raises(DomainError):
        await app.life.propose_merge(app.staff, id, [str(uuid4()), str(uuid4())], NEW, "So.")
    assert app.ledger.head_seq() == head


def test_no_more_authors_are_asked_than_a_leaf_can_name(kit, election):
    first, second = (election.projects[each] for each in ids(election)[:2])
    first.further_authors = tuple(str(uuid4()) for _ in range(lineage.ASKED_MAX))
    with pytest.raises(Invalid) as refused:
        propose_merge(election, (first.id, second.id), NEW, "So.", change_id=CHANGE, now=kit.now)
    assert refused.value.code == "change_malformed"
    first.further_authors = first.further_authors[1:]
    propose_merge(election, (first.id, second.id), NEW, "So.", change_id=CHANGE, now=kit.now)
