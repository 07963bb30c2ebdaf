"""Who renders what, and when again: the pool's decisions, without a thread, a clock or a picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from blockweight.errors import BlockweightError
from blockweight.render.pool.portions import Files, Portion
from blockweight.render.protocol import Failure

TRIES = 3
"""Workers that may fail at a job, or be lost over it, before it is given up."""

LOSSES = 5
"""Times in a row that a worker may be lost before it counts as gone."""

REST = 1.0
"""Seconds that a lost worker is left alone, doubled each further time."""

STRAGGLING = 3.0
"""Times longer than usual that a portion may take before a worker with nothing else to do begins it too."""

PATIENCE = 60.0
"""Seconds that count as usual until a portion has been finished."""

SOON = 2.0
"""Seconds that a portion may take at least."""


@dataclass(frozen=True, eq=False)
class Task:
    """A portion that a worker has been given. `returning` if the worker was lost before and must be asked first whether
    it still renders alike."""

    number: int
    worker: int
    portion: Portion
    began: float
    returning: bool


@dataclass(eq=False)
class _Work:
    """A portion that is waiting or at work."""

    portion: Portion
    left: set[str]
    lost: int = 0
    reasons: dict[str, dict[int, str]] = field(default_factory=dict)
    """Job key → worker → why it failed there."""
    tasks: dict[int, Task] = field(default_factory=dict)

    def avoids(self, worker: int) -> bool:
        """Whether the worker has failed at every job that is left."""
        return bool(self.reasons) and all(worker in self.reasons.get(key, ()) for key in self.left)


@dataclass
class _State:
    """What is known of a worker."""

    files: Files = ()
    losses: int = 0
    rests_until: float = 0.0
    task: int | None = None
    gone: bool = False


class Schedule:
    """Hands portions to workers, numbered from 0. Times are seconds on any clock that only rises.

    A worker has one portion at a time: of the files that it has loaded while there are any, then of files that nobody
    has begun with, of its model if possible, then of those with the most portions left. What a lost worker had is begun
    anew by the next one, what failed by one that has not failed at it, until TRIES have, or all that there are.
    """

    def __init__(self, portions: Iterable[Portion], workers: int) -> None:
        self._states = [_State() for _ in range(workers)]
        self._groups: dict[Files, deque[Portion]] = {}
        self._fresh: dict[str, deque[Files]] = {}
        """Model → the groups that nobody has begun with."""
        self._opened: set[Files] = set()
        """The other groups."""
        for portion in portions:
            if portion.files not in self._groups:
                self._groups[portion.files] = deque()
                self._fresh.setdefault(portion.files[0], deque()).append(portion.files)
            self._groups[portion.files].append(portion)
        self._again: deque[_Work] = deque()
        self._working: dict[int, _Work] = {}
        """Task → its work."""
        self._numbers = count(1)
        self._effort = self._seconds = 0.0
        self.failures: list[Failure] = []
        """The jobs that were given up."""

    @property
    def done(self) -> bool:
        """Whether every job has its picture or was given up; workers may still be at work in vain."""
        return not (self._groups or self._again or any(work.left for work in self._working.values()))

    @property
    def stranded(self) -> bool:
        """Whether every worker is gone."""
        return all(state.gone for state in self._states)

    def dismiss(self, worker: int) -> None:
        """Give this worker nothing any more."""
        self._states[worker].gone = True
        for work in list(self._again):
            self._drop_hopeless(work)
            if not work.left:
                self._again.remove(work)

    def assign(self, now: float) -> list[Task]:
        """What the workers that are free and rested begin now."""
        begun = []
        for worker, state in enumerate(self._states):
            if state.gone or state.task is not None or state.rests_until > now:
                continue
            work = self._work_for(worker, now)
            if work is not None:
                begun.append(self._begin(worker, work, now))
        return begun

    def arrived(self, task: Task, key: str) -> bool:
        """A picture has come. Whether it is wanted, and the first for its job."""
        self._states[task.worker].losses = 0
        work = self._working[task.number]
        first = key in work.left
        work.left.discard(key)
        return first

    def ended(self, task: Task, reasons: Mapping[str, str], now: float) -> list[Task]:
        """The worker is through with it; `reasons` tells why jobs have no picture. The tasks that this makes
        superfluous."""
        state, work = self._leave(task)
        state.losses = 0
        if not work.left:
            self._effort += task.portion.effort
            self._seconds += now - task.began
        unsaid = str(BlockweightError("The renderer gave no picture, and no reason."))
        for key in work.left:
            work.reasons.setdefault(key, {})[task.worker] = reasons.get(key, unsaid)
        self._settle(work)
        return [] if work.left else list(work.tasks.values())

    def withdrawn(self, task: Task) -> None:
        """The worker has dropped a superfluous task."""
        _, work = self._leave(task)
        self._settle(work)

    def unlike(self, task: Task) -> None:
        """The worker must not render any more, which is no fault of the jobs."""
        self.withdrawn(task)
        self.dismiss(task.worker)

    def lost(self, task: Task, reason: str, now: float, *, begun: bool) -> int:
        """The worker does not answer; unless it had `begun`, that is no fault of the jobs. How many times in a row that
        was; after LOSSES it is dismissed."""
        state, work = self._leave(task)
        state.files = ()
        state.losses += 1
        state.rests_until = now + REST * 2 ** (state.losses - 1)
        if begun:
            work.lost += 1
            for key in work.left if work.lost >= TRIES else ():
                work.reasons.setdefault(key, {})[task.worker] = reason
        self._settle(work)
        if state.losses >= LOSSES:
            self.dismiss(task.worker)
        return state.losses

    def _begin(self, worker: int, work: _Work, now: float) -> Task:
        portion = Portion(work.portion.jobs, frozenset(work.left))
        state = self._states[worker]
        task = Task(next(self._numbers), worker, portion, now, returning=state.losses > 0)
        state.task, state.files = task.number, portion.files
        self._working[task.number] = work
        work.tasks[task.number] = task
        return task

    def _leave(self, task: Task) -> tuple[_State, _Work]:
        state, work = self._states[task.worker], self._working.pop(task.number)
        state.task = None
        del work.tasks[task.number]
        return state, work

    def _settle(self, work: _Work) -> None:
        """After one of its tasks is over: give up what cannot be done, and let the rest wait for another turn."""
        if work.tasks:
            return
        self._drop_hopeless(work)
        if work.lost < TRIES - 1:
            self._again.extend([work] if work.left else [])
            return
        # One of them may bring its workers down, and the others should not go with it.
        for job in work.portion.jobs:
            if job.key in work.left:
                alone = Portion((job,), frozenset((job.key,)))
                reasons = {job.key: work.reasons.get(job.key, {})}
                self._again.append(_Work(alone, {job.key}, work.lost, reasons))

    def _drop_hopeless(self, work: _Work) -> None:
        living = {worker for worker, state in enumerate(self._states) if not state.gone}
        for job in work.portion.jobs:
            tried = work.reasons.get(job.key, {})
            if job.key in work.left and tried and (len(tried) + work.lost >= TRIES or living <= tried.keys()):
                work.left.discard(job.key)
                self.failures.append(Failure(job, next(iter(tried.values()))))

    def _work_for(self, worker: int, now: float) -> _Work | None:
        again = next((work for work in self._again if not work.avoids(worker)), None)
        if again is not None:
            self._again.remove(again)
            return again
        files = self._group_for(self._states[worker].files)
        if files is None:
            return self._straggler(worker, now)
        portion = self._groups[files].popleft()
        if self._groups[files]:
            self._opened.add(files)
        else:
            del self._groups[files]
            self._opened.discard(files)
        return _Work(portion, set(portion.missing))

    def _group_for(self, loaded: Files) -> Files | None:
        if loaded in self._opened:
            return loaded
        if self._fresh:
            model = loaded[0] if loaded and loaded[0] in self._fresh else next(iter(self._fresh))
            waiting = self._fresh.pop(model)
            files = waiting.popleft()
            if waiting:
                # To the end: the next worker without a model takes another one.
                self._fresh[model] = waiting
            return files
        return max(self._opened, key=lambda each: len(self._groups[each]), default=None)

    def _straggler(self, worker: int, now: float) -> _Work | None:
        """The portion that has been at work the longest, with one worker alone, if that is too long."""
        pace = self._seconds / self._effort if self._effort else None
        longest: tuple[float, _Work] | None = None
        for work in self._working.values():
            if len(work.tasks) != 1 or not work.left or work.avoids(worker):
                continue
            (task,) = work.tasks.values()
            usual = PATIENCE if pace is None else pace * task.portion.effort
            late = now - task.began > max(SOON, STRAGGLING * usual)
            if late and (longest is None or task.began < longest[0]):
                longest = (task.began, work)
        return None if longest is None else longest[1]
