"""Phases and the analysis by three: when they come, what they allow, who may decide."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from cahier_budget.domain import life
from cahier_budget.domain.life import NewAssessment, assess
from cahier_budget.domain.phases import PHASES, Planned
from cahier_kernel.errors import DomainError, FailedPrecondition, Forbidden, Invalid
from cahier_record.budget.life_view import phase_of
from cahier_record.budget.views import BudgetView
from cahier_record.events import decode_leaf

DAY = timedelta(days=1)


def plan(now, *skipped, first=-1, step=10):
    """All phases but the skipped, ten days apart; the first began a day ago."""
    names = [phase for phase in PHASES if phase not in skipped]
    return [Planned(phase, now + (first + step * n) * DAY) for n, phase in enumerate(names)]


@pytest.fixture
def planned(kit):
    election = kit.election()
    life.plan_phases(election, plan(kit.now), "", now=kit.now)
    return election


def refused(code, call, *args, **named):
    with pytest.raises(DomainError) as error:
        call(*args, **named)
    assert error.value.code == code


def test_an_election_without_a_plan_allows_everything(kit):
    election = kit.election((40_00,))
    assert election.life.present(election.state) == ""
    election.open_voting(kit.public_key, now=kit.now)


def test_what_has_begun_is_entered_with_the_plan(planned):
    assert planned.life.phase == "informing"


def test_voting_opens_and_closes_by_the_plan(kit, planned):
    assert planned.opens_at == kit.now + 59 * DAY
    assert planned.closes_at == kit.now + 69 * DAY


def test_phases_are_entered_one_after_the_other_when_due(kit, planned):
    before = planned.version
    life.enter_due(planned, now=kit.now + 25 * DAY)
    assert planned.life.phase == "reviewing"
    assert planned.version == before + 2
    life.enter_due(planned, now=kit.now + 25 * DAY)
    assert planned.version == before + 2


def test_the_clock_alone_never_enters_voting(kit, planned):
    life.enter_due(planned, now=kit.now + 1_000 * DAY)
    assert planned.life.phase == "publishing_prices"


@pytest.mark.parametrize(
    ("phase", "allowed"),
    [("informing", False), ("accepting", True), ("reviewing", True), ("costing", False)],
)
def test_projects_are_added_in_their_phases(kit, planned, phase, allowed):
    life.enter_due(planned, now=kit.now + (10 * PHASES.index(phase)) * DAY)
    assert planned.life.phase == phase
    add = {"project_id": uuid4(), "reference": "", "source": "", "now": kit.now}
    if allowed:
        planned.add_project(kit.proposal(), **add)
    else:
        refused("phase_forbids", planned.add_project, kit.proposal(), **add)


def test_costs_are_stated_while_costing_and_not_once_prices_are_public(kit, planned):
    life.enter_due(planned, now=kit.now + 10 * DAY)
    project = planned.add_project(
        kit.proposal(), project_id=uuid4(), reference="", source="", now=kit.now
    )
    refused("phase_forbids", planned.cost_project, project.id, 1, now=kit.now)
    life.enter_due(planned, now=kit.now + 40 * DAY)
    planned.cost_project(project.id, 1, now=kit.now)
    life.state_running_cost(planned, project.id, 7, now=kit.now)
    assert project.running_cents == 7
    life.enter_due(planned, now=kit.now + 50 * DAY)
    refused("phase_forbids", planned.cost_project, project.id, 2, now=kit.now)


def test_what_no_phase_of_the_plan_allows_is_bound_to_none(kit):
    election = kit.election()
    life.plan_phases(election, plan(kit.now, *PHASES[1:6]), "", now=kit.now)
    kit.feasible(election, 1)


def test_the_next_phase_begins_early_with_a_reason_only(kit, planned):
    refused("phase_not_due", life.enter_phase, planned, "accepting", "", now=kit.now)
    refused("phase_not_next", life.enter_phase, planned, "costing", "So.", now=kit.now)
    refused("phase_entered_by_voting", life.enter_phase, planned, "balloting", "So.", now=kit.now)
    life.enter_phase(planned, "accepting", "All know.", now=kit.now)
    assert planned.life.phase == "accepting"


def test_an_earlier_phase_opens_again_with_a_reason_and_dates_to_come(kit, planned):
    now = kit.now + 25 * DAY
    life.enter_due(planned, now=now)
    old, later = planned.life.plan, plan(kit.now, first=-1, step=20)
    refused("text_missing", life.reopen_phase, planned, "accepting", later, "", now=kit.now)
    refused("phase_dates_passed", life.reopen_phase, planned, "accepting", old, "So.", now=now)
    refused("phase_not_passed", life.reopen_phase, planned, "costing", later, "So.", now=kit.now)
    life.reopen_phase(planned, "accepting", later, "One was lost.", now=kit.now + 20 * DAY)
    assert planned.life.phase == "accepting"
    assert [each.reason for each in planned.life.reopenings] == ["One was lost."]


def test_no_phase_opens_again_behind_an_opened_vote(kit):
    election = kit.election((40_00,))
    opened = [*plan(kit.now, *PHASES[1:6], first=-11)]
    life.plan_phases(election, opened, "", now=kit.now)
    election.open_voting(kit.public_key, now=kit.now)
    refused(
        "phase_behind_opened_vote",
        life.reopen_phase,
        election,
        "informing",
        opened,
        "So.",
        now=kit.now,
    )
    assert election.life.present(election.state) == "balloting"


@pytest.mark.parametrize(
    "broken",
    [
        lambda phases: phases[:-1],
        lambda phases: phases[::-1],
        lambda phases: [phases[0], *phases],
        lambda phases: [],
        lambda phases: [*phases[:-1], Planned("finished", phases[-2].starts_at)],
    ],
)
def test_a_plan_that_is_none_is_refused(kit, broken):
    election = kit.election()
    with pytest.raises(Invalid) as error:
        life.plan_phases(election, broken(plan(kit.now)), "", now=kit.now)
    assert error.value.code == "phases_invalid"
    assert not election.life.plan


def test_another_plan_needs_a_reason_and_keeps_the_past(kit, planned):
    refused("text_missing", life.plan_phases, planned, plan(kit.now), "", now=kit.now)
    other = plan(kit.now, first=-2)
    refused("phases_invalid", life.plan_phases, planned, other, "So.", now=kit.now)


def said(project, role, assessor, feasibility="feasible"):
    return NewAssessment(project, role, assessor, feasibility, 45_00, 1_00, f"As {role}.")


@pytest.fixture
def three(kit):
    election = kit.election()
    life.choose_analysis(election, "three", now=kit.now)
    project = election.add_project(
        kit.proposal(), project_id=uuid4(), reference="", source="", now=kit.now
    )
    return election, project


def test_the_decision_comes_after_both_assessments(kit, three):
    election, project = three
    decision = said(project.id, "decision_maker", "c")
    refused("assessments_missing", assess, election, decision, now=kit.now)
    assess(election, said(project.id, "analyst", "a", "unfeasible"), now=kit.now)
    refused("assessments_missing", assess, election, decision, now=kit.now)
    assess(election, said(project.id, "supervisor", "b"), now=kit.now)
    assert project.feasibility == "undecided"
    assess(election, decision, now=kit.now)
    assert project.feasibility == "feasible"
    assert (project.cost_cents, project.running_cents) == (45_00, 1_00)


def test_three_persons_assess_not_one_in_two_roles(kit, three):
    election, project = three
    assess(election, said(project.id, "analyst", "a"), now=kit.now)
    again = said(project.id, "supervisor", "a")
    refused("assessor_not_different", assess, election, again, now=kit.now)
    assess(election, said(project.id, "supervisor", "b"), now=kit.now)
    decision = said(project.id, "decision_maker", "b")
    refused("assessor_not_different", assess, election, decision, now=kit.now)


def test_with_three_roles_staff_do_not_judge_alone(kit, three):
    election, project = three
    refused("analysis_needs_three", election.judge, project.id, "unfeasible", "No.", now=kit.now)


def test_an_assessment_needs_grounds(kit, three):
    election, project = three
    mute = NewAssessment(project.id, "analyst", "a", "feasible", 1, 0, " ")
    refused("text_missing", assess, election, mute, now=kit.now)


def test_the_way_of_analysis_is_chosen_before_it_begins(kit):
    election = kit.election((40_00,))
    refused("analysis_begun", life.choose_analysis, election, "three", now=kit.now)


async def test_each_assesses_in_a_role_of_their_own_under_a_pseudonym(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    proposal = app.kit.proposal()
    app.proposals.known[proposal.id] = proposal
    await app.life.choose_analysis(app.staff, id, "three")
    project = (await app.commands.add_project(app.staff, id, proposal.id)).project_id
    with pytest.raises(Forbidden):
        await app.life.assess(app.staff, id, said(project, "analyst", ""))
    for role, person in (("analyst", "ann"), ("supervisor", "bob"), ("decision_maker", "cid")):
        claims = app.kit.claims(role, subject=person)
        await app.life.assess(claims, id, said(project, role, "forged"))
    leaves = [row.leaf for row in app.ledger.read_public(0, 100)]
    assert not any(name in leaf for leaf in leaves for name in (b"ann", b"bob", b"forged"))
    view = BudgetView()
    for index, leaf in enumerate(leaves):
        view.apply(index, decode_leaf(leaf))
    assert not view.faults
    assert view.elections[id].projects[project].feasibility == "feasible"
    assert len(view.elections[id].life.assessments[project]) == 3


async def test_the_log_tells_the_phases_as_they_came(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    now = app.kit.now
    await app.life.plan_phases(app.staff, id, plan(now), "")
    await app.life.enter_phase(app.staff, id, "accepting", "All know.")
    later = [*plan(now)[:1], *plan(now, first=5)[1:]]
    await app.life.reopen_phase(app.staff, id, "informing", later, "One was lost.")
    view = BudgetView()
    for row in app.ledger.read_public(0, 100):
        view.apply(row.public_seq - 1, decode_leaf(row.leaf))
    assert not view.faults
    assert phase_of(view.elections[id]) == "informing"
    assert view.elections[id].life.reopened == 1


async def test_a_refused_plan_stores_nothing(app):
    id = (await app.commands.create_election(app.staff, app.kit.new())).election_id
    head = app.ledger.head_seq()
    with pytest.raises(Invalid):
        await app.life.plan_phases(app.staff, id, [], "")
    with pytest.raises(FailedPrecondition):
        await app.life.enter_phase(app.staff, id, "reviewing", "So.")
    assert app.ledger.head_seq() == head
