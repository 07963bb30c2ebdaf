"""Sketches: random projections of one prediction of the model, each with one way back to all blocks at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from blockweight.measure import EffectTable, mask_digest
from blockweight.measure import sketch_table as measured_table
from blockweight.plan import Job
from blockweight.render import Prober, Renderer, Sketch, SketchAsk, Watch, prober_of, slope_renderer, step_near
from blockweight.workflow.analysis.answers import Arrays, answer_key
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.asking import answered
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.costs import calls_of

TITLE = "Sketching the blocks"

PROJECTIONS = 4
"""In every scene: one ranks the blocks nearly as well, and four cost half as much again (docs/gradients.md)."""

_BACK = 3.0
"""How many times as long as a call of the model a way back through it takes."""

_SHARE = 0.5
"""Of the way, which the level that matters lies behind, about."""


def sketch_table(ask: AnalysisAsk, bench: Bench) -> tuple[EffectTable, float]:
    """The sizes of every block's effect on one prediction of the model, to first order, in the prediction's own unit,
    and how many rows of the denoiser they were worth. Paused if it is stopped before."""
    jobs = [ask.source(place) for place in range(len(ask.scenes))]
    keys = [_key(ask, place) for place in range(len(jobs))]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        prober = prober_of(renderer)
        asks = [SketchAsk(jobs[place], _step(prober, jobs[place]), PROJECTIONS, ask.mask(place)) for place in open_]
        for found in slope_renderer(renderer).sketches(asks, watch):
            yield {"blocks": np.array(found.blocks), "regions": np.array(found.regions), "sizes": found.sizes,
                   "cost": np.array(found.cost)}  # fmt: skip

    answers = answered(bench, TITLE, keys, jobs, asked)
    sketches = [_sketch(job, answer) for job, answer in zip(jobs, answers, strict=True)]
    table = measured_table(ask.scene_names, sketches, ask.value, ask.base).of_blocks(ask.blocks)
    return table, sum(sketch.cost for sketch in sketches)


def _sketch(job: Job, answer: Arrays) -> Sketch:
    """The sketch that was kept; how long it took is forgotten."""
    blocks, regions = (tuple(map(str, answer[name])) for name in ("blocks", "regions"))
    return Sketch(job, blocks, regions, answer["sizes"], 0, float(answer["cost"]), 0.0)


def _step(prober: Prober, job: Job) -> int:
    """The prediction to measure: the one after the level that a probe looks at, or the last that there is."""
    return min(1 + step_near(prober.noise_levels(job)), job.scene.steps - 1)


def sketch_calls(ask: AnalysisAsk) -> float:
    """About what it takes, in rows of the denoiser: half of a picture, and the ways back through one call."""
    ways = PROJECTIONS * (2 if ask.masks else 1)
    return sum(calls_of(scene) * (_SHARE + (1 + _BACK * ways) / scene.steps) for scene in ask.scenes)


def _key(ask: AnalysisAsk, place: int) -> str:
    mask = ask.mask(place)
    digest = None if mask is None else mask_digest(mask)
    told = {"job": ask.source(place).key, "projections": PROJECTIONS, "mask": digest}
    return answer_key("sketch", told)
