"""The workers of a pool, each with a thread of its own while there is something to render."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from queue import SimpleQueue

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.plan import Job
from blockweight.render.pool.inbox import Came, Ended, Event, Inbox, Lost, Unlike, Withdrawn
from blockweight.render.pool.portions import representatives
from blockweight.render.pool.schedule import Task
from blockweight.render.protocol import Holding, Renderer, Rendering, RenderingError, Step, Watch

_BUSY = 60.0
"""Seconds that a check waits for a worker that is in the middle of something."""

_LEAVE = 5.0
"""Seconds that workers have to drop what they are at when nobody wants it any more."""


@dataclass(frozen=True, eq=False)
class Worker:
    """A renderer, and what a person calls it. It raises UnavailableError when it does not answer, which says nothing of
    the jobs. One thread at a time has it, who holds `alone`."""

    name: str
    renderer: Renderer
    alone: threading.Lock = field(default_factory=threading.Lock)

    def check(self, jobs: Sequence[Job]) -> None:
        """As its renderer does; UnavailableError too if it does not leave what was stopped."""
        if not self.alone.acquire(timeout=_BUSY):
            raise UnavailableError(
                f"it is still busy with something that was stopped {_BUSY:.0f} s ago or earlier; start it anew if that "
                "goes on."
            )
        try:
            self.renderer.check(jobs)
        finally:
            self.alone.release()


class _Dropped(Exception):  # noqa: N818 - no error: nobody wants the pictures any more
    """The task was withdrawn."""


class Crew:
    """The workers during one run. Their events go into `inbox`. `arithmetic` is what a worker must have that comes
    back after it was lost."""

    def __init__(self, workers: Sequence[Worker], inbox: Inbox, arithmetic: str) -> None:
        self._workers = workers
        self._inbox = inbox
        self._arithmetic = arithmetic
        self._withdrawn: set[int] = set()
        self._orders: list[SimpleQueue[Task | None]] = [SimpleQueue() for _ in workers]
        self._threads: dict[int, threading.Thread] = {}

    def begin(self, task: Task) -> None:
        """Give a worker a task."""
        if task.worker not in self._threads:
            thread = threading.Thread(target=self._serve, args=(task.worker,), daemon=True)
            self._threads[task.worker] = thread
            thread.start()
        self._orders[task.worker].put(task)

    def withdraw(self, task: Task) -> None:
        """Let the worker drop a task, after the step at work."""
        self._withdrawn.add(task.number)

    def close(self) -> None:
        """Let all drop what they are at, and wait for them, though not for ever."""
        self._inbox.close()
        end = time.monotonic() + _LEAVE
        for worker in self._threads:
            self._orders[worker].put(None)
        for thread in self._threads.values():
            thread.join(max(0.0, end - time.monotonic()))

    def _serve(self, number: int) -> None:
        worker = self._workers[number]
        # A run that was ended may still have it, in the middle of a step.
        held = worker.renderer.held() if isinstance(worker.renderer, Holding) else nullcontext()
        with worker.alone, held:
            while (task := self._orders[number].get()) is not None and not self._inbox.closed:
                self._inbox.put(self._outcome(worker, task))

    def _outcome(self, worker: Worker, task: Task) -> Event:
        begun = False

        def watch(step: Step) -> None:
            nonlocal begun
            begun = True
            self._check_wanted(task)
            self._inbox.step(task, step)

        try:
            if task.returning and (unlike := self._unlike(worker, task)) is not None:
                return Unlike(task, str(unlike))
            with closing(self._rendered(worker, task, watch)) as rendered:
                for rendering in rendered:
                    begun = True
                    self._check_wanted(task)
                    self._inbox.put(Came(task, rendering))
        except _Dropped:
            return Withdrawn(task)
        except RenderingError as error:
            return Ended(task, {failure.job.key: failure.reason for failure in error.failures})
        except UnavailableError as error:
            return Lost(task, str(error), begun)
        except Exception as error:  # noqa: BLE001 - a driver or a library may raise anything; another worker may do it
            return Ended(task, dict.fromkeys(task.portion.missing, str(_said(worker, error))))
        return Ended(task, {})

    def _rendered(self, worker: Worker, task: Task, watch: Watch) -> Generator[Rendering]:
        jobs, missing = task.portion.jobs, task.portion.missing
        finished = {job.key for job in jobs}.difference(missing)
        rendered = worker.renderer.render(jobs, finished, watch)
        try:
            yield from rendered
        finally:
            if isinstance(rendered, Generator):
                rendered.close()

    def _unlike(self, worker: Worker, task: Task) -> UnavailableError | None:
        """What is otherwise than before."""
        worker.renderer.check(representatives(task.portion.jobs))
        arithmetic = worker.renderer.capabilities.arithmetic
        if arithmetic == self._arithmetic:
            return None
        return UnavailableError(
            f"it calculates with {arithmetic} now, and the others with {self._arithmetic}; start it as it was started "
            "before."
        )

    def _check_wanted(self, task: Task) -> None:
        if task.number in self._withdrawn or self._inbox.closed:
            raise _Dropped


def _said(worker: Worker, error: Exception) -> BlockweightError:
    """An error as a person may meet it."""
    if isinstance(error, BlockweightError):
        return error
    said = " ".join(str(error).split())[:300]
    return BlockweightError(f"{worker.name} failed ({type(error).__name__}: {said}).")
