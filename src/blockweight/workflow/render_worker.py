"""The process that renders for the studio: works through tasks that come as lines of JSON, and tells how far it is.

Run as a module, it lives as long as its standard input is open: a parent that is gone takes it along, and the project
keeps every picture that was finished. `render_process.py` is the other side.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TextIO

from blockweight.errors import BlockweightError
from blockweight.render import Renderer
from blockweight.workflow.choosing.running import render_choices
from blockweight.workflow.comparison import render_comparison
from blockweight.workflow.planned_transfer import render_transfer
from blockweight.workflow.plots.begun import render_plot
from blockweight.workflow.progress import Bar, Progress
from blockweight.workflow.project_analysis import render_analysis
from blockweight.workflow.renderers import chosen_renderer, hearing, renderer_named
from blockweight.workflow.search.running import run_search
from blockweight.workflow.tuning_project import TuningProject, open_project
from blockweight.workflow.tuning_rounds import render_round

Work = Callable[[TuningProject, Callable[[], Renderer], Progress, Callable[[], bool]], object]
"""Renders what a project lacks: with a renderer made only if something is missing, until done or stopped."""

WORKS: Mapping[str, Work] = {
    "round": render_round,
    "analysis": render_analysis,
    "comparison": render_comparison,
    "transfer": render_transfer,
    "plot": render_plot,
    "search": run_search,
    "choices": render_choices,
}
"""What can be asked for, by name."""


class _Told(Progress):
    """Progress as lines of JSON."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell

    @contextmanager
    def track(self, title: str, total: int, done: int = 0) -> Iterator[Bar]:
        """A task that the other process watches."""
        self._tell(title=title, total=total, done=done)
        yield (bar := Bar(done, lambda reached: self._tell(done=bar.done, reached=reached)))

    def say(self, text: str) -> None:
        """Nothing: the pages have words of their own."""


class _Orders:
    """The orders of the other process: tasks one after another, and which of them to stop."""

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._stopped: set[int] = set()
        self._tasks: list[Mapping[str, Any]] = []
        self._news = threading.Condition()

    def listen(self) -> None:
        """Read until the other process closes the line or is gone; then nothing is left to work for."""
        for line in self._source:
            order = json.loads(line)
            with self._news:
                if "stop" in order:
                    self._stopped.add(order["stop"])
                else:
                    self._tasks.append(order)
                self._news.notify()
        # Pictures and events are written whole or not at all, so that at most the batch in flight is lost.
        os._exit(0)

    def next(self) -> Mapping[str, Any]:
        """The next task; waits for one."""
        with self._news:
            self._news.wait_for(lambda: self._tasks)
            return self._tasks.pop(0)

    def stopped(self, task: int) -> bool:
        """Whether the task was stopped."""
        with self._news:
            return task in self._stopped


def work(orders: _Orders, answers: TextIO) -> None:
    """Work through the orders for ever. The renderer is kept, so that a model is loaded once, until another one is
    wanted."""
    kept = lru_cache(maxsize=1)(renderer_named)

    def renderer(name: str) -> Renderer:
        return kept(name or chosen_renderer())

    while True:
        order = orders.next()
        tell = partial(_tell, answers, order["task"])
        stopped = partial(orders.stopped, order["task"])
        try:
            with hearing(partial(_tell_news, tell)), open_project(Path(order["folder"]), "studio") as tuning:
                WORKS[order["work"]](tuning, partial(renderer, order["renderer"]), _Told(tell), stopped)
        except BlockweightError as error:
            tell(phase="failed", error=str(error))
        except Exception as error:  # noqa: BLE001 - a driver or a library may raise anything; the project is whole
            sys.excepthook(*sys.exc_info())
            reason = " ".join(str(error).split())[:300]
            tell(phase="failed", error=f"Rendering failed ({type(error).__name__}: {reason}); the terminal says more.")
        else:
            tell(phase="stopped" if stopped() else "done")


def _tell_news(tell: Callable[..., None], sentence: str) -> None:
    tell(news=sentence)


def _tell(answers: TextIO, task: int, **facts: object) -> None:
    answers.write(f"{json.dumps({'task': task, **facts})}\n")
    answers.flush()


def _main() -> None:
    # What a library prints must not stand between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    orders = _Orders(os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8"))
    threading.Thread(target=orders.listen, daemon=True).start()
    work(orders, answers)


if __name__ == "__main__":
    _main()
