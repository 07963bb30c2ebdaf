"""Gradients: one picture forth and back tells, to first order, what every block does for every objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from blockweight.blocks import REST
from blockweight.measure import EffectTable, Objective, cotangents, mask_digest, predicted_table, slope_points
from blockweight.plan import Job, Variant
from blockweight.render import Renderer, SlopeAsk, Slopes, Watch, slope_renderer
from blockweight.weights import uniform
from blockweight.workflow.analysis.answers import Arrays, answer_key
from blockweight.workflow.analysis.ask import AnalysisAsk
from blockweight.workflow.analysis.asking import answered
from blockweight.workflow.analysis.bench import Bench
from blockweight.workflow.analysis.costs import calls_of
from blockweight.workflow.analysis.objectives import objectives_in

TITLE = "Going back through the pictures"

BACK = 3.0
"""How many times as long as a picture forth the way back takes, in which every step is calculated again."""


def gradient_table(ask: AnalysisAsk, bench: Bench) -> tuple[EffectTable, float]:
    """What taking each block from `base` to `value` does to every objective, to first order, and how many rows of the
    denoiser the way there was worth. Paused if it is stopped before."""
    objectives = objectives_in(ask, bench)
    points = slope_points(ask.value, ask.base)
    jobs = [Job(scene, ask.lora, _at(ask, point)) for scene in ask.scenes for point in points]
    keys = [_key(ask, job, number // len(points)) for number, job in enumerate(jobs)]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        asks = [SlopeAsk(jobs[place], cotangents(_values(objectives[place // len(points)]))) for place in open_]
        for found in slope_renderer(renderer).slopes(asks, watch):
            yield {"blocks": np.array(found.blocks), "slopes": found.slopes, "cost": np.array(found.cost)}

    answers = answered(bench, TITLE, keys, jobs, asked)
    slopes = [_slopes(job, answer) for job, answer in zip(jobs, answers, strict=True)]
    rows = [slopes[start : start + len(points)] for start in range(0, len(slopes), len(points))]
    names = [aim.name for aim in ask.aims]
    table = predicted_table(names, ask.scene_names, rows, ask.value, ask.base).of_blocks(ask.blocks)
    return table, sum(each.cost for each in slopes)


def _slopes(job: Job, answer: Arrays) -> Slopes:
    """The slopes that were kept; the picture and how long it took are forgotten."""
    blocks = tuple(map(str, answer["blocks"]))
    return Slopes(job, np.zeros((0, 0, 3)), blocks, answer["slopes"], 0, float(answer["cost"]), 0.0)


def gradient_calls(ask: AnalysisAsk) -> float:
    """About what it takes: a picture forth, and for every objective back, in rows of the denoiser."""
    each = 1 + BACK * len(ask.aims)
    return sum(each * calls_of(scene) for scene in ask.scenes)


def _at(ask: AnalysisAsk, point: float) -> Variant:
    label = f"all at {point:g}"
    weights = uniform(label, ask.layout, point)
    return Variant(label, weights.with_weights({REST: point}) if REST in ask.blocks else weights)


def _values(objectives: Mapping[str, Objective]) -> list[Objective]:
    return list(objectives.values())


def _key(ask: AnalysisAsk, job: Job, scene: int) -> str:
    """By all that decides the answer; what a picture is compared with follows from the scene."""
    mask = ask.mask(scene)
    told = {"job": job.key, "aims": [aim.name for aim in ask.aims], "mask": None if mask is None else mask_digest(mask)}
    return answer_key("slopes", told)
