"""The census roll as a table: is this row on the roll, and of which district is it."""

from __future__ import annotations

from cahier_identity.application.stored import ROWS, ROWS_LISTED
from cahier_ledger.bus.database import Sql
from cahier_ledger.bus.views import View
from cahier_ledger.model import StoredEvent

CENSUS_VIEW = View(
    name="census",
    tables=("census_rows",),
    schema="CREATE TABLE census_rows(key TEXT PRIMARY KEY, district TEXT NOT NULL) WITHOUT ROWID",
)


def fold_census(db: Sql, event: StoredEvent) -> None:
    """Takes the next event of the store into the view."""
    if event.type == ROWS_LISTED:
        db.executemany("INSERT INTO census_rows VALUES (?, ?)", ROWS.decode(event.data).rows)
