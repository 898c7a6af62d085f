"""What a process of a service does: on files all of it, on PostgreSQL perhaps a part."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A part of a service's work.

    api answers calls, in as many processes as are wanted. relay copies public events to the bus and
    project keeps views up to date, each in one process at a time. react acts on others' events
    and on what has fallen due.
    """

    API = "api"
    RELAY = "relay"
    PROJECT = "project"
    REACT = "react"


ALL_ROLES = frozenset(Role)
ALL = "all"


def parse_roles(text: str) -> frozenset[Role]:
    """`all`, or roles separated by commas; raises ValueError."""
    return ALL_ROLES if text == ALL else frozenset(Role(part) for part in text.split(","))
