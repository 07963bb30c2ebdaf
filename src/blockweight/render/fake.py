"""A renderer without a model: pictures drawn from the job's key, the same for ever. For tests of everything above."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from blockweight.blocks import FAMILIES
from blockweight.plan import Job, LoraUse, Scene
from blockweight.render.probing import ProbeAsk, Probed, ProbedLevel, check_steps, mixed_maps, rms_maps
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

    def noise_levels(self, _job: Job) -> tuple[float, ...]:
        """One a step: 8, 4, 2, 1."""
        return tuple(2.0**power for power in reversed(range(STEPS)))

    def probe(self, asks: Sequence[ProbeAsk], watch: Watch = unwatched) -> Iterator[Probed]:
        """By the pictures: a cell for each 8×8 pixels, or what is left of them, and the same at every level."""
        for ask in asks:
            check_steps(ask, STEPS)
            watch(Step(len(ask.changed), ask.calls(), ask.calls()))
            source, *changed = (fake_picture(job) for job in ask.jobs)
            changes = np.stack([_cells(picture) - _cells(source) for picture in changed])
            maps, mixed = rms_maps(changes), mixed_maps(changes, ask.pairs)
            levels = self.noise_levels(ask.jobs[0])
            seen = (source, tuple(changed)) if ask.decode else (None, ())
            yield Probed(
                ask,
                tuple(ProbedLevel(step, levels[step], step / STEPS, maps, mixed, *seen) for step in ask.steps),
                ask.calls(),
            )


def _cells(picture: Picture) -> NDArray[np.float32]:
    """The means of cells, (3, h, w)."""
    side = 8
    rows, columns = (range(0, length, side) for length in picture.shape[:2])
    means = [[picture[row : row + side, left : left + side].mean((0, 1)) for left in columns] for row in rows]
    return np.array(means, dtype=np.float32).transpose(2, 0, 1)


def fake_picture(job: Job) -> Picture:
    """The picture that FakeRenderer gives for a job, (height, width, 3) uint8: stripes from top to bottom for the LoRA
    that is tuned, and from left to right for each of the scene's others."""
    scene = job.scene
    width, height = scene.picture_size
    random = np.random.default_rng(scene.seed)
    picture = random.integers(0, 32, (height, width, 3)).astype(np.float64)
    weights = job.variant.weights
    if weights is not None:
        strengths = random.uniform(20, 200, len(weights.layout))
        for index, (_, value) in enumerate(weights.items()):
            left, right = (width * edge // len(weights.layout) for edge in (index, index + 1))
            picture[:, left:right, index % 3] += strengths[index] * value * _power(job.lora, scene)
    for other in scene.loras:
        seed = int.from_bytes(hashlib.sha256(other.use.digest.encode()).digest()[:8])
        strengths = np.random.default_rng((scene.seed, seed)).uniform(10, 60, len(other.weights.layout) + 1)
        values = [*(value for _, value in other.weights.items()), other.weights.rest]
        for index, value in enumerate(values):
            top, bottom = (height * edge // len(values) for edge in (index, index + 1))
            picture[top:bottom, :, index % 3] += strengths[index] * value * _power(other.use, scene)
    return np.clip(picture.round(), 0, 255).astype(np.uint8)


def _power(use: LoraUse, scene: Scene) -> float:
    """What multiplies a LoRA's weights: its strength, less of it the fewer steps it works in, and somewhat more or less
    if the text encoders have another."""
    share = 1.0 if use.always else sum(use.works_in(step) for step in range(1, scene.steps + 1)) / scene.steps
    return use.strength * share + (use.in_texts - use.strength) / 4
