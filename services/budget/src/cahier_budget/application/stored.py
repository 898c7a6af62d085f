"""How a ballot is written: its private event, and its public leaf by a template.

A leaf is RFC 8785 JSON. Of a ballot's only the credential, the sealed bytes, the sequence and the
id vary, all of them plain ASCII once checked, so the bytes around them are made once an election;
a test holds them equal to what the general writer makes.
"""

from __future__ import annotations

from cahier_budget.domain.ballots import BALLOT_TOPIC, BallotCast, Envelope, ballot_id
from cahier_chassis.erasing import register_erasing
from cahier_kernel import base64url
from cahier_ledger.codec import Codec
from cahier_ledger.model import NewEvent, PublicLeaf
from cahier_record.budget.ballots import ELECTORATE, SCHEME_CONFIDENTIAL
from cahier_record.budget.events import BallotCast as PublicBallotCast

CODEC = Codec()
BALLOTS = CODEC.register(BALLOT_TOPIC, BallotCast)
register_erasing(CODEC, "budget")

_LEAF = (
    b'{"data":{"credential":"%%b","election":"%b","electorate":"%b","scheme":"%b",'
    b'"sealed":"%%b","sequence":%%d},"id":"%%b","svc":"budget","t":"%b","v":1}'
)


class BallotWriter:
    """Writes the ballots of one election; envelopes have been checked."""

    def __init__(self, election_id: str) -> None:
        fixed = (election_id, ELECTORATE, SCHEME_CONFIDENTIAL, PublicBallotCast.TYPE)
        self._template = _LEAF % tuple(text.encode("ascii") for text in fixed)

    def event(self, ballot: Envelope) -> NewEvent:
        """The event with its leaf, without any time or trace."""
        credential, sequence = ballot.credential, ballot.sequence
        id = ballot_id(ballot.election_id, credential, sequence)
        stored = BallotCast(
            ballot.election_id,
            ballot.electorate,
            ballot.scheme,
            credential,
            sequence,
            ballot.sealed,
        )
        leaf = self._template % (
            credential.encode("ascii"),
            base64url.encode(ballot.sealed).encode("ascii"),
            sequence,
            id.encode("ascii"),
        )
        public = PublicLeaf(id, PublicBallotCast.TYPE, leaf)
        return NewEvent(BALLOT_TOPIC, BALLOTS.encode(stored), public=public)
