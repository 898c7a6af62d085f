"""The service for real: gRPC over loopback, a real NATS server, consultation's log on the bus."""

from __future__ import annotations

import asyncio
import urllib.request
from datetime import timedelta
from uuid import uuid4

import grpc
import pytest
from msgspec import structs

from cahier_budget.application.counting import ballot_opener
from cahier_budget.entrypoints.grpc import UNTRACED
from cahier_chassis.nats import connect
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1 import explaining_pb2 as explaining
from cahier_contracts.budget.v1 import project_life_pb2 as life
from cahier_kernel.errors import DomainError
from cahier_ledger.bus.streams import public_stream
from cahier_record.budget.count import count_election
from cahier_record.budget.views import BudgetView
from cahier_record.consultation.events import ProposalAnswered, ProposalWithdrawn
from cahier_record.events import decode_leaf


async def refusal_of(call):
    with pytest.raises(DomainError) as refusal:
        await call
    return refusal.value


async def eventually(question, wanted):
    async with asyncio.timeout(10):
        while await question() != wanted:  # noqa: ASYNC110 - the bus tells when it tells.
            await asyncio.sleep(0.05)


async def public_leaves(town, count):
    """What budget's relay has told, read from its stream."""
    client = await connect(town.server.url, "reader")
    try:
        js = client.jetstream()
        stream = public_stream("budget")

        async def told():
            return (await js.stream_info(stream)).state.messages

        await eventually(told, count)
        return [await js.get_msg(stream, seq) for seq in range(1, count + 1)]
    finally:
        await client.close()


async def test_a_whole_election_from_proposals_to_a_result_that_strangers_recount(service, kit):
    election = await service.open_election(kit, (40_00, 50_00, 60_00))
    importer = await service.stub(service.token("importer"))
    votes = [(1, 2), (2,), (3,), (2, 3)]
    cast = await importer.CastBallots(
        pb.CastBallotsRequest(
            ballots=[
                election.message(*choices, number=number) for number, choices in enumerate(votes)
            ]
        )
    )
    assert all(result.event_id and not result.error_code for result in cast.results)
    resident = await service.stub(service.vote_token(election.id, kit.credential(50)))
    one = pb.CastBallotRequest(ballot=election.message(2, number=50))
    first = await resident.CastBallot(one)
    assert (await resident.CastBallot(one)).event_id == first.event_id
    asked = pb.GetBallotSequenceRequest(election_id=election.id, credential=kit.credential(50))
    answer = await resident.GetBallotSequence(asked)
    assert (answer.sequence, answer.event_id) == (1, first.event_id)
    await resident.CastBallot(
        pb.CastBallotRequest(ballot=election.message(1, 2, number=50, sequence=2))
    )

    staff = await service.stub(service.token("staff"))
    anyone = await service.stub()
    found = (await anyone.GetElection(pb.GetElectionRequest(election_id=election.id))).election
    assert (found.state, found.ballots) == (pb.ELECTION_STATE_OPEN, 5)
    assert found.trustee_private_key == b""
    await staff.CloseVoting(pb.CloseVotingRequest(election_id=election.id, reason="enough"))
    counted = await staff.CountBallots(pb.CountBallotsRequest(election_id=election.id))
    hidden = await refusal_of(anyone.GetResult(pb.GetResultRequest(election_id=election.id)))
    assert hidden.code == "result_not_found"
    why = pb.ExplainResultRequest(election_id=election.id)
    assert (await refusal_of(anyone.ExplainResult(why))).code == "result_not_found"
    assert not (await staff.GetResult(pb.GetResultRequest(election_id=election.id))).published
    await staff.PublishResult(pb.PublishResultRequest(election_id=election.id))
    result = await anyone.GetResult(pb.GetResultRequest(election_id=election.id))
    assert (list(result.selected), result.spent_cents) == ([2, 1], 90_00)
    assert [(each.number, each.votes, each.selected) for each in result.outcomes] == [
        (1, 2, True),
        (2, 4, True),
        (3, 2, False),
    ]
    assert (result.ballots_counted, result.ballots_invalid, result.published) == (5, 0, True)
    told = await anyone.ExplainResult(why)
    assert [each.reason for each in told.projects] == [each.reason for each in result.outcomes]
    lost = told.projects[2]
    assert (lost.left_cents, lost.missing_cents, lost.cost_to_win_cents) == (10_00, 50_00, 10_00)
    assert lost.votes_to_win == 3
    assert (told.satisfaction.voters, told.satisfaction.with_one) == (5, 4)
    assert "phragmen" in {each.rule for each in told.alternatives}

    view = BudgetView()
    messages = await public_leaves(service, 1 + 9 + 1 + 6 + 2 + 2 + 2)
    for index, message in enumerate(messages):
        leaf = decode_leaf(message.data)
        if leaf.type.endswith("ballot_cast"):
            assert "ce-time" not in message.headers
            assert "traceparent" not in message.headers
        view.apply(index, leaf)
    assert view.faults == []
    told = view.elections[election.id]
    assert told.count_event == counted.event_id
    assert count_election(told, ballot_opener(told.private_key)) == told.count.result
    for held in told.ballots.values():
        held.ballot = structs.replace(held.ballot, sealed=held.ballot.sealed + "=")
    assert count_election(told, ballot_opener(told.private_key)).ballots_invalid == 5
    assert told.count.result.selected == (2, 1)


