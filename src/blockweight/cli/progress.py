"""Progress bars with the remaining time, on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class TerminalProgress:
    """Draws one bar a task on standard error; in a log file, one line when a task is done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def track(self, title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
        """A bar of `total` units of which `done` are done already."""
        columns = (
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total, completed=done)
            yield lambda: progress.advance(task)

    def say(self, text: str) -> None:
        """One line on standard error."""
        self._console.print(text, markup=False)
