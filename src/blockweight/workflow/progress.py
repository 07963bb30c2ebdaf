"""How long work tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Progress(Protocol):
    """Shows how far a piece of work is, and says things in between."""

    def track(self, title: str, total: int, done: int = 0) -> AbstractContextManager[Callable[[], None]]:
        """A task of `total` units of which `done` are done already; the value is called once per further unit."""
        ...

    def say(self, text: str) -> None:
        """One line for the person."""
        ...


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def track(self, title: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:  # noqa: ARG002
        """A task that nobody watches."""
        yield lambda: None

    def say(self, text: str) -> None:
        """Drop the line."""
