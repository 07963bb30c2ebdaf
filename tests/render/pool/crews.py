"""Workers that do as they are told, and jobs for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from blockweight.errors import BlockweightError, UnavailableError
from blockweight.plan import Checkpoint, Job, LoraUse
from blockweight.render import (
    Capabilities,
    Failure,
    FakeRenderer,
    Rendering,
    RenderingError,
    Step,
    Watch,
    fake_picture,
    unwatched,
)
from blockweight.render.pool import PoolRenderer, Worker
from workshop import SCENE, job


def jobs_of(count: int, loras: int = 1, models: int = 1) -> list[Job]:
    """So many different jobs, of several LoRAs and models in turn."""
    return [
        job(
            scene=replace(SCENE, seed=number, checkpoint=Checkpoint("model", f"{number % models:064x}")),
            lora=LoraUse("lora.safetensors", f"{number % loras:064x}"),
        )
        for number in range(count)
    ]


class Scripted(FakeRenderer):
    """Calls `act` with each job before its picture is made; what that raises ends the rendering, but a plain sentence
    is a failure of this job alone."""

    def __init__(
        self, act: Callable[[Job], str | None] = lambda _job: None, batch: int = 1, arithmetic: str = "fake"
    ) -> None:
        super().__init__()
        self.act = act
        self.checked: list[Job] = []
        self._capabilities = replace(super().capabilities, batch=batch, arithmetic=arithmetic)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def check(self, jobs: Sequence[Job]) -> None:
        self.checked += jobs

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        failures = []
        for number, each in enumerate(jobs):
            if each.key in finished:
                continue
            self.rendered.append(each)
            watch(Step(1, 1, 2))
            reason = self.act(each)
            if reason is not None:
                failures.append(Failure(each, reason))
                continue
            watch(Step(1, 2, 2))
            yield Rendering(each, fake_picture(each), 0.0, len(jobs) - number - 1)
        if failures:
            raise RenderingError(failures)


class Held:
    """An act that waits until it is let go, and hears `watch` meanwhile no more than a hung server does."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, _job: Job) -> None:
        self.reached.set()
        assert self.let_go.wait(60)


def lost(_job: Job) -> None:
    raise UnavailableError("The machine is off.")


def broken(_job: Job) -> None:
    raise BlockweightError("The disk is full.")


def pool(*renderers: FakeRenderer, tell: Callable[[str], None] = lambda _sentence: None) -> PoolRenderer:
    return PoolRenderer([Worker(f"worker {number}", each) for number, each in enumerate(renderers, 1)], tell)


def keys(renderings: Sequence[Rendering]) -> list[str]:
    return [each.job.key for each in renderings]
