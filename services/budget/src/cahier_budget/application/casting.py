"""Casting ballots: the hot path. Checked, opened, judged and forgotten; stored as it came.

A ballot skips the aggregate: it is decided on in memory against the election at a version, and
the append requires that version, so that no ballot slips in behind a closing. The clear choices
live in local variables here and nowhere else: nothing logs, traces, meters or stores them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from cahier_budget.application.elections import Elections
from cahier_budget.application.ports import Opening, TrusteeKeys
from cahier_budget.application.stored import BALLOTS, BallotWriter
from cahier_budget.domain import checks
from cahier_budget.domain.ballots import (
    SEQUENCE_MAX,
    Envelope,
    Voter,
    Voting,
    authorise,
    ballot_id,
    ballot_stream,
    check_choices,
    check_credential,
    check_envelope,
    voting_is_closed,
)
from cahier_chassis import metrics
from cahier_kernel.clock import Clock
from cahier_kernel.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    FailedPrecondition,
    Forbidden,
    Invalid,
)
from cahier_ledger.ledger import Ledger
from cahier_ledger.model import Append, Appended, LedgerError, StreamAppend, StreamConflict
from cahier_ledger.sealing import Opener, SealError, ballot_binding

BALLOTS_MAX = 500
DECIDE_ATTEMPTS = 3


class Box:
    """An open election's ballot box at one version of the election."""

    def __init__(self, voting: Voting, private_key: str) -> None:
        self.voting = voting
        self.private_key = private_key
        self._opener = Opener(private_key)
        self._writer = BallotWriter(voting.election_id)
        self._requires = ((voting.election_id, voting.version),)

    def open(self, ballot: Envelope) -> bytes | None:
        """The plaintext, or None when the seal does not open. Here and now: some 70 us."""
        try:
            return self._opener.open(ballot.sealed, binding_of(ballot))
        except SealError:
            return None

    def decide(self, ballot: Envelope, plaintext: bytes | None, voter: Voter) -> Append:
        """What to append; raises Invalid when the sealed choices break a rule."""
        if plaintext is None:
            raise Invalid(
                "seal_broken",
                "sealed to this election's key for this credential and sequence",
                field="sealed",
            )
        check_choices(plaintext, self.voting, voter)
        stream = ballot_stream(ballot.election_id, ballot.credential)
        event = self._writer.event(ballot)
        return Append((StreamAppend(stream, ballot.sequence - 1, (event,)),), self._requires)


def binding_of(ballot: Envelope) -> bytes:
    """What a seal is bound to."""
    return ballot_binding(
        ballot.election_id, ballot.electorate, ballot.scheme, ballot.credential, ballot.sequence
    )


@dataclass(slots=True)
class Cast:
    """What became of one of many ballots: an id, or the refusal."""

    event_id: str = ""
    refusal: DomainError | None = None


