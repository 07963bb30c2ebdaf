"""A renderer without a model: pictures drawn from the job's key, the same for ever. For tests of everything above."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from blockweight.blocks import FAMILIES
from blockweight.plan import Job
from blockweight.render.protocol import Capabilities, Picture, Rendering, Step, Watch, unwatched

STEPS = 4
"""Of every picture."""


class FakeRenderer:
    """Paints every block as a stripe whose brightness is its weight times a strength that the seed draws, over noise.

    `rendered` lists the jobs that were asked for, in order; each takes at least `seconds`.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.rendered: list[Job] = []
        self._seconds = seconds

    @property
    def capabilities(self) -> Capabilities:
        """One job at a time, every family."""
        return Capabilities(families=tuple(family.name for family in FAMILIES), batch=1, arithmetic="fake")

    def check(self, jobs: Sequence[Job]) -> None:
        """Every job can be done."""

    def render(
        self, jobs: Sequence[Job], finished: Collection[str] = (), watch: Watch = unwatched
    ) -> Iterator[Rendering]:
        """One picture a job, in order, each in STEPS steps."""
        for job in jobs:
            if job.key in finished:
                continue
            self.rendered.append(job)
            for done in range(STEPS):
                time.sleep(self._seconds / STEPS)
                watch(Step(1, done + 1, STEPS))
            yield Rendering(job, fake_picture(job), self._seconds)


def fake_picture(job: Job) -> Picture:
    """The picture that FakeRenderer gives for a job, (height, width, 3) uint8."""
    scene = job.scene
    width, height = scene.picture_size
    random = np.random.default_rng(scene.seed)
    picture = random.integers(0, 32, (height, width, 3)).astype(np.float64)
    weights = job.variant.weights
    if weights is not None:
        strengths = random.uniform(20, 200, len(weights.layout))
        for index, (_, value) in enumerate(weights.items()):
            left, right = (width * edge // len(weights.layout) for edge in (index, index + 1))
            picture[:, left:right, index % 3] += strengths[index] * value * job.lora.strength
    return np.clip(picture.round(), 0, 255).astype(np.uint8)
