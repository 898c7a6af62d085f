"""SHA256SUMS: that a copy of a bundle is whole. It proves nothing of who wrote it; the log does."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from cahier_auditor.findings import CannotAudit, Finding, Findings
from cahier_auditor.fingerprints import fingerprint
from cahier_auditor.progress import Progress
from cahier_auditor.source import Source
from cahier_auditor.workers import Workers

SUMS_FILE = "SHA256SUMS"
LINES_A_TASK = 2_000
HEX_DIGITS = 64
NAMED = f"{SUMS_FILE} names every file once"


@dataclass(frozen=True)
class Line:
    """A digest in hex and a path below the bundle."""

    digest: str
    path: str


def check_sums(source: Source, workers: Workers, progress: Progress) -> Findings:
    """Every file that is not named, named twice, gone, or has another digest than its line.

    Holds eight bytes a file. A source that cannot be listed has no sums. Raises CannotAudit.
    """
    findings = Findings()
    if not source.can_list:
        return findings
    names = array("q")
    for found in workers.map(check_lines, _tasks(source, names)):
        findings.extend(found)
        progress.tell(SUMS_FILE, len(names))
    findings.extend(_names(source, names))
    return findings


def check_lines(source: Source, lines: list[Line]) -> Findings:
    """Compares each named file with its digest."""
    findings = Findings()
    contents = source.read_all(line.path for line in lines)
    for line, content in zip(lines, contents, strict=True):
        if content is None:
            rule, found = "every named file is there", "it is missing"
            findings.add(Finding("bundle", None, rule, found, file=line.path))
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest != line.digest:
            rule = "each file has its digest"
            findings.add(Finding("bundle", None, rule, digest, line.digest, line.path))
    return findings


def _names(source: Source, named: array[int]) -> Iterator[Finding]:
    """What is named twice or not at all."""
    ordered = array("q", sorted(named))
    if any(ordered[at] == ordered[at + 1] for at in range(len(ordered) - 1)):
        yield Finding("bundle", None, NAMED, "a file is named twice", file=SUMS_FILE)
    for path in source.below("."):
        if path != SUMS_FILE and not _holds(ordered, fingerprint(path)):
            yield Finding("bundle", None, NAMED, "it is not named", file=path)


def _holds(ordered: array[int], value: int) -> bool:
    at = bisect_left(ordered, value)
    return at < len(ordered) and ordered[at] == value


def _tasks(source: Source, names: array[int]) -> Iterator[list[Line]]:
    """The lines in groups; the names' fingerprints are added as they are read."""
    lines: list[Line] = []
    for raw in source.lines(SUMS_FILE):
        line = _line(raw)
        lines.append(line)
        names.append(fingerprint(line.path))
        if len(lines) == LINES_A_TASK:
            yield lines
            lines = []
    if lines:
        yield lines


def _line(raw: bytes) -> Line:
    try:
        digest, separator, path = raw.decode().removesuffix("\n").partition("  ")
    except UnicodeDecodeError:
        raise CannotAudit(f"{SUMS_FILE} is not UTF-8") from None
    if not separator or len(digest) != HEX_DIGITS or not path or ".." in path.split("/"):
        raise CannotAudit(f"{SUMS_FILE}: not a line of sha256sum: {raw[:80]!r}")
    return Line(digest, path)
