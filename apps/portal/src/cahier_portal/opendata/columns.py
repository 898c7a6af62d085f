"""Columns that mean the same in several data sets."""

from __future__ import annotations

from cahier_portal.opendata.tables import Column

ID = Column("id", "id", "What it is known by everywhere, in the public log too.")
TITLE = Column("title", "text", "Its title.")
DESCRIPTION = Column("description", "text", "What it is about.")
CATEGORY = Column("category", "label", "Its category; may be empty.")
DISTRICT = Column("district", "label", "Its district; empty for the whole city.")
ELECTION = Column("election_id", "id", "The election that it belongs to.")
NUMBER = Column("number", "integer", "The project's number in its election; ballots name it by it.")
PROJECT = Column("project_id", "id", "The project that it is about.")
LATITUDE = Column("latitude_e7", "integer", "Degrees north, times 10,000,000, or none.")
LONGITUDE = Column("longitude_e7", "integer", "Degrees east, times 10,000,000, or none.")
