"""Casting on a real ledger: accepted, refused, repeated, late, and in the way of each other."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest
import rfc8785

from cahier_budget.application.casting import BALLOTS_MAX
from cahier_budget.application.elections import Elections
from cahier_budget.application.stored import BallotWriter
from cahier_budget.domain.ballots import BALLOT_TOPIC, ballot_stream
from cahier_kernel.errors import (
    AlreadyExists,
    DomainError,
    FailedPrecondition,
    Forbidden,
    Invalid,
    NotFound,
)
from cahier_ledger.leaves import make_leaf
from cahier_record.budget.events import BallotCast as PublicBallotCast
from cahier_record.events import decode_leaf


def stored_ballots(app):
    return [json.loads(data) for _, data in app.ledger.iter_data(BALLOT_TOPIC)]


async def test_an_accepted_ballot_is_stored_sealed_without_time_or_trace(app, kit):
    election = await app.open_election()
    ballot = election.ballot(1, 2)
    id = await app.casting.cast(kit.voter(election.id), ballot)
    (stored,) = app.ledger.read_stream(ballot_stream(election.id, ballot.credential))
    assert (stored.recorded_at, stored.meta) == (None, b"")
    leaf = decode_leaf(app.ledger.public_by_id(id).leaf)
    assert leaf.at is None
    assert leaf.event.credential == ballot.credential
    assert set(json.loads(stored.data)) == {
        "election",
        "electorate",
        "scheme",
        "credential",
        "sequence",
        "sealed",
    }


async def test_the_leaf_by_template_is_what_the_general_writer_makes(app):
    election = await app.open_election()
    for number in range(20):
        ballot = replace(election.ballot(1, number=number), sequence=number * 10**7 + 1)
        leaf = BallotWriter(election.id).event(ballot).public
        event = decode_leaf(leaf.leaf).event
        general = make_leaf("budget", PublicBallotCast.TYPE, leaf.id, None, event.data())
        assert leaf.leaf == general.leaf == rfc8785.dumps(json.loads(leaf.leaf))


async def test_a_repeated_ballot_has_the_same_id_and_is_stored_once(app, kit):
    election = await app.open_election()
    ballot, voter = election.ballot(1), kit.voter(election.id)
    first = await app.casting.cast(voter, ballot)
    assert await app.casting.cast(voter, ballot) == first
    assert len(stored_ballots(app)) == 1


async def test_a_replacement_has_the_next_sequence(app, kit):
    election = await app.open_election()
    voter = kit.voter(election.id)
    await app.casting.cast(voter, election.ballot(1))
    with pytest.raises(AlreadyExists) as refusal:
        await app.casting.cast(voter, election.ballot(2))
    assert refusal.value.code == "ballot_sequence_taken"
    assert refusal.value.params["next_sequence"] == "2"
    with pytest.raises(FailedPrecondition) as skipped:
        await app.casting.cast(voter, election.ballot(2, sequence=3))
    assert skipped.value.code == "ballot_sequence_skipped"
    assert skipped.value.params["next_sequence"] == "2"
    await app.casting.cast(voter, election.ballot(2, sequence=2))
    assert await app.casting.sequence_of(voter, election.id, voter.credential) == 2


async def test_a_seal_is_bound_to_election_credential_and_sequence(app, kit):
    election = await app.open_election()
    other = await app.open_election()
    sound = election.ballot(1)
    for moved in (
        replace(sound, credential=kit.credential(2)),
        replace(sound, election_id=other.id),
        replace(sound, sequence=2),
        replace(sound, sealed=sound.sealed[:-1] + bytes([sound.sealed[-1] ^ 1])),
    ):
        with pytest.raises(Invalid) as refusal:
            await app.casting.cast(kit.importer, moved)
        assert (refusal.value.code, refusal.value.field) == ("seal_broken", "sealed")
    assert stored_ballots(app) == []


async def test_choices_are_judged_before_they_are_stored(app, kit):
    election = await app.open_election()
    for choices, code in (
        ((7,), "ballot_unknown_project"),
        ((1, 2, 3, 4), "ballot_unknown_project"),
        ((1, 1), "ballot_repeats_project"),
    ):
        with pytest.raises(Invalid) as refusal:
            await app.casting.cast(kit.voter(election.id), election.ballot(*choices))
        assert refusal.value.code == code
    with pytest.raises(Invalid) as refusal:
        await app.casting.cast(kit.voter(election.id), election.ballot(plaintext=b"rubbish"))
    assert refusal.value.code == "ballot_malformed"
    assert stored_ballots(app) == []


async def test_a_knapsack_ballot_stays_within_its_envelope(app, kit):
    kit.rules = msgspec.structs.replace(kit.rules, max_sum_cost_cents=100_00)
    election = await app.open_election((40_00, 50_00, 60_00))
    with pytest.raises(Invalid) as refusal:
        await app.casting.cast(kit.importer, election.ballot(2, 3))
    assert refusal.value.code == "ballot_over_envelope"
    await app.casting.cast(kit.importer, election.ballot(1, 3))


async def test_an_unknown_or_unopened_election_takes_no_ballot(app, kit):
    election = await app.open_election()
    preparing = (await app.commands.create_election(app.staff, kit.new())).election_id
    for id, kind, code in (
        (str(uuid4()), NotFound, "election_not_found"),
        ("rubbish", Invalid, "id_malformed"),
        (election.id.upper(), Invalid, "id_malformed"),
        (preparing, FailedPrecondition, "voting_not_open"),
    ):
        with pytest.raises(kind) as refusal:
            await app.casting.cast(kit.importer, replace(election.ballot(1), election_id=id))
        assert refusal.value.code == code


async def test_no_ballot_is_taken_from_the_closing_date_on_even_before_the_timer_closes(app, kit):
    election = await app.open_election()
    early = election.ballot(1)
    id = await app.casting.cast(kit.importer, early)
    app.clock.set(kit.closes_at)
    with pytest.raises(FailedPrecondition) as refusal:
        await app.casting.cast(kit.importer, election.ballot(1, number=2))
    assert refusal.value.code == "voting_closed"
    assert await app.casting.cast(kit.importer, early) == id


async def test_a_ballot_decided_before_a_closing_is_not_stored_after_it(app, kit):
    """The closing comes between the decision and the append, behind the cache's back."""
    election = await app.open_election()
    await app.casting.cast(kit.importer, election.ballot(1, number=1))
    elsewhere = Elections(app.aggregates)
    await asyncio.to_thread(
        elsewhere.change, UUID(election.id), lambda found: app.commands.decide_closing(found, "now")
    )
    with pytest.raises(FailedPrecondition) as refusal:
        await app.casting.cast(kit.importer, election.ballot(1, number=2))
    assert refusal.value.code == "voting_closed"
    (answer,) = await app.casting.cast_many(kit.importer, [election.ballot(1, number=3)])
    assert answer.refusal.code == "voting_closed"
    assert len(stored_ballots(app)) == 1