async def test_strangers_and_residents_may_not_command(service, new_request):
    request = new_request(service.clock.now())
    stranger = await service.stub()
    assert (await refusal_of(stranger.CreateElection(request))).code == "token_missing"
    resident = await service.stub(service.token("resident"))
    refusal = await refusal_of(resident.CreateElection(pb.CreateElectionRequest()))
    assert (refusal.code, refusal.status) == ("role_required", grpc.StatusCode.PERMISSION_DENIED)
    rubbish = life.PlanPhasesRequest(phases=[life.PlannedPhase(phase="none")])
    assert (await refusal_of(resident.PlanPhases(rubbish))).code == "role_required"
    elsewhere = service.issuer.issue("x", roles=["staff"], audience=["identity"])
    wrong = await service.stub(elsewhere)
    assert (await refusal_of(wrong.CreateElection(request))).code == "token_audience"


async def test_a_refusal_names_code_field_and_rule(service, new_request):
    staff = await service.stub(service.token("staff"))
    now = service.clock.now()
    for changes, code, field in (
        ({"title": "x" * 150}, "text_too_long", "title"),
        ({"rules": pb.Rules(rule="lot")}, "rules_invalid", "rules.rule"),
        ({"rules": pb.Rules(ties="dice")}, "rules_invalid", "rules.ties"),
        ({"envelope_cents": -5}, "amount_out_of_range", "envelope_cents"),
    ):
        request = new_request(now, **changes)
        if code == "text_too_long":
            request.title = "x" * 151
        refusal = await refusal_of(staff.CreateElection(request))
        assert (refusal.code, refusal.field) == (code, field)
        assert refusal.domain == "budget.cahier"
        assert refusal.rule
    undated = new_request(now)
    undated.ClearField("opens_at")
    assert (await refusal_of(staff.CreateElection(undated))).code == "instant_invalid"
    undated.opens_at.seconds = 2**62
    assert (await refusal_of(staff.CreateElection(undated))).code == "instant_invalid"
    assert not (await staff.ListElections(pb.ListElectionsRequest())).elections


async def test_a_command_given_twice_under_one_key_is_done_once(service, new_request):
    staff = await service.stub(service.token("staff"))
    request = new_request(service.clock.now())
    first = await staff.CreateElection(request, idempotency_key="k1")
    assert await staff.CreateElection(request, idempotency_key="k1") == first
    other = new_request(service.clock.now(), currency="CHF")
    other.title = "Another"
    refusal = await refusal_of(staff.CreateElection(other, idempotency_key="k1"))
    assert refusal.code == "idempotency_key_reused"
    assert refusal.status is grpc.StatusCode.ALREADY_EXISTS
    listed = await staff.ListElections(pb.ListElectionsRequest())
    assert [election.election_id for election in listed.elections] == [first.election_id]


async def test_transitions_under_a_key_answer_the_same_again(service, kit):
    election = await service.open_election(kit)
    staff = await service.stub(service.token("staff"))
    closing = pb.CloseVotingRequest(election_id=election.id, reason="enough")
    count = pb.CountBallotsRequest(election_id=election.id)
    for call, request in ((staff.CloseVoting, closing), (staff.CountBallots, count)):
        first = await call(request, idempotency_key="k2")
        assert await call(request, idempotency_key="k2") == first
        assert await call(request) == first


async def test_a_created_election_is_listed_at_once_newest_first(service, new_request):
    staff = await service.stub(service.token("staff"))
    process, made = str(uuid4()), []
    for number in range(5):
        request = new_request(service.clock.now(), process_id=process if number % 2 else "")
        made.insert(0, (await staff.CreateElection(request)).election_id)
        listed = await staff.ListElections(pb.ListElectionsRequest())
        assert [election.election_id for election in listed.elections] == made
    of_process = await staff.ListElections(pb.ListElectionsRequest(process_id=process))
    assert [election.election_id for election in of_process.elections] == [made[1], made[3]]


