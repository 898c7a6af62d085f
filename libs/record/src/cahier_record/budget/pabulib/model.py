"""A Pabulib election in memory: everything the file said, in its order, with exact amounts."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct, field

from cahier_record.budget.pabulib.numbers import cents, parse_amount

VOTE_TYPES = ("approval", "choose-1", "ordinal", "cumulative", "scoring")
POINT_TYPES = ("cumulative", "scoring")  # the vote types with a column `points`
WITHDRAWN_COST = 999_999_999  # by convention of the archive, such a project was withdrawn


class PabulibError(ValueError):
    """The file breaks a rule; the text is one line, `FILE:LINE: FIELD: RULE`."""

    def __init__(self, file: str, line: int, field: str, rule: str) -> None:
        self.file, self.line, self.field, self.rule = file, line, field, rule
        super().__init__(" ".join(f"{file}:{line}: {field}: {rule}".splitlines()))


class Project(Struct, frozen=True, kw_only=True):
    """A row of PROJECTS. `cost` is exact, in the file's unit; `cost_text` is how it was written.

    `fields` holds every other column as text, by its name.
    """

    id: str
    cost: Fraction
    cost_text: str
    fields: dict[str, str] = field(default_factory=dict)

    def cents(self) -> int:
        """The cost in whole cents; raises ValueError if it is finer."""
        return cents(self.cost)

    @property
    def withdrawn(self) -> bool:
        return self.cost == WITHDRAWN_COST


class Ballot(Struct, frozen=True, kw_only=True, gc=False):
    """A row of VOTES: the project ids in the voter's order, points beside them where there are any.

    `extra` holds the other columns as text, in the order of Instance.extra_vote_columns.
    """

    voter: str
    projects: tuple[str, ...]
    points: tuple[Fraction, ...] = ()
    extra: tuple[str, ...] = ()


class InvalidBallot(Struct, frozen=True, kw_only=True):
    """A well-formed ballot that breaks the election's own rules, so that it does not count.

    `index` is its place among all rows of VOTES, from 0; `line` its line in the file, from 1.
    """

    line: int
    index: int
    field: str
    rule: str
    ballot: Ballot


class Instance(Struct, kw_only=True):
    """One election. `ballots` are the valid ones; the sum of both lists is what the file holds.

    Columns keep the file's order; they include the known ones (`project_id`, `vote`, ...).
    `warnings` are whole lines, `FILE:LINE: FIELD: RULE`.
    """

    meta: dict[str, str]
    project_columns: tuple[str, ...]
    projects: list[Project]
    vote_columns: tuple[str, ...]
    ballots: list[Ballot]
    invalid: list[InvalidBallot] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    newline: str = "\n"

    @property
    def rule(self) -> str:
        """META's rule, or "" when it names none."""
        return self.meta.get("rule", "").strip()

    @property
    def vote_type(self) -> str:
        return self.meta["vote_type"].strip()

    @property
    def budget(self) -> Fraction:
        """The envelope, exact, in the file's unit."""
        return parse_amount(self.meta["budget"])

    @property
    def has_points(self) -> bool:
        return self.vote_type in POINT_TYPES

    @property
    def extra_vote_columns(self) -> tuple[str, ...]:
        return extra_columns(self.vote_columns, has_points=self.has_points)


def extra_columns(columns: tuple[str, ...], *, has_points: bool) -> tuple[str, ...]:
    """The columns of VOTES whose cells a Ballot keeps as text."""
    known = ("voter_id", "vote", "points") if has_points else ("voter_id", "vote")
    return tuple(column for column in columns if column not in known)
