"""The election's rules: given what has happened, when staff ask, then these events or a refusal."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from cahier_budget.domain.election import Election
from cahier_kernel.errors import AlreadyExists, DomainError, FailedPrecondition, Invalid, NotFound
from cahier_record.budget.ballots import ballot_size_bytes
from cahier_record.budget.events import CountResult, Quota, Rules


def events(election):
    return [type(event).__name__ for event in election.pending_events]


def count_result(rules):
    return CountResult(
        rules=rules,
        envelope_cents=100,
        spent_cents=0,
        selected=(),
        numbers=(1,),
        votes=(0,),
        reasons=("no_votes",),
        ballots_counted=0,
        log_size=9,
        code_version="x",
    )


def test_a_new_election_is_preparing_under_its_rules(kit):
    election = kit.election()
    assert events(election) == ["Created"]
    assert (election.state, election.rules) == ("preparing", kit.rules)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"title": " "}, "text_missing", "title"),
        ({"title": "x" * 151}, "text_too_long", "title"),
        ({"title": "a\nb"}, "text_unprintable", "title"),
        ({"title": "a\0b"}, "text_unprintable", "title"),
        ({"description": "x" * 20_001}, "text_too_long", "description"),
        ({"process_id": "nonsense"}, "id_malformed", "process_id"),
        ({"envelope_cents": 0}, "amount_out_of_range", "envelope_cents"),
        ({"envelope_cents": 10**15 + 1}, "amount_out_of_range", "envelope_cents"),
        ({"currency": "eur"}, "currency_malformed", "currency"),
        ({"districts": ("A", "A")}, "district_doubled", "districts"),
        ({"districts": ("",)}, "text_missing", "districts"),
        ({"districts": tuple(map(str, range(201)))}, "too_many_districts", "districts"),
        ({"districts": ("x" * 121,)}, "text_too_long", "districts"),
        ({"ballot_extra_bytes": 4097}, "ballot_extra_out_of_range", "ballot_extra_bytes"),
        ({"ballot_extra_bytes": -1}, "ballot_extra_out_of_range", "ballot_extra_bytes"),
        ({"source": "[1]"}, "source_malformed", "source"),
        ({"source": "{"}, "source_malformed", "source"),
        ({"source": "[" * 19_000}, "source_malformed", "source"),
    ],
)
def test_a_field_that_breaks_its_rule_is_named(kit, changes, code, field):
    with pytest.raises(Invalid) as refusal:
        kit.election(**changes)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_voting_closes_after_it_opens(kit):
    with pytest.raises(Invalid) as refusal:
        kit.election(closes_at=kit.opens_at)
    assert refusal.value.code == "closes_before_opening"


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        (Rules(vote_type="lottery", rule="greedy"), "rules.vote_type"),
        (Rules(vote_type="approval", rule="lot"), "rules.rule"),
        (Rules(vote_type="approval", rule="mes", utility="joy"), "rules.utility"),
        (Rules(vote_type="approval", rule="phragmen", utility="cardinality"), "rules.utility"),
        (Rules(vote_type="approval", rule="mes", completion="add2"), "rules.completion"),
        (Rules(vote_type="approval", rule="greedy", completion="add1"), "rules.completion"),
        (Rules(vote_type="approval", rule="mes", stop="exhaustive"), "rules.stop"),
        (Rules(vote_type="approval", rule="mes", least_turnout=-1), "rules.least_turnout"),
        (Rules(vote_type="approval", rule="mes", least_votes=-1), "rules.least_votes"),
        (Rules(vote_type="approval", rule="mes", fixed=(1, 1)), "rules.fixed"),
        (Rules(vote_type="approval", rule="mes", fixed=(0,)), "rules.fixed"),
        (
            Rules(vote_type="approval", rule="mes", fixed=(1, 2), alternatives=((1, 2),)),
            "rules.fixed",
        ),
        (Rules(vote_type="approval", rule="mes", alternatives=((1,),)), "rules.alternatives"),
        (
            Rules(vote_type="approval", rule="mes", alternatives=((1, 2), (2, 3))),
            "rules.alternatives",
        ),
        (
            Rules(
                vote_type="approval", rule="mes", quotas=(Quota(district="Mars", amount_cents=1),)
            ),
            "rules.quotas",
        ),
        (
            Rules(vote_type="approval", rule="mes", quotas=(Quota(district="", amount_cents=-1),)),
            "rules.quotas",
        ),
        (Rules(vote_type="approval", rule="greedy", ties="coin"), "rules.ties"),
        (Rules(vote_type="approval", rule="greedy", min_length=-1), "rules.min_length"),
        (
            Rules(vote_type="approval", rule="greedy", min_length=4, max_length=3),
            "rules.min_length",
        ),
        (Rules(vote_type="approval", rule="greedy", max_length=2001), "rules.max_length"),
        (Rules(vote_type="choose-1", rule="greedy", max_length=2), "rules.max_length"),
        (Rules(vote_type="choose-1", rule="greedy", min_length=2), "rules.min_length"),
        (Rules(vote_type="approval", rule="greedy", threshold_votes=5), "rules.threshold_votes"),
        (
            Rules(vote_type="approval", rule="greedy", max_sum_cost_cents=-1),
            "rules.max_sum_cost_cents",
        ),
    ],
)
def test_rules_that_do_not_fit_are_refused(kit, rules, field):
    with pytest.raises(Invalid) as refusal:
        kit.election(rules=rules)
    assert (refusal.value.code, refusal.value.field) == ("rules_invalid", field)


def test_rules_change_while_preparing_with_a_reason(kit):
    election = kit.election()
    stricter = Rules(vote_type="choose-1", rule="greedy-no-skip")
    with pytest.raises(Invalid) as refusal:
        election.change_rules(stricter, " ", now=kit.now)
    assert refusal.value.field == "reason"
    election.change_rules(stricter, "simpler", now=kit.now)
    assert election.rules == stricter


def test_projects_are_numbered_in_the_order_of_adding(kit):
    election = kit.election((1, 2, 3))
    assert [project.number for project in election.projects.values()] == [1, 2, 3]


def test_a_proposal_is_one_project_and_a_reference_names_one(kit):
    election, first, second = kit.election(), kit.proposal(), kit.proposal()

    def add(proposal, reference):
        election.add_project(
            proposal, project_id=uuid4(), reference=reference, source="", now=kit.now
        )

    add(first, "A1")
    with pytest.raises(AlreadyExists) as refusal:
        add(first, "A2")
    assert refusal.value.code == "proposal_already_project"
    with pytest.raises(AlreadyExists) as refusal:
        add(second, "A1")
    assert refusal.value.code == "reference_taken"
    add(second, "")
    add(kit.proposal(), "")
    assert len(election.projects) == 3


def test_a_project_comes_from_the_elections_own_process_and_districts(kit):
    process = str(uuid4())
    election = kit.election(process_id=process)

    def add(**changes):
        election.add_project(
            kit.proposal(**changes), project_id=uuid4(), reference="", source="", now=kit.now
        )

    with pytest.raises(FailedPrecondition) as refusal:
        add(process_id=str(uuid4()))
    assert refusal.value.code == "proposal_of_another_process"
    with pytest.raises(FailedPrecondition) as refusal:
        add(process_id=process, district="Elsewhere")
    assert refusal.value.code == "district_unknown"
    add(process_id=process, district="South")
    add(process_id=process, district="")
    assert [project.district for project in election.projects.values()] == ["South", ""]


def test_an_election_without_districts_is_for_the_whole_city(kit):
    election = kit.election(districts=())
    kit.feasible(election, 1)
    assert next(iter(election.projects.values())).district == ""


def test_only_a_costed_project_is_feasible_and_an_unfeasible_one_has_a_reason(kit):
    election = kit.election()
    project = election.add_project(
        kit.proposal(), project_id=uuid4(), reference="", source="", now=kit.now
    )
    with pytest.raises(FailedPrecondition) as refusal:
        election.judge(project.id, "feasible", "", now=kit.now)
    assert refusal.value.code == "project_not_costed"
    with pytest.raises(Invalid) as invalid:
        election.judge(project.id, "unfeasible", "", now=kit.now)
    assert invalid.value.field == "reason"
    with pytest.raises(Invalid):
        election.judge(project.id, "undecided", "", now=kit.now)
    election.judge(project.id, "unfeasible", "a river is there", now=kit.now)
    assert election.costs() == {1: None}
    election.cost_project(project.id, 0, now=kit.now)
    election.judge(project.id, "feasible", "", now=kit.now)
    assert election.costs() == {1: 0}


def test_an_unknown_project_is_not_found(kit):
    with pytest.raises(NotFound) as refusal:
        kit.election().cost_project(str(uuid4()), 1, now=kit.now)
    assert refusal.value.code == "project_not_found"


@pytest.mark.parametrize("cost", [-1, 10**15 + 1])
def test_a_cost_is_an_amount(kit, cost):
    election = kit.election((1,))
    with pytest.raises(Invalid) as refusal:
        election.cost_project(next(iter(election.projects)), cost, now=kit.now)
    assert refusal.value.field == "cost_cents"


def test_voting_opens_between_its_dates_when_all_is_decided(kit):
    election = kit.election()
    with pytest.raises(FailedPrecondition) as refusal:
        election.open_voting("key", now=kit.now)
    assert refusal.value.code == "no_feasible_project"
    election.add_project(kit.proposal(), project_id=uuid4(), reference="", source="", now=kit.now)
    kit.feasible(election, 5)
    with pytest.raises(FailedPrecondition) as refusal:
        election.open_voting("key", now=kit.now)
    assert refusal.value.code == "projects_undecided"
    election.judge(next(iter(election.projects)), "unfeasible", "no", now=kit.now)
    with pytest.raises(FailedPrecondition) as refusal:
        election.open_voting("key", now=kit.opens_at - timedelta(microseconds=1))
    assert refusal.value.code == "voting_not_due"
    with pytest.raises(FailedPrecondition) as refusal:
        election.open_voting("key", now=kit.closes_at)
    assert refusal.value.code == "voting_period_over"
    election.open_voting("key", now=kit.opens_at)
    assert election.state == "open"
    assert election.ballot_size_bytes == ballot_size_bytes(election.rules, 2, 0)


def test_nothing_of_an_open_election_changes(kit):
    election = kit.open_election()
    version, project = election.version, next(iter(election.projects))
    for change in (
        lambda: election.change_rules(kit.rules, "why", now=kit.now),
        lambda: kit.feasible(election, 1),
        lambda: election.cost_project(project, 1, now=kit.now),
        lambda: election.judge(project, "unfeasible", "no", now=kit.now),
        lambda: election.open_voting("key", now=kit.now),
    ):
        with pytest.raises(FailedPrecondition) as refusal:
            change()
        assert refusal.value.code == "election_not_preparing"
    assert election.version == version


def test_closing_early_needs_a_reason_and_publishes_the_key_with_it(kit):
    election = kit.open_election()
    with pytest.raises(FailedPrecondition) as refusal:
        election.close_voting(" ", "private", now=kit.now)
    assert refusal.value.code == "closing_date_not_reached"
    election.close_voting("flood", "private", now=kit.now)
    assert events(election)[-2:] == ["VotingClosed", "TrusteeKeyPublished"]
    assert (election.state, election.trustee_private_key) == ("closed", "private")
    assert election.pending_events[-2].reason == "flood"


def test_closing_at_the_date_needs_no_reason_and_keeps_none(kit):
    election = kit.open_election()
    election.close_voting("late", "private", now=kit.closes_at)
    assert election.pending_events[-2].reason == ""


def test_counting_comes_after_closing_and_publishing_after_counting(kit):
    election = kit.open_election()
    with pytest.raises(FailedPrecondition) as refusal:
        election.record_count(count_result(kit.rules), now=kit.now)
    assert refusal.value.code == "voting_not_closed"
    with pytest.raises(FailedPrecondition) as refusal:
        election.publish_result(now=kit.now)
    assert refusal.value.code == "ballots_not_counted"
    election.close_voting("", "private", now=kit.closes_at)
    election.record_count(count_result(kit.rules), now=kit.now)
    counted = election.last_event()
    election.publish_result(now=kit.now)
    assert election.state == "published"
    assert election.pending_events[-1].count == counted
    with pytest.raises(DomainError):
        election.record_count(count_result(kit.rules), now=kit.now)


def test_every_version_has_a_public_id_of_its_own(kit):
    election = kit.open_election()
    ids = {election.event_of("open"), kit.open_election().event_of("open")}
    assert len(ids) == 2
    assert election.event_of("open") == election.last_event()
    assert isinstance(election, Election)


@pytest.mark.parametrize(
    "rules",
    [
        Rules(vote_type="approval", rule="mes", completion="add1-greedy", stop="exhaustive"),
        Rules(vote_type="choose-1", rule="equalshares/add1", stop="exhaustive"),
        Rules(vote_type="approval", rule="phragmen", ties="cheapest", least_votes=3),
        Rules(vote_type="approval", rule="greedy", utility="cardinality", fixed=(1,)),
    ],
)
def test_every_rule_in_real_use_may_be_chosen(kit, rules):
    assert kit.election(rules=rules).rules == rules