async def test_candidates_follow_consultations_log(service, new_request):
    staff = await service.stub(service.token("staff"))
    first, second, third = await service.accepted(3)
    id = (await staff.CreateElection(new_request(service.clock.now()))).election_id

    async def candidates():
        found = await staff.ListCandidates(pb.ListCandidatesRequest(election_id=id))
        return [candidate.proposal_id for candidate in found.candidates]

    await eventually(candidates, [first, second, third])
    await service.add_project(staff, id, first)
    assert await candidates() == [second, third]
    await service.tell(
        ProposalWithdrawn(proposal=second),
        ProposalAnswered(process="", proposal=third, state="rejected"),
    )
    await eventually(candidates, [])
    refusal = await refusal_of(
        staff.AddProject(pb.AddProjectRequest(election_id=id, proposal_id=second))
    )
    assert refusal.code == "proposal_not_accepted"


async def test_a_proposal_taken_back_later_leaves_its_project_standing(service, new_request):
    staff = await service.stub(service.token("staff"))
    (proposal,) = await service.accepted(1)
    id = (await staff.CreateElection(new_request(service.clock.now()))).election_id
    project = await service.add_project(staff, id, proposal)
    await service.tell(ProposalWithdrawn(proposal=proposal))
    listed = await staff.ListProjects(pb.ListProjectsRequest(election_id=id))
    assert [each.project_id for each in listed.projects] == [project]
    assert listed.projects[0].district == "North"
    assert listed.projects[0].feasibility == pb.FEASIBILITY_UNDECIDED


async def test_texts_are_disclosed_to_anybody_by_event(service, new_request):
    staff, anyone = await service.stub(service.token("staff")), await service.stub()
    created = await staff.CreateElection(new_request(service.clock.now()))
    found = await anyone.GetDisclosures(pb.GetDisclosuresRequest(event_id=created.event_id))
    assert {each.name: each.value for each in found.disclosures} == {
        "title": "Our city",
        "description": "For ideas.",
    }
    assert all(len(each.salt) == 32 for each in found.disclosures)
    for id, code in ((str(uuid4()), "event_not_found"), ("x", "id_malformed")):
        request = pb.GetDisclosuresRequest(event_id=id)
        assert (await refusal_of(anyone.GetDisclosures(request))).code == code


async def test_the_clock_opens_and_closes_voting(service, kit, new_request):
    staff = await service.stub(service.token("staff"))
    (proposal,) = await service.accepted(1)
    now = service.clock.now()
    request = new_request(now)
    request.opens_at.FromDatetime(now + timedelta(days=10))
    request.closes_at.FromDatetime(now + timedelta(days=20))
    id = (await staff.CreateElection(request)).election_id
    project = await service.add_project(staff, id, proposal)
    await staff.CostProject(pb.CostProjectRequest(election_id=id, project_id=project, cost_cents=5))
    await staff.JudgeFeasibility(
        pb.JudgeFeasibilityRequest(
            election_id=id, project_id=project, feasibility=pb.FEASIBILITY_FEASIBLE
        )
    )
    early = await refusal_of(staff.OpenVoting(pb.OpenVotingRequest(election_id=id)))
    assert early.code == "voting_not_due"

    async def state():
        return (await staff.GetElection(pb.GetElectionRequest(election_id=id))).election.state

    service.clock.set(now + timedelta(days=10, seconds=1))
    await eventually(state, pb.ELECTION_STATE_OPEN)
    service.clock.set(now + timedelta(days=20, seconds=1))
    await eventually(state, pb.ELECTION_STATE_CLOSED)
    found = (await staff.GetElection(pb.GetElectionRequest(election_id=id))).election
    assert len(found.trustee_private_key) == 32


async def test_another_persons_token_casts_no_ballot(service, kit):
    election = await service.open_election(kit)
    request = pb.CastBallotRequest(ballot=election.message(1, number=1))
    for token in (
        service.vote_token(election.id, kit.credential(2)),
        service.vote_token(str(uuid4()), kit.credential(1)),
        service.token("resident", subject=kit.credential(1)),
        service.token("staff"),
    ):
        stub = await service.stub(token)
        assert (await refusal_of(stub.CastBallot(request))).code == "ballot_not_yours"
        many = pb.CastBallotsRequest(ballots=[request.ballot])
        assert (await refusal_of(stub.CastBallots(many))).code == "role_required"


async def test_rubbish_is_refused_and_appends_nothing(service, kit):
    election = await service.open_election(kit)
    importer = await service.stub(service.token("importer"))
    for ballot in (
        pb.BallotEnvelope(),
        pb.BallotEnvelope(election_id=election.id),
        pb.BallotEnvelope(election_id="\0" * 50, credential="x" * 10_000),
        pb.BallotEnvelope(election_id=election.id, sealed=b"\xff" * 100_000),
    ):
        await refusal_of(importer.CastBallot(pb.CastBallotRequest(ballot=ballot)))
        answer = await importer.CastBallots(pb.CastBallotsRequest(ballots=[ballot]))
        assert answer.results[0].error_code
        assert not answer.results[0].event_id
    found = await importer.GetElection(pb.GetElectionRequest(election_id=election.id))
    assert found.election.ballots == 0


