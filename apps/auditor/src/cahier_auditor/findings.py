"""What an audit answers: findings, each with its leaf, the rule and what was found."""

from __future__ import annotations

from dataclasses import dataclass


class CannotAudit(Exception):
    """The audit could not run (exit 2); the text is one line."""


@dataclass(frozen=True)
class Finding:
    """Something that does not hold.

    log: the service, or `bundle`. index: of the leaf in its log, from 0; None where no single
    leaf is at fault. rule: what should hold. found: what is there instead.
    """

    log: str
    index: int | None
    rule: str
    found: str

    def __str__(self) -> str:
        where = self.log if self.index is None else f"{self.log} leaf {self.index}"
        return f"{where}: {self.rule}; {self.found}"
