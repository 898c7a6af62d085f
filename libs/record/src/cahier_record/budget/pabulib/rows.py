"""The rows of a `.pb` file with the line each begins at, divided into its three sections.

A section title is a row of exactly one field, so that a voter called `votes` is still a voter.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from cahier_record.budget.pabulib.model import PabulibError
from cahier_record.budget.pabulib.numbers import shown

SECTIONS = ("META", "PROJECTS", "VOTES")
FILE_CHARS_MAX = 512 * 1024 * 1024

Row = list[str]


class Rows:
    """Reads a file's rows once, in order, section by section; blank lines are skipped."""

    def __init__(self, text: str | bytes, name: str) -> None:
        self.name = name
        decoded = self._decode(text).removeprefix("\ufeff")
        if len(decoded) > FILE_CHARS_MAX:
            raise self.error(1, "file", f"must not be longer than {FILE_CHARS_MAX} characters")
        self.newline = "\r\n" if decoded[: decoded.find("\n")].endswith("\r") else "\n"
        self._rows = self._numbered(decoded)
        self._last_line = 1
        self._ahead: tuple[int, Row] | None = next(self._rows, None)

    def error(self, line: int, field: str, rule: str) -> PabulibError:
        return PabulibError(self.name, line, field, rule)

    def open(self, title: str) -> tuple[int, int, tuple[str, ...]]:
        """Enter the section `title`: the title's line, the header's line, and the header's cells.

        Raises PabulibError when another section, or none, comes next, or the header is unusable.
        """
        title_line = self._take_title(title)
        head = next(self._rows, None)
        if head is None or len(head[1]) == 1:
            raise self.error(title_line, title, "must be followed by a header row")
        line, cells = head
        header = tuple(cell.strip() for cell in cells)
        for column in header:
            if header.count(column) > 1:
                raise self.error(line, column, "must not stand twice in the header")
        return title_line, line, header

    def body(self, width: int) -> Iterator[tuple[int, Row]]:
        """The open section's rows after its header; every row must have `width` fields."""
        self._ahead = None
        for numbered in self._rows:
            line, row = numbered
            if len(row) != width:
                if len(row) == 1 and _title(row) in SECTIONS:
                    self._ahead = numbered
                    return
                raise self.error(line, "row", _width_rule(len(row), width))
            yield numbered

    def end(self) -> None:
        """Raises PabulibError when anything follows the last section."""
        if self._ahead is not None:
            raise self.error(self._ahead[0], "section", "must not follow VOTES, the last section")

    def _take_title(self, title: str) -> int:
        if self._ahead is None:
            raise self.error(self._last_line, title, "the section is missing")
        line, row = self._ahead
        if len(row) != 1 or _title(row) != title:
            found = shown(";".join(row))
            order = ", ".join(SECTIONS)
            raise self.error(
                line, title, f"the section must begin here (in the order {order}), not {found}"
            )
        return line

    def _decode(self, text: str | bytes) -> str:
        if isinstance(text, str):
            return text
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + 1
            raise self.error(line, "encoding", "must be UTF-8") from None

    def _numbered(self, text: str) -> Iterator[tuple[int, Row]]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
        line = 1
        try:
            for row in reader:
                if len(row) > 1 or (row and row[0].strip()):
                    yield line, row
                self._last_line, line = line, reader.line_num + 1
        except csv.Error as error:
            raise self.error(line, "row", f"must be well-formed CSV: {error}") from None


def _title(row: Row) -> str:
    return row[0].strip().upper()


def _width_rule(found: int, width: int) -> str:
    rule = f"must have {width} fields as its header has, but has {found}"
    return rule + (" (a `;` in a text must be quoted)" if found > width else "")
