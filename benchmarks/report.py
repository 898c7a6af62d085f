"""Tables and ratios as plain text, which is Markdown too, so that the README can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Report:
    """What one benchmark has to say, printed as it comes."""

    title: str
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.say(f"## {self.title}", "")

    def say(self, *lines: str) -> None:
        """Lines of prose."""
        for line in lines:
            self.lines.append(line)
            print(line, flush=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table; numbers stand to the right."""
        cells = [list(head), *([_cell(value) for value in row] for row in rows)]
        widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
        ruler = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        for row in (cells[0], ruler, *cells[1:]):
            first, *others = (
                text.ljust(width) if at == 0 else text.rjust(width)
                for at, (text, width) in enumerate(zip(row, widths, strict=True))
            )
            self.say(f"| {' | '.join((first, *others))} |")
        self.say("")

    def ratio(
        self,
        name: str,
        value: float,
        *,
        at_least: float | None = None,
        at_most: float | None = None,
    ) -> None:
        """One ratio with what was hoped for; nothing fails on it."""
        hoped = ""
        if at_least is not None:
            hoped = f" (target: at least {at_least:g}: {_word(value >= at_least)})"
        if at_most is not None:
            hoped = f" (target: at most {at_most:g}: {_word(value <= at_most)})"
        self.say(f"- ratio: {name} = {value:.2f}{hoped}")


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of rounds: what ran side by side is compared."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def _word(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)
