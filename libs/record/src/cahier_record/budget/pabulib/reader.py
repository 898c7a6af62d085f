"""Reads a `.pb` file strictly: what is ambiguous is refused with its line, never guessed."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from cahier_record.budget.pabulib.ballots import BallotReader
from cahier_record.budget.pabulib.choices import BallotLimits, Bound
from cahier_record.budget.pabulib.model import VOTE_TYPES, Instance, PabulibError, Project
from cahier_record.budget.pabulib.numbers import parse_amount, parse_count, parse_decimal, shown
from cahier_record.budget.pabulib.rows import Rows


def read(
    text: str | bytes, name: str, *, strict: bool = False, literal_repeats: bool = False
) -> Instance:
    """The election in a `.pb` file's text (or its UTF-8 bytes); `name` stands in messages.

    Raises PabulibError where the file is malformed. A ballot that breaks the election's own rules
    is left out and listed in `Instance.invalid`; oddities that leave the meaning clear are listed
    in `Instance.warnings`. With `strict`, an invalid ballot and a count that differs from the rows
    are errors. A project twice in one approval ballot counts once, or, with `literal_repeats`, as
    often as it stands there (some official counts did that).
    """
    return _Reader(Rows(text, name), strict, literal_repeats).read()


class _Meta:
    """META's values with their lines, so that a bad value is named with its place."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._title_line, header_line, header = rows.open("META")
        if header != ("key", "value"):
            raise rows.error(header_line, "META", "must have the header key;value")
        self.values: dict[str, str] = {}
        self._lines: dict[str, int] = {}
        for line, (cell, value) in rows.body(2):
            key = cell.strip()
            if key in self.values:
                raise rows.error(line, key, "must not stand twice in META")
            self.values[key], self._lines[key] = value, line

    def error(self, key: str, rule: str) -> PabulibError:
        return self._rows.error(self._lines.get(key, self._title_line), key, rule)

    def required(self, key: str) -> str:
        value = self.values.get(key, "").strip()
        if not value:
            raise self.error(key, "must be given in META")
        return value

    def number(self, key: str, parse: Callable[[str], Fraction]) -> Fraction | None:
        """The value of `key` as `parse` understands it; None when META leaves it out or empty."""
        text = self.values.get(key, "").strip()
        try:
            return parse(text) if text else None
        except ValueError as error:
            raise self.error(key, str(error)) from None

    def differs(self, key: str, counted: int) -> str | None:
        """The warning that META announces another number of rows than there are, if it does."""
        announced = self.number(key, parse_count)
        if announced is None or announced == counted:
            return None
        return f"META says {announced}, but the section has {counted} rows"


class _Reader:
    def __init__(self, rows: Rows, strict: bool, literal_repeats: bool) -> None:
        self._rows, self._strict, self._literal_repeats = rows, strict, literal_repeats
        self._warnings: list[str] = []

    def read(self) -> Instance:
        rows = self._rows
        meta = _Meta(rows)
        _check_numbers(meta)
        limits = _limits(meta)
        project_columns, projects = self._projects()
        ballots = BallotReader(
            rows,
            limits,
            {project.id: project.cost for project in projects},
            strict=self._strict,
            literal_repeats=self._literal_repeats,
        )
        ballots.read()
        rows.end()
        self._warnings += ballots.warnings
        self._compare(meta, "num_projects", len(projects))
        self._compare(meta, "num_votes", len(ballots.valid) + len(ballots.invalid))
        return Instance(
            meta=meta.values,
            project_columns=project_columns,
            projects=projects,
            vote_columns=ballots.columns,
            ballots=ballots.valid,
            invalid=ballots.invalid,
            warnings=self._warnings,
            newline=rows.newline,
        )

    def _projects(self) -> tuple[tuple[str, ...], list[Project]]:
        rows = self._rows
        _, header_line, columns = rows.open("PROJECTS")
        for column in ("project_id", "cost"):
            if column not in columns:
                raise rows.error(header_line, column, "must be a column of PROJECTS")
        projects: dict[str, Project] = {}
        for line, row in rows.body(len(columns)):
            project = self._project(line, dict(zip(columns, row, strict=True)))
            if project.id in projects:
                raise rows.error(
                    line, "project_id", f"{shown(project.id)} must not stand twice in PROJECTS"
                )
            projects[project.id] = project
        return columns, list(projects.values())

    def _project(self, line: int, fields: dict[str, str]) -> Project:
        raw_id, cost_text = fields.pop("project_id"), fields.pop("cost")
        project_id = raw_id.strip()
        if not project_id or "," in project_id:
            rule = f"must be a text without commas, not {shown(raw_id)}"
            raise self._rows.error(line, "project_id", rule)
        if project_id != raw_id:
            self._warn(line, "project_id", f"blanks around {shown(project_id)} were trimmed")
        try:
            cost = parse_amount(cost_text)
        except ValueError as error:
            raise self._rows.error(line, "cost", str(error)) from None
        return Project(id=project_id, cost=cost, cost_text=cost_text, fields=fields)

    def _compare(self, meta: _Meta, key: str, counted: int) -> None:
        rule = meta.differs(key, counted)
        if rule is None:
            return
        error = meta.error(key, rule)
        if self._strict:
            raise error
        self._warnings.append(str(error))

    def _warn(self, line: int, field: str, rule: str) -> None:
        self._warnings.append(str(self._rows.error(line, field, rule)))


def _check_numbers(meta: _Meta) -> None:
    """Refuse, while the line is known, numbers that are only used later."""
    meta.required("budget")
    for key in ("budget", "min_project_cost", "max_project_cost"):
        meta.number(key, parse_amount)
    for key in ("default_score", "min_project_score_threshold"):
        meta.number(key, parse_decimal)


def _limits(meta: _Meta) -> BallotLimits:
    vote_type = meta.required("vote_type")
    if vote_type not in VOTE_TYPES:
        known = ", ".join(VOTE_TYPES)
        raise meta.error("vote_type", f"must be one of {known}, not {shown(vote_type)}")
    return BallotLimits(
        vote_type=vote_type,
        length=_length(meta, vote_type),
        sum_cost=_bound(meta, "sum_cost"),
        points=_points(meta, vote_type),
        sum_points=_bound(meta, "sum_points"),
    )


def _length(meta: _Meta, vote_type: str) -> Bound:
    bound = _bound(meta, "length", parse_count)
    if vote_type == "choose-1" and (bound.high is None or bound.high > 1):
        return Bound(bound.low_key, bound.low, "vote_type choose-1:", Fraction(1))
    return bound


def _points(meta: _Meta, vote_type: str) -> Bound:
    bound = _bound(meta, "points")
    if vote_type == "cumulative" and bound.low is None:
        return Bound("vote_type cumulative:", Fraction(0), bound.high_key, bound.high)
    return bound


def _bound(meta: _Meta, stem: str, parse: Callable[[str], Fraction] = parse_decimal) -> Bound:
    low_key, high_key = f"min_{stem}", f"max_{stem}"
    return Bound(low_key, meta.number(low_key, parse), high_key, meta.number(high_key, parse))
