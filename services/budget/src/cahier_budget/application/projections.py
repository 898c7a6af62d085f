"""Read models: which elections there are (own events), which proposals are accepted (others').

Disposable: both are folded again from the logs when their file is gone.
"""

from __future__ import annotations

import msgspec

from cahier_budget.application.life_projection import LIFE_TOPICS, fold_life
from cahier_budget.domain.ballots import BALLOT_TOPIC
from cahier_budget.domain.election import CLOSED, COUNTED, OPEN, PREPARING, PUBLISHED, Election
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_record.consultation.events import (
    ChangeAnswered,
    ContentErased,
    ProposalAnswered,
    ProposalSubmitted,
    ProposalWithdrawn,
)
from cahier_record.events import decode_leaf

ELECTIONS = View(
    name="elections",
    tables=("elections", "projects", "phases", "life", "changes"),
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
      election_id TEXT NOT NULL,
      proposal_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX projects_of_proposal ON projects(proposal_id);
    CREATE TABLE phases(
      election_id TEXT NOT NULL,
      place INTEGER NOT NULL,
      starts_at TEXT NOT NULL,
      PRIMARY KEY(election_id, place)
    ) STRICT;
    CREATE TABLE life(
      election_id TEXT PRIMARY KEY,
      place INTEGER NOT NULL,
      assessments INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE changes(
      change_id TEXT PRIMARY KEY,
      election_id TEXT NOT NULL
    ) STRICT
    """,
)

PROPOSALS = View(
    name="proposals",
    tables=("proposals", "consents"),
    schema="""
    CREATE TABLE proposals(
      proposal_id TEXT PRIMARY KEY,
      process_id TEXT NOT NULL,
      category TEXT NOT NULL,
      district TEXT NOT NULL,
      accepted_seq INTEGER,
      leaf TEXT NOT NULL,
      author_gone INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX proposals_accepted ON proposals(accepted_seq) WHERE accepted_seq IS NOT NULL;
    CREATE INDEX proposals_by_leaf ON proposals(leaf);
    CREATE TABLE consents(
      change_id TEXT NOT NULL,
      proposal_id TEXT NOT NULL,
      agrees INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      PRIMARY KEY(change_id, proposal_id)
    ) STRICT
    """,
)


class _Created(msgspec.Struct):
    process_id: str
    opens_at: str
    closes_at: str


class _Added(msgspec.Struct):
    project_id: str
    proposal_id: str


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
        row = (added.project_id, event.stream, added.proposal_id)
        db.execute("INSERT INTO projects VALUES (?, ?, ?)", row)
    elif event.type in LIFE_TOPICS:
        fold_life(db, event)
    elif event.type in _STATE_AFTER:
        db.execute(
            "UPDATE elections SET state = ? WHERE election_id = ?",
            (_STATE_AFTER[event.type], event.stream),
        )
        # What waited for its authors when voting opened has lapsed.
        db.execute("DELETE FROM changes WHERE election_id = ?", (event.stream,))


def fold_proposals(db: Sql, message: PublicMessage) -> None:
    """Takes one of consultation's public events into PROPOSALS."""
    leaf = decode_leaf(message.leaf)
    match leaf.event:
        case ProposalSubmitted() as submitted:
            db.execute(
                "INSERT INTO proposals VALUES (?, ?, ?, ?, NULL, ?, 0)",
                (
                    submitted.proposal,
                    submitted.process,
                    submitted.category,
                    submitted.district,
                    leaf.id,
                ),
            )
        case ProposalAnswered(proposal=proposal, state=state):
            _accept(db, proposal, message.public_seq if state == "accepted" else None)
        case ProposalWithdrawn(proposal=proposal):
            _accept(db, proposal, None)
            db.execute("UPDATE proposals SET author_gone = 1 WHERE proposal_id = ?", (proposal,))
        case ContentErased(leaf=erased):
            db.execute("UPDATE proposals SET author_gone = 1 WHERE leaf = ?", (erased,))
        case ChangeAnswered() as said:
            row = (said.change, said.proposal, int(said.agrees), leaf.id)
            db.execute("INSERT INTO consents VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        case _:
            pass


def _accept(db: Sql, proposal: str, accepted_seq: int | None) -> None:
    db.execute(
        "UPDATE proposals SET accepted_seq = ? WHERE proposal_id = ?", (accepted_seq, proposal)
    )
