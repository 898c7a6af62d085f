"""The read model: what the pages show, folded from the service's own events.

Disposable: a deleted or outdated view is folded again from the first event.
"""

from __future__ import annotations

from uuid import UUID

from cahier_chassis.erasing import Confirmed, Ordered, TextsErased
from cahier_chassis.holdings import HELD_SCHEMA, HELD_TABLE, HeldRow, hold, hold_like, release
from cahier_consultation.application.publishing import event_id
from cahier_consultation.application.stored import AggregateEvent, read
from cahier_consultation.domain.process import Process
from cahier_consultation.domain.proposal import Proposal
from cahier_consultation.domain.voices import CommentAdded, Supported, SupportWithdrawn
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_ledger.texts import place_of

_SCHEMA = """
CREATE TABLE processes(
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, title TEXT NOT NULL,
    description TEXT NOT NULL, opens_at TEXT NOT NULL, closes_at TEXT NOT NULL,
    edit_window_seconds INTEGER NOT NULL, phase TEXT NOT NULL DEFAULT 'planned',
    proposals INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE proposals(
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, process TEXT NOT NULL,
    title TEXT NOT NULL, body TEXT NOT NULL, category TEXT NOT NULL, district TEXT NOT NULL,
    author TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'not_answered',
    answer TEXT NOT NULL DEFAULT '', submitted_at TEXT NOT NULL,
    answered_at TEXT NOT NULL DEFAULT '', editable_until TEXT NOT NULL,
    withdrawn INTEGER NOT NULL DEFAULT 0, supports INTEGER NOT NULL DEFAULT 0,
    comments INTEGER NOT NULL DEFAULT 0, position TEXT NOT NULL DEFAULT '') STRICT;
CREATE INDEX proposals_as_submitted ON proposals(process, seq);
CREATE INDEX proposals_by_supports ON proposals(process, supports DESC, seq);
CREATE TABLE supports(
    proposal TEXT NOT NULL, supporter TEXT NOT NULL,
    PRIMARY KEY(proposal, supporter)) STRICT, WITHOUT ROWID;
CREATE TABLE comments(
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, proposal TEXT NOT NULL,
    parent TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL,
    added_at TEXT NOT NULL) STRICT;
CREATE INDEX comments_of_proposal ON comments(proposal, seq)
"""

_TABLES = ("processes", "proposals", "supports", "comments", HELD_TABLE)
VIEW = View("consultation", _TABLES, f"{_SCHEMA};{HELD_SCHEMA}")


def fold(db: Sql, stored: StoredEvent) -> None:
    """Takes one of the service's own events into the view."""
    match read(stored):
        case Supported(proposal=proposal, supporter=supporter):
            db.execute("INSERT INTO supports VALUES (?, ?)", (proposal, supporter))
            db.execute("UPDATE proposals SET supports = supports + 1 WHERE id = ?", (proposal,))
        case SupportWithdrawn(proposal=proposal, supporter=supporter):
            db.execute(
                "DELETE FROM supports WHERE proposal = ? AND supporter = ?", (proposal, supporter)
            )
            db.execute("UPDATE proposals SET supports = supports - 1 WHERE id = ?", (proposal,))
        case CommentAdded() as event:
            _fold_comment(db, stored, event)
        case TextsErased(leaf=leaf):
            _fold_erased(db, leaf)
        case Ordered() | Confirmed():
            pass
        case event:
            _fold_process(db, stored.seq, event)
            _fold_proposal(db, stored.seq, event)


def _fold_comment(db: Sql, stored: StoredEvent, event: CommentAdded) -> None:
    db.execute(
        "INSERT INTO comments VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            event.comment,
            stored.seq,
            event.proposal,
            event.parent,
            event.pseudonym,
            event.body,
            stored.recorded_at,
        ),
    )
    db.execute("UPDATE proposals SET comments = comments + 1 WHERE id = ?", (event.proposal,))
    leaf = event_id(UUID(event.comment), stored.version)
    place = place_of(stored.stream, stored.version)
    hold(db, event.author, HeldRow(leaf, "comment", event.comment, stored.seq, place))


def _fold_erased(db: Sql, leaf: str) -> None:
    """A proposal or comment has one author: all of its text goes."""
    _, thing = release(db, leaf)
    gone = (ERASED, thing)
    db.execute("UPDATE proposals SET title = ?1, body = ?1, position = '' WHERE id = ?2", gone)
    db.execute("UPDATE comments SET body = ?1 WHERE id = ?2", gone)


def _fold_process(db: Sql, seq: int, event: AggregateEvent) -> None:
    key = str(event.originator_id)
    match event:
        case Process.Created():
            db.execute(
                "INSERT INTO processes(id, seq, title, description, opens_at, closes_at, "
                "edit_window_seconds) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    key,
                    seq,
                    event.title,
                    event.description,
                    to_rfc3339(event.opens_at),
                    to_rfc3339(event.closes_at),
                    event.edit_window_seconds,
                ),
            )
        case Process.IdeaPhaseRescheduled():
            db.execute(
                "UPDATE processes SET opens_at = ?, closes_at = ? WHERE id = ?",
                (to_rfc3339(event.opens_at), to_rfc3339(event.closes_at), key),
            )
        case Process.IdeaPhaseOpened():
            db.execute("UPDATE processes SET phase = 'open' WHERE id = ?", (key,))
        case Process.IdeaPhaseClosed():
            db.execute("UPDATE processes SET phase = 'closed' WHERE id = ?", (key,))


def _fold_proposal(db: Sql, seq: int, event: AggregateEvent) -> None:
    key = str(event.originator_id)
    match event:
        case Proposal.Created():
            _fold_submission(db, seq, event)
        case Proposal.Edited():
            db.execute(
                "UPDATE proposals SET title = ?, body = ? WHERE id = ?",
                (event.title, event.body, key),
            )
            # An edit is its author's, whom the submission names.
            edit = event_id(event.originator_id, event.originator_version)
            hold_like(db, "proposal", HeldRow(edit, "edit", key, seq))
        case Proposal.Withdrawn():
            db.execute("UPDATE proposals SET withdrawn = 1 WHERE id = ?", (key,))
            db.execute(
                "UPDATE processes SET proposals = proposals - 1 "
                "WHERE id = (SELECT process FROM proposals WHERE id = ?)",
                (key,),
            )
        case Proposal.Answered():
            db.execute(
                "UPDATE proposals SET state = ?, answer = ?, answered_at = ? WHERE id = ?",
                (event.state, event.text, to_rfc3339(event.timestamp), key),
            )


def _fold_submission(db: Sql, seq: int, event: Proposal.Created) -> None:
    db.execute(
        "INSERT INTO proposals(id, seq, process, title, body, category, district, author, "
        "submitted_at, editable_until, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            str(event.originator_id),
            seq,
            str(event.process_id),
            event.title,
            event.body,
            event.category,
            event.district,
            event.pseudonym,
            to_rfc3339(event.timestamp),
            to_rfc3339(event.editable_until),
            "" if event.position == ERASED else event.position,
        ),
    )
    db.execute(
        "UPDATE processes SET proposals = proposals + 1 WHERE id = ?", (str(event.process_id),)
    )
    leaf = event_id(event.originator_id, event.originator_version)
    key = str(event.originator_id)
    place = place_of(key, event.originator_version)
    hold(db, event.author, HeldRow(leaf, "proposal", key, seq, place))
