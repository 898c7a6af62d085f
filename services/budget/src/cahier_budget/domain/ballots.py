"""Which ballots an open election takes: decided on its rules alone, before and after opening.

One stream a credential: that the same person votes once is the store's primary key. Ids are
derived, carry no time, and are the same when a call is repeated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from cahier_budget.domain.election import OPEN, Election
from cahier_kernel.errors import FailedPrecondition, Forbidden, Invalid
from cahier_kernel.ids import derived_uuid
from cahier_record.budget.ballots import (
    CREDENTIAL_LENGTH,
    ELECTORATE,
    SCHEME_CONFIDENTIAL,
    BallotPaper,
    check_paper,
    decode_paper,
)
from cahier_record.budget.events import Rules

BALLOT_TOPIC = "budget.ballot.cast"
SEQUENCE_MAX = 2**31 - 1
_is_credential = re.compile(rf"[A-Za-z0-9_-]{{{CREDENTIAL_LENGTH}}}").fullmatch


class BallotCast(msgspec.Struct, frozen=True):
    """The private event of a ballot: the envelope, still sealed. `sealed`: base64 in storage."""

    election: str
    electorate: str
    scheme: str
    credential: str
    sequence: int
    sealed: bytes


@dataclass(slots=True)
class Envelope:
    """A ballot as it arrives, nothing checked."""

    election_id: str
    electorate: str
    scheme: str
    credential: str
    sequence: int
    sealed: bytes
    signature: bytes = b""


@dataclass(frozen=True, slots=True)
class Voter:
    """Who hands a ballot in: an importer, or the holder of a token for one election."""

    is_importer: bool
    credential: str
    thing: str
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Voting:
    """What deciding on a ballot needs of an open election at one version."""

    election_id: str
    version: int
    closes_at: datetime
    rules: Rules
    costs: Mapping[int, int | None]
    sealed_bytes: int
    thing: str


def voting_of(election: Election, sealed_bytes: int) -> Voting | None:
    """What casting needs while the election is open, else None. sealed_bytes: of every ballot."""
    if election.state != OPEN:
        return None
    return Voting(
        election_id=str(election.id),
        version=election.version,
        closes_at=election.closes_at,
        rules=election.rules,
        costs=election.costs(),
        sealed_bytes=sealed_bytes,
        thing=vote_thing(str(election.id)),
    )


def vote_thing(election_id: str) -> str:
    """The `thing` of a token that lets one person vote in one election."""
    return f"election:{election_id}"


def ballot_stream(election_id: str, credential: str) -> str:
    """The stream of one credential's ballots in one election."""
    return "ballot-" + derived_uuid("ballot", election_id, credential).hex


def ballot_id(election_id: str, credential: str, sequence: int) -> str:
    """Id of a ballot's public event: its receipt's id."""
    return str(derived_uuid("ballot", election_id, credential, str(sequence)))


def authorise(voter: Voter, envelope: Envelope) -> None:
    """Raises Forbidden `ballot_not_yours` unless the voter may hand in this ballot."""
    if voter.is_importer:
        return
    if (
        voter.credential != envelope.credential
        or voter.thing != vote_thing(envelope.election_id)
        or not voter.is_verified
    ):
        raise Forbidden(
            "ballot_not_yours",
            "a ballot is cast with the voter's own token for this election",
            field="credential",
        )


def check_credential(credential: str) -> None:
    """Raises Invalid `credential_malformed`."""
    if _is_credential(credential) is None:
        raise Invalid(
            "credential_malformed",
            f"{CREDENTIAL_LENGTH} characters of base64url",
            field="credential",
        )


def check_envelope(envelope: Envelope, voting: Voting) -> None:
    """Raises a DomainError with the first rule that the closed envelope breaks."""
    if envelope.electorate != ELECTORATE:
        raise Invalid("electorate_unknown", f"must be {ELECTORATE}", field="electorate")
    if envelope.scheme != SCHEME_CONFIDENTIAL:
        raise Invalid("scheme_not_served", f"must be {SCHEME_CONFIDENTIAL}", field="scheme")
    check_credential(envelope.credential)
    if not 1 <= envelope.sequence <= SEQUENCE_MAX:
        raise Invalid("sequence_out_of_range", "1 or more", field="sequence")
    if len(envelope.sealed) != voting.sealed_bytes:
        raise Invalid(
            "sealed_size_wrong",
            f"exactly {voting.sealed_bytes} bytes",
            field="sealed",
            size=voting.sealed_bytes,
        )
    if envelope.signature:
        raise Invalid("signature_unexpected", "empty in this scheme", field="signature")


def check_choices(plaintext: bytes, voting: Voting, voter: Voter) -> BallotPaper:
    """The paper; raises Invalid with the first rule that it breaks."""
    paper = decode_paper(plaintext)
    check_paper(paper, voting.rules, voting.costs)
    if paper.extra and not voter.is_importer:
        raise Invalid(
            "ballot_extra_not_allowed", "only imported ballots have columns", field="sealed"
        )
    return paper


def voting_is_closed() -> FailedPrecondition:
    """The answer to a ballot that comes too late."""
    return FailedPrecondition("voting_closed", "voting is over", field="election_id")


def voting_is_not_open() -> FailedPrecondition:
    """The answer to a ballot that comes too early."""
    return FailedPrecondition("voting_not_open", "voting has not been opened", field="election_id")
