"""Progress on the terminal: one bar for each kind of thing that is carried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cahier_cli.importing.reading import Progress as Report


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Gives a function that takes (what, done, of); draws on stderr, plainly where it is no tty."""
    console = Console(stderr=True)
    columns = (
        TextColumn("  {task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks = {}

        def report(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=of)
            bars.update(tasks[what], completed=done)

        yield report