async def test_commands_work_while_the_bus_is_away_and_the_relay_catches_up(service, kit):
    election = await service.open_election(kit)
    importer = await service.stub(service.token("importer"))
    service.server.kill()
    cast = await importer.CastBallot(pb.CastBallotRequest(ballot=election.message(1)))
    assert cast.event_id
    service.server.start()
    messages = await public_leaves(service, 1 + 6 + 1 + 1)
    assert decode_leaf(messages[-1].data).id == cast.event_id


async def test_ballots_leave_no_key_behind_and_are_metered(service, kit):
    assert {"CastBallot", "CastBallots"} <= UNTRACED
    election = await service.open_election(kit)
    importer = await service.stub(service.token("importer"))
    before = await metric(service, "cahier_ballots_accepted_total")
    await importer.CastBallot(
        pb.CastBallotRequest(ballot=election.message(1)), idempotency_key="linkable"
    )
    assert await metric(service, "cahier_ballots_accepted_total") == before + 1
    store = service.folder / "budget" / "events.db"
    assert b"linkable" not in store.read_bytes()


async def metric(town, name):
    port = (await town.running())["http"]
    text = await asyncio.to_thread(
        lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    )
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))


async def test_an_election_by_equal_shares_is_counted_and_explained_as_strangers_count_it(
    service, kit
):
    election = await service.open_election(
        kit,
        (40_00, 50_00, 60_00),
        rules=pb.Rules(
            vote_type="approval",
            rule="mes",
            completion="add1-greedy",
            ties="cheapest",
            least_votes=1,
            alternatives=[pb.Alternatives(numbers=[1, 2])],
            quotas=[pb.Quota(amount_cents=90_00)],
            fixed=[9],
        ),
    )
    importer = await service.stub(service.token("importer"))
    votes = [(1, 2), (2,), (3,), (2, 3)]
    await importer.CastBallots(
        pb.CastBallotsRequest(
            ballots=[
                election.message(*choices, number=number) for number, choices in enumerate(votes)
            ]
        )
    )
    staff = await service.stub(service.token("staff"))
    await staff.CloseVoting(pb.CloseVotingRequest(election_id=election.id, reason="enough"))
    await staff.CountBallots(pb.CountBallotsRequest(election_id=election.id))
    result = await staff.GetResult(pb.GetResultRequest(election_id=election.id))
    assert list(result.selected) == [2]
    assert [each.reason for each in result.outcomes] == [
        "alternative_taken",
        "selected",
        "does_not_fit",
    ]
    assert result.code_version == "shares/1"
    assert result.rules.quotas == [pb.Quota(amount_cents=90_00)]
    told = await staff.ExplainResult(pb.ExplainResultRequest(election_id=election.id))
    assert [(each.number, each.supporters) for each in told.rounds] == [(2, 3)]
    assert told.share_cents > 0
    (served,) = told.districts
    assert (served.district, served.projects, served.winners) == ("North", 3, 1)
    assert (served.with_one_here, served.satisfaction.voters) == (3, 4)
    assert all(each.more + each.less <= 4 for each in told.alternatives)
    asked = explaining.WhatIfRequest(election_id=election.id, envelope_cents=200_00)
    asked.costs.add(number=3, cost_cents=10_00)
    other = await staff.WhatIf(asked)
    assert (other.envelope_cents, other.spent_cents) == (200_00, 60_00)
    assert [(each.number, each.selected) for each in other.fates] == [
        (1, False),
        (2, True),
        (3, True),
    ]
    assert (other.more, other.less, other.satisfaction.voters) == (2, 0, 4)
    anyone = await service.stub()
    assert (await refusal_of(anyone.WhatIf(asked))).code == "result_not_found"
    await staff.PublishResult(pb.PublishResultRequest(election_id=election.id))
    asked.way.rule, asked.way.utility = "mes", "joy"
    assert (await refusal_of(anyone.WhatIf(asked))).code == "way_invalid"
    credential = kit.credential(3)
    mine = explaining.GetOwnShareRequest(election_id=election.id, credential=credential)
    assert (await refusal_of(anyone.GetOwnShare(mine))).code == "token_missing"
    holder = await service.stub(service.vote_token(election.id, credential))
    share = await holder.GetOwnShare(mine)
    assert list(share.choices) == [2, 3]
    assert [(each.number, each.cost_cents, each.by_voters) for each in share.paid] == [
        (2, 50_00, True)
    ]
    assert share.total_cents == share.paid[0].share_cents == round(50_00 / 3)
    other_voter = await service.stub(service.vote_token(election.id, kit.credential(2)))
    assert (await refusal_of(other_voter.GetOwnShare(mine))).code == "ballot_not_yours"
