"""How long work tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from blockweight.render import Step


class Bar:
    """How far a task is: whole units, and what is at work beside them. `show` is called with the units reached, of
    which the last may be begun, whenever they change."""

    def __init__(self, done: int, show: Callable[[float], None] = lambda _reached: None) -> None:
        self.done = done
        self._at_work = 0.0
        self._show = show

    def advance(self) -> None:
        """One more unit is done."""
        self.done += 1
        self._at_work = max(0.0, self._at_work - 1)
        self._show(self.done + self._at_work)

    def step(self, step: Step) -> None:
        """The batch at work has made a step."""
        self._at_work = step.pictures * step.done / step.of
        self._show(self.done + self._at_work)


class Progress(Protocol):
    """Shows how far a piece of work is, and says things in between."""

    def track(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Bar]:
        """A task of `total` units of which `done` are done already; the value is told of further ones."""
        ...

    def say(self, text: str) -> None:
        """One line for the person."""
        ...


class SilentProgress:
    """Shows nothing."""

    def track(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Bar]:  # noqa: ARG002
        """A task that nobody watches."""
        return nullcontext(Bar(done))

    def say(self, text: str) -> None:
        """Drop the line."""
