"""The census roll as a table: is this row on the roll, and of which district is it.

Beside it, who has proved residence with a row, and until when a forgotten person's row is kept;
both know persons by their digest alone.
"""

from __future__ import annotations

import msgspec

from cahier_chassis.erasing import Confirmed
from cahier_identity.application.stored import CODEC, ROWS, ROWS_LISTED
from cahier_identity.domain.resident import CensusRowHolder
from cahier_identity.domain.retention import CENSUS_ROW, RetentionOver
from cahier_kernel.texts import ERASED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent
from cahier_ledger.texts import place_of
from cahier_record.erasure import subject_digest

CENSUS_VIEW = View(
    name="census",
    tables=("census_rows", "census_holders", "census_kept"),
    schema="""
    CREATE TABLE census_rows(key TEXT PRIMARY KEY, district TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE census_holders(place TEXT PRIMARY KEY, subject TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX census_holders_by_subject ON census_holders(subject);
    CREATE TABLE census_kept(subject TEXT PRIMARY KEY, until TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX census_kept_until ON census_kept(until)
    """,
)

_HELD = (CensusRowHolder.Created.TOPIC, CensusRowHolder.PassedOn.TOPIC)


def fold_census(db: Sql, event: StoredEvent) -> None:
    """Takes the next event of the store into the view."""
    if event.type == ROWS_LISTED:
        db.executemany("INSERT INTO census_rows VALUES (?, ?)", ROWS.decode(event.data).rows)
    elif event.type in _HELD:
        holder = msgspec.json.decode(event.data)["resident_id"]
        if holder != ERASED:
            row = (place_of(event.stream, event.version), subject_digest(holder))
            db.execute("INSERT INTO census_holders VALUES (?, ?)", row)
    elif event.type in CODEC.topics:
        _fold_retention(db, CODEC.decode(event.type, event.data))


def _fold_retention(db: Sql, event: msgspec.Struct) -> None:
    match event:
        case Confirmed(subject=subject, kept=kept):
            until = [each.until for each in kept if each.what == CENSUS_ROW]
            rows = [(subject, day) for day in until]
            db.executemany("INSERT INTO census_kept VALUES (?, ?)", rows)
        case RetentionOver(subject=subject):
            db.execute("DELETE FROM census_kept WHERE subject = ?", (subject,))
            db.execute("DELETE FROM census_holders WHERE subject = ?", (subject,))
        case _:
            pass
