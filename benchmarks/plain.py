"""The plain eventsourcing path, as a service: `python -m benchmarks.plain`.

What one writes with the library's own Application and its SQLite recorder: load the voter's
aggregate, command it, save it; one aggregate a ballot's credential, one durable transaction a
save (WAL, synchronous=FULL). Everything before that is the budget service's own code: gRPC
server, tokens, the envelope's checks, opening the seal, judging the paper. It does less than the
service: no public leaf is written, nothing ties a ballot to its election's version, no view is
kept. A fair opponent, not a straw man: the election and its key stay in memory, the library's
repository works in threads beside the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from functools import partial
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate, event

from cahier_budget.adapters.trustee_keys import TrusteeKeyFiles
from cahier_budget.application.casting import Cast
from cahier_budget.application.elections import Elections
from cahier_budget.application.publishing import publish
from cahier_budget.domain import checks
from cahier_budget.domain.ballots import (
    Envelope,
    Voter,
    Voting,
    authorise,
    ballot_id,
    check_choices,
    check_envelope,
    voting_is_closed,
)
from cahier_budget.entrypoints import translate
from cahier_budget.settings import BudgetSettings
from cahier_chassis import metrics
from cahier_chassis.calls import current_claims
from cahier_chassis.grpc_server import GrpcServer
from cahier_chassis.process import run
from cahier_chassis.unit import Unit
from cahier_contracts.budget.v1 import budget_service_pb2 as pb
from cahier_contracts.budget.v1.budget_service_pb2_grpc import (
    BudgetServiceServicer,
    add_BudgetServiceServicer_to_server,
)
from cahier_kernel import base64url
from cahier_kernel.clock import Clock
from cahier_kernel.errors import AlreadyExists, DomainError, Invalid
from cahier_kernel.ids import derived_uuid
from cahier_ledger.aggregates import Aggregates
from cahier_ledger.ledger import Ledger
from cahier_ledger.sealing import Opener, SealError, ballot_binding


class Ballot(Aggregate):
    """All ballots of one credential in one election; the last one counts."""

    @staticmethod
    def create_id(election: str, credential: str) -> UUID:
        """One person, one aggregate."""
        return derived_uuid("ballot", election, credential)

    @event("Cast")
    def __init__(
        self, election: str, electorate: str, scheme: str, credential: str, sealed: str
    ) -> None:
        self.election = election
        self.electorate = electorate
        self.scheme = scheme
        self.credential = credential
        self.sealed = sealed
        self.sequence = 1

    @event("Replaced")
    def replace(self, sequence: int, sealed: str) -> None:
        self.sequence = sequence
        self.sealed = sealed


class BallotBox(Application[UUID]):
    """Load, command, save."""

    def cast(self, envelope: Envelope) -> str:
        """Id of the ballot, durably stored. Raises AlreadyExists for a sequence that is taken."""
        id = Ballot.create_id(envelope.election_id, envelope.credential)
        sealed = base64url.encode(envelope.sealed)
        try:
            ballot: Ballot = self.repository.get(id)
        except AggregateNotFoundError:
            ballot = Ballot(
                envelope.election_id,
                envelope.electorate,
                envelope.scheme,
                envelope.credential,
                sealed,
            )
        else:
            if envelope.sequence != ballot.sequence + 1:
                raise AlreadyExists("ballot_already_cast", "another ballot has this sequence")
            ballot.replace(envelope.sequence, sealed)
        self.save(ballot)
        return ballot_id(envelope.election_id, envelope.credential, envelope.sequence)


class Election:
    """An open election in memory, with its trustee key: as the service keeps it."""

    def __init__(self, settings: BudgetSettings, clock: Clock, id: str) -> None:
        ledger = Ledger.open(settings.events_file)
        try:
            elections = Elections(Aggregates(ledger, "budget", publish, lambda: ""))
            voting = elections.load_voting(checks.uuid(id, "election_id"))
        finally:
            ledger.close_blocking()
        if voting is None:
            raise voting_is_closed()
        self._voting: Voting = voting
        self._clock = clock
        self._opener = Opener(TrusteeKeyFiles(settings.keys_folder).private_key(id))

    def judge(self, voter: Voter, ballot: Envelope) -> None:
        """The service's own checks, in its order; raises a DomainError."""
        authorise(voter, ballot)
        if self._clock.now() >= self._voting.closes_at:
            raise voting_is_closed()
        check_envelope(ballot, self._voting)
        binding = ballot_binding(
            ballot.election_id,
            ballot.electorate,
            ballot.scheme,
            ballot.credential,
            ballot.sequence,
        )
        try:
            plaintext = self._opener.open(ballot.sealed, binding)
        except SealError:
            raise Invalid("seal_broken", "sealed to this election's key", field="sealed") from None
        check_choices(plaintext, self._voting, voter)


class PlainGrpc(BudgetServiceServicer):
    """CastBallot and CastBallots on the plain path."""

    def __init__(self, settings: BudgetSettings, clock: Clock, box: BallotBox) -> None:
        self._settings = settings
        self._clock = clock
        self._box = box
        self._elections: dict[str, Election] = {}

    async def CastBallot(
        self, request: pb.CastBallotRequest, context: Any
    ) -> pb.CastBallotResponse:
        voter = translate.read_voter(current_claims())
        return pb.CastBallotResponse(
            event_id=await self._cast(voter, translate.read_ballot(request.ballot))
        )

    async def CastBallots(
        self, request: pb.CastBallotsRequest, context: Any
    ) -> pb.CastBallotsResponse:
        voter = translate.read_voter(current_claims())
        results = []
        for message in request.ballots:
            try:
                cast = Cast(event_id=await self._cast(voter, translate.read_ballot(message)))
            except DomainError as refusal:
                cast = Cast(refusal=refusal)
            results.append(translate.write_cast(cast))
        return pb.CastBallotsResponse(results=results)

    async def _cast(self, voter: Voter, ballot: Envelope) -> str:
        election = self._elections.get(ballot.election_id)
        if election is None:
            election = Election(self._settings, self._clock, ballot.election_id)
            self._elections[ballot.election_id] = election
        election.judge(voter, ballot)
        event_id = await asyncio.to_thread(self._box.cast, ballot)
        metrics.BALLOTS_ACCEPTED.inc()
        return event_id


def open_box(settings: BudgetSettings) -> BallotBox:
    """The library's application on its own SQLite recorder; raises unless it is durable."""
    file = str(settings.data_dir / "plain.db")
    box = BallotBox(env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": file})
    with box.factory.datastore.transaction(commit=False) as cursor:  # type: ignore[attr-defined]
        found = []
        for name in ("journal_mode", "synchronous"):
            cursor.execute(f"PRAGMA {name}")
            found.append(cursor.fetchone()[0])
    if found != ["wal", 2]:
        raise sqlite3.OperationalError(f"the plain path is not durable: {found}")
    return box


async def bootstrap(unit: Unit, settings: BudgetSettings) -> None:
    """The same unit, gRPC server and tokens as the service's; another store."""
    box = open_box(settings)
    servicer = PlainGrpc(settings, unit.clock, box)
    unit.on_close("store", partial(asyncio.to_thread, box.close))
    unit.serve_grpc(
        GrpcServer(
            "budget",
            [partial(add_BudgetServiceServicer_to_server, servicer)],
            unit.verifier(),
            untraced=("CastBallot", "CastBallots"),
        )
    )


if __name__ == "__main__":
    sys.exit(run("budget", BudgetSettings, bootstrap))
