"""Which ballots an open election takes, and who may hand them in."""

from __future__ import annotations

import msgspec
import pytest

from cahier_budget.domain.ballots import (
    Voter,
    authorise,
    ballot_id,
    ballot_stream,
    check_choices,
    check_envelope,
    voting_of,
)
from cahier_kernel.errors import DomainError, Forbidden, Invalid
from cahier_ledger.sealing import sealed_size
from cahier_record.budget.ballots import BallotPaper, encode_paper


@pytest.fixture
def voting(kit):
    election = kit.open_election()
    return voting_of(election, sealed_size(election.ballot_size_bytes))


@pytest.fixture
def ballot(kit, voting):
    size = voting.sealed_bytes - sealed_size(0)
    return kit.ballot(voting.election_id, kit.public_key, size, 1, 2)


def test_only_an_open_election_takes_ballots(kit):
    assert voting_of(kit.election((1,)), 1) is None
    closed = kit.open_election()
    closed.close_voting("x", "key", now=kit.now)
    assert voting_of(closed, 1) is None


def test_a_sound_envelope_passes(voting, ballot):
    check_envelope(ballot, voting)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"electorate": "North"}, "electorate_unknown"),
        ({"scheme": "secret"}, "scheme_not_served"),
        ({"credential": ""}, "credential_malformed"),
        ({"credential": "x" * 42}, "credential_malformed"),
        ({"credential": "x" * 42 + '"'}, "credential_malformed"),
        ({"credential": "é" * 43}, "credential_malformed"),
        ({"credential": "x" * 43 + "\n"}, "credential_malformed"),
        ({"sequence": 0}, "sequence_out_of_range"),
        ({"sequence": -1}, "sequence_out_of_range"),
        ({"sealed": b""}, "sealed_size_wrong"),
        ({"sealed": b"x" * 5000}, "sealed_size_wrong"),
        ({"signature": b"x"}, "signature_unexpected"),
    ],
)
def test_an_envelope_that_breaks_a_rule_is_refused(voting, ballot, change, code):
    for name, value in change.items():
        setattr(ballot, name, value)
    with pytest.raises(Invalid) as refusal:
        check_envelope(ballot, voting)
    assert refusal.value.code == code
    assert refusal.value.field == next(iter(change))


@pytest.mark.parametrize(
    ("choices", "code"),
    [
        ((9,), "ballot_unknown_project"),
        ((1, 1), "ballot_repeats_project"),
        ((1, 2, 3, 4), "ballot_too_many_projects"),
        ((5,), "ballot_unfeasible_project"),
        ((), "ballot_too_few_projects"),
    ],
)
def test_choices_that_break_a_rule_are_refused(kit, voting, choices, code):
    rules = msgspec.structs.replace(voting.rules, min_length=1)
    strict = type(voting)(
        voting.election_id,
        voting.version,
        voting.closes_at,
        rules,
        {**voting.costs, 4: 1, 5: None},
        voting.sealed_bytes,
        voting.thing,
    )
    with pytest.raises(Invalid) as refusal:
        check_choices(encode_paper(BallotPaper(choices)), strict, kit.importer)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    "plaintext", [b"", b"{}", b"null", b'{"choices":[1.5]}', b'{"choices":["1"]}', b"\xff\x00"]
)
def test_what_is_no_paper_is_refused(kit, voting, plaintext):
    with pytest.raises(Invalid) as refusal:
        check_choices(plaintext, voting, kit.importer)
    assert refusal.value.code == "ballot_malformed"


def test_further_columns_are_for_importers(kit, voting):
    paper = encode_paper(BallotPaper((1,), {"age": "30"}))
    check_choices(paper, voting, kit.importer)
    with pytest.raises(DomainError) as refusal:
        check_choices(paper, voting, kit.voter(voting.election_id))
    assert refusal.value.code == "ballot_extra_not_allowed"


def test_a_voter_hands_in_the_own_ballot_of_the_own_election_once_verified(kit, voting, ballot):
    own = kit.voter(voting.election_id)
    authorise(own, ballot)
    authorise(kit.importer, ballot)
    for stranger in (
        kit.voter(voting.election_id, number=2),
        kit.voter("another election"),
        Voter(False, own.credential, own.thing, False),
        Voter(False, "", "", True),
    ):
        with pytest.raises(Forbidden) as refusal:
            authorise(stranger, ballot)
        assert refusal.value.code == "ballot_not_yours"


def test_ids_say_nothing_and_are_the_same_again():
    assert ballot_id("e", "c", 1) == ballot_id("e", "c", 1) != ballot_id("e", "c", 2)
    assert ballot_stream("e", "c") == ballot_stream("e", "c") != ballot_stream("e", "d")
