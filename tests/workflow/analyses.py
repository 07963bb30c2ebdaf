"""Analyses of own files for the suites: what to run, and a renderer without a model that can go back through its
pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from blockweight.measure import CHANGE, DIFF
from blockweight.plan import Job, Variant
from blockweight.render import FakeRenderer, Sketch, SketchAsk, SlopeAsk, Slopes, Watch, fake_picture, unwatched
from blockweight.render.protocol import Step
from blockweight.workflow.analysis.findings import Findings
from blockweight.workflow.analysis.own_lora import Typed, analyse_lora
from blockweight.workflow.analysis.written import Written
from blockweight.workflow.progress import Progress, SilentProgress
from workshop import SCENE

SCENES = [SCENE, replace(SCENE, seed=2)]
MANY = [replace(SCENE, seed=seed) for seed in range(1, 9)]


class Rendered(FakeRenderer):
    """Goes back through its pictures as well: in them every weight is a stripe's brightness, so slopes are exact but
    for the rounding of levels. `asked` lists the jobs that were asked for without a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Job] = []

    def probe(self, asks, watch=unwatched):
        for ask, found in zip(asks, super().probe(asks, watch), strict=True):
            self.asked.append(ask.jobs[0])
            yield found

    def slopes(self, asks: Sequence[SlopeAsk], watch: Watch = unwatched) -> Iterator[Slopes]:
        for ask in asks:
            watch(Step(1, 1, 1))
            self.asked.append(ask.job)
            picture, changes = fake_picture(ask.job).astype(np.float64), _per_block(ask.job)
            slopes = [[(given * each).sum() for each in changes.values()] for given in ask.cotangents(picture)]
            yield Slopes(ask.job, picture, tuple(changes), np.array(slopes), 4, 16.0, 1.0)

    def sketches(self, asks: Sequence[SketchAsk], watch: Watch = unwatched) -> Iterator[Sketch]:
        for ask in asks:
            watch(Step(1, 1, 1))
            assert 0 <= ask.at < ask.job.scene.steps
            self.asked.append(ask.job)
            changes, mask = _per_block(ask.job), ask.mask
            parts = {"": slice(None)} if mask is None else {"": slice(None), "inside": mask, "outside": ~mask}
            sizes = [[np.sqrt((each[part] ** 2).mean()) for each in changes.values()] for part in parts.values()]
            yield Sketch(ask.job, tuple(changes), tuple(parts), np.array(sizes), 4, 8.0, 1.0)


def _per_block(job: Job) -> dict[str, np.ndarray]:
    """Block → what 1 of its weight changes of the picture, by the way down, where nothing is cut off."""
    weights = job.variant.weights
    assert weights is not None
    picture = fake_picture(job).astype(np.float64)
    lowered = {block: weights.with_weights({block: value - 0.5}) for block, value in weights.items()}
    return {
        block: (picture - fake_picture(replace(job, variant=Variant(block, less)))) / 0.5
        for block, less in lowered.items()
    }


def analyse(
    lora: Path, folder: Path, make_renderer=Rendered, scenes=SCENES, progress: Progress | None = None, **typed
) -> tuple[Findings, Written]:
    """`blockweight analyze`, with the options as typed."""
    return analyse_lora(lora, scenes, folder, make_renderer, progress or SilentProgress(), Typed(**typed))


OPTIONS = {
    "eba": {},
    "screen": {},
    "bisect": {},
    "probe": {},
    "sketch": {},
    "gradient": {"aims": "green,light"},
}
"""Method → what it cannot do without."""

ASPECTS = {
    "eba": (DIFF, CHANGE),
    "screen": (DIFF, CHANGE),
    "bisect": (DIFF, CHANGE),
    "probe": (CHANGE,),
    "sketch": (CHANGE,),
    "gradient": ("green", "light"),
}
"""Method → what its tables always have."""


def write_mask(path: Path, columns: int, width: int = 32, height: int = 24) -> Path:
    """A picture, white in the left `columns`."""
    array = np.zeros((height, width), np.uint8)
    array[:, :columns] = 255
    Image.fromarray(array).save(path)
    return path
