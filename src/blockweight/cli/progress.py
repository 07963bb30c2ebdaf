"""Progress bars with the remaining time, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blockweight.workflow.progress import Bar


class TerminalProgress:
    """Draws one bar a task on standard error; in a log file, one line when a task is done."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - commands that draw no bars start faster without

        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def track(self, title: str, total: int, done: int = 0) -> Iterator[Bar]:
        """A bar of `total` units of which `done` are done already."""
        from rich import progress  # noqa: PLC0415 - as above

        columns = (
            progress.TextColumn("{task.description:<34}"),
            progress.BarColumn(bar_width=28),
            progress.MofNCompleteColumn(),
            progress.TextColumn("elapsed"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
        )
        with progress.Progress(*columns, console=self._console) as bars:
            task = bars.add_task(title, total=total, completed=done)
            yield Bar(done, lambda reached: bars.update(task, completed=reached))

    def say(self, text: str) -> None:
        """One line on standard error."""
        # Lines are not broken: what somebody copies, such as segments, stays whole.
        self._console.print(text, markup=False, soft_wrap=True)
