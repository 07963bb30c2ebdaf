"""Gradients: one picture forth and back tells, to first order, what every block does for every objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blockweight.blocks import REST
from blockweight.measure import EffectTable, Objective, cotangents, made_smaller, mask_digest, predicted_table
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


@dataclass(frozen=True)
class FoundSlopes:
    """What taking each block from `base` to `value` does to every objective, to first order; how many rows of the
    denoiser the way there was worth; and the objectives in scenes that were made smaller (`measure.made_smaller`),
    `green:inside in scene 3`, each with its share."""

    table: EffectTable
    calls: float
    smaller: Mapping[str, float]


def gradient_table(ask: AnalysisAsk, bench: Bench) -> FoundSlopes:
    """Go back through a picture of every scene. Paused if it is stopped before."""
    objectives = objectives_in(ask, bench)
    jobs = [Job(scene, ask.lora, _source(ask)) for scene in ask.scenes]
    keys = [_key(ask, job, number) for number, job in enumerate(jobs)]

    def asked(renderer: Renderer, open_: Sequence[int], watch: Watch) -> Iterator[Arrays]:
        asks = [SlopeAsk(jobs[place], cotangents(_values(objectives[place]))) for place in open_]
        for found in slope_renderer(renderer).slopes(asks, watch):
            yield {"blocks": np.array(found.blocks), "slopes": found.slopes, "cost": np.array(found.cost)}

    answers = answered(bench, TITLE, keys, jobs, asked)
    slopes = [_slopes(job, answer) for job, answer in zip(jobs, answers, strict=True)]
    names = [aim.name for aim in ask.aims]
    table = predicted_table(names, ask.scene_names, slopes, ask.value, ask.base).of_blocks(ask.blocks)
    smaller = {
        f"{name} in scene {number}": float(share)
        for name, shares in zip(names, made_smaller(slopes, ask.value, ask.base), strict=True)
        for number, share in enumerate(shares, 1)
        if share < 1
    }
    return FoundSlopes(table, sum(each.cost for each in slopes), smaller)


def _slopes(job: Job, answer: Arrays) -> Slopes:
    """The slopes that were kept; the picture and how long it took are forgotten."""
    blocks = tuple(map(str, answer["blocks"]))
    return Slopes(job, np.zeros((0, 0, 3)), blocks, answer["slopes"], 0, float(answer["cost"]), 0.0)


def gradient_calls(ask: AnalysisAsk) -> float:
    """About what it takes: a picture forth, and for every objective back, in rows of the denoiser."""
    each = 1 + BACK * len(ask.aims)
    return sum(each * calls_of(scene) for scene in ask.scenes)


def _source(ask: AnalysisAsk) -> Variant:
    """All blocks at `base`, where slopes are taken: half way to `value` the other blocks would have moved too."""
    label = f"all at {ask.base:g}"
    weights = uniform(label, ask.layout, ask.base)
    return Variant(label, weights.with_weights({REST: ask.base}) if REST in ask.blocks else weights)


def _values(objectives: Mapping[str, Objective]) -> list[Objective]:
    return list(objectives.values())


def _key(ask: AnalysisAsk, job: Job, scene: int) -> str:
    """By all that decides the answer; what a picture is compared with follows from the scene."""
    mask = ask.mask(scene)
    told = {"job": job.key, "aims": [aim.name for aim in ask.aims], "mask": None if mask is None else mask_digest(mask)}
    return answer_key("slopes", told)
