"""What the workers' threads tell the one that asked for pictures."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from blockweight.render.pool.schedule import Task
from blockweight.render.protocol import Rendering, Step


@dataclass(frozen=True)
class Came:
    """A picture."""

    task: Task
    rendering: Rendering


@dataclass(frozen=True)
class Ended:
    """The worker is through; `reasons` tells by job key why there is no picture."""

    task: Task
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Lost:
    """The worker does not answer, and why, in one sentence; whether it had `begun`."""

    task: Task
    reason: str
    begun: bool


@dataclass(frozen=True)
class Unlike:
    """The worker came back and calculates otherwise than before, in one sentence."""

    task: Task
    reason: str


@dataclass(frozen=True)
class Withdrawn:
    """The worker has dropped the task, as it was told."""

    task: Task


Event = Came | Ended | Lost | Unlike | Withdrawn


class Inbox:
    """Events in order, with at most `room` pictures among them: whoever brings another one waits until it is closed or
    emptied. Of the steps only each task's latest is kept."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._events: list[Event] = []
        self._pictures = 0
        self._steps: dict[int, Step] = {}
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._emptied = threading.Condition(self._lock)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nobody reads any more."""
        return self._closed

    def put(self, event: Event) -> None:
        """Add an event. Once the box is closed nothing waits, and nothing is kept."""
        with self._lock:
            if isinstance(event, Came):
                self._emptied.wait_for(lambda: self._pictures < self._room or self._closed)
                self._pictures += 1
            if not self._closed:
                self._events.append(event)
                self._news.notify()

    def step(self, task: Task, step: Step) -> None:
        """How far a task is."""
        with self._lock:
            self._steps[task.number] = step
            self._news.notify()

    def take(self, timeout: float) -> tuple[list[Event], dict[int, Step]]:
        """All events and, by task, the latest steps; waits up to `timeout` seconds for some."""
        with self._lock:
            self._news.wait_for(lambda: self._events or self._steps, timeout)
            events, self._events = self._events, []
            steps, self._steps = self._steps, {}
            self._pictures = 0
            self._emptied.notify_all()
            return events, steps

    def close(self) -> None:
        """Nobody reads any more."""
        with self._lock:
            self._closed = True
            self._events.clear()
            self._emptied.notify_all()
