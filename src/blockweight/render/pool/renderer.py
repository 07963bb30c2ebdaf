"""Several workers as one renderer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.plan import Job
from blockweight.render.pool.inbox import Came, Ended, Event, Inbox, Lost, Unlike
from blockweight.render.pool.portions import portions, representatives
from blockweight.render.pool.schedule import LOSSES, Schedule
from blockweight.render.pool.workers import Crew, Worker
from blockweight.render.protocol import Capabilities, Rendering, RenderingError, Step, Watch, unwatched

ROOM = 32
"""Pictures that may wait for whoever asked for them. As many may be on their way to that person, and every worker may
hold the batch that it has made."""

_HEARD = 0.25
"""Seconds after which `watch` is called again though nothing is known anew: it is how a stop is heard."""


def _silent(_sentence: str) -> None:
    """Nobody wants to know."""


class PoolRenderer:
    """Shares jobs among workers that calculate alike; `tell` hears, in one sentence each, of workers that are lost.

    Every worker has one portion at a time, as many jobs of the same files and kind as every worker renders at once, so
    that models stay loaded. Lost and failed portions go to other workers, those that take far longer than usual to a
    second one as well, and the first picture of a job is the only one that is given. What waits is bounded by ROOM.
    """

    def __init__(self, workers: Sequence[Worker], tell: Callable[[str], None] = _silent) -> None:
        self._workers = tuple(workers)
        self._tell = tell
        self._absent: frozenset[int] = frozenset()
        """The workers that did not answer the latest check."""

    @property
    def capabilities(self) -> Capabilities:
        """The families that all workers know, what they render at once together, and their common arithmetic.
        BlockweightError if they have several."""
        known = {worker.name: worker.renderer.capabilities for worker in self._present()}
        first = next(iter(known.values()))
        for name, each in known.items():
            if each.arithmetic != first.arithmetic:
                raise BlockweightError(
                    f"{next(iter(known))} calculates with {first.arithmetic}, {name} with {each.arithmetic}, and the "
                    "pictures of the two differ by more than a block may do; take only workers that are alike."
                )
        families = tuple(name for name in first.families if all(name in each.families for each in known.values()))
        batch = sum(each.batch for each in known.values())
        return replace(first, families=families, batch=batch)

    def check(self, jobs: Sequence[Job]) -> None:
        """Ask every worker, all at once, for every job but those that differ in their seeds alone. One that does not
        answer is told and left out. BlockweightError if a worker cannot do a job, if they calculate differently, and if
        none answers."""
        asked = representatives(jobs)

        def answer(worker: Worker) -> BlockweightError | None:
            try:
                worker.check(asked)
            except BlockweightError as error:
                return error
            return None

        with ThreadPoolExecutor(len(self._workers)) as threads:
            answers = list(threads.map(answer, self._workers))
        self._absent = frozenset(n for n, error in enumerate(answers) if isinstance(error, UnavailableError))
        for worker, error in zip(self._workers, answers, strict=True):
            if error is not None and not isinstance(error, UnavailableError):
                raise BlockweightError(f"{worker.name}: {error}") from error
        if len(self._absent) == len(self._workers):
            raise UnavailableError(f"None of the workers answers; of the first: {answers[0]}")
        for number in sorted(self._absent):
            self._tell(_left_out(self._workers[number].name, answers[number]))
        self.capabilities  # noqa: B018 - raises if they are unlike

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """Render in portions, which do not depend on what is finished nor on how many workers there are.

        RenderingError at the end for jobs that several workers failed at; UnavailableError once every worker is gone.
        """
        most = min(worker.renderer.capabilities.batch for worker in self._present())
        schedule = Schedule(portions(jobs, finished, most), len(self._workers))
        for number in self._absent:
            schedule.dismiss(number)
        inbox = Inbox(ROOM)
        crew = Crew(self._workers, inbox, self.capabilities.arithmetic)
        try:
            yield from _Run(schedule, crew, inbox, self._said).pictures(watch)
        finally:
            crew.close()
        if schedule.failures:
            raise RenderingError(schedule.failures)

    def replace_workers(self, workers: Sequence[Worker]) -> None:
        """Share among these from now on."""
        self._workers = tuple(workers)
        self._absent = frozenset()

    def _present(self) -> list[Worker]:
        return [worker for number, worker in enumerate(self._workers) if number not in self._absent]

    def _said(self, worker: int, sentence: Callable[[str, object], str], reason: str) -> None:
        self._tell(sentence(self._workers[worker].name, reason))


def _left_out(name: str, reason: object) -> str:
    return f"{name} does not answer and is left out of this run; see whether it runs before the next one: {reason}"


def _lost(name: str, reason: object) -> str:
    return f"{name} was lost, and what it was at is begun anew; if that is said again, look after it: {reason}"


def _gone(name: str, reason: object) -> str:
    return f"{name} was lost {LOSSES} times and gets nothing more in this run; start it anew before the next: {reason}"


def _unlike(name: str, reason: object) -> str:
    return f"{name} has changed and gets nothing more in this run; make it like the others before the next: {reason}"


class _Run:
    """One rendering by a crew."""

    def __init__(self, schedule: Schedule, crew: Crew, inbox: Inbox, say: Callable[..., None]) -> None:
        self._schedule = schedule
        self._crew = crew
        self._inbox = inbox
        self._say = say
        self._steps: dict[int, Step] = {}
        self._reason = ""

    def pictures(self, watch: Watch) -> Iterator[Rendering]:
        """Every job's picture, as it comes."""
        ready: deque[Rendering] = deque()
        while not self._schedule.done:
            if self._schedule.stranded:
                raise UnavailableError(
                    "Every worker is gone; start them anew, and then this run, which goes on with what is missing; of "
                    f"the last: {self._reason}"
                )
            for task in self._schedule.assign(time.monotonic()):
                self._crew.begin(task)
            events, steps = self._inbox.take(_HEARD)
            self._steps |= steps
            for event in events:
                ready.extend(self._heard(event))
            while ready:
                rendering = ready.popleft()
                yield replace(rendering, batch_left=len(ready))
            watch(self._step())

    def _heard(self, event: Event) -> list[Rendering]:
        """Take note; the pictures that are new by it."""
        task, now = event.task, time.monotonic()
        self._steps.pop(task.number, None)
        match event:
            case Came(_, rendering):
                return [rendering] if self._schedule.arrived(task, rendering.job.key) else []
            case Ended(_, reasons):
                for superfluous in self._schedule.ended(task, reasons, now):
                    self._crew.withdraw(superfluous)
            case Lost(_, reason, begun):
                self._reason = reason
                times = self._schedule.lost(task, reason, now, begun=begun)
                if times in (1, LOSSES):
                    self._say(task.worker, _gone if times == LOSSES else _lost, reason)
            case Unlike(_, reason):
                self._reason = reason
                self._schedule.unlike(task)
                self._say(task.worker, _unlike, reason)
            case _:
                self._schedule.withdrawn(task)
        return []

    def _step(self) -> Step:
        """All that are at work as one batch."""
        steps = self._steps.values()
        return Step(
            sum(step.pictures for step in steps),
            sum(step.done for step in steps),
            max(1, sum(step.of for step in steps)),
        )
