"""What a voter's own ballot helped to pay for: told to its holder, and to nobody else.

The ballot is found by the credential that the holder's own token speaks for, opened with the key
that voting's end made public, and forgotten again. Nothing about it is stored, logged or traced.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cahier_budget.application.counting import HeldCount, ballot_opener
from cahier_budget.application.explaining import Explaining
from cahier_budget.domain.ballots import (
    Envelope,
    Voter,
    authorise,
    ballot_id,
    ballot_stream,
    check_credential,
)
from cahier_kernel.errors import DomainError, NotFound
from cahier_ledger.store import LedgerReader
from cahier_record.budget.ballots import check_paper, decode_paper
from cahier_record.budget.events import BallotCast
from cahier_record.budget.own_share import OwnShare, own_share_of
from cahier_record.events import decode_leaf


@dataclass(frozen=True, slots=True)
class BallotShare:
    """A ballot with what it paid for. refused: the code of the rule it broke; "" if it counts."""

    event_id: str
    share: OwnShare
    refused: str = ""


class OwnShares:
    """Answers holders of ballots."""

    def __init__(self, ledger: LedgerReader, explaining: Explaining) -> None:
        self._ledger = ledger
        self._explaining = explaining

    async def of(self, voter: Voter, election_id: str, credential: str) -> BallotShare:
        """The share of the credential's last ballot, once the result is published.

        Raises Forbidden `ballot_not_yours`, Invalid, NotFound `result_not_found` and
        `ballot_not_found`.
        """
        authorise(voter, Envelope(election_id, "", "", credential, 0, b""))
        check_credential(credential)
        held = await self._explaining.count(None, election_id)
        return await asyncio.to_thread(self._read, held, election_id, credential)

    def _read(self, held: HeldCount, election_id: str, credential: str) -> BallotShare:
        sequence = self._ledger.stream_version(ballot_stream(election_id, credential))
        event_id = ballot_id(election_id, credential, sequence)
        row = self._ledger.public_by_id(event_id) if sequence else None
        ballot = decode_leaf(row.leaf).event if row is not None else None
        if not isinstance(ballot, BallotCast):
            raise NotFound("ballot_not_found", "no ballot was cast", field="credential")
        if credential in held.annulled:
            return BallotShare(event_id, _share(held, ()), "ballot_annulled")
        try:
            paper = decode_paper(ballot_opener(held.private_key)(ballot))
            check_paper(paper, held.rules, held.costs)
        except DomainError as error:
            return BallotShare(event_id, _share(held, ()), error.code)
        except ValueError:
            return BallotShare(event_id, _share(held, ()), "ballot_seal_broken")
        return BallotShare(event_id, _share(held, paper.choices))


def _share(held: HeldCount, choices: tuple[int, ...]) -> OwnShare:
    return own_share_of(held.result, held.numbers, choices)
