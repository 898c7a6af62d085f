"""What an audit answers: findings, each with its place, the rule, what was expected and found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

KEPT_MAX = 1_000
"""Findings kept with their words; further ones are counted, so that a ruined log fits memory."""


FINDING_CHARS_MAX = 1_000


def one_line(text: str, chars_max: int = FINDING_CHARS_MAX) -> str:
    """Text of strangers for a terminal: one line, no control characters, not endless."""
    plain = "".join(each if each.isprintable() else "�" for each in text[: chars_max + 1])
    return plain if len(plain) <= chars_max else plain[:chars_max] + "..."


class CannotAudit(Exception):
    """The audit could not run (exit 2); the text is one line."""


@dataclass(frozen=True)
class Finding:
    """Something that does not hold.

    log: the service, with `/<epoch>` behind it where its log has several, or `bundle`. index: of
    the leaf in that log, from 0; None where no single leaf is at fault. rule: what should hold.
    found: what is there instead; expected: what should be, where one value alone is right.
    file: below the bundle, where a file rather than a leaf is at fault.
    """

    log: str
    index: int | None
    rule: str
    found: str
    expected: str = ""
    file: str = ""

    def __str__(self) -> str:
        where = self.log if self.index is None else f"{self.log} leaf {self.index}"
        if self.file:
            where += f" {self.file}"
        found = self.found
        if self.expected:
            found = f"expected {self.expected}, found {found}"
        return one_line(f"{where}: {self.rule}; {found}")


@dataclass
class Findings:
    """Findings in the order in which they turned up: the first KEPT_MAX, and how many in all."""

    kept: list[Finding] = field(default_factory=list)
    count: int = 0

    def add(self, finding: Finding) -> None:
        self.count += 1
        if len(self.kept) < KEPT_MAX:
            self.kept.append(finding)

    def extend(self, findings: Findings | Iterable[Finding]) -> None:
        """Adds another's; those that it only counted are only counted here too."""
        uncounted = 0
        if isinstance(findings, Findings):
            uncounted = findings.count - len(findings.kept)
        for finding in findings:
            self.add(finding)
        self.count += uncounted

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.kept)

    def __bool__(self) -> bool:
        return self.count > 0