class Casting:
    """Takes ballots; belongs to one event loop."""

    def __init__(
        self,
        ledger: Ledger,
        elections: Elections,
        keys: TrusteeKeys,
        opening: Opening,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._elections = elections
        self._keys = keys
        self._opening = opening
        self._clock = clock
        self._boxes: dict[str, Box] = {}

    async def cast(self, voter: Voter, ballot: Envelope) -> str:
        """Id of the ballot's public event, once it is durable; the same for a repeated call.

        Raises a DomainError; then nothing was stored (StoreUnavailable: perhaps it was).
        """
        for _ in range(DECIDE_ATTEMPTS):
            box = await self._box_for(voter, ballot)
            if box is None:
                return self._answer_late(ballot)
            append = box.decide(ballot, box.open(ballot), voter)
            try:
                await self._ledger.append(append)
            except StreamConflict as conflict:
                if _is_about_ballot(append, conflict):
                    return self._id_of_stored(ballot)
                await self._reload(ballot.election_id)
            else:
                metrics.BALLOTS_ACCEPTED.inc()
                return _leaf_id(append)
        raise _election_changing()

    async def cast_many(self, voter: Voter, ballots: Sequence[Envelope]) -> list[Cast]:
        """One answer a ballot, in order; each is accepted or refused by itself, durably.

        Raises Forbidden unless the voter is an importer, Invalid `too_many_ballots`.
        """
        if not voter.is_importer:
            raise Forbidden("role_required", "this needs the role importer", role="importer")
        if len(ballots) > BALLOTS_MAX:
            raise Invalid(
                "too_many_ballots",
                f"at most {BALLOTS_MAX} ballots at once",
                field="ballots",
                max=BALLOTS_MAX,
            )
        results = [Cast() for _ in ballots]
        undecided = list(range(len(ballots)))
        for _ in range(DECIDE_ATTEMPTS):
            undecided = await self._cast_round(voter, ballots, results, undecided)
            if not undecided:
                break
        for index in undecided:
            results[index].refusal = _election_changing()
        return results

    async def sequence_of(self, voter: Voter, election_id: str, credential: str) -> int:
        """The last sequence of a credential, 0 for none. Raises Forbidden, NotFound, Invalid."""
        authorise(voter, Envelope(election_id, "", "", credential, 0, b""))
        check_credential(credential)
        if self._elections.voting(election_id) is None:
            id = checks.uuid(election_id, "election_id")
            await asyncio.to_thread(self._elections.require, id)
        return self._ledger.stream_version(ballot_stream(election_id, credential))

    async def _cast_round(
        self, voter: Voter, ballots: Sequence[Envelope], results: list[Cast], indexes: list[int]
    ) -> list[int]:
        """Decides and appends these ballots; returns those that must be decided again."""
        appends: list[tuple[int, Append]] = []
        boxes = await self._boxes_for(voter, ballots, results, indexes)
        for index, box, plaintext in await self._open(boxes, ballots):
            try:
                appends.append((index, box.decide(ballots[index], plaintext, voter)))
            except DomainError as refusal:
                results[index].refusal = refusal
        outcomes = await self._ledger.append_many([append for _, append in appends])
        again = [
            index
            for (index, append), outcome in zip(appends, outcomes, strict=True)
            if not self._settle(ballots[index], results[index], append, outcome)
        ]
        for election_id in {ballots[index].election_id for index in again}:
            await self._reload(election_id)
        return again

    def _settle(
        self, ballot: Envelope, result: Cast, append: Append, outcome: Appended | LedgerError
    ) -> bool:
        """Notes what became of an append; False if the ballot must be decided again."""
        if isinstance(outcome, Appended):
            result.event_id = _leaf_id(append)
            metrics.BALLOTS_ACCEPTED.inc()
            return True
        if not isinstance(outcome, StreamConflict):
            result.refusal = outcome
            return True
        if not _is_about_ballot(append, outcome):
            return False
        try:
            result.event_id = self._id_of_stored(ballot)
        except DomainError as refusal:
            result.refusal = refusal
        return True

    async def _boxes_for(
        self, voter: Voter, ballots: Sequence[Envelope], results: list[Cast], indexes: list[int]
    ) -> list[tuple[int, Box]]:
        """The boxes of those ballots that may be opened; the others are answered."""
        found: list[tuple[int, Box]] = []
        for index in indexes:
            try:
                box = await self._box_for(voter, ballots[index])
                if box is None:
                    results[index].event_id = self._answer_late(ballots[index])
                else:
                    found.append((index, box))
            except DomainError as refusal:
                results[index].refusal = refusal
        return found

    async def _open(
        self, boxes: list[tuple[int, Box]], ballots: Sequence[Envelope]
    ) -> list[tuple[int, Box, bytes | None]]:
        """Opens ballots, those of one election together; in their order."""
        opened: dict[int, bytes | None] = {}
        for key in {box.private_key for _, box in boxes}:
            indexes = [index for index, box in boxes if box.private_key == key]
            plaintexts = await self._opening.open_many(
                key,
                [ballots[index].sealed for index in indexes],
                [binding_of(ballots[index]) for index in indexes],
            )
            opened.update(zip(indexes, plaintexts, strict=True))
        return [(index, box, opened[index]) for index, box in boxes]

    async def _box_for(self, voter: Voter, ballot: Envelope) -> Box | None:
        """Where the checked envelope goes; None once voting is closed. Raises DomainError."""
        authorise(voter, ballot)
        box = self._boxes.get(ballot.election_id)
        if box is None or box.voting is not self._elections.voting(ballot.election_id):
            box = await self._new_box(ballot.election_id)
        if box is None or self._clock.now() >= box.voting.closes_at:
            return None
        check_envelope(ballot, box.voting)
        return box

    async def _new_box(self, election_id: str) -> Box | None:
        """None once voting is closed. Raises NotFound, or FailedPrecondition before it is open."""
        id = checks.uuid(election_id, "election_id")
        voting = await asyncio.to_thread(self._elections.load_voting, id)
        if voting is None:
            self._boxes.pop(election_id, None)
            return None
        private_key = await asyncio.to_thread(self._keys.private_key, election_id)
        box = self._boxes[election_id] = Box(voting, private_key)
        return box

    async def _reload(self, election_id: str) -> None:
        await asyncio.to_thread(self._elections.forget, checks.uuid(election_id, "election_id"))

    def _answer_late(self, ballot: Envelope) -> str:
        """The id when this very ballot was stored in time; raises `voting_closed` otherwise."""
        check_credential(ballot.credential)
        if self._is_stored(ballot):
            return ballot_id(ballot.election_id, ballot.credential, ballot.sequence)
        raise voting_is_closed()

    def _id_of_stored(self, ballot: Envelope) -> str:
        """The id when the stored ballot of that sequence is this one; raises otherwise."""
        if self._is_stored(ballot):
            return ballot_id(ballot.election_id, ballot.credential, ballot.sequence)
        stream = ballot_stream(ballot.election_id, ballot.credential)
        following = self._ledger.stream_version(stream) + 1
        if ballot.sequence < following:
            raise AlreadyExists(
                "ballot_sequence_taken",
                "another ballot has this sequence",
                field="sequence",
                next_sequence=following,
            )
        raise FailedPrecondition(
            "ballot_sequence_skipped",
            "sequences follow one another",
            field="sequence",
            next_sequence=following,
        )

    def _is_stored(self, ballot: Envelope) -> bool:
        if not 1 <= ballot.sequence <= SEQUENCE_MAX:
            return False
        stream = ballot_stream(ballot.election_id, ballot.credential)
        stored = self._ledger.read_stream(stream, ballot.sequence - 1, 1)
        return bool(stored) and BALLOTS.decode(stored[0].data).sealed == ballot.sealed


def _is_about_ballot(append: Append, conflict: StreamConflict) -> bool:
    return conflict.stream == append.streams[0].stream


def _leaf_id(append: Append) -> str:
    leaf = append.streams[0].events[0].public
    return leaf.id if leaf is not None else ""


def _election_changing() -> Conflict:
    return Conflict("election_changing", "the election is being changed: try again")
