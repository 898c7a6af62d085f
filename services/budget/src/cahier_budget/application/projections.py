"""Read models: which elections there are (own events), which proposals are accepted (others').

Disposable: both are folded again from the logs when their file is gone.
"""

from __future__ import annotations

import msgspec

from cahier_budget.domain.ballots import BALLOT_TOPIC
from cahier_budget.domain.election import CLOSED, COUNTED, OPEN, PREPARING, PUBLISHED, Election
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_record.consultation.events import (
    ProposalAnswered,
    ProposalSubmitted,
    ProposalWithdrawn,
)
from cahier_record.events import decode_leaf

ELECTIONS = View(
    name="elections",
    tables=("elections", "projects"),
    schema="""
    CREATE TABLE elections(
      election_id TEXT PRIMARY KEY,
      created_seq INTEGER NOT NULL,
      process_id TEXT NOT NULL,
      state TEXT NOT NULL,
      opens_at TEXT NOT NULL,
      closes_at TEXT NOT NULL,
      ballots INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX elections_by_age ON elections(created_seq);
    CREATE TABLE projects(
      project_id TEXT PRIMARY KEY,
      election_id TEXT NOT NULL
    ) STRICT
    """,
)

PROPOSALS = View(
    name="proposals",
    tables=("proposals",),
    schema="""
    CREATE TABLE proposals(
      proposal_id TEXT PRIMARY KEY,
      process_id TEXT NOT NULL,
      category TEXT NOT NULL,
      district TEXT NOT NULL,
      accepted_seq INTEGER
    ) STRICT;
    CREATE INDEX proposals_accepted ON proposals(accepted_seq) WHERE accepted_seq IS NOT NULL
    """,
)


class _Created(msgspec.Struct):
    process_id: str
    opens_at: str
    closes_at: str


class _Added(msgspec.Struct):
    project_id: str


class _Ballot(msgspec.Struct):
    election: str
    sequence: int


_read_created = msgspec.json.Decoder(_Created).decode
_read_added = msgspec.json.Decoder(_Added).decode
_read_ballot = msgspec.json.Decoder(_Ballot).decode

_STATE_AFTER = {
    Election.VotingOpened.TOPIC: OPEN,
    Election.VotingClosed.TOPIC: CLOSED,
    Election.BallotsCounted.TOPIC: COUNTED,
    Election.ResultPublished.TOPIC: PUBLISHED,
}


def fold_elections(db: Sql, event: StoredEvent) -> None:
    """Takes one of the service's own events into ELECTIONS. `ballots` counts credentials."""
    if event.type == BALLOT_TOPIC:
        if event.version == 1:
            ballot = _read_ballot(event.data)
            db.execute(
                "UPDATE elections SET ballots = ballots + 1 WHERE election_id = ?",
                (ballot.election,),
            )
    elif event.type == Election.Created.TOPIC:
        created = _read_created(event.data)
        dates = (created.opens_at, created.closes_at)
        db.execute(
            "INSERT INTO elections VALUES (?, ?, ?, ?, ?, ?, 0)",
            (event.stream, event.seq, created.process_id, PREPARING, *dates),
        )
    elif event.type == Election.ProjectAdded.TOPIC:
        added = _read_added(event.data)
        db.execute("INSERT INTO projects VALUES (?, ?)", (added.project_id, event.stream))
    elif event.type in _STATE_AFTER:
        db.execute(
            "UPDATE elections SET state = ? WHERE election_id = ?",
            (_STATE_AFTER[event.type], event.stream),
        )


def fold_proposals(db: Sql, message: PublicMessage) -> None:
    """Takes one of consultation's public events into PROPOSALS."""
    match decode_leaf(message.leaf).event:
        case ProposalSubmitted() as submitted:
            db.execute(
                "INSERT INTO proposals VALUES (?, ?, ?, ?, NULL)",
                (
                    submitted.proposal,
                    submitted.process,
                    submitted.category,
                    submitted.district,
                ),
            )
        case ProposalAnswered(proposal=proposal, state=state):
            _accept(db, proposal, message.public_seq if state == "accepted" else None)
        case ProposalWithdrawn(proposal=proposal):
            _accept(db, proposal, None)
        case _:
            pass


def _accept(db: Sql, proposal: str, accepted_seq: int | None) -> None:
    db.execute(
        "UPDATE proposals SET accepted_seq = ? WHERE proposal_id = ?", (accepted_seq, proposal)
    )
