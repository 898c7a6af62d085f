"""Reads VOTES: which rows are malformed, which ballots break the election's rules, which count.

Equal lists are judged once, so that a hundred thousand ballots take about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from operator import itemgetter

from cahier_record.budget.pabulib.choices import (
    BallotLimits,
    Choice,
    ChoiceJudge,
    Finding,
    MalformedError,
)
from cahier_record.budget.pabulib.model import Ballot, InvalidBallot, extra_columns
from cahier_record.budget.pabulib.numbers import shown
from cahier_record.budget.pabulib.rows import Row, Rows


class BallotReader:
    """Reads the section VOTES into `columns`, `valid`, `invalid` and `warnings`."""

    def __init__(
        self,
        rows: Rows,
        limits: BallotLimits,
        costs: dict[str, Fraction],
        *,
        strict: bool,
        literal_repeats: bool,
    ) -> None:
        self._rows, self._limits, self._strict = rows, limits, strict
        self._judge = ChoiceJudge(limits, costs, literal_repeats=literal_repeats)
        self._voters: set[str] = set()
        self._choices: dict[tuple[str, str], Choice] = {}
        self.columns: tuple[str, ...] = ()
        self.valid: list[Ballot] = []
        self.invalid: list[InvalidBallot] = []
        self.warnings: list[str] = []

    def read(self) -> None:
        """Read the section to its end; raises PabulibError at the first malformed row."""
        place = self._open()
        at_voter, at_vote, at_points = place["voter_id"], place["vote"], place.get("points", 0)
        has_points = self._limits.has_points
        extra_of = _picker([place[c] for c in extra_columns(self.columns, has_points=has_points)])
        for line, row in self._rows.body(len(self.columns)):
            voter = self._voter(line, row[at_voter])
            choice = self._choice(line, row[at_vote], row[at_points] if has_points else "")
            ballot = Ballot(
                voter=voter, projects=choice.projects, points=choice.points, extra=extra_of(row)
            )
            for field, rule in choice.notes:
                self._warn(line, field, rule)
            if choice.breach:
                self._leave_out(line, ballot, choice.breach)
            else:
                self.valid.append(ballot)

    def _open(self) -> dict[str, int]:
        _, header_line, self.columns = self._rows.open("VOTES")
        required = (
            ("voter_id", "vote", "points") if self._limits.has_points else ("voter_id", "vote")
        )
        for column in required:
            if column not in self.columns:
                raise self._rows.error(header_line, column, "must be a column of VOTES")
        return {column: at for at, column in enumerate(self.columns)}

    def _voter(self, line: int, cell: str) -> str:
        voter = cell.strip()
        if not voter:
            raise self._rows.error(line, "voter_id", "must not be empty")
        if voter in self._voters:
            rule = f"the voter {shown(voter)} must not stand twice in VOTES"
            raise self._rows.error(line, "voter_id", rule)
        if voter != cell:
            self._warn(line, "voter_id", f"blanks around {shown(voter)} were trimmed")
        self._voters.add(voter)
        return voter

    def _choice(self, line: int, vote: str, points: str) -> Choice:
        known = self._choices.get((vote, points))
        if known is None:
            try:
                known = self._judge.judge(vote, points)
            except MalformedError as error:
                raise self._rows.error(line, error.field, error.rule) from None
            self._choices[(vote, points)] = known
        return known

    def _leave_out(self, line: int, ballot: Ballot, breach: Finding) -> None:
        field, rule = breach
        if self._strict:
            raise self._rows.error(line, field, rule)
        index = len(self.valid) + len(self.invalid)
        self.invalid.append(
            InvalidBallot(line=line, index=index, field=field, rule=rule, ballot=ballot)
        )

    def _warn(self, line: int, field: str, rule: str) -> None:
        self.warnings.append(str(self._rows.error(line, field, rule)))


def _picker(places: Sequence[int]) -> Callable[[Row], tuple[str, ...]]:
    """A function that takes the cells at `places` out of a row."""
    if not places:
        return lambda row: ()
    if len(places) == 1:
        return lambda row: (row[places[0]],)
    return itemgetter(*places)
