"""Where an audit reads: a bundle folder or a portal. Nothing in either is believed unchecked.

Both answer by a bundle's paths, so that what checks them does not know which one it has. Only a
folder can be listed: what a portal does not hand out by name cannot be found there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from cahier_record.events import SERVICES as OWNERS

FILE_BYTES_MAX = 32 << 20
"""More than any file of a log: 256 leaves of at most 65,535 bytes are half of it."""
SERVICES = tuple(sorted(OWNERS))
"""Each has a log of its own in every city."""
_SAFE_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


class Source(Protocol):
    """A bundle's files by path. Raises CannotAudit where the source itself fails.

    place: as the user wrote it. can_list: whether `below` finds anything. parallel: whether
    another process may open the same `place` and read the same bytes at no cost to others.
    """

    place: str
    can_list: bool
    parallel: bool

    def services(self) -> list[str]:
        """The services whose logs are here, by name."""
        ...

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where there is none. The same bytes at every call."""
        ...

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | None]:
        """Many files in order, fetched ahead where that saves time."""
        ...

    def lines(self, path: str) -> Iterator[bytes]:
        """A long file's lines; raises CannotAudit where there is no such file."""
        ...

    def below(self, folder: str) -> Iterator[str]:
        """Paths of all files below a folder, sorted by name within each folder."""
        ...

    def older_epochs(self, service: str) -> int:
        """How many epochs of a service's log have ended."""
        ...

    def older_checkpoints(self, service: str, epoch: int) -> list[str]:
        """Paths of an epoch's older checkpoints, `.../<size>`, by size."""
        ...

    def policy(self, service: str) -> bytes | None:
        """The policy that the city shows for a service's log."""
        ...

    def earlier_policy(self, service: str, digest: str) -> bytes | None:
        """A policy that a service's log was once held to. digest: SHA-256, 64 hex digits."""
        ...


def texts_path(service: str, event_id: str) -> str:
    """Where the disclosures of an event stand; "" for an id that is no file's name."""
    if _SAFE_ID.fullmatch(event_id) is None:
        return ""
    return f"disclosures/{service}/{event_id}.json"


def open_source(place: str) -> Source:
    """The folder or the portal behind what a user typed; raises CannotAudit for neither."""
    if "://" in place:
        from cahier_auditor.portal import PortalSource

        return PortalSource(place)
    from cahier_auditor.folder import FolderSource

    return FolderSource(place)
