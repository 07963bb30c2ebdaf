"""The tuning events of a project's log: read anew from where one stopped, and appended only where they fit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from blockweight.errors import BlockweightError
from blockweight.project.events import EventLog
from blockweight.project.history import History, TuningState
from blockweight.project.plain import Body
from blockweight.project.state import CREATED
from blockweight.weights import BlockWeights


@dataclass(frozen=True)
class News:
    """The state now, and the keys of the jobs whose pictures were finished since the version that was asked about."""

    state: TuningState
    rendered: tuple[str, ...]


class TuningLog:
    """A project's tuning over its event log. Several threads may use one object, and several processes one log: every
    call reads what the others appended, and a check and its event are one transaction."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._history = History()
        self._state: TuningState | None = None
        self._lock = threading.RLock()

    @property
    def created(self) -> bool:
        """Whether the log tells of a tuning project."""
        with self._lock:
            self._catch_up()
            return self._history.created

    def state(self) -> TuningState:
        """The state now. BlockweightError if the log is damaged, or tells of no tuning project."""
        with self._lock:
            self._catch_up()
            if not self._history.created:
                raise BlockweightError(
                    f"'{self._log.path.parent}' is no tuning project; make one with 'blockweight project new'."
                )
            # Long histories take a while to tell, and a page asks several times.
            if self._state is None or self._state.version != self._history.version:
                self._state = self._history.state()
            return self._state

    def weights_at(self, step: int) -> BlockWeights:
        """The weights at a step of the history (`TuningState.steps`). BlockweightError if there is no such step."""
        with self._lock:
            self._catch_up()
            return self._history.weights_at(step)

    def state_since(self, version: int) -> News | None:
        """What is new since the state of this version; None if nothing is. A version that the log has not come to is
        that of another log, in whose place this one was put back: everything is new."""
        with self._lock:
            self._catch_up()
            if self._history.created and self._history.version == version:
                return None
            state = self.state()
            if not 0 <= version < state.version:
                version = 0
            rendered = (str(event.body.get("job", "")) for event in self._log.read("rendered", after=version))
            return News(state, tuple(dict.fromkeys(rendered)))

    def create(self, body: Body) -> TuningState:
        """Append the first event; BlockweightError if there is one already."""
        with self._lock:
            with self._log.transaction():
                self._catch_up()
                if not self._history.check(CREATED, body):
                    raise BlockweightError(
                        f"'{self._log.path.parent}' is a tuning project already; open it, or choose another folder."
                    )
                self._log.append(CREATED, body)
            return self.state()

    def add(self, kind: str, make: Callable[[TuningState], Body], *, event_id: str = "") -> TuningState:
        """Append the event whose body `make` gives for the state now; returns the state after it.

        An event of an `event_id` (any text that the caller draws once; empty for none) that is there already is not
        appended again, and without one, none that would change nothing. BlockweightError, with nothing appended, if it
        does not fit.
        """
        with self._lock:
            with self._log.transaction():
                now = self.state()
                if event_id in self._history.ids:
                    return now
                body = make(now)
                if self._history.check(kind, body) or event_id:
                    self._log.append(kind, {**body, "id": event_id} if event_id else body)
            return self.state()

    def _catch_up(self) -> None:
        for event in self._log.read(after=self._history.version):
            self._history.add(event)
