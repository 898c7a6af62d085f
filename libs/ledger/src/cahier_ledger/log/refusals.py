"""Why a public log does not go on: each reason names what was found and the way out.

A log that went on from a store that lost events would sign a second history. So it stops, and a
person decides.
"""

from __future__ import annotations

from cahier_kernel.errors import DomainError, Kind


class LogRefused(DomainError):
    """The public log must not go on; `rule` is one line that an operator can act on."""

    kind = Kind.FAILED_PRECONDITION


class StoreBehindLog(LogRefused):
    """The event store holds fewer public events than the log has signed."""

    def __init__(self, service: str, stored: int, signed: int) -> None:
        super().__init__(
            "store_behind_log",
            f"the event store of {service} ends after {stored} public events, its public log has "
            f"signed {signed}: was the store restored from a backup? Put the newer store back, or "
            f"open a new epoch with `cahier log epoch {service} --reason TEXT`",
            stored=stored,
            signed=signed,
        )


class RootDiffers(LogRefused):
    """The stored leaves do not hash to the root that was signed."""

    def __init__(self, service: str, size: int) -> None:
        super().__init__(
            "root_differs",
            f"the first {size} public events of {service} are not those that its public log has "
            f"signed: put the right store back, or open a new epoch with "
            f"`cahier log epoch {service} --reason TEXT`",
            size=size,
        )


class OriginDiffers(LogRefused):
    """The log was begun under another name."""

    def __init__(self, service: str, begun: str, asked: str) -> None:
        super().__init__(
            "log_origin_differs",
            f"the public log of {service} was begun as {begun}, not as {asked}: set the origin "
            "back, since it is part of every signature",
        )


class KeyDiffers(LogRefused):
    """None of the keys at hand is one that the log has signed with."""

    def __init__(self, service: str, known: str) -> None:
        super().__init__(
            "log_key_differs",
            f"no key at hand is one that the public log of {service} signs with ({known}): put the "
            "key back; to change it, let the old one and the new one sign together for a while",
        )


class LockMissing(LogRefused):
    """A log was published, but the lock row that guards it is gone."""

    def __init__(self, service: str, size: int) -> None:
        super().__init__(
            "log_lock_missing",
            f"the public log of {service} was published up to {size}, but its lock row is gone: "
            "put the lock's database back, or open a new epoch with "
            f"`cahier log epoch {service} --reason TEXT`",
            size=size,
        )


class LockBehindLog(LogRefused):
    """More was published than the lock row says was signed."""

    def __init__(self, service: str, locked: int, size: int) -> None:
        super().__init__(
            "lock_behind_log",
            f"the public log of {service} was published up to {size}, its lock row says {locked}: "
            "was the lock's database restored from a backup? To go on from there would sign a "
            "second history: put the newer one back, or, if it is lost, remove the older one and "
            f"open a new epoch with `cahier log epoch {service} --reason TEXT`",
            locked=locked,
            size=size,
        )


class LockMoved(LogRefused):
    """Another process has moved the lock row meanwhile: load it and look again."""

    kind = Kind.CONFLICT

    def __init__(self, service: str) -> None:
        super().__init__(
            "log_lock_moved", f"another process has carried the public log of {service} on"
        )


class KeyUnusable(LogRefused):
    """A signing key cannot be read or used; the text names it and never shows it."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__("log_key_unusable", f"the log's key {place} cannot be used: {why}")
