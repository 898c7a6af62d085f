"""The read models: follows, contacts and mails (own events), and which things there are (others').

Disposable: deleted or outdated views are folded again from the first event.
"""

from __future__ import annotations

import msgspec

from cahier_chassis.erasing import Confirmed
from cahier_chassis.telemetry import traceparent_of
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.envelope import PublicMessage
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_ledger.texts import place_of
from cahier_notifications.application.stored import ErasingEvent, PrivateEvent, read
from cahier_notifications.domain.follows import (
    ContactStated,
    Followed,
    Thing,
    Unfollowed,
    follow_id,
)
from cahier_notifications.domain.mailings import MailEnded, MailingSettled, MailsPlanned
from cahier_record.budget import events as budget
from cahier_record.budget import life
from cahier_record.consultation import events as consultation
from cahier_record.erasure import subject_digest
from cahier_record.events import decode_leaf
from cahier_record.reporting import events as reporting

OWN = View(
    "notifications",
    ("follows", "contacts", "mails", "mailings", "named"),
    """
    CREATE TABLE follows(
      id TEXT PRIMARY KEY, seq INTEGER NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL,
      thing TEXT NOT NULL, level INTEGER NOT NULL, since TEXT NOT NULL) STRICT;
    CREATE INDEX follows_of_thing ON follows(kind, thing, level);
    CREATE INDEX follows_of_person ON follows(person, seq);
    CREATE TABLE contacts(
      person TEXT PRIMARY KEY, email TEXT NOT NULL, language TEXT NOT NULL) STRICT;
    CREATE TABLE mails(
      cause TEXT NOT NULL, follow TEXT NOT NULL, seq INTEGER NOT NULL, number INTEGER NOT NULL,
      letter TEXT NOT NULL, about_kind TEXT NOT NULL, about TEXT NOT NULL, params TEXT NOT NULL,
      planned_at TEXT NOT NULL, traceparent TEXT,
      PRIMARY KEY(cause, follow)) STRICT;
    CREATE INDEX mails_as_planned ON mails(seq, number);
    CREATE TABLE mailings(
      cause TEXT PRIMARY KEY, seq INTEGER NOT NULL, version INTEGER NOT NULL,
      waiting INTEGER NOT NULL, handed_over INTEGER NOT NULL) STRICT;
    CREATE INDEX mailings_ended ON mailings(seq) WHERE waiting = 0;
    CREATE TABLE named(
      place TEXT PRIMARY KEY, subject TEXT NOT NULL, person TEXT NOT NULL, seq INTEGER NOT NULL
      ) STRICT;
    CREATE INDEX named_of_subject ON named(subject, seq)
    """,
)

CONSULTATION = View(
    "consultation_things",
    ("proposals", "processes"),
    """
    CREATE TABLE proposals(id TEXT PRIMARY KEY) STRICT;
    CREATE TABLE processes(id TEXT PRIMARY KEY) STRICT
    """,
)

BUDGET = View(
    "budget_things",
    ("elections", "projects"),
    """
    CREATE TABLE elections(
      id TEXT PRIMARY KEY, process TEXT NOT NULL, currency TEXT NOT NULL) STRICT;
    CREATE TABLE projects(
      id TEXT PRIMARY KEY, election TEXT NOT NULL, number INTEGER NOT NULL,
      proposal TEXT NOT NULL, won INTEGER) STRICT;
    CREATE INDEX projects_of_election ON projects(election, number)
    """,
    version=2,
)

REPORTING = View(
    "reporting_things", ("reports",), "CREATE TABLE reports(id TEXT PRIMARY KEY) STRICT"
)

_CONSULTATION_TYPES = {consultation.ProcessCreated.TYPE, consultation.ProposalSubmitted.TYPE}
_BUDGET_TYPES = {
    budget.ElectionCreated.TYPE,
    budget.ProjectAdded.TYPE,
    life.ChangeCompleted.TYPE,
    budget.BallotsCounted.TYPE,
}
_REPORTING_TYPES = {reporting.ReportReceived.TYPE}


def fold_own(db: Sql, stored: StoredEvent) -> None:
    """Takes one of the service's own events into OWN; `named` says where whom is named."""
    event = read(stored)
    if isinstance(event, Followed | Unfollowed | ContactStated):
        _fold_personal(db, stored, event)
    elif isinstance(event, Confirmed):
        _fold_erased(db, event.subject)
    else:
        _fold_mailing(db, stored, event)


