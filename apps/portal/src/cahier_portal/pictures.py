"""Pictures of a result: SVG drawn on the server, in whole numbers, without a line of script.

A picture only repeats what stands beside it in words and in a table. Colours come from the style
sheet by class, so that both themes and strict content policies work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from cahier_portal.formats import per_mille

WIDTH = 1000
GAP = 3
_BAR_HEIGHT = 14
_BUDGET_HEIGHT = 44
GROWTH_HEIGHT = 200
_GROWTH_TOP = 12


@dataclass(frozen=True)
class Part:
    """A part of the budget bar: what it stands for, and its size in cents."""

    title: str
    cents: int


def budget_bar(parts: Sequence[Part], envelope_cents: int, label: str) -> Markup:
    """The envelope as one bar: a block for each winner in order of selection, the rest empty.

    label: the whole picture in words, for those who do not see it. Blocks tell their project as
    a tooltip and alternate in shade, so that neighbours differ without colour.
    """
    shapes = [_rect("bar-rest", 0, 0, WIDTH, _BUDGET_HEIGHT)]
    spent = 0
    for index, part in enumerate(parts):
        start = per_mille(spent, envelope_cents)
        spent += part.cents
        width = per_mille(spent, envelope_cents) - start
        if width > 0:
            # A gap of paper sets neighbours apart, but never swallows a small project.
            drawn = max(1, width - GAP)
            shade = "bar-part" if index % 2 == 0 else "bar-part bar-part-odd"
            shapes.append(_rect(shade, start, 0, drawn, _BUDGET_HEIGHT, part.title))
    return _svg("budget-bar", _BUDGET_HEIGHT, shapes, label)


def votes_bar(votes: int, most: int, *, won: bool) -> Markup:
    """A project's votes, or points, against the most that any has: the number stands beside it.

    Nothing is drawn for what is not above zero.
    """
    width = per_mille(votes, most)
    shapes = [_rect("bar-rest", 0, 0, WIDTH, _BAR_HEIGHT)]
    if width:
        shade = "bar-won" if won else "bar-lost"
        shapes.append(_rect(shade, 0, 0, max(2, width), _BAR_HEIGHT))
    return _svg("votes-bar", _BAR_HEIGHT, shapes)


def round_bar(before_cents: int, cost_cents: int, envelope_cents: int) -> Markup:
    """One purchase in the envelope: what was spent before, and what it took. Decorative."""
    start = per_mille(before_cents, envelope_cents)
    width = max(2, per_mille(before_cents + cost_cents, envelope_cents) - start)
    shapes = [_rect("bar-rest", 0, 0, WIDTH, _BAR_HEIGHT)]
    if start:
        shapes.append(_rect("bar-before", 0, 0, start, _BAR_HEIGHT))
    shapes.append(_rect("bar-won", min(start, WIDTH - width), 0, width, _BAR_HEIGHT))
    return _svg("votes-bar", _BAR_HEIGHT, shapes)


def share_bar(part: int, whole: int) -> Markup:
    """A part of a whole. Decorative: the share is text beside it."""
    shapes = [_rect("bar-rest", 0, 0, WIDTH, _BAR_HEIGHT)]
    if width := per_mille(part, whole):
        shapes.append(_rect("bar-won", 0, 0, max(2, width), _BAR_HEIGHT))
    return _svg("votes-bar", _BAR_HEIGHT, shapes)


def _rect(kind: str, x: int, y: int, width: int, height: int, title: str = "") -> Markup:
    inner = Markup("<title>{}</title>").format(title) if title else Markup()
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}">{}</rect>').format(
        kind, x, y, width, height, inner
    )


def _svg(kind: str, height: int, shapes: Sequence[Markup], label: str = "") -> Markup:
    if label:
        said = Markup('role="img" aria-label="{}"').format(label)
    else:
        said = Markup('aria-hidden="true" focusable="false"')
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" {}>{}</svg>'
    ).format(kind, WIDTH, height, said, Markup().join(shapes))


def growth_line(points: Sequence[tuple[datetime, int]], label: str) -> Markup:
    """How a log grew, over time.

    points: (instant, entries by then), oldest first, at least two. label: it in words.
    """
    first_s, last_s = (int(points[place][0].timestamp()) for place in (0, -1))
    most = max(1, points[-1][1])
    places = []
    for moment, entries in points:
        x = per_mille(int(moment.timestamp()) - first_s, last_s - first_s)
        y = GROWTH_HEIGHT - entries * (GROWTH_HEIGHT - _GROWTH_TOP) // most
        places.append(f"{x} {y}")
    line = "L".join(places)
    floor = f"L{WIDTH} {GROWTH_HEIGHT}L0 {GROWTH_HEIGHT}Z"
    area = Markup('<path class="growth-area" d="M{}{}"></path>').format(line, floor)
    edge = Markup('<path class="growth-edge" d="M{}"></path>').format(line)
    return _svg("growth", GROWTH_HEIGHT, [area, edge], label)
