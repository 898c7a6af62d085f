"""The read model: what the pages show, folded from the service's own events.

Disposable: a deleted or outdated view is folded again from the first event.
"""

from __future__ import annotations

from cahier_chassis.erasing import TextsErased
from cahier_chassis.holdings import HELD_SCHEMA, HELD_TABLE, HeldRow, hold, release
from cahier_kernel.clock import to_rfc3339
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_ledger.texts import place_of
from cahier_record.places import Position
from cahier_reporting.application.publishing import event_id
from cahier_reporting.application.stored import AggregateEvent, read
from cahier_reporting.domain.category import Category
from cahier_reporting.domain.report import Report

_SCHEMA = """
CREATE TABLE categories(
    code TEXT PRIMARY KEY, label TEXT NOT NULL, department TEXT NOT NULL,
    promise_days INTEGER NOT NULL, anonymous INTEGER NOT NULL) STRICT;
CREATE TABLE reports(
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, category TEXT NOT NULL,
    department TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'unconfirmed',
    is_closed INTEGER NOT NULL DEFAULT 0, lat_e7 INTEGER, lon_e7 INTEGER,
    address TEXT NOT NULL, description TEXT NOT NULL, received_at TEXT NOT NULL,
    answer_by TEXT NOT NULL, promise_missed INTEGER NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT '', answered_at TEXT NOT NULL DEFAULT '',
    duplicate_of TEXT NOT NULL DEFAULT '', reporter TEXT NOT NULL, person TEXT NOT NULL) STRICT;
CREATE INDEX reports_by_state ON reports(state, seq);
CREATE INDEX reports_by_category ON reports(category, seq);
CREATE INDEX reports_by_department ON reports(department, seq);
CREATE INDEX reports_by_person ON reports(person, seq) WHERE person <> '';
CREATE INDEX reports_open_around ON reports(lat_e7, lon_e7) WHERE is_closed = 0;
CREATE INDEX reports_due ON reports(answer_by)
    WHERE state = 'unconfirmed' AND promise_missed = 0 AND answer_by <> '';
CREATE TABLE updates(
    seq INTEGER PRIMARY KEY, report TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
    department TEXT NOT NULL, text TEXT NOT NULL, happened_at TEXT NOT NULL) STRICT;
CREATE INDEX updates_of_report ON updates(report, seq)
"""

_TABLES = ("categories", "reports", "updates", HELD_TABLE)
VIEW = View("reporting", _TABLES, f"{_SCHEMA};{HELD_SCHEMA}")


def fold(db: Sql, stored: StoredEvent) -> None:
    """Takes one of the service's own events into the view."""
    event = read(stored)
    match event:
        case Category.Created() | Category.Redefined():
            _fold_category(db, event)
        case Report.Created():
            _fold_receipt(db, stored.seq, event)
        case Report.Routed():
            _set_and_tell(db, stored.seq, event, "routed", event.reason)
        case Report.Answered():
            _set_and_tell(db, stored.seq, event, "answered", event.text)
        case Report.Closed():
            _set_and_tell(db, stored.seq, event, "closed", event.text)
        case Report.PromiseMissed():
            _set_and_tell(db, stored.seq, event, "promise_missed", "")
        case TextsErased(leaf=leaf):
            _fold_erased(db, leaf)
        case _:
            pass


def _fold_category(db: Sql, event: Category.Created | Category.Redefined) -> None:
    db.execute(
        "INSERT INTO categories VALUES (?, ?, ?, ?, ?) ON CONFLICT(code) DO UPDATE SET "
        "label = excluded.label, department = excluded.department, "
        "promise_days = excluded.promise_days, anonymous = excluded.anonymous",
        (event.code, event.label, event.department, event.promise_days, int(event.anonymous)),
    )


def _fold_receipt(db: Sql, seq: int, event: Report.Created) -> None:
    position = Position.of_text(event.position)
    person = "" if event.reporter == ERASED else event.reporter
    key = str(event.originator_id)
    leaf = event_id(event.originator_id, event.originator_version)
    hold(db, person, HeldRow(leaf, "report", key, seq, place_of(key, event.originator_version)))
    db.execute(
        "INSERT INTO reports(id, seq, category, department, lat_e7, lon_e7, address, description, "
        "received_at, answer_by, reporter, person) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            seq,
            event.category,
            event.department,
            position.lat_e7 if position else None,
            position.lon_e7 if position else None,
            event.address,
            event.description,
            to_rfc3339(event.timestamp),
            to_rfc3339(event.answer_by) if event.answer_by else "",
            event.pseudonym,
            person,
        ),
    )


def _fold_erased(db: Sql, leaf: str) -> None:
    """What somebody found broken, and where; what the city said of it stays."""
    _, report = release(db, leaf)
    db.execute(
        "UPDATE reports SET description = ?1, address = ?1, lat_e7 = NULL, lon_e7 = NULL, "
        "person = '' WHERE id = ?2",
        (ERASED, report),
    )


def _set_and_tell(db: Sql, seq: int, event: AggregateEvent, kind: str, text: str) -> None:
    """Changes the report's row, and keeps what happened as the row is after it."""
    key, at = str(event.originator_id), to_rfc3339(event.timestamp)
    match event:
        case Report.Routed():
            db.execute("UPDATE reports SET department = ? WHERE id = ?", (event.department, key))
        case Report.Answered():
            _fold_word(db, key, event.state, event.text, at, "")
        case Report.Closed():
            original = str(event.duplicate_of) if event.duplicate_of else ""
            _fold_word(db, key, event.state, event.text, at, original, is_closed=True)
        case Report.PromiseMissed():
            db.execute("UPDATE reports SET promise_missed = 1 WHERE id = ?", (key,))
    db.execute(
        "INSERT INTO updates(seq, report, kind, state, department, text, happened_at) "
        "SELECT ?, id, ?, state, department, ?, ? FROM reports WHERE id = ?",
        (seq, kind, text, at, key),
    )


def _fold_word(
    db: Sql,
    key: str,
    state: str,
    text: str,
    at: str,
    duplicate_of: str,
    *,
    is_closed: bool = False,
) -> None:
    db.execute(
        "UPDATE reports SET state = ?, is_closed = ?, answer = ?, answered_at = ?, "
        "duplicate_of = ? WHERE id = ?",
        (state, int(is_closed), text, at, duplicate_of, key),
    )