def _fold_personal(
    db: Sql, stored: StoredEvent, event: Followed | Unfollowed | ContactStated
) -> None:
    """What a forgotten person followed is nobody's any more."""
    if event.person == ERASED:
        return
    place = place_of(stored.stream, stored.version)
    named = (place, subject_digest(event.person), event.person, stored.seq)
    db.execute("INSERT INTO named VALUES (?, ?, ?, ?)", named)
    match event:
        case Followed() as event:
            _fold_followed(db, stored, event)
        case Unfollowed(person=person, kind=kind, thing=thing):
            db.execute(
                "DELETE FROM follows WHERE id = ?", (str(follow_id(person, Thing(kind, thing))),)
            )
        case ContactStated(person=person, email=email, language=language):
            db.execute(
                "INSERT INTO contacts VALUES (?, ?, ?) ON CONFLICT (person) DO UPDATE SET "
                "email = excluded.email, language = excluded.language",
                (person, email, language),
            )


def _fold_erased(db: Sql, subject: str) -> None:
    """Mails that still wait for this person have no address any more, and are dropped."""
    whose = "(SELECT person FROM named WHERE subject = ?)"
    db.execute(f"DELETE FROM follows WHERE person IN {whose}", (subject,))  # noqa: S608
    db.execute(f"DELETE FROM contacts WHERE person IN {whose}", (subject,))  # noqa: S608
    db.execute("DELETE FROM named WHERE subject = ?", (subject,))


def _fold_mailing(db: Sql, stored: StoredEvent, event: PrivateEvent | ErasingEvent) -> None:
    match event:
        case MailsPlanned():
            _fold_plan(db, stored, event)
        case MailEnded(cause=cause, follow=follow, outcome=outcome):
            db.execute("DELETE FROM mails WHERE cause = ? AND follow = ?", (cause, follow))
            db.execute(
                "UPDATE mailings SET waiting = waiting - 1, handed_over = handed_over + ? "
                "WHERE cause = ?",
                (int(outcome == "handed_over"), cause),
            )
        case MailingSettled(cause=cause):
            db.execute("DELETE FROM mailings WHERE cause = ?", (cause,))


def _fold_followed(db: Sql, stored: StoredEvent, event: Followed) -> None:
    db.execute(
        "INSERT INTO follows VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET level = excluded.level",
        (
            str(follow_id(event.person, Thing(event.kind, event.thing))),
            stored.seq,
            event.person,
            event.kind.value,
            event.thing,
            int(event.level),
            stored.recorded_at,
        ),
    )


def _fold_plan(db: Sql, stored: StoredEvent, event: MailsPlanned) -> None:
    params = msgspec.json.encode(event.params, order="sorted").decode()
    about = (event.letter, event.about_kind.value, event.about, params)
    traceparent = traceparent_of(stored.meta)
    db.executemany(
        "INSERT INTO mails VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (event.cause, follow, stored.seq, number, *about, stored.recorded_at, traceparent)
            for number, follow in enumerate(event.follows)
        ],
    )
    db.execute(
        "INSERT INTO mailings VALUES (?, ?, ?, ?, 0) ON CONFLICT (cause) DO UPDATE SET "
        "version = excluded.version, waiting = mailings.waiting + excluded.waiting",
        (event.cause, stored.seq, stored.version, len(event.follows)),
    )


def fold_consultation(db: Sql, message: PublicMessage) -> None:
    """Takes one of consultation's public events into CONSULTATION."""
    if message.type not in _CONSULTATION_TYPES:
        return
    match decode_leaf(message.leaf).event:
        case consultation.ProcessCreated(process=process):
            db.execute("INSERT INTO processes VALUES (?)", (process,))
        case consultation.ProposalSubmitted(proposal=proposal):
            db.execute("INSERT INTO proposals VALUES (?)", (proposal,))


def fold_budget(db: Sql, message: PublicMessage) -> None:
    """Takes one of budget's public events into BUDGET; ballots are not even read."""
    if message.type not in _BUDGET_TYPES:
        return
    match decode_leaf(message.leaf).event:
        case budget.ElectionCreated(election=election, process=process, currency=currency):
            db.execute("INSERT INTO elections VALUES (?, ?, ?)", (election, process, currency))
        case budget.ProjectAdded() as added:
            db.execute(
                "INSERT INTO projects VALUES (?, ?, ?, ?, NULL)",
                (added.project, added.election, added.number, added.proposal),
            )
        case life.ChangeCompleted(election=election, results=results):
            db.executemany(
                "INSERT INTO projects VALUES (?, ?, ?, ?, NULL)",
                [(each.project, election, each.number, each.proposal) for each in results],
            )
        case budget.BallotsCounted(election=election, result=result):
            db.executemany(
                "UPDATE projects SET won = ? WHERE election = ? AND number = ?",
                [(int(n in result.selected), election, n) for n in result.numbers],
            )


def fold_reporting(db: Sql, message: PublicMessage) -> None:
    """Takes one of reporting's public events into REPORTING."""
    if message.type not in _REPORTING_TYPES:
        return
    match decode_leaf(message.leaf).event:
        case reporting.ReportReceived(report=report):
            db.execute("INSERT INTO reports VALUES (?)", (report,))
