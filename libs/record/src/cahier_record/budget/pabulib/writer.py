"""Writes an election as a `.pb` file that reads back equal, the invalid ballots in their places."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice

from cahier_record.budget.pabulib.model import Ballot, Instance, Project
from cahier_record.budget.pabulib.numbers import format_decimal


def write(instance: Instance) -> str:
    """The text of a `.pb` file, in the instance's own column order and line ends, without a BOM.

    For a file that held nothing to warn of, `write(read(text, name))` is `text` again, but for
    quotes that were not needed. META is written as it stands: counts are the caller's business.
    Raises ValueError when a ballot's cells do not match the columns.
    """
    out = _Lines(instance.newline)
    rows = csv.writer(out, delimiter=";", lineterminator="\r\n")
    rows.writerow(["META"])
    rows.writerow(["key", "value"])
    rows.writerows(instance.meta.items())
    rows.writerow(["PROJECTS"])
    rows.writerow(instance.project_columns)
    rows.writerows(_project_row(instance, project) for project in instance.projects)
    rows.writerow(["VOTES"])
    rows.writerow(instance.vote_columns)
    rows.writerows(_ballot_rows(instance))
    return "".join(out.lines)


class _Lines:
    """Ends rows as the file does; it takes them with CRLF, so that both are quoted in a cell."""

    def __init__(self, newline: str) -> None:
        self._newline = newline
        self.lines: list[str] = []

    def write(self, row: str) -> None:
        self.lines.append(row[:-2] + self._newline)


def _project_row(instance: Instance, project: Project) -> list[str]:
    cells = {**project.fields, "project_id": project.id, "cost": project.cost_text}
    return [cells.get(column, "") for column in instance.project_columns]


def _ballot_rows(instance: Instance) -> Iterator[list[str]]:
    extra_columns = instance.extra_vote_columns
    for ballot in _all_ballots(instance):
        cells = dict(zip(extra_columns, ballot.extra, strict=True))
        cells["voter_id"], cells["vote"] = ballot.voter, ",".join(ballot.projects)
        if instance.has_points:
            cells["points"] = ",".join(map(format_decimal, ballot.points))
        yield [cells[column] for column in instance.vote_columns]


def _all_ballots(instance: Instance) -> Iterator[Ballot]:
    """Valid and invalid ballots in the order of the file they came from."""
    valid = iter(instance.ballots)
    place = 0
    for invalid in instance.invalid:
        yield from islice(valid, invalid.index - place)
        yield invalid.ballot
        place = invalid.index + 1
    yield from valid
