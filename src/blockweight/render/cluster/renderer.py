"""A cluster as a renderer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.plan import Job
from blockweight.render.cluster.actor import News, Refusal
from blockweight.render.cluster.connection import Actor, Cluster
from blockweight.render.pool import PoolRenderer, Worker
from blockweight.render.protocol import (
    Capabilities,
    Failure,
    Renderer,
    Rendering,
    RenderingError,
    Step,
    Watch,
    unwatched,
)


class RayRenderer(PoolRenderer):
    """Renders on the workers of a cluster, with renderers that `make` makes there, as a pool does (`Cluster` says what
    `address` and `cpus` mean). Files must have the same paths on every machine. `close` ends the workers; so does the
    end of this process, however it comes."""

    def __init__(
        self,
        make: Callable[[], Renderer],
        address: str | None = None,
        cpus: int | None = None,
        tell: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        self._begin = partial(Cluster, make, address, cpus)
        self._cluster = self._begin()
        super().__init__(_workers(self._cluster), tell)

    @property
    def actors(self) -> tuple[Actor, ...]:
        """The workers, where they answered first."""
        return tuple(self._cluster.actors)

    def check(self, jobs: Sequence[Job]) -> None:
        """As a pool does. A cluster of which no worker answers any more is begun or joined anew, once."""
        try:
            super().check(jobs)
        except UnavailableError:
            self.close()
            self._cluster = self._begin()
            self.replace_workers(_workers(self._cluster))
            super().check(jobs)

    def close(self) -> None:
        """End the workers, and the cluster if it was begun for them."""
        self._cluster.close()


class ActorRenderer:
    """One worker of a cluster, from here. UnavailableError once its process or machine is gone."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._capabilities: Capabilities | None = None
        self._numbers = count(1)

    @property
    def capabilities(self) -> Capabilities:
        """As the worker said when it was asked last."""
        if self._capabilities is None:
            self.check([])
        assert self._capabilities is not None
        return self._capabilities

    def check(self, jobs: Sequence[Job]) -> None:
        """Ask it. BlockweightError too for files that its machine does not have."""
        answer: Capabilities | Refusal = self._actor.ask("check", [_placed(job) for job in jobs])
        if isinstance(answer, Refusal):
            raise _refused(answer)
        self._capabilities = answer

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """As its renderer does. A caller that stops ends the work there after the step at work."""
        number = next(self._numbers)
        refusal: Refusal | None = self._actor.ask("begin", number, [_placed(job) for job in jobs], frozenset(finished))
        if refusal is not None:
            raise _refused(refusal)
        known = {job.key: job for job in jobs}
        step = Step(len(known), 0, 1)
        over = None
        try:
            while over is None:
                news: News | None = self._actor.ask("news", number)
                if news is None:
                    raise UnavailableError("its process has begun anew; see what it printed there.")
                for made in news.made:
                    # A copy, since the cluster's memory is not free before it is let go.
                    yield Rendering(known[made.key], np.array(made.picture), made.seconds)
                step, over = news.step or step, news.over
                watch(step)
        finally:
            if over is None:
                with suppress(BlockweightError):
                    self._actor.ask("stop", number)
        if over.error:
            raise BlockweightError(over.error)
        if over.reasons:
            raise RenderingError([Failure(known[key], reason) for key, reason in over.reasons])


def _workers(cluster: Cluster) -> list[Worker]:
    return [
        Worker(f"Worker {number} on {actor.greeting.machine}", ActorRenderer(actor))
        for number, actor in enumerate(cluster.actors, 1)
    ]


def _refused(refusal: Refusal) -> BlockweightError:
    return UnavailableError(refusal.sentence) if refusal.passing else BlockweightError(refusal.sentence)


def _placed(job: Job) -> Job:
    """With paths that mean the same in another process's folder."""

    def place(_digest: str, path: str) -> str:
        return str(Path(path).absolute())

    return replace(job, scene=job.scene.moved(place), lora=replace(job.lora, path=place("", job.lora.path)))