async def test_each_of_many_ballots_is_answered_by_itself_in_order(app, kit):
    election = await app.open_election()
    ballots = [
        election.ballot(1, number=1),
        election.ballot(9, number=2),
        election.ballot(2, number=1, sequence=2),
        election.ballot(3, number=1, sequence=2),
        replace(election.ballot(1, number=3), election_id="?"),
        election.ballot(1, number=4),
    ]
    answers = await app.casting.cast_many(kit.importer, ballots)
    assert [answer.refusal.code if answer.refusal else "" for answer in answers] == [
        "",
        "ballot_unknown_project",
        "",
        "ballot_sequence_taken",
        "id_malformed",
        "",
    ]
    assert len(stored_ballots(app)) == 3
    assert all(bool(answer.event_id) != bool(answer.refusal) for answer in answers)


async def test_many_ballots_are_for_importers_and_bounded(app, kit):
    election = await app.open_election()
    with pytest.raises(Forbidden) as refusal:
        await app.casting.cast_many(kit.voter(election.id), [election.ballot(1)])
    assert refusal.value.code == "role_required"
    with pytest.raises(Invalid) as invalid:
        await app.casting.cast_many(kit.importer, [election.ballot(1)] * (BALLOTS_MAX + 1))
    assert invalid.value.code == "too_many_ballots"
    assert await app.casting.cast_many(kit.importer, []) == []


async def test_only_the_voter_and_importers_learn_a_sequence(app, kit):
    election = await app.open_election()
    with pytest.raises(Forbidden):
        await app.casting.sequence_of(kit.voter(election.id, 2), election.id, kit.credential(1))
    assert await app.casting.sequence_of(kit.importer, election.id, kit.credential(1)) == 0
    with pytest.raises(NotFound):
        await app.casting.sequence_of(kit.importer, str(uuid4()), kit.credential(1))


async def test_twins_in_flight_are_stored_once(app, kit):
    election = await app.open_election()
    ballot, voter = election.ballot(1), kit.voter(election.id)
    ids = await asyncio.gather(*(app.casting.cast(voter, ballot) for _ in range(20)))
    assert len(set(ids)) == 1
    assert len(stored_ballots(app)) == 1


async def test_rivals_in_flight_get_one_sequence_each(app, kit):
    election = await app.open_election()
    voter = kit.voter(election.id)
    rivals = [election.ballot(choice) for choice in (1, 2, 3)]
    answers = await asyncio.gather(
        *(app.casting.cast(voter, ballot) for ballot in rivals), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, DomainError)]
    assert [refusal.code for refusal in refused] == ["ballot_sequence_taken"] * 2


async def test_a_missing_trustee_key_takes_no_ballot(app, kit):
    election = await app.open_election()
    (app.folder / "keys" / f"trustee-{election.id}.json").unlink()
    with pytest.raises(DomainError) as refusal:
        await app.casting.cast(kit.importer, election.ballot(1))
    assert refusal.value.code == "trustee_key_missing"
