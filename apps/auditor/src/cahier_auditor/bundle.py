"""A bundle folder as an auditor takes it: nothing in it is believed before it is checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from cahier_auditor.findings import CannotAudit, Finding
from cahier_ledger.leaves import disclosure_digest, parse_disclosure
from cahier_ledger.log.entries import BrokenBundle, read_entries

SUMS_FILE = "SHA256SUMS"
LINE_CHARS_MAX = 10_000


class Bundle:
    """Reads `tlog/<service>/`, `disclosures/<service>/` and `SHA256SUMS` below one folder."""

    def __init__(self, source: str) -> None:
        """Raises CannotAudit for a portal's URL or a folder that holds no log."""
        if "://" in source:
            raise CannotAudit(f"{source}: this release audits bundle folders, not portals")
        self.root = Path(source)
        if not (self.root / "tlog").is_dir():
            raise CannotAudit(f"{source}: not a bundle: it has no folder tlog/")

    def services(self) -> list[str]:
        """The services whose logs are here, by name."""
        return sorted(folder.name for folder in (self.root / "tlog").iterdir() if folder.is_dir())

    def leaves(self, service: str) -> Iterator[bytes]:
        """A service's leaves in order; raises CannotAudit where its files are broken."""
        try:
            yield from read_entries(self.root / "tlog" / service)
        except (BrokenBundle, OSError, ValueError) as error:
            raise CannotAudit(f"{service}: {error}") from None

    def check_sums(self) -> Iterator[Finding]:
        """Every file that SHA256SUMS does not name, or names with another digest, or is gone."""
        listed = self._listed()
        present = {
            str(file.relative_to(self.root)) for file in self.root.rglob("*") if file.is_file()
        } - {SUMS_FILE}
        for name in sorted(present | set(listed)):
            if name not in listed:
                yield Finding(
                    "bundle", None, f"{SUMS_FILE} names every file", f"{name} is not named"
                )
            elif name not in present:
                yield Finding("bundle", None, "every named file is there", f"{name} is missing")
            elif _sha256(self.root / name) != listed[name]:
                yield Finding("bundle", None, "each file has its digest", f"{name} has another")

    def disclosed(self, service: str, event_id: str, digests: tuple[str, ...]) -> str:
        """What is wrong with the disclosures of one leaf, or "" when they hold.

        None at all is right too: texts may have been erased.
        """
        file = self.root / "disclosures" / service / f"{event_id}.json"
        if not file.is_file():
            return ""
        try:
            for listed in json.loads(file.read_text("utf-8")):
                if disclosure_digest(parse_disclosure(listed)) not in digests:
                    return f"the text {listed[1]!r} is not the one whose digest is in the leaf"
        except (ValueError, TypeError) as error:
            return f"the disclosure cannot be read: {error}"
        return ""

    def _listed(self) -> dict[str, str]:
        file = self.root / SUMS_FILE
        if not file.is_file():
            raise CannotAudit(f"{self.root}: not a bundle: it has no {SUMS_FILE}")
        listed = {}
        for line in file.read_text("utf-8").splitlines():
            digest, separator, name = line[:LINE_CHARS_MAX].partition("  ")
            if not separator or len(digest) != 64:
                raise CannotAudit(f"{file}: not a line of sha256sum: {line[:80]!r}")
            listed[name] = digest
        return listed


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
