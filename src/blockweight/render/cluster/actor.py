"""What runs on the machine that renders: a renderer, and one run of it at a time. Nothing here imports ray."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import blockweight
from blockweight.errors import BlockweightError, UnavailableError, quoted
from blockweight.plan import Job
from blockweight.render.protocol import Capabilities, Picture, Renderer, RenderingError, Step

_WAITS = 0.5
"""Seconds that `news` waits for some, at most: so long a stop may go unheard."""

_HELD = 2
"""Pictures that wait on the machine, beside the batch that the renderer has just made."""

_GIVEN = 2
"""Pictures that are given at a time, at most."""


@dataclass(frozen=True)
class Greeting:
    """Who answers: the version of Blockweight there, the machine's name, and the process."""

    version: str
    machine: str
    process: int


@dataclass(frozen=True)
class Made:
    """A picture, the key of its job, and its seconds."""

    key: str
    picture: Picture
    seconds: float


@dataclass(frozen=True)
class Over:
    """The run is over: why jobs have no picture, by key, or what went wrong with all of them, in one sentence."""

    reasons: tuple[tuple[str, str], ...] = ()
    error: str = ""


@dataclass(frozen=True)
class News:
    """What came since the last time. `over` once nothing follows."""

    made: tuple[Made, ...] = ()
    step: Step | None = None
    over: Over | None = None


@dataclass(frozen=True)
class Refusal:
    """Why a job cannot be done; `passing` if that may be put right by itself."""

    sentence: str
    passing: bool


class _Stopped(Exception):  # noqa: N818 - no error: nobody wants the pictures any more
    """The run was stopped."""


class _Run:
    """One rendering, in a thread of its own; two others may ask for its news and stop it."""

    def __init__(self, renderer: Renderer, jobs: Sequence[Job], finished: Collection[str]) -> None:
        self._made: list[Made] = []
        self._step: Step | None = None
        self._over: Over | None = None
        self._stopped = False
        self._changed = threading.Condition()
        threading.Thread(target=self._render, args=(renderer, jobs, finished), daemon=True).start()

    def news(self) -> News:
        """What is new; waits for it, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: self._made or self._step or self._over, _WAITS)
            made, self._made = tuple(self._made[:_GIVEN]), self._made[_GIVEN:]
            step, self._step = self._step, None
            self._changed.notify_all()
            return News(made, step, None if self._made else self._over)

    def stop(self) -> None:
        """End it after the step at work."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Until it has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._over is not None)

    def _render(self, renderer: Renderer, jobs: Sequence[Job], finished: Collection[str]) -> None:
        over = Over()
        try:
            for rendering in renderer.render(jobs, finished, self._watch):
                if rendering.job.key not in finished:
                    self._keep(Made(rendering.job.key, rendering.picture, rendering.seconds))
        except _Stopped:
            pass
        except RenderingError as error:
            over = Over(tuple((failure.job.key, failure.reason) for failure in error.failures))
        except BlockweightError as error:
            over = Over(error=str(error))
        except Exception as error:  # noqa: BLE001 - a driver or a library may raise anything; it goes back as a sentence
            said = " ".join(str(error).split())[:300]
            failed = BlockweightError(f"Rendering failed on {platform.node()} ({type(error).__name__}: {said}).")
            over = Over(error=str(failed))
        with self._changed:
            self._over = over
            self._changed.notify_all()

    def _watch(self, step: Step) -> None:
        with self._changed:
            if self._stopped:
                raise _Stopped
            self._step = step
            self._changed.notify_all()

    def _keep(self, made: Made) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._made) < _HELD or self._stopped)
            if self._stopped:
                raise _Stopped
            self._made.append(made)
            self._changed.notify_all()


class RenderActor:
    """A renderer for whoever asks over the network; `make` makes it when it is first needed. Its methods may be called
    by two threads at once."""

    def __init__(self, make: Callable[[], Renderer]) -> None:
        self._make = make
        self._renderer: Renderer | None = None
        self._number = 0
        self._run: _Run | None = None

    def greet(self) -> Greeting:
        """Who this is."""
        return Greeting(blockweight.__version__, platform.node(), os.getpid())

    def check(self, jobs: Sequence[Job]) -> Capabilities | Refusal:
        """What the renderer can do, or why it cannot do one of the jobs."""
        try:
            self._end_run()
            _check_files(jobs)
            renderer = self._ready()
            renderer.check(jobs)
        except BlockweightError as error:
            return Refusal(str(error), isinstance(error, UnavailableError))
        return renderer.capabilities

    def begin(self, number: int, jobs: Sequence[Job], finished: Collection[str]) -> Refusal | None:
        """Begin a run of this number, after the one before it has ended; why not, if files are missing."""
        try:
            self._end_run()
            _check_files(jobs)
            self._run = _Run(self._ready(), jobs, finished)
        except BlockweightError as error:
            return Refusal(str(error), isinstance(error, UnavailableError))
        self._number = number
        return None

    def news(self, number: int) -> News | None:
        """Of the run with this number; None if there is none, since this process began only after it did."""
        if self._run is None or number != self._number:
            return None
        return self._run.news()

    def stop(self, number: int) -> None:
        """End the run with this number, after the step at work."""
        if self._run is not None and number == self._number:
            self._run.stop()

    def _ready(self) -> Renderer:
        if self._renderer is None:
            self._renderer = self._make()
        return self._renderer

    def _end_run(self) -> None:
        """Two at once would be one too many for the renderer."""
        if self._run is not None:
            self._run.stop()
            self._run.wait()
            self._run = None


def _check_files(jobs: Sequence[Job]) -> None:
    """BlockweightError for a file that this machine does not have."""
    wanted: set[tuple[str, str]] = {(held.kind, held.path) for job in jobs for held in job.scene.files}
    wanted |= {("LoRA", job.lora.path) for job in jobs if job.variant.weights is not None}
    for kind, path in sorted(wanted):
        if not Path(path).exists():
            raise BlockweightError(
                f"The machine {quoted(platform.node())} has no {kind} {quoted(path, 300)}; keep models, LoRAs and "
                "pictures in a folder that every machine reaches by the same path."
            )
