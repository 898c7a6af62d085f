"""What one ballot's text means, and which of the election's rules it breaks, whoever cast it."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

from cahier_record.budget.pabulib.model import POINT_TYPES
from cahier_record.budget.pabulib.numbers import format_decimal, parse_decimal, shown

Finding = tuple[str, str]  # the field and the rule in words


class Bound(Struct, frozen=True):
    """An inclusive range and what sets each of its ends; None where nothing does."""

    low_key: str
    low: Fraction | None
    high_key: str
    high: Fraction | None

    @property
    def is_open(self) -> bool:
        return self.low is None and self.high is None

    def breach(self, field: str, what: str, value: Fraction) -> Finding | None:
        if self.high is not None and value > self.high:
            limit = format_decimal(self.high)
            return field, f"{what} {format_decimal(value)}, over {self.high_key} {limit}"
        if self.low is not None and value < self.low:
            limit = format_decimal(self.low)
            return field, f"{what} {format_decimal(value)}, under {self.low_key} {limit}"
        return None


class BallotLimits(Struct, frozen=True, kw_only=True):
    """What META allows a ballot to be; costs in the file's unit."""

    vote_type: str
    length: Bound
    sum_cost: Bound
    points: Bound
    sum_points: Bound

    @property
    def has_points(self) -> bool:
        return self.vote_type in POINT_TYPES


class Choice(Struct, frozen=True):
    """A ballot's text, understood: notes are worth a warning, a breach makes it invalid."""

    projects: tuple[str, ...]
    points: tuple[Fraction, ...] = ()
    notes: tuple[Finding, ...] = ()
    breach: Finding | None = None


class MalformedError(Exception):
    """A cell that no ballot of this file may hold; the caller knows the line."""

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field, self.rule = field, rule


class ChoiceJudge:
    """Understands the cells `vote` and `points` under one election's limits."""

    def __init__(
        self, limits: BallotLimits, costs: dict[str, Fraction], *, literal_repeats: bool
    ) -> None:
        self._limits, self._costs, self._literal_repeats = limits, costs, literal_repeats
        self._ids = {project_id: project_id for project_id in costs}  # one object for each id
        self._numbers: dict[str, Fraction] = {}

    def judge(self, vote: str, points: str) -> Choice:
        """Raises MalformedError for an unknown project, a bad number, lists of unequal length."""
        notes: list[Finding] = []
        projects = self._projects(vote, notes)
        values = self._points(points, notes) if self._limits.has_points else ()
        if self._limits.has_points and len(values) != len(projects):
            rule = f"must be as many as the projects, but are {len(values)} for {len(projects)}"
            raise MalformedError("points", rule)
        breach = None
        if len(set(projects)) != len(projects):
            projects, breach = self._repeated(projects, notes)
        breach = breach or self._projects_breach(projects) or self._points_breach(values)
        return Choice(projects, values, tuple(notes), breach)

    def _projects(self, vote: str, notes: list[Finding]) -> tuple[str, ...]:
        if not vote.strip():
            return ()
        cells = vote.split(",")
        try:
            return tuple([self._ids[cell] for cell in cells])
        except KeyError:
            return self._trimmed([cell.strip() for cell in cells], notes)

    def _trimmed(self, cells: list[str], notes: list[Finding]) -> tuple[str, ...]:
        for cell in cells:
            if cell not in self._ids:
                rule = f"names the project {shown(cell)}, which PROJECTS does not hold"
                raise MalformedError("vote", rule)
        notes.append(("vote", "blanks in the list were trimmed"))
        return tuple([self._ids[cell] for cell in cells])

    def _points(self, points: str, notes: list[Finding]) -> tuple[Fraction, ...]:
        if not points.strip():
            return ()
        cells = points.split(",")
        if any(cell != cell.strip() for cell in cells):
            notes.append(("points", "blanks in the list were trimmed"))
        return tuple([self._number(cell) for cell in cells])

    def _number(self, cell: str) -> Fraction:
        number = self._numbers.get(cell)
        if number is None:
            try:
                number = self._numbers[cell] = parse_decimal(cell)
            except ValueError as error:
                raise MalformedError("points", str(error)) from None
        return number

    def _repeated(
        self, projects: tuple[str, ...], notes: list[Finding]
    ) -> tuple[tuple[str, ...], Finding | None]:
        repeated = next(one for at, one in enumerate(projects) if one in projects[:at])
        if self._limits.vote_type not in ("approval", "choose-1"):
            return projects, ("vote", f"must not list the project {shown(repeated)} twice")
        told = f"lists the project {shown(repeated)} twice"
        if self._literal_repeats:
            notes.append(("vote", f"{told}: counted each time"))
            return projects, None
        notes.append(("vote", f"{told}: counted as one approval"))
        return tuple(dict.fromkeys(projects)), None

    def _projects_breach(self, projects: tuple[str, ...]) -> Finding | None:
        limits = self._limits
        if not limits.length.is_open:
            count = Fraction(len(projects))
            breach = limits.length.breach("vote", "the number of projects is", count)
            if breach:
                return breach
        if limits.sum_cost.is_open:
            return None
        cost = sum((self._costs[project_id] for project_id in projects), Fraction(0))
        return limits.sum_cost.breach("vote", "the projects cost", cost)

    def _points_breach(self, values: tuple[Fraction, ...]) -> Finding | None:
        limits = self._limits
        if not limits.points.is_open:
            for value in values:
                breach = limits.points.breach("points", "a project gets", value)
                if breach:
                    return breach
        if limits.sum_points.is_open or not limits.has_points:
            return None
        return limits.sum_points.breach("points", "their sum is", sum(values, Fraction(0)))
