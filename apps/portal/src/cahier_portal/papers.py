"""From a ballot's form to a paper: ticks, points or places, as the election's rules ask for them.

What a voter has marked so far travels as text by project number, whatever it is worth: a form that
comes back shows what was typed, and only a paper that keeps every rule is sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cahier_kernel.errors import Invalid
from cahier_portal.catalogue import language, t
from cahier_portal.forms import FieldErrors, Form, FormError
from cahier_record.budget.ballots import POINT_TYPES, BallotPaper
from cahier_record.budget.events import Rules
from cahier_record.budget.pabulib.numbers import parse_decimal
from cahier_record.budget.tally.profile import format_amount

CHOICES_MAX = 2_000
DIGITS_MAX = 12
PLACES_LISTED_MAX = 20
"""With more places than this they are typed: long lists for each project would weigh megabytes."""

Marks = Mapping[int, str]
"""What stands on the form for each marked project: its points, its place, or just a tick."""


@dataclass(frozen=True)
class Kind:
    """How ballots of an election are filled in, for its pages.

    field: what the name of a project's own field begins with, or "" for ticked boxes. places: the
    most places of a ranking, 0 elsewhere. decimals: of points.
    """

    vote_type: str
    field: str
    places: int
    decimals: int

    @property
    def has_points(self) -> bool:
        return self.field == "points"

    @property
    def are_places_listed(self) -> bool:
        return 0 < self.places <= PLACES_LISTED_MAX


def kind_of(rules: Rules, standing: int) -> Kind:
    """How the ballots of these rules are filled in. standing: how many projects stand."""
    is_ranked = rules.vote_type == "ordinal"
    has_points = rules.vote_type in POINT_TYPES
    return Kind(
        vote_type=rules.vote_type,
        field="points" if has_points else "place" if is_ranked else "",
        places=min(rules.max_length or standing, standing) if is_ranked else 0,
        decimals=rules.point_decimals if has_points else 0,
    )


def read_marks(form: Form, kind: Kind) -> dict[int, str]:
    """What the form marks, in its order; raises Invalid for what no project is named by."""
    if not kind.field:
        return dict.fromkeys(read_numbers(form.all("choice")), "1")
    start = f"{kind.field}-"
    typed = {
        name.removeprefix(start): text.strip()
        for name, text in form.values().items()
        if name.startswith(start) and text.strip()
    }
    numbers = read_numbers(list(typed))
    return {number: typed[str(number)] for number in numbers if str(number) in typed}


def read_numbers(texts: Sequence[str]) -> tuple[int, ...]:
    """Project numbers, ascending, each once; raises Invalid for anything else."""
    if len(texts) > CHOICES_MAX:
        raise Invalid("ballot_too_many_projects", "too many projects", max=CHOICES_MAX)
    if not all(text.isascii() and text.isdigit() and len(text) <= 6 for text in texts):
        raise Invalid("ballot_unknown_project", "the election has no such project")
    return tuple(sorted({int(text) for text in texts}))


def paper_of(marks: Marks, kind: Kind, rules: Rules) -> BallotPaper:
    """The paper; raises FieldErrors for points or places that cannot be read.

    Nothing is the same as no points, unless leaving a project out says something else.
    """
    if kind.field == "place":
        return BallotPaper(ranking_of(marks), ranked=True)
    if not kind.has_points:
        return BallotPaper(tuple(sorted(marks)))
    given = {number: _points(number, text, kind.decimals) for number, text in marks.items()}
    if rules.min_points >= 0 and not rules.default_points:
        given = {number: points for number, points in given.items() if points}
    return BallotPaper(tuple(given), points=tuple(given.values()))


def ranking_of(marks: Marks) -> tuple[int, ...]:
    """Projects by their places, gaps closed; raises FieldErrors where two share a place."""
    places: dict[int, int] = {}
    for number, text in marks.items():
        place = _place(number, text)
        if place in places:
            raise FieldErrors(FormError(f"place-{number}", t("error.place_taken", place=place)))
        places[place] = number
    return tuple(places[place] for place in sorted(places))


def marks_of(paper: BallotPaper, kind: Kind) -> dict[int, str]:
    """A paper as the form shows it."""
    if kind.field == "place":
        return {number: str(place) for place, number in enumerate(paper.choices, 1)}
    if kind.has_points:
        pairs = zip(paper.choices, paper.points, strict=True)
        return {number: typed_points(points, kind.decimals) for number, points in pairs}
    return dict.fromkeys(paper.choices, "1")


@dataclass(frozen=True)
class Move:
    """A press on one of a ranking's buttons: up, down, off or add."""

    way: str
    number: int


def read_move(text: str) -> Move | None:
    """The button's value, such as `up-12`; None for anything else."""
    way, _, number = text.partition("-")
    if way not in ("up", "down", "off", "add") or not (number.isascii() and number.isdigit()):
        return None
    return Move(way, int(number[:6]))


def moved(marks: Marks, move: Move) -> dict[int, str]:
    """The ranking after the press, as marks; raises FieldErrors where two share a place."""
    ranking = list(ranking_of(marks))
    if move.number in ranking:
        place = ranking.index(move.number)
        ranking.pop(place)
        shift = {"up": -1, "down": 1, "add": 0}
        if move.way in shift:
            ranking.insert(max(place + shift[move.way], 0), move.number)
    elif move.way == "add":
        ranking.append(move.number)
    return {number: str(place) for place, number in enumerate(ranking, 1)}


def typed_points(points: int, decimals: int) -> str:
    """Points as one types them: no thousands apart."""
    text = format_amount(points, decimals)
    return text.replace(".", ",") if language() == "fr" else text


def points_so_far(marks: Marks, decimals: int) -> int:
    """What the marks that can be read add up to, in the rules' unit."""
    return sum(_readable(marks.values(), decimals))


def _readable(texts: Iterable[str], decimals: int) -> Iterable[int]:
    for text in texts:
        try:
            yield read_points(text, decimals)
        except ValueError:
            continue


def _points(number: int, text: str, decimals: int) -> int:
    try:
        return read_points(text, decimals)
    except ValueError:
        key = "error.not_decimal_points" if decimals else "error.not_points"
        raise FieldErrors(FormError(f"points-{number}", t(key, decimals=decimals))) from None


def read_points(text: str, decimals: int) -> int:
    """Points as one types them, in units of 10^-decimals; raises ValueError."""
    if len(text) > DIGITS_MAX:
        raise ValueError(text)
    cleaned = "".join(text.split())
    if language() == "fr":
        cleaned = cleaned.replace(",", ".")
    points: Fraction = parse_decimal(cleaned) * 10**decimals
    if points.denominator != 1:
        raise ValueError(text)
    return points.numerator


def _place(number: int, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) <= CHOICES_MAX):
        raise FieldErrors(FormError(f"place-{number}", t("error.not_a_place")))
    return int(text[:6])
